/**
 * The one place that touches the untyped `consul` package (and papi, the HTTP layer under it). Everything above works
 * with plain requests, raw answers and one kind of failure.
 *
 * What the package leaves open is closed here: an answer that breaks off would hang until its timeout, an answer has no
 * bound, a timed-out request keeps its socket, and nobody can tell whether a failed request was ever sent.
 */
import { EventEmitter, setMaxListeners } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import Consul from 'consul';

export interface HttpConnectionOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly address: URL;
  readonly tls?: TlsOptions | undefined;
  /** Sockets of ordinary requests; more requests than that wait for one. */
  readonly socketsMax: number;
  /** Sockets of blocking queries, which sit on theirs for a minute. */
  readonly watchSocketsMax: number;
  /** Sockets of looks into what has changed, which must not keep those from waiting who read and write. */
  readonly lookSocketsMax: number;
}

/** PEM texts, not file names. */
export interface TlsOptions {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The name that the server's certificate must carry, where it is not the address's host. */
  readonly serverName?: string | undefined;
}

export type SocketPool = 'requests' | 'watches' | 'looks';

export interface HttpRequest {
  readonly method: 'GET' | 'PUT';
  /** Encoded, with its query, without the address. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | undefined;
  readonly timeoutMs: number;
  /** A longer answer is broken off. */
  readonly answerBytesMax: number;
  readonly socketPool: SocketPool;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export type TransportFailureKind = 'aborted' | 'timeout' | 'truncated' | 'answer-too-large' | 'network';

/** No whole answer came. */
export class TransportFailure extends Error {
  override readonly name = 'TransportFailure';

  constructor(
    readonly kind: TransportFailureKind,
    /** Whether the request may have reached the server. Only `false` is certain. */
    readonly sent: boolean,
    /** Whether the socket had carried earlier requests: the server may have closed it just before this one. */
    readonly reusedSocket: boolean,
    cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : kind, { cause });
  }
}

/** Idle sockets are closed after this long, before the balancers and proxies on the way do it. */
const IDLE_SOCKET_MS = 30_000;

/** What of papi's client is used. */
interface PapiClient {
  _request(options: Record<string, unknown>): Promise<http.IncomingMessage>;
}

/** The request as papi's extension points see it, before it goes out. */
interface PapiRequest {
  transport: { request(options: http.RequestOptions): http.ClientRequest };
}

/** Carries requests to an agent, and their answers back. */
export interface HttpTransport {
  /** @throws TransportFailure when there is no whole answer */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
  close(): void;
}

export class HttpConnection implements HttpTransport {
  readonly #client: PapiClient;
  readonly #agents: Readonly<Record<SocketPool, http.Agent | https.Agent>>;

  constructor(options: HttpConnectionOptions) {
    this.#agents = {
      requests: makeAgent(options, options.socketsMax),
      watches: makeAgent(options, options.watchSocketsMax),
      looks: makeAgent(options, options.lookSocketsMax),
    };
    const untyped = {
      baseUrl: options.address.origin,
      agent: this.#agents.requests,
      headers: { 'user-agent': 'zk-consul-sync' },
    };
    this.#client = new Consul(untyped) as unknown as PapiClient;
  }

  /**
   * Sends one request and collects its whole answer, whatever its status.
   * @throws TransportFailure when there is no whole answer
   */
  async send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    if (signal.aborted) throw new TransportFailure('aborted', false, false, signal.reason);
    const flight = new Flight(request.answerBytesMax);
    const abort = () => flight.cancel('aborted');
    // Many requests share one signal, and Node warns of more than ten listeners.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', abort, { once: true });
    try {
      const response = await this.#client._request({
        method: request.method,
        path: request.path,
        headers: request.headers,
        ...(request.body === undefined ? {} : { body: request.body }),
        agent: this.#agents[request.socketPool],
        timeout: request.timeoutMs,
        ctx: flight.context,
        pipe: () => flight.body,
        exts: { onRequest: flight.trackRequest },
      });
      return answerOf(response, flight);
    } catch (error) {
      const response = responseOf(error);
      if (response !== undefined) return answerOf(response, flight);
      throw flight.failure(error);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }
}

/** One request on its way: whether it was sent, what of its answer has come, and why it was broken off. */
class Flight {
  /** papi aborts the request when this emits `cancel`. */
  readonly context = new EventEmitter();
  readonly body: BoundedBody;
  #request: http.ClientRequest | undefined;
  #sent = false;
  #cancelled: TransportFailureKind | undefined;

  constructor(answerBytesMax: number) {
    this.body = new BoundedBody(answerBytesMax, () => this.cancel('answer-too-large'));
    this.body.once('pipe', (response: http.IncomingMessage) => {
      response.once('close', () => {
        if (!response.complete) this.cancel('truncated');
      });
    });
  }

  readonly trackRequest = (papi: PapiRequest, next: () => void): void => {
    const { transport } = papi;
    papi.transport = {
      request: (options) => {
        this.#request = transport.request(options);
        this.#request.once('socket', (socket) => this.#trackSocket(socket));
        return this.#request;
      },
    };
    next();
  };

  cancel(kind: TransportFailureKind): void {
    this.#cancelled ??= kind;
    this.context.emit('cancel');
  }

  failure(cause: unknown): TransportFailure {
    // papi leaves a request that ran into its idle timeout alive, socket and all.
    this.#request?.destroy();
    const kind = this.#cancelled ?? (hasMark(cause, 'isTimeout') ? 'timeout' : 'network');
    return new TransportFailure(kind, this.#sent, this.#request?.reusedSocket ?? false, cause);
  }

  #trackSocket(socket: Socket): void {
    const markSent = () => {
      this.#sent = true;
    };
    if (!socket.connecting) markSent();
    else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', markSent);
  }
}

/** Collects an answer up to a limit; past it, what comes is dropped and the limit reported. */
class BoundedBody extends Writable {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(
    readonly bytesMax: number,
    readonly onOverflow: () => void,
  ) {
    super();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#bytes += chunk.length;
    if (this.#bytes <= this.bytesMax) this.#chunks.push(chunk);
    else this.onOverflow();
    done();
  }

  content(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

function makeAgent(options: HttpConnectionOptions, socketsMax: number): http.Agent | https.Agent {
  const common = {
    keepAlive: true,
    maxSockets: socketsMax,
    maxFreeSockets: socketsMax,
    timeout: IDLE_SOCKET_MS,
  };
  if (options.address.protocol !== 'https:') return new http.Agent(common);
  const { ca, cert, key, serverName } = options.tls ?? {};
  return new https.Agent({
    ...common,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  });
}

function answerOf(response: http.IncomingMessage, flight: Flight): HttpAnswer {
  return { status: response.statusCode ?? 0, headers: response.headers, body: flight.body.content() };
}

/** papi throws whatever is not a 2xx, with the response inside. */
function responseOf(error: unknown): http.IncomingMessage | undefined {
  return hasMark(error, 'isResponse')
    ? (error as unknown as { response: http.IncomingMessage }).response
    : undefined;
}

function hasMark(error: unknown, mark: string): error is Error {
  return error instanceof Error && (error as unknown as Record<string, unknown>)[mark] === true;
}

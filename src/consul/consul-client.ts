import { ConsulError, errorOfAnswer, errorOfFailure, protocolError } from './consul-errors.js';
import { HttpConnection, TransportFailure } from './client-seam.js';
import type { HttpAnswer, HttpTransport, SocketPool, TlsOptions } from './client-seam.js';
import { TokenSource } from './token-source.js';
import type { TokenOptions } from './token-source.js';
import { decodeTransaction } from './transaction.js';
import type { TransactionAnswer } from './transaction.js';

export interface ConsulClientOptions extends TokenOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly address: URL;
  readonly tls?: TlsOptions | undefined;
  /** Sent with every request as `dc`; without it, the agent's own datacenter answers. */
  readonly datacenter?: string | undefined;
  /** For whole answers to all but blocking queries. Default 15 s. */
  readonly requestTimeoutMs?: number;
  /** Sockets of ordinary requests. Default 16; Consul's `http_max_conns_per_client` is 200. */
  readonly socketsMax?: number;
  /** Told of every request when it is over, for metrics. */
  readonly onRequest?: RequestObserver;
  /** In place of connections to `address`. */
  readonly transport?: HttpTransport;
}

/**
 * @param operation what the request was for: one of a few fixed names
 * @param result `ok`, or the code of the error
 */
export type RequestObserver = (operation: RequestOperation, result: string, seconds: number) => void;

export type RequestOperation = 'watch' | 'list' | 'read' | 'prove-absent' | 'write' | 'ledger' | 'other';

export interface ConsulRequest {
  readonly operation: RequestOperation;
  readonly method: 'GET' | 'PUT';
  /** Encoded, from `/v1/` on, without its query. */
  readonly path: string;
  /** Encoded parameters, like `cas=0`. */
  readonly query?: readonly string[];
  readonly body?: Buffer;
  /** Statuses to return; all others are thrown. */
  readonly accepts: readonly number[];
  /** Whether doing it twice is as good as once, so that a request lost on a closing connection is sent again. */
  readonly repeatable: boolean;
  readonly timeoutMs?: number;
  readonly answerBytesMax?: number;
  readonly socketPool?: SocketPool;
  /** Instead of the client's own. */
  readonly token?: string | undefined;
}

const REQUEST_TIMEOUT_MS = 15_000;
const SOCKETS_MAX = 16;
/** Those that watch the parts of all mappings, and two of each list of services. */
const WATCH_SOCKETS_MAX = 128;
const LOOK_SOCKETS_MAX = 8;
const ANSWER_BYTES_MAX = 1024 * 1024;
const SHOWN_PATH_CHARACTERS_MAX = 200;

/** Requests to one Consul agent: bounded, timed, abortable, and with one kind of error. Safe to share. */
export class ConsulClient {
  readonly #connection: HttpTransport;
  readonly #tokens: TokenSource;
  readonly #datacenter: readonly string[];
  readonly #timeoutMs: number;
  readonly #observe: RequestObserver;
  #closed = false;
  /** For messages. */
  readonly address: string;

  constructor(options: ConsulClientOptions) {
    this.#connection =
      options.transport ??
      new HttpConnection({
        address: options.address,
        tls: options.tls,
        socketsMax: options.socketsMax ?? SOCKETS_MAX,
        watchSocketsMax: WATCH_SOCKETS_MAX,
        lookSocketsMax: LOOK_SOCKETS_MAX,
      });
    this.#tokens = new TokenSource(options);
    this.#datacenter =
      options.datacenter === undefined ? [] : [`dc=${encodeURIComponent(options.datacenter)}`];
    this.#timeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    this.#observe = options.onRequest ?? (() => undefined);
    this.address = options.address.origin;
  }

  /** @throws ConsulError when there is no answer, or none with a status that the request accepts */
  async request(request: ConsulRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const startedMs = performance.now();
    let result = 'STORE_PROTOCOL';
    try {
      const answer = await this.#request(request, signal);
      result = 'ok';
      return answer;
    } catch (error) {
      if (error instanceof ConsulError) result = error.code;
      throw error;
    } finally {
      this.#observe(request.operation, result, (performance.now() - startedMs) / 1000);
    }
  }

  /**
   * One `/v1/txn`. Transactions of reads only are answered by the leader after it made sure that it still leads.
   * @param body made by `encodeTransaction`
   * @throws AnswerTooLargeError when the answer is longer than `answerBytesMax`; ask for less
   * @throws ConsulError as `request` does
   */
  async transact(
    body: Buffer,
    options: { reads: boolean; operation: RequestOperation; answerBytesMax?: number },
    signal: AbortSignal,
  ): Promise<TransactionAnswer> {
    const { reads, ...rest } = options;
    const request: ConsulRequest = {
      ...rest,
      method: 'PUT',
      path: '/v1/txn',
      query: reads ? ['consistent'] : [],
      body,
      accepts: [200, 409],
      repeatable: reads,
    };
    const answer = await this.request(request, signal);
    try {
      return decodeTransaction(answer.body, answer.status === 200);
    } catch (cause) {
      throw protocolError(this.describe(request), faultOf(cause), cause);
    }
  }

  /** `PUT /v1/txn on http://127.0.0.1:8500`, for messages. */
  describe({ method, path, query = [] }: Pick<ConsulRequest, 'method' | 'path' | 'query'>): string {
    const full = query.length === 0 ? path : `${path}?${query.join('&')}`;
    const shown =
      full.length > SHOWN_PATH_CHARACTERS_MAX ? `${full.slice(0, SHOWN_PATH_CHARACTERS_MAX)}...` : full;
    return `${method} ${shown} on ${this.address}`;
  }

  /** Closes all connections and breaks off all requests; later ones fail. */
  close(): void {
    this.#closed = true;
    this.#connection.close();
  }

  async #request(request: ConsulRequest, signal: AbortSignal): Promise<HttpAnswer> {
    if (this.#closed)
      throw new ConsulError('ABORTED', `${this.describe(request)}: already closed`, false, true);
    const token = request.token ?? (await this.#tokens.current());
    const answer = await this.#send(request, token, signal).catch((error: unknown) => {
      if (this.#closed || !mayRepeat(error, request)) throw error;
      return this.#send(request, token, signal);
    });
    if (request.accepts.includes(answer.status)) return answer;
    throw errorOfAnswer(this.describe(request), answer, token);
  }

  async #send(request: ConsulRequest, token: string | undefined, signal: AbortSignal): Promise<HttpAnswer> {
    const limits = {
      timeoutMs: request.timeoutMs ?? this.#timeoutMs,
      answerBytesMax: request.answerBytesMax ?? ANSWER_BYTES_MAX,
    };
    const query = [...(request.query ?? []), ...this.#datacenter];
    try {
      return await this.#connection.send(
        {
          method: request.method,
          path: query.length === 0 ? request.path : `${request.path}?${query.join('&')}`,
          headers: token === undefined ? {} : { 'x-consul-token': token },
          body: request.body,
          ...limits,
          socketPool: request.socketPool ?? 'requests',
        },
        signal,
      );
    } catch (error) {
      if (error instanceof TransportFailure) throw errorOfFailure(this.describe(request), error, limits);
      throw error;
    }
  }
}

/** The agent, or a balancer, may close an idle connection at the very moment it is used again. */
function mayRepeat(error: unknown, request: ConsulRequest): boolean {
  return request.repeatable && error instanceof ConsulError && error.lostOnReusedSocket;
}

export function faultOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

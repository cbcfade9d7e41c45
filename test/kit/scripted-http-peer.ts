import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A request as it arrived. */
export interface ReceivedRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** Counts the connections, from 1; requests with the same number share one. */
  readonly connection: number;
}

/** What a peer may do with a request, where a well-behaved server would answer. */
export type ScriptedAnswer =
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly delayMs?: number;
    }
  /** Announces the whole body, sends its first bytes and closes the connection. */
  | {
      readonly truncated: string;
      readonly afterBytes: number;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Sends these bytes, HTTP or not, and closes the connection. */
  | { readonly raw: string }
  /** Never answers. */
  | 'silence'
  /** Closes the connection instead of answering. */
  | 'hang-up';

/** Answers the `position`-th request (from 0). */
export type Script = (request: ReceivedRequest, position: number) => ScriptedAnswer | Promise<ScriptedAnswer>;

/** An HTTP peer on a loopback port that misbehaves as it is told: what no real server can be made to do on demand. */
export class ScriptedHttpPeer {
  readonly requests: ReceivedRequest[] = [];
  connections = 0;
  readonly #server = createServer((request, response) => {
    void this.#handle(request, response);
  });
  readonly #numbers = new Map<Socket, number>();
  readonly #script: Script;

  private constructor(script: Script) {
    this.#script = script;
    // Closing idle connections is the script's part.
    this.#server.keepAliveTimeout = 0;
    this.#server.on('connection', (socket) => {
      this.#numbers.set(socket, ++this.connections);
      socket.once('close', () => this.#numbers.delete(socket));
    });
  }

  static async start(script: Script): Promise<ScriptedHttpPeer> {
    const peer = new ScriptedHttpPeer(script);
    await new Promise<void>((resolve, reject) => {
      peer.#server.once('error', reject);
      peer.#server.listen(0, '127.0.0.1', resolve);
    });
    return peer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): URL {
    return new URL(`http://127.0.0.1:${this.port}`);
  }

  /** Closes all connections, as a restart or a balancer would; new ones are taken. */
  closeConnections(): void {
    for (const socket of this.#numbers.keys()) socket.destroy();
  }

  async dispose(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.closeConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const received = await receive(request, this.#numbers.get(request.socket) ?? 0);
    const answer = await this.#script(received, this.requests.push(received) - 1);
    if (answer === 'silence') return;
    if (answer === 'hang-up') {
      request.socket.destroy();
    } else if ('raw' in answer) {
      request.socket.end(answer.raw);
    } else if ('truncated' in answer) {
      const body = Buffer.from(answer.truncated);
      response.writeHead(200, { ...answer.headers, 'content-length': body.length });
      response.write(body.subarray(0, answer.afterBytes), () => request.socket.destroy());
    } else {
      if (answer.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, answer.delayMs));
      response.writeHead(answer.status ?? 200, answer.headers ?? {});
      response.end(answer.body);
    }
  }
}

async function receive(request: IncomingMessage, connection: number): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const url = new URL(request.url ?? '/', 'http://peer');
  return {
    method: request.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    body: Buffer.concat(chunks),
    connection,
  };
}

import { Agent, createServer, request } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { freePorts } from '../servers/free-ports.js';

/** Stands between a daemon and Consul, passes everything on as it is, and counts requests. */
export class CountingProxy {
  /** Method and path, without the query, of every request since the start. */
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #target: URL;
  readonly #agent = new Agent({ keepAlive: true });

  private constructor(
    target: string,
    readonly port: number,
  ) {
    this.#target = new URL(target);
    this.#server = createServer((incoming, answer) => this.#pass(incoming, answer));
    // A blocking query takes its time.
    this.#server.requestTimeout = 0;
  }

  static async start(target: string): Promise<CountingProxy> {
    const [port = 0] = await freePorts(1);
    const proxy = new CountingProxy(target, port);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** How many requests of each kind came in since there were `since` of them. */
  countsSince(since: number): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const line of this.requests.slice(since)) counts[line] = (counts[line] ?? 0) + 1;
    return counts;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await closed;
  }

  #pass(incoming: IncomingMessage, answer: ServerResponse): void {
    const { method = 'GET', url = '/', headers } = incoming;
    this.requests.push(`${method} ${url.split('?')[0] ?? url}`);
    const { hostname, port } = this.#target;
    const onward = request({ hostname, port, method, path: url, headers, agent: this.#agent }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.rawHeaders);
      reply.pipe(answer);
    });
    const drop = (): void => {
      onward.destroy();
      answer.destroy();
    };
    onward.once('error', drop);
    answer.once('close', () => onward.destroy());
    incoming.once('error', drop).pipe(onward);
  }
}

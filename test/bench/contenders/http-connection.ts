import { Agent, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly index: string;
  readonly body: Buffer;
}

/** Node's own HTTP client and nothing on top: the least that a request can cost. */
export class HttpConnection {
  readonly #agent: Agent;
  readonly #address: URL;

  constructor(address: string, socketsMax = 1) {
    this.#address = new URL(address);
    this.#agent = new Agent({ keepAlive: true, maxSockets: socketsMax });
  }

  async send(method: 'GET' | 'PUT', path: string, body?: string | Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = this.#address;
      const headers = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
      const sent = request({ hostname, port, method, path, headers, agent: this.#agent }, (reply) => {
        const chunks: Buffer[] = [];
        reply.on('data', (chunk: Buffer) => chunks.push(chunk));
        reply.once('end', () => {
          const { statusCode: status = 0, headers: told } = reply;
          resolve({ status, index: String(told['x-consul-index']), body: Buffer.concat(chunks) });
        });
        reply.once('error', reject);
      });
      sent.once('error', reject);
      sent.end(body);
    });
  }

  /** A transaction of so many operations as are given, all of which must pass. */
  async transact(operations: readonly string[]): Promise<Buffer> {
    const { status, body } = await this.send('PUT', '/v1/txn', `[${operations.join(',')}]`);
    if (status !== 200) throw new Error(`a transaction: ${status} ${body.toString()}`);
    return body;
  }

  close(): void {
    this.#agent.destroy();
  }
}

export function setOperation(key: string, value: Uint8Array): string {
  return `{"KV":{"Verb":"set","Key":${JSON.stringify(key)},"Value":"${Buffer.from(value).toString('base64')}"}}`;
}

import { createConnection, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { freePorts } from './free-ports.js';

/** Stands between a client and a server, and cuts them off from each other, while others reach the server as before. */
export class TcpGate {
  readonly #sockets = new Set<Socket>();
  #target: { readonly port: number } | undefined;

  private constructor(
    readonly port: number,
    private readonly server: Server,
  ) {
    server.on('connection', (socket) => this.#pass(socket));
  }

  static async start(target: { readonly port: number }): Promise<TcpGate> {
    const [port = 0] = await freePorts(1);
    const server = createServer();
    const gate = new TcpGate(port, server);
    gate.open(target);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return gate;
  }

  get connect(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Lets new connections through, to `target`. */
  open(target: { readonly port: number }): void {
    this.#target = target;
  }

  /** Breaks all connections, and refuses new ones. */
  cut(): void {
    this.#target = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #pass(client: Socket): void {
    const port = this.#target?.port;
    if (port === undefined) {
      client.destroy();
      return;
    }
    const server = createConnection({ host: '127.0.0.1', port });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}

import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { Server } from 'node:tls';
import type { Certificate } from './certificates.js';

/** Speaks TLS with a certificate that can be exchanged, and passes what it gets on to a plain port of loopback. */
export class TlsTerminator {
  /** When each connection came, whether or not TLS came about. */
  readonly attemptsAtMs: number[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(certificate: Certificate, targetPort: number) {
    this.#server = createServer({ cert: certificate.certPem, key: certificate.keyPem }, (client) => {
      const target = connect(targetPort, '127.0.0.1');
      const end = () => {
        client.destroy();
        target.destroy();
      };
      for (const socket of [client, target]) socket.on('error', end).on('close', end);
      client.pipe(target).pipe(client);
    });
    // Clients that don't trust the certificate.
    this.#server.on('tlsClientError', () => undefined);
    this.#server.on('connection', (socket: Socket) => {
      this.attemptsAtMs.push(performance.now());
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(certificate: Certificate, targetPort: number): Promise<TlsTerminator> {
    const terminator = new TlsTerminator(certificate, targetPort);
    await new Promise<void>((resolve, reject) => {
      terminator.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return terminator;
  }

  /** `127.0.0.1:port` */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** For connections from now on. */
  present({ certPem, keyPem }: Certificate): void {
    this.#server.setSecureContext({ cert: certPem, key: keyPem });
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { Conduit } from './conduit.js';
import { freePorts } from './servers/free-ports.js';

/** Which way bytes go: from clients to the server behind the proxy, or back. */
export type Direction = 'upstream' | 'downstream';

/** What the proxy does to connections until the next `set` or `lift`. */
export type Fault =
  /** Nobody listens, and the connections there were are reset. */
  | { readonly kind: 'refuse' }
  /** The connections there are get reset, once. New ones pass. */
  | { readonly kind: 'cut' }
  /** Bytes of one direction get no further, and neither does its end. What was sent meanwhile arrives afterwards. */
  | { readonly kind: 'half-cut'; readonly stops: Direction }
  /** The same in both directions: connections are accepted, and nothing else happens. */
  | { readonly kind: 'black-hole' }
  /** Every byte arrives so much later, in both directions. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** Of what is sent next in this direction so many bytes arrive; then that connection breaks. Once. */
  | { readonly kind: 'mid-frame'; readonly direction: Direction; readonly bytes: number };

export interface Upstream {
  readonly port: number;
}

const DELAY_MAX_MS = 60_000;
const CONNECTIONS_MAX = 1_000;

/** A TCP proxy on loopback in front of a server, with one fault at a time. */
export class FaultProxy {
  readonly #connections = new Set<ProxiedConnection>();
  #server: Server | undefined;
  #upstream: Upstream;
  #fault: Fault | undefined;
  #accepted = 0;

  private constructor(
    readonly port: number,
    upstream: Upstream,
  ) {
    this.#upstream = upstream;
  }

  static async start(upstream: Upstream): Promise<FaultProxy> {
    const [port = 0] = await freePorts(1);
    const proxy = new FaultProxy(port, upstream);
    await proxy.#listen();
    return proxy;
  }

  /** `127.0.0.1:port`. */
  get connect(): string {
    return `127.0.0.1:${String(this.port)}`;
  }

  /** `http://127.0.0.1:port`. */
  get address(): string {
    return `http://${this.connect}`;
  }

  /** How many connections have been accepted since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Begins a fault in place of the one there may be; resolves when it is in force. */
  async set(fault: Fault): Promise<void> {
    if (fault.kind === 'delay' && !(fault.delayMs >= 0 && fault.delayMs <= DELAY_MAX_MS)) {
      throw new RangeError(`a delay is 0 to ${String(DELAY_MAX_MS)} ms, not ${String(fault.delayMs)}`);
    }
    const isOver = fault.kind === 'cut';
    this.#fault = isOver ? undefined : fault;
    if (isOver) this.#resetAll();
    if (fault.kind === 'refuse') await this.#unlisten();
    else await this.#listen();
    for (const connection of this.#connections) connection.apply(this.#fault);
  }

  /** Ends the fault, if there is one. What was held back arrives now. */
  async lift(): Promise<void> {
    this.#fault = undefined;
    await this.#listen();
    for (const connection of this.#connections) connection.apply(undefined);
  }

  /** Passes connections on to another server from now on, and resets those there are. */
  switchTo(upstream: Upstream): void {
    this.#upstream = upstream;
    this.#resetAll();
  }

  async close(): Promise<void> {
    this.#resetAll();
    await this.#unlisten();
  }

  async #listen(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
    this.#server = server;
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
  }

  async #unlisten(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.close();
    this.#resetAll();
    await once(server, 'close');
  }

  #resetAll(): void {
    for (const connection of this.#connections) connection.reset();
  }

  #accept(client: Socket): void {
    this.#accepted++;
    if (this.#server === undefined || this.#connections.size >= CONNECTIONS_MAX) {
      client.on('error', () => undefined).resetAndDestroy();
      return;
    }
    const connection = new ProxiedConnection(client, this.#upstream, {
      ended: () => this.#connections.delete(connection),
      brokenMidFrame: () => {
        if (this.#fault?.kind === 'mid-frame') this.#fault = undefined;
        for (const other of this.#connections) other.apply(this.#fault);
      },
    });
    this.#connections.add(connection);
    connection.apply(this.#fault);
  }
}

/** A client's connection and the one made for it to the server. */
class ProxiedConnection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #conduits: Readonly<Record<Direction, Conduit>>;

  constructor(client: Socket, upstream: Upstream, events: { ended(): void; brokenMidFrame(): void }) {
    this.#client = client;
    this.#server = createConnection({
      host: '127.0.0.1',
      port: upstream.port,
      allowHalfOpen: true,
      noDelay: true,
    });
    const conduit = (source: Socket, destination: Socket): Conduit =>
      new Conduit(source, destination, () => {
        events.brokenMidFrame();
        // The end of the stream behind the part of a frame, which a reset could overtake.
        destination.end();
        source.resetAndDestroy();
      });
    this.#conduits = {
      upstream: conduit(this.#client, this.#server),
      downstream: conduit(this.#server, this.#client),
    };
    let open = 2;
    for (const socket of [this.#client, this.#server]) {
      socket.once('close', () => {
        if (--open === 0) events.ended();
      });
    }
  }

  apply(fault: Fault | undefined): void {
    for (const direction of ['upstream', 'downstream'] as const) {
      const conduit = this.#conduits[direction];
      conduit.isHeld =
        fault?.kind === 'black-hole' || (fault?.kind === 'half-cut' && fault.stops === direction);
      conduit.delayMs = fault?.kind === 'delay' ? fault.delayMs : 0;
      conduit.breaksAfterBytes =
        fault?.kind === 'mid-frame' && fault.direction === direction ? fault.bytes : undefined;
      conduit.flow();
    }
  }

  reset(): void {
    for (const direction of ['upstream', 'downstream'] as const) this.#conduits[direction].abandon();
    for (const socket of [this.#client, this.#server]) socket.resetAndDestroy();
  }
}

import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

/**
 * The other end of a ZooKeeper connection, played by a test: it says what a real server would say only when it is
 * broken, old, restored from a backup, or no ZooKeeper at all. Shares no code with the project.
 */

/** What a client asks for, as it came over the wire. */
export interface PeerRequest {
  readonly xid: number;
  readonly type: number;
  readonly body: Buffer;
}

export interface PeerHandshake {
  readonly lastZxidSeen: bigint;
  readonly timeoutMs: number;
  readonly sessionId: bigint;
}

export const OP = {
  exists: 3,
  getData: 4,
  sync: 9,
  ping: 11,
  multi: 14,
  multiRead: 22,
  auth: 100,
  setWatches: 101,
  addWatch: 106,
  closeSession: -11,
} as const;

const WAIT_MS = 8_000;

export class ScriptedZooKeeperPeer {
  /** All connections so far, in the order in which they came. */
  readonly connections: PeerConnection[] = [];
  readonly #server: Server;
  readonly #waiting: ((connection: PeerConnection) => void)[] = [];
  #taken = 0;

  private constructor(tls: { readonly cert: string; readonly key: string } | undefined) {
    const accept = (socket: Socket) => {
      const connection = new PeerConnection(socket);
      this.connections.push(connection);
      if (this.#waiting.length > 0) this.#waiting.shift()?.(this.#take());
    };
    this.#server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  }

  static async start(tls?: { readonly cert: string; readonly key: string }): Promise<ScriptedZooKeeperPeer> {
    const peer = new ScriptedZooKeeperPeer(tls);
    await new Promise<void>((resolve) => peer.#server.listen(0, '127.0.0.1', resolve));
    return peer;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the peer does not listen');
    return address.port;
  }

  /** What a client's connection string says. */
  get connect(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The next connection that no one has taken yet. */
  async connection(): Promise<PeerConnection> {
    if (this.#taken < this.connections.length) return this.#take();
    return await withDeadline('a connection', (resolve) => this.#waiting.push(resolve));
  }

  /** Takes the next connection and answers its handshake. */
  async session(answer?: { sessionId?: bigint; timeoutMs?: number }): Promise<PeerConnection> {
    const connection = await this.connection();
    await connection.handshake();
    connection.acceptSession(answer);
    return connection;
  }

  async close(): Promise<void> {
    for (const connection of this.connections) connection.socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(): PeerConnection {
    const connection = this.connections[this.#taken++];
    if (connection === undefined) throw new Error('there is no further connection');
    return connection;
  }
}

export class PeerConnection {
  /** Answers pings as they come. A test that wants a silent server turns it off. */
  answersPings = true;
  /** Ends the connection when the client closes its session, as a server does. */
  answersClose = true;
  isClosed = false;
  readonly #frames: Buffer[] = [];
  readonly #waiting: ((frame: Buffer) => void)[] = [];
  #held = Buffer.alloc(0);

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('close', () => (this.isClosed = true));
    // A client that drops the connection is what some tests are about.
    socket.on('error', () => undefined);
  }

  /** The client's next frame, pings left out where they are answered. */
  async frame(): Promise<Buffer> {
    const frame = this.#frames.shift();
    return frame ?? (await withDeadline('a frame', (resolve) => this.#waiting.push(resolve)));
  }

  async handshake(): Promise<PeerHandshake> {
    const frame = await this.frame();
    return {
      lastZxidSeen: frame.readBigInt64BE(4),
      timeoutMs: frame.readInt32BE(12),
      sessionId: frame.readBigInt64BE(16),
    };
  }

  async request(): Promise<PeerRequest> {
    const frame = await this.frame();
    return { xid: frame.readInt32BE(0), type: frame.readInt32BE(4), body: frame.subarray(8) };
  }

  /** Everything that came and was not taken yet. */
  get untaken(): PeerRequest[] {
    return this.#frames.map((frame) => ({
      xid: frame.readInt32BE(0),
      type: frame.readInt32BE(4),
      body: frame.subarray(8),
    }));
  }

  /** A timeout of 0 tells the client that its session has expired. */
  acceptSession({
    sessionId = 0x1234n,
    timeoutMs = 10_000,
  }: { sessionId?: bigint; timeoutMs?: number } = {}): void {
    this.send(Buffer.concat([int(0), int(timeoutMs), long(sessionId), buffer(Buffer.alloc(16, 7))]));
  }

  reply(xid: number, answer: { zxid?: bigint; error?: number; body?: Buffer } = {}): void {
    const { zxid = 1n, error = 0, body = Buffer.alloc(0) } = answer;
    this.send(Buffer.concat([int(xid), long(zxid), int(error), body]));
  }

  /** A watch event of any type, known or not. */
  event(type: number, path: string): void {
    this.reply(-1, { zxid: -1n, body: Buffer.concat([int(type), int(3), buffer(Buffer.from(path))]) });
  }

  /** Sends a frame: its length, and these bytes. */
  send(body: Buffer): void {
    this.socket.write(buffer(body));
  }

  async closed(): Promise<void> {
    if (this.isClosed) return;
    await withDeadline('the connection to close', (resolve) =>
      this.socket.once('close', () => resolve(undefined)),
    );
  }

  #receive(chunk: Buffer): void {
    this.#held = Buffer.concat([this.#held, chunk]);
    while (this.#held.length >= 4 && this.#held.length >= 4 + this.#held.readInt32BE(0)) {
      const end = 4 + this.#held.readInt32BE(0);
      const frame = this.#held.subarray(4, end);
      this.#held = this.#held.subarray(end);
      const isPing = frame.length === 8 && frame.readInt32BE(4) === OP.ping;
      const isClose = frame.length === 8 && frame.readInt32BE(4) === OP.closeSession;
      if (isPing && this.answersPings) this.reply(-2);
      else if (isClose && this.answersClose) this.socket.end();
      else if (this.#waiting.length > 0) this.#waiting.shift()?.(frame);
      else this.#frames.push(frame);
    }
  }
}

export function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function long(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

/** A length and that many bytes. */
export function buffer(bytes: Buffer): Buffer {
  return Buffer.concat([int(bytes.length), bytes]);
}

/** A node's stat on the wire. */
export function stat(
  fields: { czxid?: bigint; mzxid?: bigint; version?: number; dataLength?: number } = {},
): Buffer {
  const { czxid = 1n, mzxid = 1n, version = 0, dataLength = 0 } = fields;
  const times = [long(0n), long(0n)];
  const counts = [int(version), int(0), int(0), long(0n), int(dataLength), int(0), long(mzxid)];
  return Buffer.concat([long(czxid), long(mzxid), ...times, ...counts]);
}

/** The path that most requests begin with. */
export function pathOf(request: PeerRequest): string {
  return request.body.subarray(4, 4 + request.body.readInt32BE(0)).toString('utf8');
}

async function withDeadline<T>(what: string, begin: (resolve: (value: T) => void) => void): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited ${WAIT_MS} ms in vain for ${what}`)), WAIT_MS);
    begin((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}

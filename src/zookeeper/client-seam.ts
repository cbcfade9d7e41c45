import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import ConnectionManager from 'node-zookeeper-client/lib/ConnectionManager.js';
import jute from 'node-zookeeper-client/lib/jute/index.js';
import type { Clock } from '../ports/clock.js';
import { explainTlsFailure } from '../ports/tls-failure.js';
import { FrameReader, type Frame } from './frame-reader.js';
import type { ReconnectBackoff } from './reconnect-backoff.js';
import { showAddress, type ServerAddress } from './server-list.js';
import { OP, XID, type ReplyHeader, type WatchEvent, type WireRequest } from './protocol.js';
import { decodeReplyHeader, decodeWatchEvent } from './replies.js';
import { STATUS } from './zookeeper-errors.js';

const { STATES } = ConnectionManager;

export interface TlsSettings {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** The name that the server's certificate must have; the host's own by default. */
  readonly serverName?: string;
}

export interface ClientOptions {
  /** In the order in which they are tried. */
  readonly servers: readonly ServerAddress[];
  /** Asked for; the server may grant another. */
  readonly sessionTimeoutMs: number;
  /** For TCP, TLS, the session and authentication together. */
  readonly connectTimeoutMs: number;
  /** As if the session lasted no longer, a silent server is given up. */
  readonly patienceMs?: number;
  /** The session to go on with; a new one, without. */
  readonly resumed?: SessionIdentity | undefined;
  readonly auth: { readonly scheme: string; readonly credentials: Buffer } | undefined;
  readonly tls: TlsSettings | undefined;
  /** A larger reply is thrown away while it arrives, and its request fails. */
  readonly replyBytesMax: number;
  readonly clock: Clock;
  /** Shared by all clients of one session, one after the other. */
  readonly backoff: ReconnectBackoff;
}

/** What a server asks of whoever wants to go on with a session: 8 and 16 bytes. */
export interface SessionIdentity {
  readonly id: Buffer;
  readonly password: Buffer;
}

/** Why a client came to its end; it never comes back. */
export type ClientEnd =
  /** The ensemble forgot the session. */
  | 'expired'
  /** The ensemble refuses the credentials. */
  | 'auth-failed'
  /**
   * Servers close the connection again and again instead of answering the handshake, as they do towards a client
   * that has seen a higher zxid than they have (an ensemble restored from a backup). A fresh client may pass.
   */
  | 'refused'
  | 'closed';

export interface ClientListener {
  /** The session stands and its authentication is accepted: requests may be sent. */
  onReady(server: string, sessionId: bigint, sessionTimeoutMs: number): void;
  /** A connection, or an attempt at one, failed. The client goes on trying. */
  onLost(cause: Error): void;
  onEnded(end: ClientEnd, cause: Error): void;
  onEvent(event: WatchEvent): void;
}

/** How one request came out. */
export type Reply =
  | ({ readonly kind: 'reply' } & ReplyHeader)
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'lost'; readonly sent: boolean; readonly cause: Error };

/** Handed in with a request; called exactly once. */
export type ReplyCallback = (reply: Reply) => void;

const HANDSHAKE_BYTES_MAX = 1_024;
const REFUSALS_MIN = 3;
const CLOSE_TIMEOUT_MS = 2_000;
/** Transaction ids are positive 32-bit numbers; the package counts on past their end, which it reaches in weeks. */
const XID_MAX = 0x7fff_0000;
/** How often per session timeout the heartbeat looks. A ping goes out every second time. */
const HEARTBEATS_PER_TIMEOUT = 6;

/**
 * One ZooKeeper session over node-zookeeper-client's connection manager, from which it takes the session's identity,
 * the handshake request, authentication packets, transaction ids and the write path, and whose faults it closes:
 *
 * - frames are its own (`FrameReader`): bounded, in linear time, none kept across a reconnect, no exception uncaught;
 * - replies are decoded by whoever asked, so that no op code or event type is unknown;
 * - one deadline spans TCP, TLS, handshake and authentication; a heartbeat ends a connection that fell silent;
 * - nothing is queued while there is no session: a request fails at once, and when a connection is lost, every
 *   request is called back, told whether it had been sent;
 * - no watch is kept here: whoever watches arms again after `onReady` (the package's `SetWatches` is one packet,
 *   which for many watches is too large and ends every connection);
 * - attempts back off; TLS.
 */
export class ZooKeeperClient extends ConnectionManager {
  readonly #options: ClientOptions;
  readonly #listener: ClientListener;
  readonly #frames: FrameReader;
  /** Spans one connection, or attempt at one: aborted when it is over. */
  #connection = new AbortController();
  #serverIndex = -1;
  #isReady = false;
  #readySinceMs: number | undefined;
  #receivedAtMs = 0;
  #handshake: 'none' | 'sent' | 'answered' = 'none';
  /** How many connections in a row were closed by a server instead of a handshake. */
  #refusals = 0;
  /** Why this side gave the present connection up. */
  #droppedBecause: Error | undefined;
  #socketError: Error | undefined;
  #lastFailure = new Error('no connection was made yet');
  #end: { readonly end: ClientEnd; readonly cause: Error } | undefined;
  #isFinished = false;
  #isCorked = false;

  constructor(options: ClientOptions, listener: ClientListener) {
    const managerOptions = {
      sessionTimeout: options.sessionTimeoutMs,
      spinDelay: 0,
      ...(options.resumed && { sessionId: options.resumed.id, sessionPassword: options.resumed.password }),
    };
    // The package's own reading of a server list knows no IPv6; it is given one name, and none of its choosing is used.
    super('unused', managerOptions, () => undefined);
    this.#options = options;
    this.#listener = listener;
    this.#frames = new FrameReader(() =>
      this.#handshake === 'answered' ? options.replyBytesMax : HANDSHAKE_BYTES_MAX,
    );
    if (options.auth !== undefined) this.addAuthInfo(options.auth.scheme, options.auth.credentials);
  }

  start(): void {
    this.connect();
  }

  /** Whether requests may be sent. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** With which another client can go on with the session. */
  get identity(): SessionIdentity {
    return { id: Buffer.from(this.sessionId), password: Buffer.from(this.sessionPassword) };
  }

  /** The server of the present connection, or of the last one tried. */
  get server(): string {
    return showAddress(this.#address());
  }

  /** Why there is no connection. */
  get lastFailure(): Error {
    return this.#lastFailure;
  }

  /** Sends at once, in the order of the calls. Never waits for a session: without one, `callback` is told `lost`. */
  send(request: WireRequest, callback: ReplyCallback): void {
    if (!this.#isReady) {
      callback({ kind: 'lost', sent: false, cause: this.#lastFailure });
      return;
    }
    if (this.xid >= XID_MAX) this.xid = 1;
    this.#corkForThisTurn();
    const header = { xid: 0, type: request.frame.readInt32BE(8) };
    let sent = false;
    const toBuffer = () => {
      sent = true;
      request.frame.writeInt32BE(header.xid, 4);
      return request.frame;
    };
    this.queue({ header, toBuffer }, (error, reply) => {
      if (error === null) callback(reply as Reply);
      else callback({ kind: 'lost', sent, cause: error as Error });
    });
  }

  /**
   * Ends the session, in good order where that is possible in bounded time.
   * @param leaves whether it is left to its timeout instead, or to whoever goes on with it
   */
  async shutDown(leaves = false): Promise<void> {
    if (this.#end !== undefined) return;
    this.#end = { end: 'closed', cause: new Error('the client was closed') };
    if (this.#isReady && !leaves) {
      this.#isReady = false;
      this.close();
      await this.#options.clock.sleep(CLOSE_TIMEOUT_MS, this.#connection.signal);
    }
    this.#connection.abort();
    this.socket?.destroy();
    this.#finish();
  }

  protected override connect(): void {
    if (this.#end !== undefined) return;
    this.setState(STATES.CONNECTING);
    this.#handshake = 'none';
    this.#droppedBecause = undefined;
    this.#socketError = undefined;
    this.#connection = new AbortController();
    void this.#attempt(this.#connection.signal);
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const { clock, backoff, connectTimeoutMs, servers } = this.#options;
    await clock.sleep(backoff.nextDelayMs(), signal);
    if (signal.aborted) return;
    this.#serverIndex = (this.#serverIndex + 1) % servers.length;
    try {
      this.#listenTo(this.#openSocket());
    } catch (error) {
      // TLS material that can't be read is told by an exception, and may be replaced by the time of the next attempt.
      this.#lastFailure = error instanceof Error ? error : new Error(String(error));
      this.#listener.onLost(this.#lastFailure);
      this.connect();
      return;
    }
    await clock.sleep(connectTimeoutMs, signal);
    if (!signal.aborted && !this.#isReady) {
      this.#drop(new Error(`no session within ${connectTimeoutMs} ms (${this.#progress()})`));
    }
  }

  #openSocket(): Socket {
    const { host, port } = this.#address();
    const { tls } = this.#options;
    if (tls === undefined) return connectTcp({ host, port });
    const { serverName = isIP(host) === 0 ? host : undefined, ...material } = tls;
    return connectTls({
      host,
      port,
      ...material,
      ...(serverName === undefined ? {} : { servername: serverName }),
    });
  }

  #listenTo(socket: Socket): void {
    this.socket = socket;
    socket.setNoDelay();
    socket.once(this.#options.tls === undefined ? 'connect' : 'secureConnect', () =>
      this.onSocketConnected(),
    );
    socket.on('data', (chunk) => this.onSocketData(chunk));
    socket.on('drain', () => this.onSocketDrain());
    socket.on('error', (error) => (this.#socketError = explainTlsFailure(error, 'zookeeper.tls') ?? error));
    socket.once('close', (hadError) => this.onSocketClosed(hadError));
  }

  /** The package sends the handshake and queues the authentication, in front of which nothing can be queued here. */
  protected override onSocketConnected(): void {
    this.#handshake = 'sent';
    super.onSocketConnected();
  }

  protected override onSocketData(chunk: Buffer): void {
    this.#receivedAtMs = this.#options.clock.monotonicMs();
    const { signal } = this.#connection;
    try {
      for (const frame of this.#frames.push(chunk)) {
        if (signal.aborted) return;
        this.#onFrame(frame);
      }
    } catch (error) {
      this.#drop(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #onFrame(frame: Frame): void {
    if (this.#handshake !== 'answered') {
      this.#onHandshake(frame);
      return;
    }
    const header = decodeReplyHeader(frame.body);
    switch (header.xid) {
      case XID.ping:
        break;
      case XID.auth:
        this.#onAuthenticated(header.status);
        break;
      case XID.notification:
        this.#listener.onEvent(decodeWatchEvent(header.body));
        break;
      default:
        this.#onReply(header, frame);
    }
  }

  #onHandshake(frame: Frame): void {
    if (frame.truncatedFrom !== undefined) {
      throw new Error(`a handshake of ${frame.truncatedFrom} bytes is not ZooKeeper's protocol`);
    }
    const response = new jute.protocol.ConnectResponse();
    response.deserialize(frame.body, 0);
    this.#handshake = 'answered';
    this.#refusals = 0;
    if (response.timeOut <= 0) {
      this.#endWith('expired', new Error('the session has expired'));
      return;
    }
    this.sessionId = response.sessionId;
    this.sessionPassword = response.passwd;
    this.updateTimeout(response.timeOut);
    this.setState(STATES.CONNECTED);
    // Sends the authentication, if there is any.
    this.onPacketQueueReadable();
    void this.#heartbeat(this.#connection.signal);
    if (this.#options.auth === undefined) this.#becomeReady();
  }

  #onAuthenticated(status: number): void {
    if (status === STATUS.ok) this.#becomeReady();
    else this.#endWith('auth-failed', new Error(`the server refused the credentials (error ${status})`));
  }

  #becomeReady(): void {
    this.#isReady = true;
    this.#readySinceMs = this.#options.clock.monotonicMs();
    this.#listener.onReady(this.server, this.sessionId.readBigUInt64BE(), this.sessionTimeout);
  }

  #onReply(header: ReplyHeader, frame: Frame): void {
    const packet = this.pendingQueue[0];
    if (packet?.request.header.xid !== header.xid) {
      throw new Error(
        `a reply to request ${header.xid} came where one to ${packet?.request.header.xid} was due`,
      );
    }
    this.pendingQueue.shift();
    if (header.zxid > 0n) this.zxid.writeBigInt64BE(header.zxid);
    const { truncatedFrom } = frame;
    const reply: Reply =
      truncatedFrom === undefined
        ? { kind: 'reply', ...header }
        : { kind: 'too-large', bytes: truncatedFrom };
    packet.callback(null, reply);
  }

  /**
   * Pings whether or not there is other traffic: requests don't tell that the server still answers, and its events
   * don't tell it that this client still lives. Both must be known within two thirds of the session timeout.
   */
  async #heartbeat(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const patienceMs = Math.min(this.sessionTimeout, this.#options.patienceMs ?? Infinity);
    const intervalMs = patienceMs / HEARTBEATS_PER_TIMEOUT;
    for (let beat = 0; ; beat++) {
      await clock.sleep(intervalMs, signal);
      if (signal.aborted) return;
      const silentMs = clock.monotonicMs() - this.#receivedAtMs;
      if (silentMs >= (patienceMs * 2) / 3) {
        this.#drop(new Error(`nothing came from the server for ${Math.round(silentMs)} ms`));
        return;
      }
      const isPingDue = beat % 2 === 0 && this.#end === undefined;
      if (isPingDue) this.queue(new jute.Request(new jute.protocol.RequestHeader(XID.ping, OP.ping), null));
    }
  }

  protected override onSocketClosed(hadError: boolean): void {
    const { clock, backoff } = this.#options;
    if (this.#handshake === 'sent' && this.#droppedBecause === undefined) this.#refusals++;
    this.#lastFailure =
      this.#droppedBecause ??
      this.#socketError ??
      new Error(`the server closed the connection (${this.#progress()})`);
    if (this.#readySinceMs !== undefined) backoff.connectionLost(clock.monotonicMs() - this.#readySinceMs);
    this.#readySinceMs = undefined;
    this.#isReady = false;
    this.socket = undefined;
    this.#connection.abort();
    this.#frames.reset();
    if (this.#isRefusedForGood()) this.#end ??= { end: 'refused', cause: this.#lastFailure };
    super.onSocketClosed(hadError);
    if (this.#end === undefined) this.#listener.onLost(this.#lastFailure);
    else this.#finish();
  }

  /** Also what was not sent yet is called back: the package would send it on the next connection, long given up. */
  protected override cleanupPendingQueue(): void {
    const packets = [...this.pendingQueue.splice(0), ...this.packetQueue.queue.splice(0)];
    for (const packet of packets) packet.callback(this.#lastFailure);
  }

  #isRefusedForGood(): boolean {
    const hasSeenZxid = this.zxid.readBigInt64BE() > 0n;
    return hasSeenZxid && this.#refusals >= Math.max(REFUSALS_MIN, this.#options.servers.length);
  }

  /** Gives the connection up; `onSocketClosed` does the rest. */
  #drop(cause: Error): void {
    if (this.socket === undefined || this.#connection.signal.aborted) return;
    this.#droppedBecause = cause;
    this.#isReady = false;
    this.#connection.abort();
    this.socket.destroy();
  }

  #endWith(end: ClientEnd, cause: Error): void {
    this.#end ??= { end, cause };
    this.#drop(cause);
  }

  #finish(): void {
    if (this.#end === undefined || this.#isFinished) return;
    this.#isFinished = true;
    this.#lastFailure = this.#end.cause;
    this.cleanupPendingQueue();
    this.#listener.onEnded(this.#end.end, this.#end.cause);
  }

  /** Lets all requests of this turn of the event loop leave in few packets. */
  #corkForThisTurn(): void {
    const { socket } = this;
    if (this.#isCorked || socket === undefined) return;
    this.#isCorked = true;
    socket.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      socket.uncork();
    });
  }

  #address(): ServerAddress {
    const { servers } = this.#options;
    return servers[Math.max(this.#serverIndex, 0)] ?? { host: 'nowhere', port: 0 };
  }

  #progress(): string {
    if (this.#handshake === 'none') return 'it was never connected';
    return this.#handshake === 'sent' ? 'it did not answer the handshake' : 'the handshake was done';
  }
}

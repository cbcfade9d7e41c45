import type { Clock, Random } from '../ports/clock.js';
import {
  ZooKeeperClient,
  type ClientEnd,
  type ClientOptions,
  type SessionIdentity,
  type TlsSettings,
} from './client-seam.js';
import { ReconnectBackoff } from './reconnect-backoff.js';
import { RequestPipeline, type PipelineLimits, type RequestObserver } from './request-pipeline.js';
import { parseServerList, showAddress, shuffleServers, type ServerAddress } from './server-list.js';
import type { ReplyHeader, WatchEvent, WireRequest } from './protocol.js';
import { NO_CAPABILITIES, probeCapabilities, type Capabilities } from './zookeeper-capabilities.js';
import { abortedError, orAborted, STATUS, unanswered, ZooKeeperError } from './zookeeper-errors.js';

export interface ZooKeeperSessionOptions {
  /** `zk1:2181,zk2:2181/chroot` */
  readonly connect: string;
  readonly sessionTimeoutMs: number;
  /** Each request ends within this time. The session timeout by default. */
  readonly requestTimeoutMs?: number;
  /** As if the session lasted no longer, silent servers are given up. The session timeout by default. */
  readonly patienceMs?: number;
  /** The session to begin with, if there still is one; a new one, without. */
  readonly resumed?: SessionIdentity | undefined;
  /** For instance `{ scheme: 'digest', credentials: 'user:password' }`. */
  readonly auth?: { readonly scheme: string; readonly credentials: string };
  readonly tls?: TlsSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits?: Partial<PipelineLimits>;
  /** The server's `jute.maxbuffer`: a request above it is refused before it is sent. */
  readonly packetBytesMax?: number;
  /** A larger reply is thrown away while it arrives, and its request fails. */
  readonly replyBytesMax?: number;
  /** For metrics: told of the end of every request. */
  readonly onRequest?: RequestObserver;
}

export type SessionState =
  | { readonly kind: 'disconnected'; readonly cause: Error | undefined }
  | ConnectedState
  /** Final: the ensemble refuses the credentials. */
  | { readonly kind: 'auth-failed'; readonly cause: Error }
  | { readonly kind: 'closed' };

export interface ConnectedState {
  readonly kind: 'connected';
  readonly server: string;
  readonly sessionId: string;
  readonly sessionTimeoutMs: number;
  /** Counts connections. Watches belong to a connection: another number means that they have to be armed again. */
  readonly connection: number;
  /** Whether the ensemble had no memory of this client: at first, after an expiry, after a restore. */
  readonly isNewSession: boolean;
}

const DEFAULT_LIMITS: PipelineLimits = {
  inFlightMax: 256,
  inFlightBytesMax: 4 * 1024 * 1024,
  queuedMax: 10_000,
};
const DEFAULT_REPLY_BYTES_MAX = 64 * 1024 * 1024;
const CONNECT_TIMEOUT_MS_MIN = 2_000;
const PROBES_MAX = 3;

/**
 * A connection to an ensemble that lasts: it stands above single ZooKeeper sessions, each of which has a client of
 * its own. When one expires, or is refused by an ensemble that was restored from a backup, the next is made by itself.
 */
export class ReconnectingClient {
  readonly #options: ZooKeeperSessionOptions;
  readonly #servers: readonly ServerAddress[];
  readonly #backoff: ReconnectBackoff;
  readonly #pipeline: RequestPipeline;
  readonly #stateListeners = new Set<(state: SessionState) => void>();
  readonly #eventListeners = new Set<(event: WatchEvent) => void>();
  readonly #capabilities = new Map<string, Promise<Capabilities>>();
  readonly #closed = new AbortController();
  #client: ZooKeeperClient;
  #state: SessionState = { kind: 'disconnected', cause: undefined };
  #isStarted = false;
  #connections = 0;
  #sessionId: bigint | undefined;

  /** The path in front of every path of this session, without a trailing slash; empty when there is none. */
  readonly chroot: string;

  /** @throws RangeError when the connection string is wrong */
  constructor(options: ZooKeeperSessionOptions) {
    const { servers, chroot } = parseServerList(options.connect);
    this.#options = options;
    this.#servers = shuffleServers(servers, options.random);
    this.chroot = chroot;
    this.#sessionId = options.resumed?.id.readBigUInt64BE();
    this.#backoff = new ReconnectBackoff(servers.length, options.random);
    this.#pipeline = new RequestPipeline(() => this.#client, {
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      timeoutMs: options.requestTimeoutMs ?? options.sessionTimeoutMs,
      clock: options.clock,
      onRequest: options.onRequest ?? (() => undefined),
    });
    this.#client = this.#makeClient(options.resumed);
  }

  /** Begins to connect, once: a second connection would take the place of the first, which nobody would close. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#client.start();
  }

  get state(): SessionState {
    return this.#state;
  }

  /** How many connections there were. While it stays the same, all replies came over the same one. */
  get connections(): number {
    return this.#connections;
  }

  /** With which another process can go on with the present session. */
  get identity(): SessionIdentity {
    return this.#client.identity;
  }

  /** The server of the present or last connection, for messages. */
  get server(): string {
    return this.#client.server;
  }

  /** @returns how to stop listening */
  onState(listener: (state: SessionState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /**
   * Watch events of this connection, whoever armed the watch. Paths are complete, chroot included.
   * @returns how to stop listening
   */
  onRawEvent(listener: (event: WatchEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  /**
   * Waits for a connection.
   * @throws ZooKeeperError when none can come any more: authentication failed, closed, or aborted
   */
  async whenConnected(signal: AbortSignal): Promise<ConnectedState> {
    for (;;) {
      const { state } = this;
      if (signal.aborted) throw abortedError('connect to ZooKeeper', signal);
      if (state.kind === 'connected') return state;
      if (state.kind !== 'disconnected') throw this.#finalError(state);
      await this.nextState(signal);
    }
  }

  /** Resolves at the next change of state, or when `signal` aborts. */
  async nextState(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        unlisten();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const unlisten = this.onState(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** Ends the session; takes a few seconds at most. */
  async close(): Promise<void> {
    await this.#shutDown(false);
  }

  /** Drops the connection, and leaves the session to its timeout, or to another process that goes on with it. */
  async leave(): Promise<void> {
    await this.#shutDown(true);
  }

  async #shutDown(leaves: boolean): Promise<void> {
    if (this.#state.kind === 'closed') return;
    this.#closed.abort();
    await this.#client.shutDown(leaves);
    this.#pipeline.close();
    this.#setState({ kind: 'closed' });
  }

  /**
   * What the present server can do. Asked once per server on a connection of its own, and again after a new session.
   * Without a clear answer it is taken to know what 3.4 does, which is always right, only slower.
   */
  async capabilities(signal: AbortSignal): Promise<Capabilities> {
    this.#mustBeConnected('ask for capabilities', signal);
    const { server } = this.#client;
    let known = this.#capabilities.get(server);
    if (known === undefined) {
      known = this.#probe(server);
      this.#capabilities.set(server, known);
    }
    return await orAborted(known, 'ask for capabilities', signal);
  }

  /**
   * Sends requests together, in this order, with nothing in between. None waits for a connection: it is sent now, or
   * fails now.
   * @returns one promise per request: of its reply, whatever status that has, or rejected with a `ZooKeeperError`
   */
  protected submit(requests: readonly WireRequest[], signal: AbortSignal): Promise<ReplyHeader>[] {
    const { state } = this;
    if (state.kind === 'auth-failed' || state.kind === 'closed') {
      return requests.map(() => Promise.reject(this.#finalError(state)));
    }
    return this.#pipeline.submit(requests, signal);
  }

  /** To be told of a server that doesn't know what it was believed to know: a mixed or downgraded ensemble. */
  protected forgetCapabilities(): void {
    this.#capabilities.set(this.#client.server, Promise.resolve(NO_CAPABILITIES));
  }

  #mustBeConnected(what: string, signal: AbortSignal): void {
    const { state } = this;
    if (signal.aborted) throw abortedError(what, signal);
    if (state.kind === 'auth-failed' || state.kind === 'closed') throw this.#finalError(state);
    if (state.kind === 'disconnected') {
      const detail = `not connected: ${state.cause?.message ?? 'no connection was made yet'}`;
      throw unanswered('not-connected', `${what} of ${this.server}`, detail, false, state.cause);
    }
  }

  async #probe(server: string): Promise<Capabilities> {
    const address = this.#servers.find((candidate) => showAddress(candidate) === server);
    const options = this.#clientOptions(address === undefined ? this.#servers : [address]);
    const timeoutMs = Math.max(options.connectTimeoutMs, CONNECT_TIMEOUT_MS_MIN);
    for (let attempt = 1; attempt <= PROBES_MAX; attempt++) {
      const found = await probeCapabilities(options, timeoutMs, this.#closed.signal);
      if (found !== undefined) return found;
    }
    this.#capabilities.delete(server);
    return NO_CAPABILITIES;
  }

  #makeClient(resumed?: SessionIdentity): ZooKeeperClient {
    const options = { ...this.#clientOptions(this.#servers), resumed };
    const client: ZooKeeperClient = new ZooKeeperClient(options, {
      onReady: (server, sessionId, sessionTimeoutMs) => this.#onReady(server, sessionId, sessionTimeoutMs),
      onLost: (cause) => this.#onLost(cause),
      onEnded: (end, cause) => this.#onEnded(end, cause),
      onEvent: (event) => this.#eventListeners.forEach((listener) => listener(event)),
    });
    return client;
  }

  #clientOptions(servers: readonly ServerAddress[]): ClientOptions {
    const { sessionTimeoutMs, auth, tls, replyBytesMax = DEFAULT_REPLY_BYTES_MAX, clock } = this.#options;
    const { patienceMs = sessionTimeoutMs } = this.#options;
    const perServerMs = patienceMs / servers.length;
    return {
      servers,
      sessionTimeoutMs,
      patienceMs,
      connectTimeoutMs: Math.min(patienceMs, Math.max(perServerMs, CONNECT_TIMEOUT_MS_MIN)),
      auth: auth && { scheme: auth.scheme, credentials: Buffer.from(auth.credentials) },
      tls,
      replyBytesMax,
      clock,
      backoff: this.#backoff,
    };
  }

  #onReady(server: string, sessionId: bigint, sessionTimeoutMs: number): void {
    const isNewSession = sessionId !== this.#sessionId;
    if (isNewSession) this.#capabilities.clear();
    this.#sessionId = sessionId;
    this.#setState({
      kind: 'connected',
      server,
      sessionId: `0x${sessionId.toString(16)}`,
      sessionTimeoutMs,
      connection: ++this.#connections,
      isNewSession,
    });
  }

  #onLost(cause: Error): void {
    this.#pipeline.connectionLost(cause);
    this.#setState({ kind: 'disconnected', cause });
  }

  #onEnded(end: ClientEnd, cause: Error): void {
    this.#pipeline.connectionLost(cause);
    if (end === 'auth-failed') {
      this.#setState({ kind: 'auth-failed', cause });
    } else if (end !== 'closed' && !this.#closed.signal.aborted) {
      this.#setState({ kind: 'disconnected', cause });
      this.#client = this.#makeClient();
      this.#client.start();
    }
  }

  #setState(state: SessionState): void {
    this.#state = state;
    for (const listener of [...this.#stateListeners]) listener(state);
  }

  #finalError(state: Exclude<SessionState, ConnectedState | { kind: 'disconnected' }>): ZooKeeperError {
    const what = `ZooKeeper at ${this.#options.connect}`;
    if (state.kind === 'closed') return unanswered('closed', what, 'the session was closed', false);
    const message = `${what}: ${state.cause.message}. Check zookeeper.auth (scheme and credentials).`;
    return new ZooKeeperError('STORE_AUTH_FAILED', message, false, false, STATUS.authFailed, {
      cause: state.cause,
    });
  }
}

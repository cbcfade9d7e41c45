import { readFile } from 'node:fs/promises';
import { formatConnectString } from '../config/connect-string.js';
import type { Config, TlsConfig } from '../config/schema.js';
import type { SecretSource } from '../config/secret.js';
import { ConsulClient } from '../consul/consul-client.js';
import { LookTurns } from '../consul/look-turns.js';
import type { StoreStatus } from '../ports/status.js';
import type { SessionIdentity } from '../zookeeper/client-seam.js';
import type { ZooKeeperSessionOptions } from '../zookeeper/reconnecting-client.js';
import { ZooKeeperSession } from '../zookeeper/zookeeper-session.js';
import type { WatcherReport } from '../ports/cutover.js';
import { whoWatches } from '../zookeeper/watchers.js';
import { ConsulProbe } from './consul-probe.js';
import { systemBusyMs, systemClock, systemRandom } from './system.js';

/** Told of the end of every request to a store, for metrics. */
export type RequestObserver = (
  store: 'zookeeper' | 'consul',
  operation: string,
  result: string,
  seconds: number,
) => void;

/** How long a start waits for the stores before it goes on without them. */
const FIRST_ANSWERS_MS = 3_000;

/**
 * How long a lasting session is asked for: another daemon takes over when the session of the one before has ended, which
 * must not be all that there is left. A program that is started again takes some seconds, too.
 */
const LASTING_TIMES = 3;
const LASTING_MS_MIN = 30_000;

/** The connections to both stores, shared by all mappings. */
export class Stores {
  readonly lookTurns = new LookTurns(systemClock, systemBusyMs);

  private constructor(
    readonly zookeeper: ZooKeeperSession,
    readonly consul: ConsulClient,
    private readonly probe: ConsulProbe,
    private readonly ensemble: Config['zookeeper'],
    private readonly sessionOptions: ZooKeeperSessionOptions,
  ) {}

  /** Begins to connect; does not wait for either store. */
  static async open(config: Config, observe: RequestObserver): Promise<Stores> {
    const { zookeeper, consul } = config;
    const credentials = zookeeper.auth && (await reveal(zookeeper.auth.credentials));
    const sessionOptions: ZooKeeperSessionOptions = {
      connect: formatConnectString(zookeeper.connect),
      sessionTimeoutMs: zookeeper.sessionTimeoutMs,
      ...(zookeeper.auth !== undefined &&
        credentials !== undefined && { auth: { scheme: zookeeper.auth.scheme, credentials } }),
      ...(zookeeper.tls !== undefined && { tls: await readTls(zookeeper.tls) }),
      clock: systemClock,
      random: systemRandom,
      onRequest: (operation, result, seconds) => observe('zookeeper', operation, result, seconds),
    };
    const session = new ZooKeeperSession(sessionOptions);
    const client = new ConsulClient({
      address: new URL(consul.address),
      datacenter: consul.datacenter,
      ...(consul.token?.kind === 'inline' && { token: consul.token.secret.reveal() }),
      ...(consul.token?.kind === 'file' && { tokenFile: consul.token.file }),
      ...(consul.tls !== undefined && { tls: await readTls(consul.tls) }),
      onRequest: (operation, result, seconds) => observe('consul', operation, result, seconds),
    });
    session.start();
    return new Stores(session, client, ConsulProbe.start(client, systemClock), zookeeper, sessionOptions);
  }

  /**
   * A session beside that of this process, which can outlast it: others can go on with it. Its connection is as quick to
   * notice a server that is gone.
   */
  lastingSession(resumed: SessionIdentity | undefined): ZooKeeperSession {
    const { sessionTimeoutMs } = this.sessionOptions;
    const lastingMs = Math.max(LASTING_TIMES * sessionTimeoutMs, LASTING_MS_MIN);
    return new ZooKeeperSession({
      ...this.sessionOptions,
      resumed,
      sessionTimeoutMs: lastingMs,
      requestTimeoutMs: sessionTimeoutMs,
      patienceMs: sessionTimeoutMs,
    });
  }

  status(): { readonly zookeeper: StoreStatus; readonly consul: StoreStatus } {
    const { state } = this.zookeeper;
    const cause = 'cause' in state ? state.cause : undefined;
    return {
      zookeeper: {
        connected: state.kind === 'connected',
        address: this.zookeeper.server,
        server: state.kind === 'connected' ? `session ${state.sessionId}` : undefined,
        lastError: state.kind === 'connected' ? undefined : (cause?.message ?? state.kind),
      },
      consul: this.probe.status(),
    };
  }

  /** Waits a moment for both stores, so that a start does not begin with complaints that nobody is connected yet. */
  async firstAnswers(signal: AbortSignal): Promise<void> {
    const enough = AbortSignal.any([signal, AbortSignal.timeout(FIRST_ANSWERS_MS)]);
    await Promise.allSettled([this.zookeeper.whenConnected(enough), this.probe.firstAnswer(enough)]);
  }

  /**
   * Which sessions watch a path of ZooKeeper, or anything below it, as far as its servers tell. Never throws.
   * @param others sessions of other daemons of this instance, which are left out like the own one
   */
  async watchersOf(path: string, others: readonly string[], signal: AbortSignal): Promise<WatcherReport> {
    const { connect, tls } = this.ensemble;
    if (tls !== undefined) {
      const why =
        'four-letter words are asked over plain connections only, and zookeeper.tls is set: ask wchp by hand';
      return { sessions: [], total: 0, untold: [why] };
    }
    const { state } = this.zookeeper;
    const ownSessions = state.kind === 'connected' ? [state.sessionId, ...others] : others;
    const whole = `${connect.chroot}${path === '/' ? '' : path}`;
    return whoWatches({ servers: connect.servers, path: whole, ownSessions }, signal);
  }

  async close(): Promise<void> {
    await this.probe.stop();
    this.consul.close();
    await this.zookeeper.close();
  }
}

async function reveal(source: SecretSource): Promise<string> {
  if (source.kind === 'inline') return source.secret.reveal();
  return (await readFile(source.file, 'utf8')).trim();
}

type TlsFiles = { ca?: string; cert?: string; key?: string; serverName?: string };

async function readTls({ caFile, certFile, keyFile, serverName }: TlsConfig): Promise<TlsFiles> {
  return {
    ...(caFile !== undefined && { ca: await readFile(caFile, 'utf8') }),
    ...(certFile !== undefined && { cert: await readFile(certFile, 'utf8') }),
    ...(keyFile !== undefined && { key: await readFile(keyFile, 'utf8') }),
    ...(serverName !== undefined && { serverName }),
  };
}

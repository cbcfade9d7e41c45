import { archiveExists } from '../archive/archive-directory.js';
import { openArchive } from '../archive/open-archive.js';
import type { Config, MappingConfig } from '../config/schema.js';
import type { EntryKey } from '../core/observation.js';
import { pairOf } from '../core/pair.js';
import { AuditFile } from '../logging/audit-file.js';
import type { Archive } from '../ports/archive.js';
import type { Audit } from '../ports/audit.js';
import { ReplicaError, SyncError } from '../ports/errors.js';
import type { Logger } from '../ports/logger.js';
import { TlsFailure } from '../ports/tls-failure.js';
import type { MappingContext } from '../sync/context.js';
import { randomId } from '../sync/establish.js';
import { WriteGate } from '../sync/write-gate.js';
import { mappingContext, SIDE_NAMES } from './mapping-context.js';
import { NO_ARCHIVE } from './read-only-archive.js';
import type { OnLosses } from './services-context.js';
import { Stores } from './stores.js';
import { systemClock, systemRandom } from './system.js';
import { UNCOUNTED } from './uncounted.js';

/** Both stores, and the archive where there is one, for commands that work without a daemon. */
export class OfflineAccess {
  /** Of whoever writes in a daemon's place. */
  private readonly audit: AuditFile;

  private constructor(
    private readonly config: Config,
    readonly stores: Stores,
    private readonly archive: Archive | undefined,
    private readonly logger: Logger,
  ) {
    this.audit = new AuditFile(config.log.audit, logger);
  }

  /**
   * Begins to connect; does not wait for either store.
   * @param archive closed together with the rest
   */
  static async open(config: Config, archive: Archive | undefined, logger: Logger): Promise<OfflineAccess> {
    try {
      return new OfflineAccess(config, await Stores.open(config, () => undefined), archive, logger);
    } catch (error) {
      await archive?.close();
      throw error;
    }
  }

  get hasArchive(): boolean {
    return this.archive !== undefined;
  }

  /** @throws ReplicaError when one of the stores can't be reached, or lets nobody in, within `timeoutMs` */
  async connect(timeoutMs: number): Promise<void> {
    await Promise.all([
      connectZooKeeper(this.config, this.stores, timeoutMs),
      connectConsul(this.stores, timeoutMs),
    ]);
  }

  /**
   * A mapping without its loop.
   * @param onUnread told of entries that a walk comes across and may not read
   * @param onLosses told of what copies of services can't hold
   */
  context(
    mapping: MappingConfig,
    onUnread?: (keys: readonly EntryKey[]) => void,
    onLosses?: OnLosses,
  ): MappingContext {
    return this.contextOf(mapping, 'none', undefined, onUnread, onLosses);
  }

  /** The same for whoever writes in a daemon's place: with a name of its own in the ledgers. */
  leadingContext(mapping: MappingConfig): MappingContext {
    return this.contextOf(
      mapping,
      randomId(() => systemRandom.next()),
      this.audit,
    );
  }

  private contextOf(
    mapping: MappingConfig,
    writer: string,
    audit: Audit | undefined,
    onUnread?: (keys: readonly EntryKey[]) => void,
    onLosses?: OnLosses,
  ): MappingContext {
    const { config, stores, archive = NO_ARCHIVE, logger } = this;
    const gates = pairOf(
      (side) => new WriteGate(systemClock, config.limits[SIDE_NAMES[side]].writesPerSecond),
    );
    const leaderships = undefined;
    const surroundings = { config, stores, archive, writer, gates, logger, audit, leaderships, onLosses };
    return mappingContext(mapping, surroundings, UNCOUNTED, onUnread);
  }

  async close(): Promise<void> {
    try {
      await this.archive?.close();
      await this.audit.close();
    } finally {
      await this.stores.close();
    }
  }
}

/**
 * Opens the archive of a configuration where there is one; makes none.
 * @throws SyncError when there is one that can't be opened, `ARCHIVE_LOCKED` while a daemon has it
 */
export async function openArchiveIfThere({ archive, journal }: Config): Promise<Archive | undefined> {
  return (await archiveExists(archive.path)) ? openArchive({ path: archive.path, journal }) : undefined;
}

/** @throws ReplicaError, with what kept the connection from coming about */
export async function connectZooKeeper(config: Config, stores: Stores, timeoutMs: number): Promise<void> {
  try {
    await stores.zookeeper.whenConnected(AbortSignal.timeout(timeoutMs));
  } catch (error) {
    const isDeadline = error instanceof SyncError && error.code === 'ABORTED';
    if (!isDeadline) throw error;
    const { lastError = 'no answer', address } = stores.status().zookeeper;
    const servers = config.zookeeper.connect.servers.length;
    const tried = servers === 1 ? address : `${address}, the last one tried of ${servers} servers`;
    const message = `no session with ZooKeeper within ${timeoutMs} ms, at ${tried}: ${lastError}${adviceOn(config, stores)}`;
    throw new ReplicaError('STORE_UNREACHABLE', message, true, { cause: error });
  }
}

function adviceOn({ zookeeper }: Config, { zookeeper: { state } }: Stores): string {
  if ('cause' in state && state.cause instanceof TlsFailure) return '.';
  const port =
    zookeeper.tls === undefined
      ? 'its client port, without TLS (zookeeper.tls is not set)'
      : 'its secure client port (zookeeper.tls is set)';
  return `. Is it running and reachable from here, and is zookeeper.connect ${port}?`;
}

/**
 * Asks Consul who leads it.
 * @returns the leader's address
 * @throws ReplicaError
 */
export async function connectConsul(stores: Stores, timeoutMs: number): Promise<string> {
  const { consul } = stores;
  const path = '/v1/status/leader';
  const { body } = await consul.request(
    { operation: 'other', method: 'GET', path, accepts: [200], repeatable: true, timeoutMs },
    NEVER,
  );
  const text = body.toString('utf8').trim();
  const leader = /^"([^"]*)"$/.exec(text)?.[1];
  if (leader === undefined) {
    const message = `GET ${path} on ${consul.address}: the answer is not Consul's. Is this the HTTP address of a Consul agent?`;
    throw new ReplicaError('STORE_PROTOCOL', message, false);
  }
  if (leader === '') {
    const message = `Consul at ${consul.address} has no leader now: its servers can't serve anything. See \`consul operator raft list-peers\``;
    throw new ReplicaError('STORE_UNREACHABLE', message, true);
  }
  return leader;
}

/** The request has a timeout of its own. */
const NEVER = new AbortController().signal;

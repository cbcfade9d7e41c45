import { decodeSegment, isLegalSegment } from '../core/key-codec.js';
import type { Digest, EntryKey, KeyPrefix, Reading } from '../core/observation.js';
import type { Clock, Random } from '../ports/clock.js';
import type {
  ChildNames,
  HintListener,
  KnownVersion,
  Glance,
  Replica,
  ReplicaLimits,
  ScannedEntry,
  StoredLedger,
  WriteBatch,
  WriteOutcome,
} from '../ports/replica.js';
import { LedgerNodes } from './ledger-nodes.js';
import { MappingPaths } from './mapping-paths.js';
import { readAccess } from './node-access.js';
import { NodeReader, type DataAnswer } from './node-reader.js';
import { ReadRestrictions } from './read-restrictions.js';
import { presentReading, versionOf } from './readings.js';
import { TreeWalk, type WalkedNode } from './tree-walk.js';
import { watchForever } from './watch-loop.js';
import { ownerSession, type AclEntry } from './protocol.js';
import type { SessionLease } from './session-lease.js';
import { writeLimits } from './write-limits.js';
import { refusedByServer, STATUS, unanswered } from './zookeeper-errors.js';
import type { NodeAnswer, ZooKeeperSession } from './zookeeper-session.js';
import { ZooKeeperWriter } from './zookeeper-writer.js';

export interface ZooKeeperReplicaOptions {
  readonly session: ZooKeeperSession;
  /** The mapping's path, `/` or without a trailing slash. */
  readonly root: string;
  /** Of all deployments: `/zk-consul-sync`. */
  readonly namespaceRoot: string;
  /** Of this mapping: `/zk-consul-sync/<instance>/<mapping>`. */
  readonly ledgerPath: string;
  /** For every node that the replica makes. */
  readonly acl: readonly AclEntry[];
  readonly clock: Clock;
  readonly random: Random;
  readonly digest: (value: Uint8Array) => Digest;
  /** Bound of the nodes that are watched one by one, on servers before 3.6. */
  readonly watchedNodesMax?: number;
  /** What new entries are bound to, while that is tended; to nothing, without. */
  readonly lease?: SessionLease | undefined;
  /** Whether entries may be found misbound, and are made anew then. */
  readonly replaces?: boolean;
  /** Looks at ACLs, too, and says of entries whether everybody may read them: one more request for each that is read. */
  readonly readsAccess?: boolean;
  /** Told of entries that a walk may not read, or not list the children of. */
  readonly onDenied?: (key: EntryKey) => void;
  /** Told of nodes, met by a walk, whose name stands for no key (servers before 3.5 allow some). */
  readonly onIllegalName?: (path: string) => void;
  /** Told when a watch covers only the first `nodesMax` nodes; the rest is found by rescans once a minute. */
  readonly onPartialWatch?: (nodesMax: number) => void;
}

const DEFAULT_WATCHED_NODES_MAX = 50_000;
const READ_BYTES_MAX = 32 * 1024 * 1024;

/** One mapping's subtree in a ZooKeeper ensemble. */
export class ZooKeeperReplica implements Replica, ChildNames {
  readonly limits: ReplicaLimits;
  readonly #options: ZooKeeperReplicaOptions;
  readonly #paths: MappingPaths;
  readonly #reader: NodeReader;
  readonly #ledgers: LedgerNodes;
  readonly #writer: ZooKeeperWriter;
  readonly #access: ReadRestrictions | undefined;
  /** Which connection a `sync` has gone over. */
  #syncedOver: number | undefined;

  constructor(options: ZooKeeperReplicaOptions) {
    const { session, root, namespaceRoot, ledgerPath, acl, digest, lease, replaces } = options;
    this.#options = options;
    this.#paths = new MappingPaths(root, namespaceRoot);
    this.limits = writeLimits(this.#paths, acl, session.packetBytesMax, replaces);
    this.#reader = new NodeReader(session);
    this.#access = options.readsAccess === true ? new ReadRestrictions(session) : undefined;
    this.#ledgers = new LedgerNodes(session, namespaceRoot, acl);
    const { limits } = this;
    this.#writer = new ZooKeeperWriter({
      ...{
        session,
        reader: this.#reader,
        paths: this.#paths,
        ledgerPath,
        ledgers: this.#ledgers,
        acl,
        limits,
        digest,
        lease,
      },
    });
  }

  async watch(listener: HintListener, signal: AbortSignal): Promise<void> {
    const {
      session,
      clock,
      random,
      watchedNodesMax = DEFAULT_WATCHED_NODES_MAX,
      onPartialWatch = () => undefined,
    } = this.#options;
    const options = {
      session,
      reader: this.#reader,
      paths: this.#paths,
      clock,
      random,
      watchedNodesMax,
      onPartialWatch,
    };
    await watchForever(options, listener, signal);
  }

  async *scan(
    _known: KnownVersion,
    signal: AbortSignal,
    within: KeyPrefix = '',
  ): AsyncGenerator<ScannedEntry[], void> {
    const { session, onIllegalName = () => undefined } = this.#options;
    const { root } = this.#paths;
    const { connections } = session;
    const [, answer] = await Promise.all([session.sync(root, signal), session.getChildren(root, signal)]);
    if (answer.kind === 'denied')
      throw refusedByServer(`getChildren2 ${root}`, session.server, STATUS.noAuth);
    if (answer.kind === 'no-node') return;
    const onDenied = (path: string) => this.#tellDenied(path);
    const walk = new TreeWalk(this.#reader, this.#paths, { onDenied, onIllegalName }, within);
    for await (const page of walk.pages(answer.node.names, signal)) {
      // After a reconnect, a server may answer that is behind: good enough for hints, and not for decisions.
      const isSynced = session.connections === connections;
      yield page.map((node) => this.#scanned(node, isSynced));
    }
  }

  async *listKeys(signal: AbortSignal): AsyncGenerator<readonly EntryKey[]> {
    for await (const page of this.scan(() => undefined, signal)) yield page.map(({ key }) => key);
  }

  #scanned({ key, stat, data }: WalkedNode, isSynced: boolean): ScannedEntry {
    // Its ACL takes a look of its own.
    const isWhole = isSynced && data !== undefined && this.#access === undefined;
    return {
      key,
      version: versionOf(stat),
      empty: stat.dataLength === 0,
      children: stat.numChildren,
      session: ownerSession(stat),
      reading: isWhole ? () => presentReading({ stat, data }, this.#options.digest) : undefined,
    };
  }

  async position(signal: AbortSignal): Promise<bigint> {
    return await this.#options.session.sync(this.#paths.root, signal);
  }

  async read(keys: readonly EntryKey[], signal: AbortSignal): Promise<Map<EntryKey, Reading>> {
    const pathOf = this.#pathsOf(keys);
    const readings = await this.#authoritatively(this.#paths.root, signal, async () => {
      const answers = await this.#reader.readData([...pathOf.values()], READ_BYTES_MAX, signal);
      return this.#withAccess(pathOf, this.#readingsOf(pathOf, answers), signal);
    });
    return readings;
  }

  async glance(keys: readonly EntryKey[], signal: AbortSignal): Promise<Glance> {
    const { session, ledgerPath } = this.#options;
    const pathOf = this.#pathsOf(keys);
    const look = async (): Promise<Glance> => {
      const answers = await this.#reader.readDataBefore(
        ledgerPath,
        [...pathOf.values()],
        READ_BYTES_MAX,
        signal,
      );
      const answer = answers.get(ledgerPath);
      const isRead = answer !== undefined && answer.kind !== 'too-large';
      const ledger = isRead ? this.#ledgers.stored(ledgerPath, answer) : await this.readLedger(signal);
      const readings = await this.#withAccess(pathOf, this.#readingsOf(pathOf, answers), signal);
      return { readings, ledger };
    };
    const { connections } = session;
    // What another process has seen, a server may not have yet that was never asked to catch up.
    if (this.#syncedOver === connections) {
      const glance = await look();
      // Else the last of the answers may be of a server that is behind, and of a ledger that would look rolled back.
      if (session.connections === connections) return glance;
    }
    const connected = session.connections;
    const glance = await this.#authoritatively(this.#paths.root, signal, look);
    this.#syncedOver = connected;
    return glance;
  }

  async proveAbsent(keys: readonly EntryKey[], signal: AbortSignal): Promise<Set<EntryKey>> {
    const pathOf = this.#pathsOf(keys);
    const answers = await this.#authoritatively(this.#paths.root, signal, () =>
      this.#reader.readNodes([...pathOf.values()], signal),
    );
    return new Set(keys.filter((key) => answers.get(pathOf.get(key) ?? '')?.kind === 'no-node'));
  }

  async childNames(
    keys: readonly EntryKey[],
    signal: AbortSignal,
  ): Promise<Map<EntryKey, readonly string[] | undefined>> {
    const pathOf = this.#pathsOf(keys);
    const lists = await this.#authoritatively(this.#paths.root, signal, () =>
      this.#reader.readChildren([...pathOf.values()], signal),
    );
    return new Map(keys.map((key) => [key, namesIn(lists.get(pathOf.get(key) ?? ''))]));
  }

  async accessOf(keys: readonly EntryKey[], signal: AbortSignal): Promise<Map<EntryKey, string>> {
    const pathOf = this.#pathsOf(keys);
    const access = await readAccess(this.#options.session, [...pathOf.values()], signal);
    const told = [...pathOf].map(([key, path]) => [key, access.get(path)] as const);
    return new Map(told.flatMap(([key, text]) => (text === undefined ? [] : [[key, text]])));
  }

  async write(batch: WriteBatch, signal: AbortSignal): Promise<WriteOutcome> {
    const outcome = await this.#writer.write(batch, signal);
    // What another session has written, the server of this one may not have yet.
    if (this.#options.lease?.isTended === true) this.#syncedOver = undefined;
    return outcome;
  }

  async readLedger(signal: AbortSignal): Promise<StoredLedger | undefined> {
    return await this.#ledgers.read(this.#options.ledgerPath, signal);
  }

  async listLedgers(signal: AbortSignal): Promise<Map<string, StoredLedger>> {
    const { namespaceRoot } = this.#options;
    return await this.#authoritatively(namespaceRoot, signal, () => this.#ledgers.list(signal));
  }

  /**
   * Runs `read` behind a `sync`, and makes sure that all of it was answered over the connection that was synced:
   * after a reconnect, a server may answer that is behind.
   */
  async #authoritatively<T>(path: string, signal: AbortSignal, read: () => Promise<T>): Promise<T> {
    const { session } = this.#options;
    const { connections } = session;
    const [, result] = await Promise.all([session.sync(path, signal), read()]);
    if (session.connections === connections) return result;
    const detail = 'the connection was lost on the way, so that the answers are not of one server';
    throw unanswered('connection-lost', `read below ${path} on ${session.server}`, detail, false);
  }

  #pathsOf(keys: readonly EntryKey[]): Map<EntryKey, string> {
    return new Map(keys.map((key) => [key, this.#paths.pathOf(key)]));
  }

  #readingsOf(
    pathOf: ReadonlyMap<EntryKey, string>,
    answers: ReadonlyMap<string, DataAnswer>,
  ): Map<EntryKey, Reading> {
    const readings = new Map<EntryKey, Reading>();
    for (const [key, path] of pathOf) readings.set(key, this.#readingOf(answers.get(path)));
    return readings;
  }

  #readingOf(answer: DataAnswer | undefined): Reading {
    switch (answer?.kind) {
      case 'node':
        return presentReading(answer.node, this.#options.digest);
      case 'no-node':
        return { kind: 'absent' };
      case 'denied':
        return { kind: 'unknown', reason: 'denied' };
      case 'too-large':
        return { kind: 'unknown', reason: 'unreadable' };
      case undefined:
        return { kind: 'unknown', reason: 'not-read' };
    }
  }

  async #withAccess(
    pathOf: ReadonlyMap<EntryKey, string>,
    readings: Map<EntryKey, Reading>,
    signal: AbortSignal,
  ): Promise<Map<EntryKey, Reading>> {
    return this.#access === undefined ? readings : this.#access.addTo(readings, pathOf, signal);
  }

  #tellDenied(path: string): void {
    const key = this.#paths.keyOf(path);
    if (key !== undefined) this.#options.onDenied?.(key);
  }
}

/** Names that stand for no key are nobody's. */
function namesIn(list: NodeAnswer<readonly string[]> | undefined): readonly string[] | undefined {
  if (list?.kind === 'no-node') return [];
  return list?.kind === 'node' ? list.node.filter(isLegalSegment).map(decodeSegment) : undefined;
}

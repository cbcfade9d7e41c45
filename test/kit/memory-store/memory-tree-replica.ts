import { compareKeys, leadsInto } from '../../../src/core/key-order.js';
import { decodeSegment, encodeKey } from '../../../src/core/key-codec.js';
import type { Digest, EntryKey, KeyPrefix, PresentReading, Reading } from '../../../src/core/observation.js';
import { ReplicaError } from '../../../src/ports/errors.js';
import type {
  HintListener,
  KnownVersion,
  Glance,
  Replica,
  ReplicaLimits,
  ScannedEntry,
  StoredLedger,
  WriteBatch,
  WriteOutcome,
} from '../../../src/ports/replica.js';
import type { AdjustableLimits } from './batch-limits.js';
import type { UnsyncedRequest } from './faults.js';
import { readBounded, take } from './bounded-reads.js';
import type { ReadBounds } from './bounded-reads.js';
import type { Change } from './commit-feed.js';
import type { Link } from './link.js';
import type { MemoryTree, Znode } from './memory-tree.js';
import { parentPath, versionOf } from './memory-tree.js';
import { TreeBatch } from './tree-batch.js';

export interface TreeReplicaOptions {
  readonly tree: MemoryTree;
  readonly link: Link;
  /** The mapped path, `/` or without a slash at its end. */
  readonly root: string;
  /** `<instance>/<mapping>`. */
  readonly ledgerPlace: string;
  readonly digest: (value: Uint8Array) => Digest;
  readonly bounds?: Partial<ReadBounds & AdjustableLimits>;
  /** What this daemon is called in the store's feed of commits. */
  readonly writer?: string;
  /** Asked for each scan: a lagging server's tree that it walks instead of the leader's. */
  readonly staleTree?: () => MemoryTree | undefined;
  /**
   * How changes are watched. `recursive` (3.6 and later): each is told. `one-shot` (before): no change of a node's data
   * is told while an earlier one is on its way, since its watch is armed again only when that has come.
   */
  readonly watches?: 'recursive' | 'one-shot';
  /** The session that new entries are bound to; to none, without. */
  readonly session?: () => string | undefined;
  /** Told of entries that a scan may not read. */
  readonly onDenied?: (key: EntryKey) => void;
}

/** Where daemons keep their ledgers. */
const NAMESPACE = '/zk-consul-sync';
const KNOWN_PARENTS_MAX = 10_000;

/** One subtree of a `MemoryTree`. */
export class MemoryTreeReplica implements Replica {
  readonly limits: ReplicaLimits;
  readonly #options: TreeReplicaOptions;
  readonly #bounds: ReadBounds;
  /** Nodes that were seen, and needn't be looked for before something is created below them. */
  /** What has been told or answered so far: nothing that comes later is from before. */
  #told = 0n;
  readonly #knownParents = new Set<string>();

  constructor(options: TreeReplicaOptions) {
    this.#options = options;
    const { pageEntries = 256, readBytesMax = 4 * 1024 * 1024, ...limits } = options.bounds ?? {};
    this.#bounds = { pageEntries, readBytesMax };
    this.limits = {
      batchOperationsMax: 256,
      batchBytesMax: 1_040_000,
      valueBytesMax: 1_000_000,
      ...limits,
      operationBytes: (key, valueBytes) => 64 + Buffer.byteLength(this.#pathOf(key)) + valueBytes,
      unmappable: (key) => (this.#isExcluded(this.#pathOf(key)) ? 'the node is not for entries' : undefined),
    };
  }

  watch(listener: HintListener, signal: AbortSignal): Promise<void> {
    const { tree, link } = this.#options;
    /** With one-shot watches: nodes whose watch has gone off and is not armed again. */
    const unarmed = new Set<string>();
    const rescan: HintListener['rescan'] = (reason) => {
      unarmed.clear();
      listener.rescan(reason);
    };
    return link.watch({ ...listener, rescan }, signal, () =>
      tree.feed.subscribe({
        committed: ({ changes, number }) => {
          for (const change of changes) this.#hint(change, number, unarmed, listener, signal);
        },
        replaced: () => {
          this.#told = tree.zxid;
          // No session survives its ensemble.
          link.renew();
        },
      }),
    );
  }

  async *scan(
    _known: KnownVersion,
    signal: AbortSignal,
    within: KeyPrefix = '',
  ): AsyncGenerator<readonly ScannedEntry[]> {
    const { link, staleTree, root } = this.#options;
    let tree = staleTree?.() ?? this.#options.tree;
    const walk = this.#walk(() => tree, root, within);
    for (let isFirst = true; ; isFirst = false) {
      const page = await link.read('scan', signal, () => {
        // The first page comes behind a `sync`, and the others from the same server, unless the session moves on.
        if (isFirst) {
          this.#mustList(root);
          this.#hasTold(tree.zxid);
        } else tree = this.#unsynced('scan', tree);
        return take(walk, this.#bounds.pageEntries);
      });
      if (page.length > 0) yield page;
      if (page.length < this.#bounds.pageEntries) return;
    }
  }

  async *listKeys(signal: AbortSignal): AsyncGenerator<readonly EntryKey[]> {
    for await (const page of this.scan(() => undefined, signal)) yield page.map(({ key }) => key);
  }

  position(signal: AbortSignal): Promise<bigint> {
    const { link, tree } = this.#options;
    return link.read('position', signal, () => {
      this.#hasTold(tree.zxid);
      return tree.zxid;
    });
  }

  read(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlyMap<EntryKey, Reading>> {
    const { link } = this.#options;
    return link.read('read', signal, () => {
      const answered = link.faults.answersOnly?.('read', keys.length);
      return readBounded(keys, this.#bounds, (key) => this.#readOne(key), answered);
    });
  }

  /** Without a `sync`, of a server that may lag, but is never behind what it has told or answered before. */
  glance(keys: readonly EntryKey[], signal: AbortSignal): Promise<Glance> {
    const { link, tree } = this.#options;
    return link.read('read', signal, () => {
      const lagging = this.#unsynced('glance', tree);
      const seen = lagging.zxid >= this.#told ? lagging : tree;
      this.#hasTold(seen.zxid);
      const answered = link.faults.answersOnly?.('read', keys.length);
      const readings = readBounded(keys, this.#bounds, (key) => this.#readOne(key, seen), answered);
      return { readings, ledger: this.#storedLedger(this.#ledgerPath(), seen) };
    });
  }

  #hasTold(zxid: bigint): void {
    if (zxid > this.#told) this.#told = zxid;
  }

  proveAbsent(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlySet<EntryKey>> {
    const { link } = this.#options;
    return link.read('prove-absent', signal, () => {
      const answered = link.faults.answersOnly?.('prove-absent', keys.length);
      return new Set(keys.slice(0, answered).filter((key) => this.#readOne(key).kind === 'absent'));
    });
  }

  /** Without a `sync`; what may not be read is left out. */
  accessOf(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlyMap<EntryKey, string>> {
    const { link, tree } = this.#options;
    return link.read('read', signal, () => {
      const access = new Map<EntryKey, string>();
      for (const key of keys) {
        const path = this.#pathOf(key);
        const node = this.#unsynced('glance', tree).node(path);
        if (node !== undefined && !this.#isDenied(path)) access.set(key, node.access);
      }
      return access;
    });
  }

  async write(batch: WriteBatch, signal: AbortSignal): Promise<WriteOutcome> {
    const { tree, link, writer = 'daemon' } = this.#options;
    const treeBatch = new TreeBatch(batch, this.limits, {
      tree,
      writer,
      ledgerPath: this.#ledgerPath(),
      mayWrite: (path) => this.#mayWrite(path),
      pathOf: (key) => this.#pathOf(key),
      keyOf: (path) => this.#keyOf(path),
      read: (node, path, seen) => this.#present(node, path, seen),
      session: this.#options.session?.(),
    });
    const rejections = treeBatch.rejections();
    if (rejections.length > 0) return { kind: 'rejected', rejections };
    const prepared = await this.#prepare(batch, treeBatch, signal);
    if ('kind' in prepared) return prepared;
    return link.write(batch, signal, () => {
      const outcome = treeBatch.apply(prepared.missing, this.#unsynced('read-before-write', tree));
      if (outcome.kind === 'applied') {
        this.#remember(prepared.missing);
        this.#hasTold(tree.zxid);
      } else this.#knownParents.clear();
      return outcome;
    });
  }

  /** Finds the parents that are missing, and makes those of a ledger that is new; nothing of the batch is sent yet. */
  async #prepare(
    { ledger }: WriteBatch,
    treeBatch: TreeBatch,
    signal: AbortSignal,
  ): Promise<{ readonly missing: ReadonlySet<string> } | WriteOutcome> {
    const { link, tree } = this.#options;
    const unknown = treeBatch.parentsNeeded().filter((path) => !this.#knownParents.has(path));
    const makesLedger = ledger !== undefined && ledger.expected === undefined;
    if (unknown.length === 0 && !makesLedger) return { missing: new Set() };
    try {
      return await link.read('prepare-write', signal, () => {
        const seen = this.#unsynced('prepare-write', tree);
        const missing = new Set(unknown.filter((path) => seen.node(path) === undefined));
        const isEphemeral = (path: string): boolean => seen.node(path)?.ephemeralOwner !== undefined;
        const rejections = treeBatch.belowEphemerals(new Set(unknown.filter(isEphemeral)));
        if (rejections.length > 0) return { kind: 'rejected', rejections };
        this.#remember(unknown.filter((path) => !missing.has(path)));
        if (makesLedger && !this.#makeLedgerParents()) return link.ledgerDenied(this.#ledgerPath());
        return { missing };
      });
    } catch (error) {
      if (!(error instanceof ReplicaError)) throw error;
      return { kind: 'retriable', cause: error };
    }
  }

  /** @returns false when they are missing and may not be made */
  #makeLedgerParents(): boolean {
    const { tree, writer = 'daemon' } = this.#options;
    const makeAbove = (path: string): boolean => {
      const above = parentPath(path);
      if (tree.node(above) !== undefined) return true;
      if (!makeAbove(above)) return false;
      const create = { kind: 'create', path: above, data: new Uint8Array() } as const;
      return tree.apply([create], writer, (made) => this.#mayWrite(made)).kind === 'applied';
    };
    return makeAbove(this.#ledgerPath());
  }

  #remember(parents: Iterable<string>): void {
    if (this.#knownParents.size > KNOWN_PARENTS_MAX) this.#knownParents.clear();
    for (const path of parents) this.#knownParents.add(path);
  }

  /** What the server shows that answers a request without a `sync`. */
  #unsynced(request: UnsyncedRequest, tree: MemoryTree): MemoryTree {
    const writes = this.#options.link.faults.lagsBehind?.(request) ?? 0;
    return writes > 0 ? this.#options.tree.behind(writes) : tree;
  }

  readLedger(signal: AbortSignal): Promise<StoredLedger | undefined> {
    const { link } = this.#options;
    return link.read('read-ledger', signal, () => this.#storedLedger(this.#ledgerPath()));
  }

  listLedgers(signal: AbortSignal): Promise<ReadonlyMap<string, StoredLedger>> {
    const { link, tree } = this.#options;
    return link.read('list-ledgers', signal, () => {
      const ledgers = new Map<string, StoredLedger>();
      for (const instance of tree.children(NAMESPACE)) {
        for (const mapping of tree.children(`${NAMESPACE}/${instance}`)) {
          if (mapping.startsWith('.')) continue;
          const ledger = this.#storedLedger(`${NAMESPACE}/${instance}/${mapping}`);
          if (ledger !== undefined) ledgers.set(`${instance}/${mapping}`, ledger);
        }
      }
      return ledgers;
    });
  }

  /** Below `path`, in the order of keys, as it stands when each node is reached. */
  *#walk(tree: () => MemoryTree, path: string, within: KeyPrefix): Generator<ScannedEntry> {
    const children = [...tree().children(path)]
      .map((name) => ({ name, segment: decodeSegment(name) }))
      .sort((a, b) => compareKeys(a.segment, b.segment));
    for (const { name } of children) {
      const childPath = path === '/' ? `/${name}` : `${path}/${name}`;
      const node = tree().node(childPath);
      if (node === undefined || this.#isExcluded(childPath)) continue;
      const key = this.#keyOf(childPath);
      if (key !== undefined && !leadsInto(key, within)) continue;
      if (this.#isDenied(childPath)) {
        if (key !== undefined) this.#options.onDenied?.(key);
        continue;
      }
      const empty = node.data.length === 0;
      if (key?.startsWith(within) === true) {
        // Of a server that lags, a walk gives hints and no readings.
        const isCurrent = tree() === this.#options.tree;
        const read = isCurrent ? this.#present(node, childPath, tree()) : undefined;
        const reading = read && (() => read);
        const children = tree().children(childPath).size;
        yield { key, version: versionOf(node), empty, children, session: node.ephemeralOwner, reading };
      }
      yield* this.#walk(tree, childPath, within);
    }
  }

  /** Where the root itself may not be listed, a walk must not end as if there were nothing. */
  #mustList(root: string): void {
    if (this.#options.tree.node(root) === undefined || !this.#isDenied(root)) return;
    throw new ReplicaError('STORE_DENIED', `getChildren2 ${root}: NoAuth`, false);
  }

  #readOne(key: EntryKey, tree = this.#options.tree): Reading {
    const path = this.#pathOf(key);
    // Whoever is not asked to lag has told of the newest.
    if (tree === this.#options.tree) this.#hasTold(tree.zxid);
    const node = tree.node(path);
    // Permissions are a node's own: what is not there can't be hidden.
    if (node === undefined) return { kind: 'absent' };
    return this.#isDenied(path) ? { kind: 'unknown', reason: 'denied' } : this.#present(node, path, tree);
  }

  #present(node: Znode, path: string, tree: MemoryTree): PresentReading {
    return {
      kind: 'present',
      version: versionOf(node),
      value: node.data.slice(),
      digest: this.#options.digest(node.data),
      flags: 0n,
      children: tree.children(path).size,
      session: node.ephemeralOwner,
      stamp: { atMs: node.mtimeMs, epoch: node.mzxid >> 32n },
    };
  }

  /** A created or deleted node tells of its parent, too: it may have become structure, or lost its last child. */
  #hint(
    { name, before, after }: Change,
    zxid: bigint,
    unarmed: Set<string>,
    listener: HintListener,
    signal: AbortSignal,
  ): void {
    const key = this.#keyOf(name);
    if (key === undefined || this.#isDenied(name)) return;
    // That a node came or went is told by two watches: its own, and that of its parent's children.
    const isData = before !== undefined && after !== undefined;
    if (isData && unarmed.has(name)) return;
    const parent = isData ? undefined : this.#keyOf(parentPath(name));
    const keys = parent === undefined ? [key] : [key, parent];
    const isComing = this.#options.link.hint(signal, () => {
      unarmed.delete(name);
      this.#hasTold(zxid);
      listener.changed(keys);
    });
    if (isComing && this.#options.watches === 'one-shot') unarmed.add(name);
  }

  #storedLedger(path: string, tree = this.#options.tree): StoredLedger | undefined {
    const node = tree.node(path);
    if (tree === this.#options.tree) this.#hasTold(tree.zxid);
    return node && { content: Buffer.from(node.data).toString(), version: versionOf(node) };
  }

  #ledgerPath(): string {
    return `${NAMESPACE}/${this.#options.ledgerPlace}`;
  }

  #pathOf(key: EntryKey): string {
    const { root } = this.#options;
    return root === '/' ? `/${encodeKey(key)}` : `${root}/${encodeKey(key)}`;
  }

  /** The entry at a path; undefined for the root, and for what is not of this mapping. */
  #keyOf(path: string): EntryKey | undefined {
    const { root } = this.#options;
    const above = root === '/' ? '/' : `${root}/`;
    if (!path.startsWith(above) || path === above || this.#isExcluded(path)) return undefined;
    return path.slice(above.length).split('/').map(decodeSegment).join('/');
  }

  #isExcluded(path: string): boolean {
    return ['/zookeeper', NAMESPACE].some((own) => path === own || path.startsWith(`${own}/`));
  }

  #mayWrite(path: string): boolean {
    return this.#options.link.faults.denies?.('write', path) !== true;
  }

  #isDenied(path: string): boolean {
    return this.#options.link.faults.denies?.('read', path) === true;
  }
}

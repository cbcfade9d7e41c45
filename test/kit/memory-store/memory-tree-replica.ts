import { compareKeys } from '../../../src/core/key-order.js';
import { decodeSegment, encodeKey } from '../../../src/core/key-codec.js';
import type { Digest, EntryKey, PresentReading, Reading } from '../../../src/core/observation.js';
import type {
  HintListener,
  KnownVersion,
  Replica,
  ReplicaLimits,
  ScannedEntry,
  StoredLedger,
  WriteBatch,
  WriteOutcome,
} from '../../../src/ports/replica.js';
import type { AdjustableLimits } from './batch-limits.js';
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
}

/** Where daemons keep their ledgers. */
const NAMESPACE = '/zk-consul-sync';

/** One subtree of a `MemoryTree`. */
export class MemoryTreeReplica implements Replica {
  readonly limits: ReplicaLimits;
  readonly #options: TreeReplicaOptions;
  readonly #bounds: ReadBounds;

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
    return link.watch(listener, signal, () =>
      tree.feed.subscribe({
        committed: ({ changes }) => {
          for (const change of changes) this.#hint(change, listener, signal);
        },
        replaced: () => {
          // No session survives its ensemble.
          link.renew();
        },
      }),
    );
  }

  async *scan(_known: KnownVersion, signal: AbortSignal): AsyncGenerator<readonly ScannedEntry[]> {
    const { link, staleTree, tree } = this.#options;
    const walk = this.#walk(staleTree?.() ?? tree, this.#options.root);
    for (;;) {
      const page = await link.read('scan', signal, () => take(walk, this.#bounds.pageEntries));
      if (page.length > 0) yield page;
      if (page.length < this.#bounds.pageEntries) return;
    }
  }

  position(signal: AbortSignal): Promise<bigint> {
    const { link, tree } = this.#options;
    return link.read('position', signal, () => tree.zxid);
  }

  read(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlyMap<EntryKey, Reading>> {
    const { link } = this.#options;
    return link.read('read', signal, () => readBounded(keys, this.#bounds, (key) => this.#readOne(key)));
  }

  proveAbsent(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlySet<EntryKey>> {
    const { link } = this.#options;
    return link.read(
      'prove-absent',
      signal,
      () => new Set(keys.filter((key) => this.#readOne(key).kind === 'absent')),
    );
  }

  async write(batch: WriteBatch, signal: AbortSignal): Promise<WriteOutcome> {
    const { tree, link, writer = 'daemon' } = this.#options;
    const ledgerPath = this.#ledgerPath();
    const mayWrite = (path: string): boolean => link.faults.denies?.('write', path) !== true;
    const treeBatch = new TreeBatch(batch, this.limits, {
      tree,
      writer,
      ledgerPath,
      mayWrite,
      pathOf: (key) => this.#pathOf(key),
      keyOf: (path) => this.#keyOf(path),
      read: (node, path) => this.#present(node, path),
    });
    return link.write(batch, signal, () => {
      const isDenied = batch.ledger !== undefined && !mayWrite(ledgerPath);
      return isDenied ? link.ledgerDenied(ledgerPath) : treeBatch.apply();
    });
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
          const ledger = this.#storedLedger(`${NAMESPACE}/${instance}/${mapping}`);
          if (ledger !== undefined) ledgers.set(`${instance}/${mapping}`, ledger);
        }
      }
      return ledgers;
    });
  }

  /** Below `path`, in the order of keys, as it stands when each node is reached. */
  *#walk(tree: MemoryTree, path: string): Generator<ScannedEntry> {
    const children = [...tree.children(path)]
      .map((name) => ({ name, segment: decodeSegment(name) }))
      .sort((a, b) => compareKeys(a.segment, b.segment));
    for (const { name } of children) {
      const childPath = path === '/' ? `/${name}` : `${path}/${name}`;
      const node = tree.node(childPath);
      if (node === undefined || this.#isExcluded(childPath) || this.#isDenied(childPath)) continue;
      const key = this.#keyOf(childPath);
      const empty = node.data.length === 0;
      if (key !== undefined) {
        yield { key, version: versionOf(node), empty, children: tree.children(childPath).size };
      }
      yield* this.#walk(tree, childPath);
    }
  }

  #readOne(key: EntryKey): Reading {
    const path = this.#pathOf(key);
    if (this.#isDenied(path)) return { kind: 'unknown', reason: 'denied' };
    const node = this.#options.tree.node(path);
    return node === undefined ? { kind: 'absent' } : this.#present(node, path);
  }

  #present(node: Znode, path: string): PresentReading {
    const { tree, digest } = this.#options;
    return {
      kind: 'present',
      version: versionOf(node),
      value: node.data.slice(),
      digest: digest(node.data),
      flags: 0n,
      children: tree.children(path).size,
      session: node.ephemeralOwner,
      stamp: { atMs: node.mtimeMs, epoch: node.mzxid >> 32n },
    };
  }

  /** A created or deleted node tells of its parent, too: it may have become structure, or lost its last child. */
  #hint({ name, before, after }: Change, listener: HintListener, signal: AbortSignal): void {
    const key = this.#keyOf(name);
    if (key === undefined || this.#isDenied(name)) return;
    const parent = before === undefined || after === undefined ? this.#keyOf(parentPath(name)) : undefined;
    const keys = parent === undefined ? [key] : [key, parent];
    this.#options.link.hint(signal, () => listener.changed(keys));
  }

  #storedLedger(path: string): StoredLedger | undefined {
    const node = this.#options.tree.node(path);
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

  #isDenied(path: string): boolean {
    return this.#options.link.faults.denies?.('read', path) === true;
  }
}

import type { Version } from '../../../src/core/version.js';
import type { Clock } from '../../../src/ports/clock.js';
import type { Change } from './commit-feed.js';
import { CommitFeed } from './commit-feed.js';

/** A node as it stands. Never changed in place: another write makes another one. */
export interface Znode {
  readonly data: Uint8Array;
  /** The numbers of the writes that created it, gave it its data, and last created or deleted a child of it. */
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly pzxid: bigint;
  /** Counts the writes of its data, from 0 for each incarnation anew: all that a conditional write can name. */
  readonly version: number;
  /** The session with which it goes. */
  readonly ephemeralOwner: string | undefined;
  /** Who may do what with it. Given when it is created, and kept for nothing but to be told. */
  readonly access: string;
  /** The leader's clock at the write of its data. */
  readonly mtimeMs: number;
}

export type TreeOperation =
  | {
      readonly kind: 'create';
      readonly path: string;
      readonly data: Uint8Array;
      readonly ephemeralOwner?: string | undefined;
      readonly access?: string | undefined;
    }
  /** Under the condition of a version where it has one. */
  | {
      readonly kind: 'set';
      readonly path: string;
      readonly data: Uint8Array;
      readonly version?: number | undefined;
    }
  | { readonly kind: 'delete'; readonly path: string; readonly version?: number | undefined };

/** ZooKeeper's NoNode, NodeExists, NoAuth, BadVersion, NotEmpty and NoChildrenForEphemerals. */
export type TreeRefusal =
  'no-node' | 'node-exists' | 'no-auth' | 'bad-version' | 'not-empty' | 'ephemeral-parent';

export type TreeAnswer =
  | { readonly kind: 'applied'; readonly zxid: bigint; readonly mtimeMs: number }
  /** Nothing was applied, because of the operation at `index`. */
  | { readonly kind: 'refused'; readonly index: number; readonly refusal: TreeRefusal };

/** A backup. */
export interface TreeSnapshot {
  readonly epoch: bigint;
  readonly counter: bigint;
  readonly nodes: ReadonlyMap<string, Znode>;
}

/** A write as it can be taken back. */
interface Undo {
  readonly zxidBefore: bigint;
  readonly before: ReadonlyMap<string, Znode | undefined>;
}

const NO_DATA = new Uint8Array();
/** How many writes a follower can lag behind. */
const HISTORY_MAX = 64;
const COUNTER_BITS = 32n;

type TreeClock = Pick<Clock, 'nowMs' | 'monotonicMs'>;

/** The state of a ZooKeeper ensemble, as far as clients can tell it from a real one. Answers at once. */
export class MemoryTree {
  readonly feed = new CommitFeed();
  /**
   * How far the leader's clock is ahead of the true time, which goes on evenly: it is not the daemon's wall clock, and
   * a jump of either is none of the other.
   */
  leaderClockAheadMs = 0;
  readonly #clock: TreeClock;
  readonly #startedAtMs: number;
  #history: Undo[] = [];
  #nodes = new Map<string, Znode>();
  #children = new Map<string, Set<string>>();
  #epoch = 1n;
  #counter = 0n;

  constructor(clock: TreeClock) {
    this.#clock = clock;
    this.#startedAtMs = clock.nowMs() - clock.monotonicMs();
    this.#plant(initialNodes());
  }

  /** The number of the latest write: the leader's epoch above 32 bits that count its writes. */
  get zxid(): bigint {
    return (this.#epoch << COUNTER_BITS) | this.#counter;
  }

  node(path: string): Znode | undefined {
    return this.#nodes.get(path);
  }

  /** The names of a node's children; empty where there is no node. */
  children(path: string): ReadonlySet<string> {
    return this.#children.get(path) ?? new Set();
  }

  /**
   * A multi: all of `operations` under one zxid, or none. The first that fails is named. Refused ones take a zxid, too.
   * @param mayWrite whether the writer may write at a path
   */
  apply(
    operations: readonly TreeOperation[],
    by: string,
    mayWrite: (path: string) => boolean = () => true,
  ): TreeAnswer {
    const zxidBefore = this.zxid;
    this.#counter++;
    const stand = { zxid: this.zxid, mtimeMs: this.#leaderNowMs() };
    const before = new Map<string, Znode | undefined>();
    for (const [index, operation] of operations.entries()) {
      const refusal = this.#applyOne(operation, stand, before, mayWrite);
      if (refusal === undefined) continue;
      this.#putAll(before);
      return { kind: 'refused', index, refusal };
    }
    this.#history.push({ zxidBefore, before });
    if (this.#history.length > HISTORY_MAX) this.#history.shift();
    this.feed.committed({ number: stand.zxid, by, changes: this.#changesSince(before) });
    return { kind: 'applied', ...stand };
  }

  /** A session ends, and all of its ephemeral nodes go in one write. */
  closeSession(session: string, by = session): void {
    const owned = [...this.#nodes].filter(([, node]) => node.ephemeralOwner === session);
    this.apply(
      owned.map(([path]) => ({ kind: 'delete', path })),
      by,
    );
  }

  /** Another leader, with a clock of its own, counts from 0 in an epoch of its own. */
  electLeader({ clockAheadMs = this.leaderClockAheadMs }: { clockAheadMs?: number } = {}): void {
    this.#epoch++;
    this.#counter = 0n;
    this.leaderClockAheadMs = clockAheadMs;
  }

  snapshot(): TreeSnapshot {
    return { epoch: this.#epoch, counter: this.#counter, nodes: new Map(this.#nodes) };
  }

  /**
   * All servers are started on a backup: nodes and their zxids fall back. An ensemble's new leader begins an epoch
   * above all that its servers remember. `reusesZxids`: they remember nothing but the backup, and the numbers that were
   * given since are given again, to other writes (a lone server, which has no epochs, or servers made anew).
   */
  restore(snapshot: TreeSnapshot, { reusesZxids = false }: { reusesZxids?: boolean } = {}): void {
    this.#plant(snapshot.nodes);
    this.#history = [];
    if (reusesZxids) {
      this.#epoch = snapshot.epoch;
      this.#counter = snapshot.counter;
    } else {
      if (snapshot.epoch > this.#epoch) this.#epoch = snapshot.epoch;
      this.electLeader();
    }
    this.feed.replaced('restored');
  }

  /** Another ensemble, empty and new, stands in this one's place. */
  wipe(): void {
    this.#plant(initialNodes());
    this.#history = [];
    this.#epoch = 1n;
    this.#counter = 0n;
    this.feed.replaced('wiped');
  }

  /** What a backup shows: a tree that no longer changes with this one. */
  copy(): MemoryTree {
    const copy = new MemoryTree(this.#clock);
    copy.#plant(this.#nodes);
    copy.#setZxid(this.zxid);
    return copy;
  }

  /** What a follower shows that has not seen the latest `writes` yet; it remembers 64 at most. */
  behind(writes: number): MemoryTree {
    const copy = this.copy();
    const unseen = writes <= 0 ? [] : this.#history.slice(-writes);
    for (const { before, zxidBefore } of unseen.reverse()) {
      copy.#putAll(before);
      copy.#setZxid(zxidBefore);
    }
    return copy;
  }

  #setZxid(zxid: bigint): void {
    this.#epoch = zxid >> COUNTER_BITS;
    this.#counter = BigInt.asUintN(Number(COUNTER_BITS), zxid);
  }

  #leaderNowMs(): number {
    return Math.floor(this.#startedAtMs + this.#clock.monotonicMs() + this.leaderClockAheadMs);
  }

  #applyOne(
    operation: TreeOperation,
    stand: { readonly zxid: bigint; readonly mtimeMs: number },
    before: Map<string, Znode | undefined>,
    mayWrite: (path: string) => boolean,
  ): TreeRefusal | undefined {
    const { path } = operation;
    const node = this.#nodes.get(path);
    const put = (at: string, next: Znode | undefined): void => {
      if (!before.has(at)) before.set(at, this.#nodes.get(at));
      this.#put(at, next);
    };
    const parent = this.#nodes.get(parentPath(path));
    if (operation.kind === 'create') {
      if (parent === undefined) return 'no-node';
      if (!mayWrite(path)) return 'no-auth';
      if (node !== undefined) return 'node-exists';
      if (parent.ephemeralOwner !== undefined) return 'ephemeral-parent';
      put(path, newNode(operation, stand));
      put(parentPath(path), { ...parent, pzxid: stand.zxid });
      return undefined;
    }
    if (node === undefined) return 'no-node';
    if (!mayWrite(path)) return 'no-auth';
    if (operation.version !== undefined && operation.version !== node.version) return 'bad-version';
    if (operation.kind === 'set') {
      const { zxid: mzxid, mtimeMs } = stand;
      put(path, { ...node, data: operation.data.slice(), version: node.version + 1, mzxid, mtimeMs });
      return undefined;
    }
    if (this.children(path).size > 0) return 'not-empty';
    put(path, undefined);
    if (parent !== undefined) put(parentPath(path), { ...parent, pzxid: stand.zxid });
    return undefined;
  }

  /** Leaves out parents whose `pzxid` alone has moved. */
  #changesSince(before: ReadonlyMap<string, Znode | undefined>): Change[] {
    const changes: Change[] = [];
    for (const [path, node] of before) {
      const now = this.#nodes.get(path);
      if (now?.mzxid !== node?.mzxid) changes.push({ name: path, before: node?.data, after: now?.data });
    }
    return changes;
  }

  #put(path: string, node: Znode | undefined): void {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const siblings = this.#children.get(parentPath(path));
    if (node === undefined) {
      this.#nodes.delete(path);
      this.#children.delete(path);
      siblings?.delete(name);
      return;
    }
    this.#nodes.set(path, node);
    if (!this.#children.has(path)) this.#children.set(path, new Set());
    if (path !== '/') siblings?.add(name);
  }

  #plant(nodes: ReadonlyMap<string, Znode>): void {
    this.#nodes = new Map();
    this.#children = new Map();
    this.#putAll(nodes);
  }

  #putAll(nodes: ReadonlyMap<string, Znode | undefined>): void {
    const parentsFirst = [...nodes].sort(([a], [b]) => a.length - b.length);
    for (const [path, node] of parentsFirst) this.#put(path, node);
  }
}

export function versionOf({ mzxid, czxid, version }: Znode): Version {
  return { modified: mzxid, created: czxid, revision: version };
}

/** The path of the node above; the root is above itself. */
export function parentPath(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

function newNode(
  { data, ephemeralOwner, access = 'open' }: TreeOperation & { kind: 'create' },
  { zxid, mtimeMs }: { readonly zxid: bigint; readonly mtimeMs: number },
): Znode {
  return {
    data: data.slice(),
    czxid: zxid,
    mzxid: zxid,
    pzxid: zxid,
    version: 0,
    ephemeralOwner,
    access,
    mtimeMs,
  };
}

/** What every ensemble has from the beginning. */
function initialNodes(): ReadonlyMap<string, Znode> {
  const origin = newNode({ kind: 'create', path: '/', data: NO_DATA }, { zxid: 0n, mtimeMs: 0 });
  return new Map([
    ['/', origin],
    ['/zookeeper', origin],
  ]);
}

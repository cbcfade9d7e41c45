import type { Version } from '../../../src/core/version.js';
import type { Clock } from '../../../src/ports/clock.js';
import type { Change } from './commit-feed.js';
import { CommitFeed } from './commit-feed.js';

/** A key as it stands. Never changed in place: another write makes another one. */
export interface FlatEntry {
  readonly value: Uint8Array;
  readonly flags: bigint;
  readonly createIndex: bigint;
  readonly modifyIndex: bigint;
  /** How often it was locked. */
  readonly lockIndex: bigint;
  /** The session that holds it. */
  readonly session: string | undefined;
}

export type FlatOperation =
  | { readonly kind: 'set'; readonly key: string; readonly value: Uint8Array; readonly flags?: bigint }
  /** `index` 0: only where there is no such key. */
  | {
      readonly kind: 'cas';
      readonly key: string;
      readonly value: Uint8Array;
      readonly flags?: bigint;
      readonly index: bigint;
    }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'delete-tree'; readonly prefix: string }
  | { readonly kind: 'delete-cas'; readonly key: string; readonly index: bigint }
  | { readonly kind: 'lock'; readonly key: string; readonly value: Uint8Array; readonly session: string }
  | { readonly kind: 'unlock'; readonly key: string; readonly value: Uint8Array; readonly session: string };

export type FlatAnswer =
  | { readonly kind: 'applied'; readonly index: bigint }
  /** Nothing was applied. Names all the operations that failed, and not only the first. */
  | { readonly kind: 'refused'; readonly failed: readonly number[] };

/** A backup. */
export interface FlatSnapshot {
  readonly index: bigint;
  readonly entries: ReadonlyMap<string, FlatEntry>;
  readonly sessions: ReadonlyMap<string, SessionBehavior>;
}

interface Tombstone {
  readonly index: bigint;
  readonly atMs: number;
}

/** A write as it can be taken back. */
interface Undo {
  readonly indexBefore: bigint;
  readonly before: ReadonlyMap<string, FlatEntry | undefined>;
}

/** `txn_max_ops` before Consul 1.14. */
export const TRANSACTION_OPERATIONS_MAX = 64;
const TOMBSTONE_TTL_MS = 15 * 60_000;
/** How many writes a server can lag behind. */
const HISTORY_MAX = 64;
const NO_VALUE = new Uint8Array();

/** The state of Consul's KV store, as far as clients can tell it from a real one. Answers at once. */
export class MemoryFlat {
  readonly feed = new CommitFeed();
  /** How far the leader's clock is ahead of where it began: what it forgets by its age goes by that. */
  leaderClockAheadMs = 0;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #history: Undo[] = [];
  #entries = new Map<string, FlatEntry>();
  #tombstones = new Map<string, Tombstone>();
  #sessions = new Map<string, SessionBehavior>();
  #index = 1n;
  /** Below this no index is reported since the last restore. */
  #restoredAt = 1n;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  entry(key: string): FlatEntry | undefined {
    return this.#entries.get(key);
  }

  keys(prefix: string): string[] {
    return [...this.#entries.keys()].filter((key) => key.startsWith(prefix));
  }

  /**
   * What a blocking query on the prefix goes by (`X-Consul-Index`): the last change below it, as long as that is
   * remembered. For a prefix without a trace it is that of the whole store; it may fall, and is never below 1.
   */
  prefixIndex(prefix: string): bigint {
    return this.#lastChangeBelow(prefix) ?? this.#lastChangeBelow('') ?? this.#restoredAt;
  }

  /** A transaction: all of `operations` under one index, or none. */
  apply(operations: readonly FlatOperation[], by: string): FlatAnswer {
    if (operations.length > TRANSACTION_OPERATIONS_MAX) {
      throw new RangeError(`a transaction of ${operations.length} operations: 64 at most`);
    }
    const indexBefore = this.#index;
    const index = ++this.#index;
    const before = new Map<string, FlatEntry | undefined>();
    const failed = operations.flatMap((operation, position) =>
      this.#applyOne(operation, index, before) ? [] : [position],
    );
    if (failed.length > 0) {
      for (const [key, entry] of before) this.#put(key, entry);
      return { kind: 'refused', failed };
    }
    this.#commit({ indexBefore, before }, by);
    return { kind: 'applied', index };
  }

  openSession(session: string, behavior: SessionBehavior = 'release'): void {
    this.#sessions.set(session, behavior);
  }

  /** What a session does with its keys when it ends; undefined where there is none. */
  sessionBehavior(session: string): SessionBehavior | undefined {
    return this.#sessions.get(session);
  }

  /** A session ends, and with it its locks; their keys go, too, if that was its behavior. */
  closeSession(session: string, by = session): void {
    const behavior = this.#sessions.get(session);
    this.#sessions.delete(session);
    const indexBefore = this.#index;
    const index = ++this.#index;
    const before = new Map<string, FlatEntry | undefined>();
    for (const [key, entry] of this.#entries) if (entry.session === session) before.set(key, entry);
    for (const [key, entry] of before) {
      const isKept = entry !== undefined && behavior !== 'delete';
      this.#put(key, isKept ? { ...entry, session: undefined, modifyIndex: index } : undefined);
    }
    this.#commit({ indexBefore, before }, by);
  }

  /** Deletions are forgotten before their time, so that the index of their prefix falls. */
  collectTombstones(): void {
    this.#tombstones.clear();
  }

  snapshot(): FlatSnapshot {
    return { index: this.#index, entries: new Map(this.#entries), sessions: new Map(this.#sessions) };
  }

  /**
   * A living cluster is given a backup: entries and their indexes fall back, what is counted goes on above, be it above
   * the backup's (`restoreUserSnapshot` of hashicorp/raft).
   */
  restore(snapshot: FlatSnapshot): void {
    this.#entries = new Map(snapshot.entries);
    this.#sessions = new Map(snapshot.sessions);
    this.#tombstones = new Map();
    this.#history = [];
    if (snapshot.index > this.#index) this.#index = snapshot.index;
    this.#restoredAt = ++this.#index;
    this.feed.replaced('restored');
  }

  /** Another cluster, empty and new, stands in this one's place. */
  wipe(): void {
    this.#entries = new Map();
    this.#tombstones = new Map();
    this.#sessions = new Map();
    this.#history = [];
    this.#index = 1n;
    this.#restoredAt = 1n;
    this.feed.replaced('wiped');
  }

  /** What a backup shows: entries that no longer change with these. */
  copy(): MemoryFlat {
    const copy = new MemoryFlat(this.#clock);
    copy.#entries = new Map(this.#entries);
    copy.#index = this.#index;
    return copy;
  }

  /** What a server shows that has not seen the latest `writes` yet; it remembers 64 at most. */
  behind(writes: number): MemoryFlat {
    const copy = this.copy();
    const unseen = writes <= 0 ? [] : this.#history.slice(-writes);
    for (const { before, indexBefore } of unseen.reverse()) {
      for (const [key, entry] of before) copy.#put(key, entry);
      copy.#index = indexBefore;
    }
    return copy;
  }

  /** Makes what was written to `before` a commit: remembers it, and tells of it. */
  #commit(undo: Undo, by: string): void {
    const index = this.#index;
    this.#history.push(undo);
    if (this.#history.length > HISTORY_MAX) this.#history.shift();
    const changes: Change[] = [];
    for (const [key, entry] of undo.before) {
      const now = this.#entries.get(key);
      if (now === entry) continue;
      if (now === undefined) this.#tombstones.set(key, { index, atMs: this.#leaderMs() });
      changes.push({ name: key, before: entry?.value, after: now?.value });
    }
    this.feed.committed({ number: index, by, changes });
  }

  #leaderMs(): number {
    return this.#clock.monotonicMs() + this.leaderClockAheadMs;
  }

  /** @returns whether its condition holds */
  #applyOne(operation: FlatOperation, index: bigint, before: Map<string, FlatEntry | undefined>): boolean {
    const put = (key: string, entry: FlatEntry | undefined): void => {
      if (!before.has(key)) before.set(key, this.#entries.get(key));
      this.#put(key, entry);
    };
    if (operation.kind === 'delete-tree') {
      for (const key of this.keys(operation.prefix)) put(key, undefined);
      return true;
    }
    const { key } = operation;
    const entry = this.#entries.get(key);
    switch (operation.kind) {
      case 'cas':
        if (operation.index !== (entry?.modifyIndex ?? 0n)) return false;
        put(key, written(entry, operation, index));
        return true;
      case 'set':
        put(key, written(entry, operation, index));
        return true;
      case 'delete-cas':
        // What is gone already counts as deleted, whatever the index.
        if (entry !== undefined && operation.index !== entry.modifyIndex) return false;
        put(key, undefined);
        return true;
      case 'delete':
        put(key, undefined);
        return true;
      case 'lock': {
        const { session } = operation;
        if (!this.#sessions.has(session)) return false;
        if (entry?.session !== undefined && entry.session !== session) return false;
        const next = written(entry, operation, index);
        if (next.session === session) put(key, next);
        else put(key, { ...next, modifyIndex: index, lockIndex: next.lockIndex + 1n, session });
        return true;
      }
      case 'unlock':
        if (entry?.session !== operation.session) return false;
        put(key, { ...written(entry, operation, index), modifyIndex: index, session: undefined });
        return true;
    }
  }

  #put(key: string, entry: FlatEntry | undefined): void {
    if (entry === undefined) this.#entries.delete(key);
    else this.#entries.set(key, entry);
  }

  #lastChangeBelow(prefix: string): bigint | undefined {
    const bornMs = this.#leaderMs() - TOMBSTONE_TTL_MS;
    let last: bigint | undefined;
    const meet = (index: bigint): void => {
      if (last === undefined || index > last) last = index;
    };
    for (const [key, entry] of this.#entries) if (key.startsWith(prefix)) meet(entry.modifyIndex);
    for (const [key, { index, atMs }] of this.#tombstones) {
      if (atMs <= bornMs) this.#tombstones.delete(key);
      else if (key.startsWith(prefix)) meet(index);
    }
    if (last === undefined) return undefined;
    return last < this.#restoredAt ? this.#restoredAt : last;
  }
}

export type SessionBehavior = 'release' | 'delete';

export function versionOf({ modifyIndex, createIndex }: FlatEntry): Version {
  return { modified: modifyIndex, created: createIndex, revision: 0 };
}

/** A write of what is there already leaves the entry at its index. Flags that aren't given become 0. */
function written(
  entry: FlatEntry | undefined,
  { value = NO_VALUE, flags = 0n }: { readonly value?: Uint8Array; readonly flags?: bigint },
  index: bigint,
): FlatEntry {
  if (entry === undefined) {
    const origin = { createIndex: index, modifyIndex: index, lockIndex: 0n, session: undefined };
    return { value: value.slice(), flags, ...origin };
  }
  const isSame = entry.flags === flags && Buffer.compare(entry.value, value) === 0;
  return isSame ? entry : { ...entry, value: value.slice(), flags, modifyIndex: index };
}

import type { Key, PerStore, StoreName, Value } from './history.js';

/**
 * Everything that happened, in the order in which it did, as only stores that tell of each of their commits can tell
 * it. A real cluster has no such record; a simulated one has.
 */
export type TimelineEvent =
  StoreCommit | StoreReplaced | ConflictJournaled | ValueTrashed | OrderGiven | AgreementRestarted;

/** One atomic write of a store. */
export interface StoreCommit {
  readonly kind: 'commit';
  readonly atMs: number;
  readonly store: StoreName;
  readonly number: bigint;
  readonly writer: 'client' | 'daemon';
  readonly changes: readonly CommittedChange[];
}

export type CommittedChange = EntryChange | OtherChange;

export interface EntryChange {
  readonly place: 'entry';
  readonly key: Key;
  /** Undefined where it was not there. */
  readonly before: Value | undefined;
  /** Undefined where it is gone. */
  readonly after: Value | undefined;
}

/** A change of something that is no entry of the mapping. */
export interface OtherChange {
  /** The mapped root itself or a node above it, the daemon's own namespace, or anything else. */
  readonly place: 'root' | 'namespace' | 'outside';
  /** The store's own name: a path, or a whole key. */
  readonly name: string;
  readonly change: 'created' | 'changed' | 'deleted';
}

/** A backup was restored, or another store stands in its place. Nobody's write, and all of a sudden. */
export interface StoreReplaced {
  readonly kind: 'replaced';
  readonly atMs: number;
  readonly store: StoreName;
  /** What the store holds below the mapping from now on. */
  readonly contents: ReadonlyMap<Key, Value>;
  /** The ledger in it is where the daemon knows it to be, so that nothing can tell that what is missing was not deleted. */
  readonly isUnnoticeable?: boolean;
}

/** A conflict became durable in a journal. */
export interface ConflictJournaled {
  readonly kind: 'journaled';
  readonly atMs: number;
  readonly key: Key;
  readonly values: PerStore<Value | undefined>;
}

/** A value became durable in a trash, before it is deleted. */
export interface ValueTrashed {
  readonly kind: 'trashed';
  readonly atMs: number;
  readonly store: StoreName;
  readonly key: Key;
  readonly value: Value;
}

/** An operator said what is to stand: something from the trash or from the journal, or nothing. */
export interface OrderGiven {
  readonly kind: 'ordered';
  readonly atMs: number;
  readonly key: Key;
}

/** An operator's resync, or a lost archive that was to be merged: nothing counts as agreed on any more. */
export interface AgreementRestarted {
  readonly kind: 'agreement-restarted';
  readonly atMs: number;
}

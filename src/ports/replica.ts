import type { EntryKey, KeyPrefix, PresentReading, Reading } from '../core/observation.js';
import type { Version } from '../core/version.js';
import type { StoreStamp } from '../core/write-interval.js';

/**
 * One store under one mapping: reads, hints and conditional writes of the entries below its mapped path.
 *
 * Every method takes an abort signal and ends within the replica's own request timeout. Methods that read or
 * prove throw a `ReplicaError` when the store as a whole could not answer; a single entry that could not be read
 * is an `unknown` reading inside an answer.
 */
export interface Replica {
  readonly limits: ReplicaLimits;

  /**
   * Tells `listener` what may have changed. Hints may be late, doubled, out of order or about nothing; none is ever
   * missing without a `rescan` that covers it. The watch survives reconnects by itself: it arms first, then asks
   * for a rescan (at the start too).
   * @returns when `signal` aborts, never before; never throws.
   */
  watch(listener: HintListener, signal: AbortSignal): Promise<void>;

  /**
   * Walks everything under the mapping in the order of `compareKeys`, a bounded page at a time.
   * What a walk lacks proves nothing; a walk that could not be completed throws a `ReplicaError` instead of ending.
   * @param known the version an entry is believed to have; lets a store verify versions without sending values.
   * @param within walks only this part
   */
  scan(known: KnownVersion, signal: AbortSignal, within?: KeyPrefix): AsyncIterable<readonly ScannedEntry[]>;

  /** The keys of all that `scan` would walk, in no order; for counting. */
  listKeys(signal: AbortSignal): AsyncIterable<readonly EntryKey[]>;

  /**
   * A store-wide number that the store has reached by now: every write to an entry below the mapping that happens
   * after this call began, and none that an answer before it could have shown, has a version above it
   * (ZooKeeper: the zxid after `sync`; Consul: the prefix's index).
   */
  position(signal: AbortSignal): Promise<bigint>;

  /**
   * Reads the named entries from an authority (ZooKeeper: after `sync`; Consul: leader, `consistent`).
   * `absent` in the answer is proven as of now. Keys may be answered `unknown: not-read` to stay within memory bounds.
   */
  read(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlyMap<EntryKey, Reading>>;

  /**
   * Reads the named entries, and this mapping's ledger no earlier than any of them, with as few requests as can be. Good
   * for what a write's own condition makes sure of: the answers are at least as new as whatever was told and answered
   * before, but may be behind the leader (ZooKeeper: without a `sync`).
   */
  glance(keys: readonly EntryKey[], signal: AbortSignal): Promise<Glance>;

  /**
   * The deletion proof: which of `keys` are, as of now and by authority of the leader, certainly absent.
   * Keys that exist, or that could not be decided for any reason, are not in the answer.
   */
  proveAbsent(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlySet<EntryKey>>;

  /**
   * Who may do what with these entries, as text of the store's own with which they can be made anew. Where the store has
   * no such thing, or does not tell all of it, there is no answer.
   */
  accessOf(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlyMap<EntryKey, string>>;

  /**
   * Applies one batch: all of it or nothing, together with its ledger write where it has one, each operation only
   * under its condition. Never retries by itself.
   */
  write(batch: WriteBatch, signal: AbortSignal): Promise<WriteOutcome>;

  /** Reads this mapping's ledger with authority, or undefined when there is none. */
  readLedger(signal: AbortSignal): Promise<StoredLedger | undefined>;

  /**
   * Told, again and again, whether this process is the one that writes here: what it makes may be bound to that. Left out
   * where nothing is.
   */
  tend?(tends: boolean): void;

  /** All ledgers in this store, of every instance and mapping, by their place `<instance>/<mapping>`. */
  listLedgers(signal: AbortSignal): Promise<ReadonlyMap<string, StoredLedger>>;
}

/** What else a store with real inner nodes can tell. */
export interface ChildNames {
  /**
   * The last segments of the keys right below each of these, with the authority of `Replica.read`: none below an entry that
   * is not there; undefined where they may not be read.
   * @throws ReplicaError
   */
  childNames(
    keys: readonly EntryKey[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<EntryKey, readonly string[] | undefined>>;
}

export interface Glance {
  readonly readings: ReadonlyMap<EntryKey, Reading>;
  /** Undefined when there is none. */
  readonly ledger: StoredLedger | undefined;
}

export interface ReplicaLimits {
  /** Operations in one atomic batch, the ledger's own included. */
  readonly batchOperationsMax: number;
  /** Bytes of one atomic batch on the wire. `batchBytes` tells what an operation takes of it. */
  readonly batchBytesMax: number;
  /** The largest value that can get into this store, by whatever route. */
  readonly valueBytesMax: number;
  /** What one operation with this key and this many value bytes takes of `batchBytesMax`. */
  operationBytes(key: EntryKey, valueBytes: number): number;
  /** Why an entry with this key can't be stored here at all (an illegal name), or undefined when it can. */
  unmappable(key: EntryKey): string | undefined;
}

export interface HintListener {
  /** These entries may have changed. */
  changed(keys: readonly EntryKey[]): void;
  /** Something changed in a part of the store, which was looked at for it. */
  saw(view: PartView): void;
  /**
   * Something changed, and the store did not say what. Cheap to call; coalesced by the listener.
   * @param within where; anywhere below the mapping, without
   */
  stirred(within?: KeyPrefix): void;
  /** Anything may have changed, changes may have been missed. */
  rescan(reason: 'start' | 'reconnect' | 'overflow'): void;
  /** No change is told from now on until the next `rescan`. `why` is for a person. May be told again while it lasts. */
  lost(why: string): void;
}

/** What a part of a store held a moment ago. A hint: who compares it with what is known finds what may have changed. */
export interface PartView {
  readonly within: KeyPrefix;
  /** All that the store showed there, except what lies in `except`, in the order of `compareKeys`. */
  readonly entries: readonly SeenEntry[];
  /** Parts of it that were not looked into, in the same order. */
  readonly except: readonly KeyPrefix[];
}

export interface SeenEntry {
  readonly key: EntryKey;
  /** Undefined where only the key was seen: the entry may have changed. */
  readonly version: Version | undefined;
}

export type KnownVersion = (key: EntryKey) => Version | undefined;

/** What a walk tells of an entry that was there when it passed. */
export interface ScannedEntry {
  readonly key: EntryKey;
  readonly version: Version;
  /** Whether the value has no bytes; undefined where the store did not say. */
  readonly empty: boolean | undefined;
  /** Direct children, as in `PresentReading`. */
  readonly children: number;
  /** As in `PresentReading`; left out where the store does not say. */
  readonly session?: string | undefined;
  readonly isMisbound?: boolean;
  /** The whole entry, with the authority of `read`, where the walk came by it anyway. */
  readonly reading: (() => PresentReading) | undefined;
}

export interface WriteBatch {
  readonly operations: readonly WriteOperation[];
  /** Written as an operation of the same batch, under the condition of its own version. */
  readonly ledger: LedgerWrite | undefined;
}

export type WriteOperation =
  /** Makes an entry that must not exist. Missing parents are made with it, as structure. */
  | {
      readonly kind: 'create';
      readonly key: EntryKey;
      readonly value: Uint8Array;
      /** Where the store has flags; 0, without. */
      readonly flags?: bigint | undefined;
      /** As `accessOf` told; as configured for new entries, without. */
      readonly access?: string | undefined;
    }
  /**
   * Replaces the value of an entry that must still be at `base`; its flags and permissions stay. Where `base` is misbound,
   * the entry is made anew in its place, so that nobody sees it missing.
   */
  | {
      readonly kind: 'update';
      readonly key: EntryKey;
      readonly value: Uint8Array;
      readonly base: PresentReading;
    }
  /**
   * Removes an entry that must still be at `base`. Where it still has children it can't be removed:
   * its value is cleared instead, and the outcome says so.
   */
  | { readonly kind: 'delete'; readonly key: EntryKey; readonly base: PresentReading };

/** Lets somebody do something with an entry: what `accessOf` tells is a list of these, as JSON. */
export interface AccessRule {
  readonly scheme: string;
  readonly id: string;
  /** A bit mask: read 1, write 2, create 4, delete 8, administer 16. */
  readonly permissions: number;
}

export interface LedgerWrite {
  readonly content: string;
  /** The version the ledger must still be at; undefined when it must not exist yet. */
  readonly expected: Version | undefined;
}

export interface StoredLedger {
  readonly content: string;
  readonly version: Version;
}

/** The five ways a write can end. */
export type WriteOutcome =
  | WriteApplied
  /** Nothing was applied: these operations' conditions no longer hold. Look at those entries again. */
  | { readonly kind: 'condition-failed'; readonly keys: readonly EntryKey[]; readonly ledger: boolean }
  /** Nothing was applied, and these operations can never succeed as they are (too large, denied, illegal). */
  | { readonly kind: 'rejected'; readonly rejections: readonly Rejection[] }
  /** Nothing was applied, and the same batch may pass later (no leader, throttled, not connected). */
  | { readonly kind: 'retriable'; readonly cause: Error }
  /** It may or may not have been applied (reply lost). Look at the ledger, then at the entries. */
  | { readonly kind: 'unknown'; readonly cause: Error };

export interface WriteApplied {
  readonly kind: 'applied';
  /** The version each written entry now has. Removed entries are not in it. */
  readonly versions: ReadonlyMap<EntryKey, Version>;
  /** The ledger's version after the batch. All operations of a batch share its `modified`. */
  readonly ledger: Version | undefined;
  /** Parents that did not exist and were made as structure by this batch. */
  readonly madeParents: ReadonlyMap<EntryKey, Version>;
  /** Entries of `delete` operations that still have children and were cleared instead. */
  readonly cleared: ReadonlyMap<EntryKey, Version>;
  /** Entries that turned out to be another incarnation than the batch was decided on, with what was replaced. */
  readonly overwrittenInRace: ReadonlyMap<EntryKey, PresentReading>;
  /** When the store itself says it made this write, where it keeps a clock (ZooKeeper `mtime`, epoch `zxid >> 32`). */
  readonly stamp: StoreStamp | undefined;
}

export interface Rejection {
  readonly key: EntryKey;
  readonly reason: SkipReason;
  readonly detail: string;
}

/** Why an entry is left out; label values of `skipped_entries`. */
export type SkipReason =
  | 'too-large'
  | 'illegal-key'
  | 'denied'
  | 'ephemeral-parent'
  | 'session-bound'
  | 'read-restricted'
  | 'unreadable';

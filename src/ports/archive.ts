import type { ArchiveRecord } from '../core/archive-record.js';
import type { Conflict } from '../core/conflict.js';
import type { EntryKey } from '../core/observation.js';
import type { Order } from '../core/order.js';
import type { Pair, Side } from '../core/pair.js';
import type { MappingState } from '../core/mapping-state.js';
import type { ClientChanges } from './client-changes.js';
import type { NewTrash, TrashEntry, TrashSummary, TrashWanted } from './trash.js';

/**
 * The durable record of what both replicas agreed on, for all mappings of a daemon. One process writes it at a time.
 * It is never silently recreated: what can't be read is refused with an error.
 */
export interface Archive {
  /**
   * The part of one mapping, empty when it was never written. Parts are keyed by the two mapped places, so that an
   * edited path is a new mapping.
   */
  mapping(places: Pair<string>): MappingArchive;
  /** Bytes that the journals of all mappings take together, their trash included. */
  journalBytes(): number;
  /** Flushes and closes. No call is allowed afterwards. */
  close(): Promise<void>;
}

/** One mapping's part. Reads are synchronous and see every commit that was resolved before. */
export interface MappingArchive {
  /** The mapping's small state, or undefined when there is no archive for it. Kept by the caller between commits. */
  state(): MappingState | undefined;
  record(key: EntryKey): ArchiveRecord | undefined;
  /** Up to `limit` records after `key` (from the first when undefined), in the order of `compareKeys`. */
  recordsAfter(key: EntryKey | undefined, limit: number): ReadonlyArray<readonly [EntryKey, ArchiveRecord]>;
  /** How many records there are of each kind. Maintained, not counted at each call. */
  counts(): RecordCounts;

  mark(key: EntryKey): EntryMark | undefined;
  marksAfter(key: EntryKey | undefined, limit: number): ReadonlyArray<readonly [EntryKey, EntryMark]>;
  /**
   * How many entries carry a mark, by its kind and reason: `hold:oscillating`, `skip:too-large`, `drift:changed`,
   * `held-deletion`, `held-deletion:approved`, `held-overwrite`, `held-overwrite:approved`, `ordered`.
   */
  markCounts(): ReadonlyMap<string, number>;

  /**
   * Journal entries from the newest to the oldest, before `beforeId` when given. Fewer than `limit` where their values
   * would take much memory together: only an empty answer is the end.
   */
  conflicts(options: { beforeId?: number; limit: number; openOnly?: boolean }): readonly JournalEntry[];
  conflict(id: number): JournalEntry | undefined;
  /** How many entries the journal has now. */
  conflictCounts(): { readonly open: number; readonly total: number };

  /** Deleted values from the newest to the oldest, by when they were deleted. */
  trash(wanted: TrashWanted): readonly TrashSummary[];
  trashed(id: number): TrashEntry | undefined;
  /** The newest that is kept of an entry. */
  lastTrashOf(key: EntryKey): TrashEntry | undefined;
  /** What was ordered for an entry that carries the mark `ordered`. */
  order(key: EntryKey): Order | undefined;

  /** How often clients changed entries, hour by hour, from `sinceHour` on. Outlives a reset; a week of it is kept. */
  clientChanges(sinceHour: number): readonly ClientChanges[];

  /**
   * Applies all of `changes` in one atomic transaction, or nothing; durable (synced to disk) when it resolves. To make
   * room for conflicts and trash, the journals' oldest settled entries and trash are dropped, of whatever mapping; open
   * ones never. Some room is left for conflicts of kind `overwritten-in-race`, which nothing can hold any more, and for
   * trash.
   * @throws RangeError when a key is longer than the archive can hold
   * @throws SyncError `ARCHIVE_FULL` when they don't fit beside the open ones: hold the entry, and go on;
   *   anything else: nothing can be committed any more, by no mapping, until the process is started again
   */
  commit(changes: ArchiveChanges): Promise<void>;
  /**
   * Forgets everything about this mapping but its journal, and puts `next` in place of its state where given: both or
   * neither, durably. In between, an archive without a state would be taken for one that was lost.
   */
  reset(next?: MappingState): Promise<void>;
}

export interface RecordCounts {
  /** Ordinary entries; what the deletion guard counts. */
  readonly entries: number;
  /** Session-bound entries and their mirrors, counted apart. */
  readonly sessionBound: number;
  readonly structure: number;
}

/** An entry that is not simply in step: held, left out, or drifted. Survives restarts. */
export type EntryMark =
  | {
      readonly kind: 'hold';
      readonly reason: EntryHoldReason;
      readonly sinceMs: number;
      readonly detail: string;
      /** An operator released it: the content of this side is to stand. Held until that is written. */
      readonly keep?: Side;
    }
  /** A deletion that the guard held back. `approved`: an operator let exactly this one pass. */
  | {
      readonly kind: 'held-deletion';
      readonly on: Side;
      readonly sinceMs: number;
      readonly approved: boolean;
    }
  /** An overwrite decided by conflict that the guard held back. */
  | {
      readonly kind: 'held-overwrite';
      readonly on: Side;
      readonly sinceMs: number;
      readonly approved: boolean;
    }
  | {
      readonly kind: 'skip';
      readonly reason: string;
      readonly detail: string;
      readonly sinceMs: number;
      /** The only side that has the entry, if that is so: gone there, it is gone. */
      readonly at?: Side | undefined;
    }
  /** A foreign change on the target of a one-way mapping. */
  | {
      readonly kind: 'drift';
      readonly drift: 'added' | 'changed' | 'deleted';
      readonly sinceMs: number;
      readonly at?: Side | undefined;
    }
  /** A person has ordered what is to stand on both sides; not both have it yet. */
  | { readonly kind: 'ordered'; readonly sinceMs: number; readonly detail: string };

/** Why the writes of one entry are stopped until an operator decides. */
export type EntryHoldReason = 'conflict' | 'oscillating' | 'copy-modified' | 'journal-full';

export interface JournalEntry extends Conflict {
  /** Rises by one with each entry of this mapping, never used again. */
  readonly id: number;
  /** Wall-clock time of the decision, milliseconds since the epoch. */
  readonly atMs: number;
  /** Open until a winner's content was written on both sides. */
  readonly open: boolean;
}

export interface ArchiveChanges {
  /** Records to put; undefined removes. */
  readonly records?: ReadonlyMap<EntryKey, ArchiveRecord | undefined>;
  /** Marks to put; undefined removes. */
  readonly marks?: ReadonlyMap<EntryKey, EntryMark | undefined>;
  /** Conflicts to append to the journal, in order; ids are given by the archive. */
  readonly conflicts?: readonly NewConflict[];
  /**
   * Values that are about to be deleted. An incarnation of an entry is deleted once: of one that is kept already, the
   * later value takes the place of the earlier.
   */
  readonly trash?: readonly NewTrash[];
  /** Of entries that get the mark `ordered` with the same changes. Forgotten when they carry it no more. */
  readonly orders?: ReadonlyMap<EntryKey, Order>;
  /** Journal entries that are settled now, with the side whose content stands. One that is gone is passed over. */
  readonly settled?: ReadonlyMap<number, Side>;
  /** Settled journal entries and trash older than this are removed, a bounded number with each commit. */
  readonly dropSettledBeforeMs?: number;
  readonly state?: MappingState;
  /** Changes of clients that are counted now. */
  readonly clientChanges?: readonly ClientChanges[];
}

export interface NewConflict extends Conflict {
  readonly atMs: number;
  readonly open: boolean;
}

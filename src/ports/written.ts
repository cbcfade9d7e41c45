import type { EntryKey } from '../core/observation.js';
import type { Side } from '../core/pair.js';

/** One write of an entry that a store answered, for whoever wants to see what was done of late. */
export interface WrittenEntry {
  readonly key: EntryKey;
  /** The side that was written. */
  readonly on: Side;
  readonly operation: 'create' | 'update' | 'delete';
  readonly cause: WriteCause;
  /** The version, at the other side, of what was written; undefined where something was deleted, or ordered. */
  readonly sourceVersion: bigint | undefined;
  /** `unknown`: the reply was lost. What was pushed back is sent again, and not told of. */
  readonly result: 'applied' | 'condition-failed' | 'rejected' | 'unknown';
  /** Wall-clock milliseconds since the epoch. */
  readonly atMs: number;
}

export type WriteCause =
  /** A client changed it on the other side. */
  | 'change'
  /** A conflict was decided for the other side. */
  | 'conflict'
  /** An operator decided for the other side, or ordered what is to stand on both. */
  | 'operator'
  /** A client deleted it on the other side. */
  | 'deleted'
  | 'session-ended'
  | 'retracted'
  | 'pruned';

/** Is told of writes, in the order in which they were answered. Must not throw, and not wait. */
export type WriteListener = (written: readonly WrittenEntry[]) => void;

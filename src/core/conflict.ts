import type { EntryKey } from './observation.js';
import type { Pair, Side } from './pair.js';
import type { Version } from './version.js';
import type { Interval } from './write-interval.js';

/** What kind of disagreement was decided; label values of `conflicts_total` where they name a result. */
export type ConflictKind =
  /** Both replicas moved away from the agreed content. */
  | 'update-update'
  /** One side changed what the other deleted. */
  | 'update-delete'
  /** Both had the entry, with different content, before the daemon ever saw them. */
  | 'initial'
  /** A client wrote to the mirror of a session-bound entry. */
  | 'copy-modified'
  /** A client changed the target of a one-way mapping, and the mapping reverts or replaces such changes. */
  | 'drift'
  /** Found only after a write: the entry had been deleted and recreated between the last read and the write. */
  | 'overwritten-in-race';

/** One entry of the conflict journal: everything needed to restore the loser. */
export interface Conflict {
  readonly key: EntryKey;
  readonly kind: ConflictKind;
  /** Whose content stands; undefined while an operator has not decided (the entry is held). */
  readonly winner: Side | undefined;
  /** Which rule chose the winner. */
  readonly rule: ConflictRule;
  /** The two writes' times overlap, so that the mapping's tie-break decided. */
  readonly ambiguous: boolean;
  readonly sides: Pair<ConflictSide>;
}

export type ConflictRule =
  | 'last-writer-wins'
  | 'tie-break'
  | 'update-beats-delete'
  | 'left-wins'
  | 'right-wins'
  | 'hold'
  | 'session-owner'
  | 'one-way'
  | 'operator';

export interface ConflictSide {
  /** The value at this side; undefined when it had been deleted there. */
  readonly value: Uint8Array | undefined;
  readonly flags: bigint;
  readonly version: Version | undefined;
  /** When the write can have happened. */
  readonly written: Interval;
}

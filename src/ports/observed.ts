import type { Decision } from '../core/decision.js';
import type { EntryKey } from '../core/observation.js';
import type { Pair, Side } from '../core/pair.js';
import type { Situation } from '../core/situation.js';

/** What a mapping that only observes would have written until now. */
export interface ObservedReport {
  readonly sinceMs: number;
  readonly totals: ObservedCounts;
  /** The latest days in UTC with something to tell, newest first; bounded. */
  readonly days: readonly ObservedDay[];
  /** The latest writes, newest first; bounded. */
  readonly latest: readonly ObservedWrite[];
}

/** Numbers of writes, by the side that they would have gone to. */
export interface ObservedCounts {
  readonly create: Pair<number>;
  readonly update: Pair<number>;
  readonly delete: Pair<number>;
  /** Creates, updates and deletes that would have decided a conflict. */
  readonly conflict: Pair<number>;
  /** Conflicts that would wait for a person. */
  readonly undecided: number;
}

export interface ObservedDay extends ObservedCounts {
  /** `2026-05-04` */
  readonly day: string;
}

export interface ObservedWrite {
  readonly atMs: number;
  readonly action: 'create' | 'update' | 'delete' | 'conflict';
  /** Undefined for a conflict that would wait for a person. */
  readonly on: Side | undefined;
  readonly key: EntryKey;
}

/** The report with what it takes to go on with it after a restart. */
export interface ObservedState extends ObservedReport {
  /** The highest version of each store that was counted. */
  readonly upTo: Pair<bigint>;
}

/** Told of what a mapping that only observes has looked at. */
export interface WriteObserver {
  /** What a round has decided, in the order in which it looked. */
  note(decided: readonly DecidedEntry[]): void;
  /** Everything was walked, and all that was found has been noted. */
  allSeen(): void;
}

export interface DecidedEntry {
  readonly situation: Situation;
  readonly decision: Decision;
}

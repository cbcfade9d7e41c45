import { openWindow, updateWindow } from './forgetting-window.js';
import type { ForgettingWindow } from './forgetting-window.js';

/** How much of a mapping may go within some time without a person's word; the settings `maxDelete` and `maxOverwrite`. */
export interface Budget {
  /** More than this share of the mapping is too much, */
  readonly percent: number;
  /** unless it is fewer entries than this. */
  readonly atLeast: number;
  readonly withinMs: number;
}

/**
 * How large a mapping has been. Times are of any clock, a monotonic one at best, even if it starts anew with the
 * daemon. Record the size before each drain, and several times in each sixtieth of the budget's time.
 */
export type SizeHistory = ForgettingWindow;

/** A history without a past: the start of a mapping, or the size to which an operator let it shrink. */
export function startSizeHistory(nowMs: number, size: number): SizeHistory {
  return openWindow(nowMs, size);
}

export function recordSize(history: SizeHistory, nowMs: number, size: number, withinMs: number): SizeHistory {
  return updateWindow(history, nowMs, withinMs, (largest) => Math.max(largest, size));
}

export function largestSize(history: SizeHistory): number {
  return Math.max(...history.buckets);
}

/** What one drain would do to a mapping, session-bound copies aside. */
export interface PlannedDeletions {
  readonly history: SizeHistory;
  /** Entries of the mapping before the drain. */
  readonly size: number;
  readonly creates: number;
  /** All deletions that are due, those already held among them. */
  readonly deletions: number;
  /**
   * Whether deletions of this mapping are held already. Then creates no longer make up for deletions: a client
   * that adds entries must not let those slip through that wait for a person.
   */
  readonly holding: boolean;
  readonly budget: Budget;
}

export interface DeletionJudgement {
  /** All of the drain's deletions, or none: half of a mass deletion is no better. */
  readonly allowed: number;
  readonly held: number;
  readonly reason: 'net-loss' | 'emptied' | undefined;
  /** How many entries the mapping would have afterwards, without creates that make up for nothing. */
  readonly wouldRemain: number;
  /** The most it has had within the budget's time. */
  readonly largest: number;
}

/**
 * Whether a drain's deletions may go ahead. What counts is the loss against the mapping's largest size, so that
 * a rename or delete-and-recreate costs nothing, and many small drains add up.
 */
export function judgeDeletions(planned: PlannedDeletions): DeletionJudgement {
  const { size, deletions, history } = planned;
  const creates = planned.holding ? 0 : planned.creates;
  const wouldRemain = Math.max(size + creates - deletions, 0);
  const largest = Math.max(largestSize(history), size);
  const shrinks = deletions > creates;
  const reason = shrinks ? reasonToHold(wouldRemain, largest, planned.budget) : undefined;
  return {
    allowed: reason === undefined ? deletions : 0,
    held: reason === undefined ? 0 : deletions,
    reason,
    wouldRemain,
    largest,
  };
}

function reasonToHold(
  wouldRemain: number,
  largest: number,
  budget: Budget,
): 'net-loss' | 'emptied' | undefined {
  if (wouldRemain === 0 && largest >= 2) return 'emptied';
  return exceeds(budget, largest - wouldRemain, largest) ? 'net-loss' : undefined;
}

/** So many writes that are due together are many, */
const BULK_MIN = 10;
/** if they are this share of the mapping. */
const BULK_PERCENT = 0.1;

/**
 * Whether so many writes that are due together may be what was seen first of a loss beyond the budget. A few entries of a
 * large mapping are not: what is lost before the rest is seen is this little at most.
 */
export function isBulk(count: number, size: number, { percent, atLeast }: Budget): boolean {
  const share = Math.min(BULK_PERCENT, percent / 10);
  return count > 0 && count >= Math.min(BULK_MIN, atLeast) && count * 100 >= size * share;
}

/** How many entries were overwritten by the daemon's decision of a conflict. The clock is as in `SizeHistory`. */
export type OverwriteHistory = ForgettingWindow;

export function startOverwriteHistory(nowMs: number): OverwriteHistory {
  return openWindow(nowMs, 0);
}

export function recordOverwrites(
  history: OverwriteHistory,
  nowMs: number,
  overwrites: number,
  withinMs: number,
): OverwriteHistory {
  return updateWindow(history, nowMs, withinMs, (count) => count + overwrites);
}

export interface PlannedOverwrites {
  readonly history: OverwriteHistory;
  /** Entries of the mapping, those among them that only one side has, or on which nothing was agreed yet. */
  readonly size: number;
  /** All overwrites decided by conflict that are due, those already held among them. */
  readonly overwrites: number;
  readonly budget: Budget;
}

export interface OverwriteJudgement {
  /** All of the drain's overwrites, or none. */
  readonly allowed: number;
  readonly held: number;
  /** Overwrites within the budget's time, these included. */
  readonly total: number;
}

export function judgeOverwrites({
  history,
  size,
  overwrites,
  budget,
}: PlannedOverwrites): OverwriteJudgement {
  const total = history.buckets.reduce((sum, count) => sum + count, overwrites);
  const tooMany = exceeds(budget, total, size);
  return { allowed: tooMany ? 0 : overwrites, held: tooMany ? overwrites : 0, total };
}

function exceeds(budget: Budget, lost: number, outOf: number): boolean {
  return lost >= budget.atLeast && lost * 100 > outOf * budget.percent;
}

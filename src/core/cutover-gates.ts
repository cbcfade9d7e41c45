import type { CutoverStep } from './cutover.js';

/** What is known of a mapping when a step of its cutover is to be taken. */
export interface CutoverEvidence {
  /** Whether both sides are equal as far as the loop knows. */
  readonly inSync: boolean;
  /** Holds of the mapping and of entries together. */
  readonly holds: number;
  readonly openConflicts: number;
  /** Whether all entries of both sides are equal now; undefined where that could not be found out. */
  readonly equal: boolean | undefined;
  /** Foreign changes of the left side that stand there now, and are left alone. */
  readonly drifted: number;
  /** When the last change of a client on the left side was noticed. */
  readonly leftChangedAtMs: number | undefined;
  /** Since when clients' changes are noticed; undefined where that has not begun. */
  readonly countedSinceMs: number | undefined;
  /** Sessions that watch the left side, besides the daemon's; undefined where the store does not tell. */
  readonly watchers: number | undefined;
}

export interface GateOptions {
  readonly nowMs: number;
  /** For so long no client may have changed the left side before it becomes a mirror. */
  readonly quietForMs: number;
  /** An operator says that it is to become one all the same. */
  readonly despiteWriters: boolean;
}

/** Why a step can't be taken now. */
export type MissingEvidence =
  | 'not-in-sync'
  | 'held'
  | 'open-conflicts'
  | 'different'
  | 'not-compared'
  | 'writers'
  | 'not-watched-long-enough';

/** What is missing for the step to `next`; empty where it may be taken. A step back needs nothing. */
export function missingFor(
  next: CutoverStep,
  evidence: CutoverEvidence,
  options: GateOptions,
): readonly MissingEvidence[] {
  if (next === 'both') return [];
  const { inSync, holds, openConflicts, equal } = evidence;
  const missing: MissingEvidence[] = [];
  if (!inSync) missing.push('not-in-sync');
  if (holds > 0) missing.push('held');
  if (openConflicts > 0) missing.push('open-conflicts');
  if (equal !== true) missing.push(equal === undefined ? 'not-compared' : 'different');
  const about = next === 'left-mirror' && !options.despiteWriters ? writersOf(evidence, options) : undefined;
  return about === undefined ? missing : [...missing, about];
}

function writersOf(
  { leftChangedAtMs, countedSinceMs }: CutoverEvidence,
  { nowMs, quietForMs }: GateOptions,
): MissingEvidence | undefined {
  const sinceMs = nowMs - quietForMs;
  if (leftChangedAtMs !== undefined && leftChangedAtMs > sinceMs) return 'writers';
  // That nobody was seen says nothing of the time in which nobody looked.
  const isWatched = quietForMs === 0 || (countedSinceMs !== undefined && countedSinceMs <= sinceMs);
  return isWatched ? undefined : 'not-watched-long-enough';
}

/** Why the left store is still needed. */
export type StillNeeded = 'not-last-step' | 'not-in-sync' | 'drift' | 'writers' | 'too-early' | 'watchers';

export interface SwitchOff {
  /** Empty where it can be switched off, as far as is known. */
  readonly needed: readonly StillNeeded[];
  /** Whether all that speaks against it could be looked at. */
  readonly isCertain: boolean;
}

const WEEK_MS = 7 * 24 * 3_600_000;

/** Whether the left store can be switched off: nobody has changed anything there for a week, and nobody watches it. */
export function switchOff(
  step: CutoverStep | undefined,
  evidence: CutoverEvidence,
  nowMs: number,
): SwitchOff {
  if (step !== 'left-mirror') return { needed: ['not-last-step'], isCertain: true };
  const { inSync, drifted, leftChangedAtMs, countedSinceMs, watchers } = evidence;
  const sinceMs = nowMs - WEEK_MS;
  const needed: StillNeeded[] = [];
  if (!inSync) needed.push('not-in-sync');
  if (drifted > 0) needed.push('drift');
  const isChanged = leftChangedAtMs !== undefined && leftChangedAtMs > sinceMs;
  if (isChanged) needed.push('writers');
  else if (countedSinceMs === undefined || countedSinceMs > sinceMs) needed.push('too-early');
  if (watchers !== undefined && watchers > 0) needed.push('watchers');
  return { needed, isCertain: watchers !== undefined };
}

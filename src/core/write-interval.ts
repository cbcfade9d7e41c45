import { otherSide } from './pair.js';
import type { Pair, Side } from './pair.js';

/**
 * When a write happened, as exactly as that can be known: some time from `earliestMs` to `latestMs`, both included.
 * `-Infinity` when nothing bounds it from below. For whose clock this is, see `SightingLog`.
 */
export interface Interval {
  readonly earliestMs: number;
  readonly latestMs: number;
}

export function compareIntervals(a: Interval, b: Interval): 'before' | 'after' | 'overlapping' {
  if (a.latestMs < b.earliestMs) return 'before';
  return a.earliestMs > b.latestMs ? 'after' : 'overlapping';
}

/** The side that was written later. Where the intervals can't tell, it is `tieBreak`, and the answer ambiguous. */
export function laterWriter(written: Pair<Interval>, tieBreak: Side): { winner: Side; ambiguous: boolean } {
  const order = compareIntervals(written.left, written.right);
  if (order === 'overlapping') return { winner: tieBreak, ambiguous: true };
  const later: Side = order === 'after' ? 'left' : 'right';
  return { winner: later, ambiguous: false };
}

/** An authority answered, to a request sent at `atMs`, that its store stood at `version`: higher ones came later. */
export interface Sighting {
  readonly atMs: number;
  /** The store-wide number of its latest write, as in `Version.modified`. */
  readonly version: bigint;
}

/**
 * What is remembered of a store's progress: sightings rising in both time and version, the recent past more finely
 * than the distant one. Persisted.
 *
 * Times are the daemon's wall clock, the same for both replicas. It may jump forward: that keeps the order of things.
 * It should be kept from going back; where it does so nonetheless, what was seen before no longer bounds anything.
 */
export type SightingLog = readonly Sighting[];

export const SIGHTINGS_MAX = 128;

/** An answer may be overtaken by a later one for as long as a request can take. Beyond, the clock has gone back. */
const OVERTAKEN_MAX_MS = 30_000;

export function recordSighting(log: SightingLog, sighting: Sighting): SightingLog {
  const newest = log.at(-1);
  if (newest !== undefined && sighting.atMs < newest.atMs) {
    return newest.atMs - sighting.atMs > OVERTAKEN_MAX_MS ? [sighting] : log;
  }
  const stillTelling = log.filter((earlier) => earlier.version < sighting.version);
  return thinOut([...stillTelling, sighting]);
}

/** When a store made the write numbered `version`, which was seen there by an answer that arrived at `seenAtMs`. */
export function writtenWithin(log: SightingLog, version: bigint, seenAtMs: number): Interval {
  const earliestMs = log.findLast((sighting) => sighting.version < version)?.atMs ?? -Infinity;
  const clockWentBack = earliestMs > seenAtMs;
  return { earliestMs: clockWentBack ? -Infinity : earliestMs, latestMs: seenAtMs };
}

/** Drops the sighting that leaves the smallest gap in proportion to its age. */
function thinOut(log: SightingLog): SightingLog {
  const newest = log.at(-1);
  if (newest === undefined || log.length <= SIGHTINGS_MAX) return log;
  let dropped = 0;
  let smallest = Infinity;
  for (let i = 1; i < log.length - 1; i++) {
    const [before, after] = [log[i - 1], log[i + 1]];
    if (before === undefined || after === undefined) continue;
    const gap = (after.atMs - before.atMs) / (newest.atMs - before.atMs + 1);
    if (gap < smallest) [dropped, smallest] = [i, gap];
  }
  return log.toSpliced(dropped, 1);
}

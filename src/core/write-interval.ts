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
 * Times are the daemon's wall clock, one for both replicas. It may jump forward: that keeps the order of things. It
 * should be kept from going back; where it does, and further than answers overtake each other, the log starts anew.
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

/** The time at which a store says it made a write. */
export interface StoreStamp {
  readonly atMs: number;
  /** The reign of the store's leader, whose clock it was (ZooKeeper: `zxid >> 32`). Another leader, another clock. */
  readonly epoch: bigint;
}

/** How far a store leader's clock is ahead of the daemon's: some value from `leastMs` to `mostMs`. */
export interface ClockOffset {
  readonly epoch: bigint;
  readonly leastMs: number;
  readonly mostMs: number;
  /** When it was measured last, by the daemon's clock. */
  readonly measuredAtMs: number;
}

/** Two clocks are taken to drift apart by no more than this: the fastest at which NTP slews a clock. */
const DRIFT_MAX = 500e-6;

/** Stamps and clocks leave out what is below a millisecond. */
const ROUNDING_MS = 1;

/**
 * Learns from a write of the daemon's own: the store stamped it some time after it was sent and before it was
 * acknowledged. Adds to what `known` tells where the two agree; where they can't, a clock has jumped (or another
 * leader reigns), and only the new measurement counts.
 */
export function measureOffset(
  known: ClockOffset | undefined,
  stamp: StoreStamp,
  sentAtMs: number,
  acknowledgedAtMs: number,
): ClockOffset | undefined {
  if (acknowledgedAtMs < sentAtMs) return known;
  const measured: ClockOffset = {
    epoch: stamp.epoch,
    leastMs: stamp.atMs - acknowledgedAtMs - ROUNDING_MS,
    mostMs: stamp.atMs - sentAtMs + ROUNDING_MS,
    measuredAtMs: acknowledgedAtMs,
  };
  if (known?.epoch !== stamp.epoch) return measured;
  const drifted = driftTo(known, acknowledgedAtMs);
  const leastMs = Math.max(drifted.leastMs, measured.leastMs);
  const mostMs = Math.min(drifted.mostMs, measured.mostMs);
  return leastMs <= mostMs ? { ...measured, leastMs, mostMs } : measured;
}

/**
 * The part of `interval` that the store's own stamp of the write leaves possible. All of it when the leader's clock
 * was never measured, or when the stamp contradicts what was seen: then a clock has jumped, and the stamp tells nothing.
 */
export function narrow(interval: Interval, stamp: StoreStamp, offset: ClockOffset | undefined): Interval {
  if (offset?.epoch !== stamp.epoch) return interval;
  const { leastMs, mostMs } = driftTo(offset, stamp.atMs - offset.leastMs);
  const earliestMs = Math.max(interval.earliestMs, stamp.atMs - mostMs);
  const latestMs = Math.min(interval.latestMs, stamp.atMs - leastMs);
  return earliestMs <= latestMs ? { earliestMs, latestMs } : interval;
}

/** What a measurement still tells at another time. */
function driftTo(offset: ClockOffset, atMs: number): ClockOffset {
  const driftMs = Math.abs(atMs - offset.measuredAtMs) * DRIFT_MAX;
  return { ...offset, leastMs: offset.leastMs - driftMs, mostMs: offset.mostMs + driftMs };
}

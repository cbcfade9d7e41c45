import type { Interval } from './write-interval.js';

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
  if (acknowledgedAtMs < sentAtMs) return undefined;
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
export function narrowByStamp(
  interval: Interval,
  stamp: StoreStamp,
  offset: ClockOffset | undefined,
): Interval {
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

import type { Reading } from '../core/observation.js';
import type { MappingState } from '../core/mapping-state.js';
import type { Side } from '../core/pair.js';
import type { Interval } from '../core/write-interval.js';
import { narrow, writtenWithin } from '../core/write-interval.js';

/** A mapping's state when nothing is known of when anything was written. */
export const UNDATED = {
  sightings: { left: [], right: [] },
  clockOffsets: { left: undefined, right: undefined },
  lastSweptAtMs: { left: undefined, right: undefined },
} satisfies Partial<MappingState>;

/**
 * When what was just read at `side` can have come about.
 * @param seenAtMs wall-clock time at which it was read first
 * @param deferred whether it was looked at before without being settled: walks may have begun since it came about
 */
export function writtenAt(
  state: MappingState | undefined,
  side: Side,
  reading: Reading,
  seenAtMs: number,
  deferred: boolean,
): Interval {
  if (state === undefined || reading.kind === 'unknown') return { earliestMs: -Infinity, latestMs: seenAtMs };
  if (reading.kind === 'absent') {
    // Nothing numbers a deletion: it came after the last complete walk, which still found the entry.
    const sweptMs = deferred ? -Infinity : (state.lastSweptAtMs[side] ?? -Infinity);
    return { earliestMs: sweptMs <= seenAtMs ? sweptMs : -Infinity, latestMs: seenAtMs };
  }
  const seen = writtenWithin(state.sightings[side], reading.version.modified, seenAtMs);
  return reading.stamp === undefined ? seen : narrow(seen, reading.stamp, state.clockOffsets[side]);
}

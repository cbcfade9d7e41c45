import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { otherSide, swapSides } from '../../../src/core/pair.js';
import type { Side } from '../../../src/core/pair.js';
import {
  compareIntervals,
  laterWriter,
  measureOffset,
  narrow,
  recordSighting,
  SIGHTINGS_MAX,
  writtenWithin,
} from '../../../src/core/write-interval.js';
import type { ClockOffset, Interval, SightingLog } from '../../../src/core/write-interval.js';

const intervals: fc.Arbitrary<Interval> = fc
  .tuple(fc.oneof(fc.nat(20), fc.constant(-Infinity)), fc.nat(20))
  .map(([earliestMs, latestMs]) => ({ earliestMs: Math.min(earliestMs, latestMs), latestMs }));
const sides = fc.constantFrom<Side[]>('left', 'right');

describe('the later of two writers', () => {
  it('is the other one when the sides are swapped, unless only the tie-break knows', () => {
    fc.assert(
      fc.property(intervals, intervals, sides, (left, right, tieBreak) => {
        const judged = laterWriter({ left, right }, tieBreak);
        const swapped = laterWriter(swapSides({ left, right }), tieBreak);
        expect(swapped.ambiguous).toBe(judged.ambiguous);
        expect(swapped.winner).toBe(judged.ambiguous ? tieBreak : otherSide(judged.winner));
        if (judged.ambiguous) expect(judged.winner).toBe(tieBreak);
      }),
    );
  });

  it('is the one whose write came later, at whatever moments within the intervals they were made', () => {
    fc.assert(
      fc.property(
        fc.nat(100),
        fc.nat(100),
        fc.array(fc.nat(30), { minLength: 4, maxLength: 4 }),
        (left, right, slack) => {
          const [a = 0, b = 0, c = 0, d = 0] = slack;
          const written = {
            left: { earliestMs: left - a, latestMs: left + b },
            right: { earliestMs: right - c, latestMs: right + d },
          };
          const { winner, ambiguous } = laterWriter(written, 'left');
          if (!ambiguous) expect(winner).toBe(left > right ? 'left' : 'right');
        },
      ),
    );
  });

  it('is unknown when intervals touch in a single millisecond', () => {
    expect(compareIntervals({ earliestMs: 1, latestMs: 5 }, { earliestMs: 5, latestMs: 9 })).toBe(
      'overlapping',
    );
    expect(compareIntervals({ earliestMs: 1, latestMs: 5 }, { earliestMs: 6, latestMs: 9 })).toBe('before');
    expect(compareIntervals({ earliestMs: 6, latestMs: 9 }, { earliestMs: 1, latestMs: 5 })).toBe('after');
  });
});

/** A store's history: the time of each write, at index = version; and at which times the daemon asked. */
const storeHistories = fc
  .record({
    writes: fc.array(fc.nat(50), { minLength: 1, maxLength: 300 }),
    asked: fc.array(fc.tuple(fc.nat(15_000), fc.nat(20)), { maxLength: 300 }),
  })
  .map(({ writes, asked }) => {
    let atMs = 0;
    const writtenAtMs = writes.map((gap) => (atMs += gap));
    return { writtenAtMs, asked: [...asked].sort(([a], [b]) => a - b) };
  });

/** What authoritative answers tell: the store is as it is at some time after the request was sent. */
function sight(writtenAtMs: readonly number[], asked: readonly (readonly [number, number])[]): SightingLog {
  let log: SightingLog = [];
  for (const [atMs, delayMs] of asked) {
    const version = BigInt(writtenAtMs.filter((writeAtMs) => writeAtMs <= atMs + delayMs).length);
    log = recordSighting(log, { atMs, version });
  }
  return log;
}

describe('the sighting log', () => {
  it('never excludes the moment at which a write was made', () => {
    fc.assert(
      fc.property(storeHistories, fc.nat(20), ({ writtenAtMs, asked }, delayMs) => {
        const log = sight(writtenAtMs, asked);
        writtenAtMs.forEach((atMs, index) => {
          const { earliestMs, latestMs } = writtenWithin(log, BigInt(index + 1), atMs + delayMs);
          expect(earliestMs).toBeLessThanOrEqual(atMs);
          expect(latestMs).toBeGreaterThanOrEqual(atMs);
        });
      }),
    );
  });

  it('rises in both time and version', () => {
    fc.assert(
      fc.property(storeHistories, ({ writtenAtMs, asked }) => {
        const log = sight(writtenAtMs, asked);
        for (const [index, later] of log.entries()) {
          const earlier = log[index - 1];
          if (earlier === undefined) continue;
          expect(later.atMs).toBeGreaterThanOrEqual(earlier.atMs);
          expect(later.version > earlier.version).toBe(true);
        }
      }),
    );
  });

  it('bounds a write by the last answer that came before it', () => {
    let log: SightingLog = [];
    log = recordSighting(log, { atMs: 100, version: 7n });
    log = recordSighting(log, { atMs: 200, version: 9n });
    expect(writtenWithin(log, 8n, 250)).toEqual({ earliestMs: 100, latestMs: 250 });
    expect(writtenWithin(log, 9n, 250)).toEqual({ earliestMs: 100, latestMs: 250 });
    expect(writtenWithin(log, 10n, 250)).toEqual({ earliestMs: 200, latestMs: 250 });
  });

  it('knows no lower bound for what was there when the daemon first looked', () => {
    expect(writtenWithin([], 3n, 50)).toEqual({ earliestMs: -Infinity, latestMs: 50 });
    expect(writtenWithin([{ atMs: 10, version: 3n }], 3n, 50).earliestMs).toBe(-Infinity);
  });

  it('stays short while a store is quiet, and sharpens', () => {
    let log: SightingLog = [];
    for (let atMs = 0; atMs < 1_000; atMs++) log = recordSighting(log, { atMs, version: 5n });
    expect(log).toEqual([{ atMs: 999, version: 5n }]);
  });

  it('S9: is bounded, exact for the recent past and in proportion to age before', () => {
    const lastMs = 30 * 24 * 3_600_000;
    let log: SightingLog = [];
    let version = 0n;
    for (let atMs = 0; atMs <= lastMs; atMs += 60_000)
      log = recordSighting(log, { atMs, version: version++ });
    expect(log).toHaveLength(SIGHTINGS_MAX);
    for (const ageMs of [60_000, 3_600_000, 24 * 3_600_000, 20 * 24 * 3_600_000]) {
      const writtenMs = lastMs - ageMs + 1;
      const before = BigInt(Math.floor(writtenMs / 60_000));
      const { earliestMs } = writtenWithin(log, before + 1n, lastMs);
      expect(earliestMs).toBeLessThanOrEqual(writtenMs);
      expect(writtenMs - earliestMs).toBeLessThan(60_000 + ageMs / 4);
    }
  });

  it('leaves out an answer that a later one overtook', () => {
    const log = recordSighting([{ atMs: 100, version: 5n }], { atMs: 90, version: 4n });
    expect(log).toEqual([{ atMs: 100, version: 5n }]);
  });

  it('starts anew when the clock went back, and bounds nothing until then', () => {
    const before: SightingLog = [{ atMs: 3_700_000, version: 5n }];
    expect(writtenWithin(before, 6n, 100_000).earliestMs).toBe(-Infinity);
    expect(recordSighting(before, { atMs: 100_000, version: 5n })).toEqual([{ atMs: 100_000, version: 5n }]);
  });
});

describe("the offset of a store leader's clock", () => {
  const measurements = fc.array(
    fc.record({
      gapMs: fc.nat(60_000),
      requestMs: fc.nat(40),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    {
      minLength: 1,
      maxLength: 20,
    },
  );

  it('never excludes the true one, and narrows no interval past the true moment', () => {
    fc.assert(
      fc.property(
        measurements,
        fc.integer({ min: -100_000, max: 100_000 }),
        fc.nat(10_000),
        (measured, trueMs, writtenMs) => {
          let offset: ClockOffset | undefined;
          let nowMs = 1_000_000;
          for (const { gapMs, requestMs, share } of measured) {
            nowMs += gapMs;
            const stamp = { atMs: Math.floor(nowMs + requestMs * share + trueMs), epoch: 1n };
            offset = measureOffset(offset, stamp, nowMs, nowMs + requestMs);
            expect(offset?.leastMs).toBeLessThanOrEqual(trueMs);
            expect(offset?.mostMs).toBeGreaterThanOrEqual(trueMs);
          }
          const wide: Interval = { earliestMs: -Infinity, latestMs: nowMs + 20_000 };
          const narrowed = narrow(wide, { atMs: nowMs + writtenMs + trueMs, epoch: 1n }, offset);
          expect(narrowed.earliestMs).toBeLessThanOrEqual(nowMs + writtenMs);
          expect(narrowed.latestMs).toBeGreaterThanOrEqual(nowMs + writtenMs);
          expect(narrowed.latestMs - narrowed.earliestMs).toBeLessThan(100);
        },
      ),
    );
  });

  it('gets sharper with every measurement that agrees', () => {
    const first = measureOffset(undefined, { atMs: 1_000, epoch: 1n }, 1_000, 1_100);
    const second = measureOffset(first, { atMs: 1_200, epoch: 1n }, 1_120, 1_200);
    expect(first).toMatchObject({ leastMs: -101, mostMs: 1 });
    expect(second).toMatchObject({ leastMs: -1 });
    expect(second?.mostMs).toBeCloseTo(1.05);
  });

  it('forgets what it knew when a new measurement contradicts it, as after a jump of either clock', () => {
    const before = measureOffset(undefined, { atMs: 1_000, epoch: 1n }, 1_000, 1_010);
    const after = measureOffset(before, { atMs: 3_601_100, epoch: 1n }, 1_100, 1_110);
    expect(after).toMatchObject({ leastMs: 3_599_989, mostMs: 3_600_001 });
  });

  it("learns nothing from a request during which the daemon's own clock went back", () => {
    const known = measureOffset(undefined, { atMs: 1_000, epoch: 1n }, 1_000, 1_010);
    expect(measureOffset(known, { atMs: 1_100, epoch: 1n }, 1_100, 500)).toBe(known);
    expect(measureOffset(undefined, { atMs: 1_100, epoch: 1n }, 1_100, 500)).toBeUndefined();
  });

  it('counts only under the leader under which it was measured', () => {
    const interval: Interval = { earliestMs: 0, latestMs: 5_000 };
    const first = measureOffset(undefined, { atMs: 1_000, epoch: 1n }, 1_000, 1_010);
    expect(narrow(interval, { atMs: 2_000, epoch: 2n }, first)).toBe(interval);
    expect(narrow(interval, { atMs: 2_000, epoch: 1n }, undefined)).toBe(interval);
    const second = measureOffset(first, { atMs: 1_100, epoch: 2n }, 1_000, 1_200);
    expect(second).toMatchObject({ epoch: 2n, leastMs: -101, mostMs: 101 });
  });

  it("leaves an interval as it was when the stamp can't be true", () => {
    const offset = measureOffset(undefined, { atMs: 1_000, epoch: 1n }, 1_000, 1_010);
    const interval: Interval = { earliestMs: 1_000, latestMs: 2_000 };
    expect(narrow(interval, { atMs: 9_000, epoch: 1n }, offset)).toBe(interval);
    expect(narrow(interval, { atMs: 100, epoch: 1n }, offset)).toBe(interval);
  });

  it('tells less and less as it ages', () => {
    const offset = measureOffset(undefined, { atMs: 0, epoch: 1n }, 0, 0);
    const at = (atMs: number) =>
      narrow({ earliestMs: -Infinity, latestMs: Infinity }, { atMs, epoch: 1n }, offset);
    const width = ({ earliestMs, latestMs }: Interval) => latestMs - earliestMs;
    expect(width(at(1_000))).toBeLessThan(4);
    expect(width(at(24 * 3_600_000))).toBeGreaterThan(60_000);
  });
});

import { describe, expect, it } from 'vitest';
import type { CutoverEvidence, GateOptions } from '../../../src/core/cutover-gates.js';
import { missingFor, switchOff } from '../../../src/core/cutover-gates.js';

const DAY_MS = 24 * 3_600_000;
const NOW_MS = 100 * DAY_MS;
const OPTIONS: GateOptions = { nowMs: NOW_MS, quietForMs: DAY_MS, despiteWriters: false };
const WELL: CutoverEvidence = {
  inSync: true,
  holds: 0,
  openConflicts: 0,
  equal: true,
  drifted: 0,
  leftChangedAtMs: NOW_MS - 8 * DAY_MS,
  countedSinceMs: NOW_MS - 30 * DAY_MS,
  watchers: 0,
};

describe('a step forwards', () => {
  it.each(['right-leads', 'left-mirror'] as const)('to %s may be taken when all is well', (step) => {
    expect(missingFor(step, WELL, OPTIONS)).toEqual([]);
  });

  it.each([
    ['not-in-sync', { inSync: false }],
    ['held', { holds: 1 }],
    ['open-conflicts', { openConflicts: 2 }],
    ['different', { equal: false }],
    ['not-compared', { equal: undefined }],
  ] as const)('is refused as %s, for whatever step, also despite writers', (missing, change) => {
    for (const step of ['right-leads', 'left-mirror'] as const) {
      for (const despiteWriters of [false, true]) {
        expect(missingFor(step, { ...WELL, ...change }, { ...OPTIONS, despiteWriters })).toEqual([missing]);
      }
    }
  });

  it('names everything that is missing at once', () => {
    const nothing = { inSync: false, holds: 3, openConflicts: 1, equal: false, leftChangedAtMs: NOW_MS };
    expect(missingFor('left-mirror', { ...WELL, ...nothing }, OPTIONS)).toEqual([
      ...['not-in-sync', 'held', 'open-conflicts', 'different', 'writers'],
    ]);
  });
});

describe('the last step', () => {
  it.each([
    [DAY_MS - 1, ['writers']],
    [DAY_MS, []],
  ])('with a change of the left side %d ms ago misses %j', (ageMs, missing) => {
    const evidence = { ...WELL, leftChangedAtMs: NOW_MS - ageMs };
    expect(missingFor('left-mirror', evidence, OPTIONS)).toEqual(missing);
    expect(missingFor('right-leads', evidence, OPTIONS)).toEqual([]);
  });

  it('takes nobody being seen for nothing where nobody looked for so long', () => {
    for (const countedSinceMs of [undefined, NOW_MS - DAY_MS + 1]) {
      const evidence = { ...WELL, leftChangedAtMs: undefined, countedSinceMs };
      expect(missingFor('left-mirror', evidence, OPTIONS)).toEqual(['not-watched-long-enough']);
    }
  });

  it('goes on all the same where an operator says so, or asks for no time of quiet', () => {
    const evidence = { ...WELL, leftChangedAtMs: NOW_MS, countedSinceMs: undefined };
    expect(missingFor('left-mirror', evidence, { ...OPTIONS, despiteWriters: true })).toEqual([]);
    expect(missingFor('left-mirror', evidence, { ...OPTIONS, quietForMs: 0 })).toEqual([]);
  });
});

describe('a step back to both', () => {
  it('needs nothing: it is the way out', () => {
    const bad = { ...WELL, inSync: false, holds: 3, equal: false };
    expect(missingFor('both', bad, OPTIONS)).toEqual([]);
  });
});

describe('switching the left store off', () => {
  it('is possible a week after the last change, when nobody watches', () => {
    expect(switchOff('left-mirror', WELL, NOW_MS)).toEqual({ needed: [], isCertain: true });
  });

  it('is only as far as is known where the store does not tell who watches', () => {
    expect(switchOff('left-mirror', { ...WELL, watchers: undefined }, NOW_MS)).toEqual({
      needed: [],
      isCertain: false,
    });
  });

  it.each([
    ['drift', { drifted: 1 }],
    ['writers', { leftChangedAtMs: NOW_MS - 6 * DAY_MS }],
    ['too-early', { leftChangedAtMs: undefined, countedSinceMs: NOW_MS - 6 * DAY_MS }],
    ['watchers', { watchers: 2 }],
    ['not-in-sync', { inSync: false }],
  ] as const)('has to wait for %s', (needed, change) => {
    expect(switchOff('left-mirror', { ...WELL, ...change }, NOW_MS).needed).toEqual([needed]);
  });

  it.each(['both', 'right-leads', undefined] as const)('has to wait for the last step at %s', (step) => {
    expect(switchOff(step, WELL, NOW_MS).needed).toEqual(['not-last-step']);
  });
});

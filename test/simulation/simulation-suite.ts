import { describe, expect, it } from 'vitest';
import { MAPPINGS, runSeeds, seedsBetween } from './run-seeds.js';

/** How many seeds one test runs: enough for it to take about a second. */
const SEEDS_IN_TEST = 50;

/** Declares tests of these seeds; each test file takes a part of all, so that they run on several cores. */
export function simulateSeeds(first: number, last: number): void {
  describe('a daemon among everything that may go wrong', () => {
    for (let from = first; from <= last; from += SEEDS_IN_TEST) {
      const to = Math.min(last, from + SEEDS_IN_TEST - 1);
      it(`keeps every promise with seeds ${from} to ${to} (S1, S2, S3, S4, S5, S6, S7, S8, S9, L1, L3)`, async () => {
        const { failures } = await runSeeds(MAPPINGS, seedsBetween(from, to), 1);
        expect(failures.map(({ text }) => text).join('\n\n')).toBe('');
      });
    }
  });
}

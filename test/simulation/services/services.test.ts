import { describe, expect, it } from 'vitest';
import { allServicesRegressions } from '../regressions.js';
import { runSeeds, seedsBetween, SERVICES } from '../run-seeds.js';
import { generatePlan } from './generate-plan.js';
import { runPlan } from './run-plan.js';

/** A seed takes half a second: `npm run simulate -- --services` is for more of them. */
const SEEDS = 40;
const SEEDS_IN_TEST = 10;

describe('services between two stores, among everything that may go wrong', () => {
  for (let from = 1; from <= SEEDS; from += SEEDS_IN_TEST) {
    const to = from + SEEDS_IN_TEST - 1;
    it(`keep every promise with seeds ${from} to ${to} (S2, S3, S4, S5, S7, S8, S9, L1, L3)`, async () => {
      const { failures } = await runSeeds(SERVICES, seedsBetween(from, to), 1);
      expect(failures.map(({ text }) => text).join('\n\n')).toBe('');
    });
  }

  it('do the same every time from one seed', async () => {
    for (let seed = 1; seed <= 3; seed++) {
      const [first, second] = [await runPlan(generatePlan(seed)), await runPlan(generatePlan(seed))];
      expect(second.fingerprint, `seed ${seed}`).toBe(first.fingerprint);
      expect(second.figures).toEqual(first.figures);
    }
  });

  it.each(allServicesRegressions())('no longer: $found', async ({ plan }) => {
    expect((await runPlan(plan)).violations).toEqual([]);
  });
});

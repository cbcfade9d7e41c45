import { describe, expect, it } from 'vitest';
import { generatePlan } from './generate-plan.js';
import { planText } from './report.js';
import { allRegressions } from './regressions.js';
import { runPlan } from './run-plan.js';
import { shrinkPlan } from './shrink-plan.js';

describe('the simulation', () => {
  it('does the same every time from one seed', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const [first, second] = [await runPlan(generatePlan(seed)), await runPlan(generatePlan(seed))];
      expect(second.fingerprint, `seed ${seed}`).toBe(first.fingerprint);
      expect(second.figures).toEqual(first.figures);
    }
  });

  it('makes other plans from other seeds, which can be written down and read again', () => {
    const plans = new Set(Array.from({ length: 100 }, (_, seed) => planText(generatePlan(seed))));
    expect(plans.size).toBe(100);
    expect(JSON.parse(planText(generatePlan(7)))).toEqual(generatePlan(7));
  });

  it('leaves out of a failing plan what it does not fail for', async () => {
    const plan = generatePlan(3);
    const [needed, also] = [plan.steps[4], plan.steps.at(-3)];
    const smallest = await shrinkPlan(plan, ({ steps }) => {
      const has = (act: unknown): boolean => steps.some((step) => step.act === act);
      return Promise.resolve(has(needed?.act) && has(also?.act));
    });
    expect(smallest.steps.map(({ act }) => act)).toEqual([needed?.act, also?.act]);
  });

  it.each(allRegressions())('no longer: $found', async ({ plan }) => {
    expect((await runPlan(plan)).violations).toEqual([]);
  });
});

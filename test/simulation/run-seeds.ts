import type { Figures } from './figures.js';
import { addFigures, NO_FIGURES } from './figures.js';
import { generatePlan } from './generate-plan.js';
import type { RunResult } from './run-plan.js';
import { runPlan } from './run-plan.js';
import { failureText } from './report.js';
import { shrinkPlan } from './shrink-plan.js';

export interface SeedsResult {
  readonly figures: Figures;
  readonly failures: readonly SeedFailure[];
}

export interface SeedFailure {
  readonly seed: number;
  /** The checkers that found something. */
  readonly checkers: readonly string[];
  /** All that there is to say of it. */
  readonly text: string;
}

/** Runs seeds one after the other, until so many have failed. */
export async function runSeeds(seeds: Iterable<number>, failuresMax: number): Promise<SeedsResult> {
  const failures: SeedFailure[] = [];
  let figures = NO_FIGURES;
  for (const seed of seeds) {
    const result = await runPlan(generatePlan(seed));
    figures = addFigures(figures, result.figures);
    if (result.violations.length === 0) continue;
    failures.push(await explain(result));
    if (failures.length >= failuresMax) break;
  }
  return { figures, failures };
}

/** With the smallest plan that breaks the same promise. */
export async function explain(failed: RunResult): Promise<SeedFailure> {
  const checkers = [...new Set(failed.violations.map(({ checker }) => checker))];
  const [first] = checkers;
  const smallest = await shrinkPlan(failed.plan, async (plan) => {
    const { violations } = await runPlan(plan);
    return violations.some(({ checker }) => checker === first);
  });
  const again = await runPlan(smallest);
  const text = failureText({ ...again, plan: failed.plan }, smallest);
  return { seed: failed.plan.seed, checkers, text };
}

export function* seedsBetween(first: number, last: number): Generator<number> {
  for (let seed = first; seed <= last; seed++) yield seed;
}

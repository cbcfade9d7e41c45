import type { Figures } from './figures.js';
import { addFigures, NO_FIGURES } from './figures.js';
import { generatePlan } from './generate-plan.js';
import { runPlan } from './run-plan.js';
import { failureText } from './report.js';
import { generatePlan as generateServicesPlan } from './services/generate-plan.js';
import { runPlan as runServicesPlan } from './services/run-plan.js';
import type { AnyPlan, Failed } from './shrink-plan.js';
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

/** A kind of plans, and how they are run. */
export interface Simulation<P extends AnyPlan> {
  /** How one of its seeds is replayed. */
  readonly option: string;
  readonly generatePlan: (seed: number) => P;
  readonly runPlan: (
    plan: P,
    options?: { keepsTrace?: boolean },
  ) => Promise<Failed<P> & { figures: Figures; fingerprint: string; trace: readonly string[] }>;
}

export const MAPPINGS = { option: '--seed', generatePlan, runPlan };
export const SERVICES = {
  option: '--services --seed',
  generatePlan: generateServicesPlan,
  runPlan: runServicesPlan,
};

/** Runs seeds one after the other, until so many have failed. */
export async function runSeeds<P extends AnyPlan>(
  simulation: Simulation<P>,
  seeds: Iterable<number>,
  failuresMax: number,
): Promise<SeedsResult> {
  const failures: SeedFailure[] = [];
  let figures = NO_FIGURES;
  for (const seed of seeds) {
    const result = await simulation.runPlan(simulation.generatePlan(seed));
    figures = addFigures(figures, result.figures);
    if (result.violations.length === 0) continue;
    failures.push(await explain(simulation, result));
    if (failures.length >= failuresMax) break;
  }
  return { figures, failures };
}

/** With the smallest plan that breaks the same promise. */
export async function explain<P extends AnyPlan>(
  simulation: Simulation<P>,
  failed: Failed<P>,
): Promise<SeedFailure> {
  const checkers = [...new Set(failed.violations.map(({ checker }) => checker))];
  const [first] = checkers;
  const smallest = await shrinkPlan(failed.plan, async (plan) => {
    const { violations } = await simulation.runPlan(plan);
    return violations.some(({ checker }) => checker === first);
  });
  const again = await simulation.runPlan(smallest);
  const text = failureText({ ...again, plan: failed.plan }, smallest, simulation.option);
  return { seed: failed.plan.seed, checkers, text };
}

export function* seedsBetween(first: number, last: number): Generator<number> {
  for (let seed = first; seed <= last; seed++) yield seed;
}

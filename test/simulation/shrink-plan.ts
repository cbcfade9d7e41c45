import type { Violation } from '../kit/history/history.js';

/** What a plan of any kind of simulation has. */
export interface AnyPlan {
  readonly seed: number;
  readonly setup: unknown;
  readonly steps: readonly AnyStep[];
}

/** A run of which something was broken. */
export interface Failed<P extends AnyPlan> {
  readonly plan: P;
  readonly violations: readonly Violation[];
}

interface AnyStep {
  readonly afterMs: number;
  readonly act: unknown;
}

/** How many runs a plan may take to be made smaller. */
const RUNS_MAX = 400;

/**
 * Makes a failing plan smaller by leaving steps out, as long as it still fails: first halves, then ever smaller parts
 * (Zeller's ddmin). What is left out takes its wait with it, unless the wait turns out to matter.
 */
export async function shrinkPlan<P extends AnyPlan>(
  plan: P,
  fails: (plan: P) => Promise<boolean>,
): Promise<P> {
  let runs = 0;
  let smallest = plan;
  const tryInstead = async (steps: readonly AnyStep[]): Promise<boolean> => {
    if (++runs > RUNS_MAX) return false;
    const candidate = { ...plan, steps };
    if (!(await fails(candidate))) return false;
    smallest = candidate;
    return true;
  };
  for (let size = Math.ceil(plan.steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < smallest.steps.length;) {
      const { steps } = smallest;
      const isGone =
        (await tryInstead(steps.toSpliced(from, size))) || (await tryInstead(merged(steps, from, size)));
      if (!isGone) from += size;
    }
  }
  return smallest;
}

/** Without these steps, but with their waits. */
function merged(steps: readonly AnyStep[], from: number, count: number): readonly AnyStep[] {
  const waitMs = steps.slice(from, from + count).reduce((sum, { afterMs }) => sum + afterMs, 0);
  const rest = steps.toSpliced(from, count);
  const next = rest[from];
  return next === undefined ? rest : rest.with(from, { ...next, afterMs: next.afterMs + waitMs });
}

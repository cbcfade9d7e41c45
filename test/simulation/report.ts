import type { Figures } from './figures.js';
import type { AnyPlan, Failed } from './shrink-plan.js';

const VIOLATIONS_SHOWN = 10;

/** A failed run for whoever has to find out why: what was broken, the shortest plan that breaks it, how to replay it. */
export function failureText(failed: Failed<AnyPlan>, smallest: AnyPlan, option = '--seed'): string {
  const { plan, violations } = failed;
  const lines = [
    `seed ${plan.seed} breaks ${[...new Set(violations.map(({ checker }) => checker))].join(', ')}:`,
    ...violations.slice(0, VIOLATIONS_SHOWN).map(({ checker, key, explanation }) => {
      return `  ${checker}${key === undefined ? '' : ` at ${JSON.stringify(key)}`}: ${explanation}`;
    }),
    `replay it with: npm run simulate -- ${option} ${plan.seed}`,
    `${smallest.steps.length} of its ${plan.steps.length} steps are enough:`,
    planText(smallest),
  ];
  return lines.join('\n');
}

/** A plan as it may be kept among the regressions: JSON with a line for each step. */
export function planText({ seed, setup, steps }: AnyPlan): string {
  const shown = steps.map((step) => `    ${JSON.stringify(step)}`).join(',\n');
  return `{\n  "seed": ${seed},\n  "setup": ${JSON.stringify(setup)},\n  "steps": [\n${shown}\n  ]\n}`;
}

export function figuresText(figures: Figures, failures: number, seconds: number): string {
  const counts = (of: Readonly<Record<string, number>>): string =>
    Object.entries(of)
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  const { runs, virtualHours } = figures;
  return [
    `${runs} seeds in ${seconds.toFixed(0)} s, ${failures} failed; ${virtualHours.toFixed(0)} hours of simulated time`,
    `${figures.steps} steps, ${figures.clientWrites} writes of clients, ${figures.daemonWrites} of daemons, ` +
      `${figures.requests} requests, ${figures.conflicts} conflicts, ${figures.lives} starts of daemons`,
    `what struck: ${counts(figures.faults)}`,
    `holds that a person had to answer in the end: ${counts(figures.holds)}`,
  ].join('\n');
}

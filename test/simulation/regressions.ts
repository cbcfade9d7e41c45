import { readdirSync, readFileSync } from 'node:fs';
import type { Plan } from './plan.js';

/** A plan that once broke a promise, with what was wrong. */
export interface Regression {
  readonly found: string;
  readonly plan: Plan;
}

const FOLDER = new URL('regressions/', import.meta.url);

/** Plans, and not seeds: what a seed means changes whenever the generator does. */
export function allRegressions(): readonly Regression[] {
  return readdirSync(FOLDER).map((name) => readRegression(new URL(name, FOLDER)));
}

export function readRegression(file: URL | string): Regression {
  return JSON.parse(readFileSync(file, 'utf8')) as Regression;
}

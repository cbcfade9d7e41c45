import { readdirSync, readFileSync } from 'node:fs';
import type { Plan } from './plan.js';
import type { ServicesPlan } from './services/plan.js';

/** A plan that once broke a promise, with what was wrong. */
export interface Regression<P = Plan> {
  readonly found: string;
  readonly plan: P;
}

const FOLDER = new URL('regressions/', import.meta.url);
const SERVICES_FOLDER = new URL('services/regressions/', import.meta.url);

/** Plans, and not seeds: what a seed means changes whenever the generator does. */
export function allRegressions(): readonly Regression[] {
  return readdirSync(FOLDER).map((name) => readRegression(new URL(name, FOLDER)));
}

export function allServicesRegressions(): readonly Regression<ServicesPlan>[] {
  return readdirSync(SERVICES_FOLDER).map((name) => readServicesRegression(new URL(name, SERVICES_FOLDER)));
}

export function readServicesRegression(file: URL | string): Regression<ServicesPlan> {
  return JSON.parse(readFileSync(file, 'utf8')) as Regression<ServicesPlan>;
}

export function readRegression(file: URL | string): Regression {
  return JSON.parse(readFileSync(file, 'utf8')) as Regression;
}

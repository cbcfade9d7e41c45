import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Violation } from '../../kit/history/history.js';
import type { PlantedBug } from './planted-bugs.js';

const ROOT = new URL('../../../', import.meta.url);
/** All that the simulation is made of. */
const COPIED = ['src', 'test/kit', 'test/simulation'];

/** Of plans of some kind, that can be about something. */
export interface FocusedSimulation<F, P> {
  readonly generatePlan: (seed: number, focus?: F) => P;
  readonly runPlan: (plan: P) => Promise<{ readonly violations: readonly Violation[] }>;
}

type Planted = Pick<PlantedBug, 'name' | 'file' | 'before' | 'after'>;

/**
 * Loads a copy of the simulation, with the bug in it.
 * @param folder where the copy is put, below the project's cache
 * @param kind where the plans are made and run, below the folder of simulations
 * @throws Error when what the bug replaces is not found exactly once: the list has to follow the code
 */
export async function plant<F, P>(
  bug: Planted,
  folder: string,
  kind: '' | 'services/' = '',
): Promise<FocusedSimulation<F, P> & { remove: () => void }> {
  const copy = new URL(`.cache/planted-bugs/${folder}/`, ROOT);
  const remove = (): void => rmSync(copy, { recursive: true, force: true });
  remove();
  for (const part of COPIED) {
    mkdirSync(new URL(`${part}/`, copy), { recursive: true });
    cpSync(new URL(`${part}/`, ROOT), new URL(`${part}/`, copy), { recursive: true });
  }
  const file = new URL(bug.file, copy);
  const source = readFileSync(file, 'utf8');
  const occurrences = source.split(bug.before).length - 1;
  if (occurrences !== 1) {
    remove();
    throw new Error(`"${bug.name}" can't be planted: ${bug.file} has its place ${occurrences} times`);
  }
  writeFileSync(
    file,
    source.replace(bug.before, () => bug.after),
  );
  const load = async <T>(name: string): Promise<T> =>
    (await import(/* @vite-ignore */ pathOf(new URL(`test/simulation/${name}.ts`, copy)))) as T;
  return {
    ...(await load<Pick<FocusedSimulation<F, P>, 'generatePlan'>>(`${kind}generate-plan`)),
    ...(await load<Pick<FocusedSimulation<F, P>, 'runPlan'>>(`${kind}run-plan`)),
    remove,
  };
}

/** What a simulation finds first in so many seeds, and in which; undefined when that is nothing. */
export async function firstRed<F, P>(
  { generatePlan, runPlan }: FocusedSimulation<F, P>,
  { focus, seedsMax }: Pick<PlantedBug<F>, 'focus' | 'seedsMax'>,
): Promise<{ seed: number; checkers: readonly string[] } | undefined> {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { violations } = await runPlan(generatePlan(seed, focus));
    if (violations.length > 0) return { seed, checkers: violations.map(({ checker }) => checker) };
  }
  return undefined;
}

function pathOf(url: URL): string {
  return pathToFileURL(fileURLToPath(url)).href;
}

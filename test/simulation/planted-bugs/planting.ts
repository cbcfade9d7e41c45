import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { generatePlan } from '../generate-plan.js';
import type { runPlan } from '../run-plan.js';
import type { PlantedBug } from './planted-bugs.js';

const ROOT = new URL('../../../', import.meta.url);
/** All that the simulation is made of. */
const COPIED = ['src', 'test/kit', 'test/simulation'];

export interface Simulation {
  readonly generatePlan: typeof generatePlan;
  readonly runPlan: typeof runPlan;
}

/**
 * Loads a copy of the simulation, with the bug in it.
 * @param folder where the copy is put, below the project's cache
 * @throws Error when what the bug replaces is not found exactly once: the list has to follow the code
 */
export async function plant(bug: PlantedBug, folder: string): Promise<Simulation & { remove: () => void }> {
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
    ...(await load<Pick<Simulation, 'generatePlan'>>('generate-plan')),
    ...(await load<Pick<Simulation, 'runPlan'>>('run-plan')),
    remove,
  };
}

/** What a simulation finds first in so many seeds, and in which; undefined when that is nothing. */
export async function firstRed(
  { generatePlan, runPlan }: Simulation,
  { focus, seedsMax }: PlantedBug,
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

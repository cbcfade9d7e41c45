import { mkdir, writeFile } from 'node:fs/promises';
import { arch, availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Result } from './run-scenario.js';

const FOLDER = fileURLToPath(new URL('../../.cache/bench/', import.meta.url));

/** What a figure depends on besides the code. */
export interface Conditions {
  readonly date: string;
  readonly machine: string;
  readonly node: string;
}

export function conditions(): Conditions {
  const [processor] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const model = processor === undefined ? arch() : processor.model.trim();
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${availableParallelism()} cores of ${model}, ${memory} GiB`,
    node: process.version,
  };
}

/** @returns the file */
export async function writeResults(result: Result): Promise<string> {
  await mkdir(FOLDER, { recursive: true });
  const file = join(FOLDER, `${result.scenario}-${result.entries}-${result.shape}.json`);
  await writeFile(file, `${JSON.stringify({ ...conditions(), ...result }, undefined, 2)}\n`);
  return file;
}

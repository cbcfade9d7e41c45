import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { arch, availableParallelism, cpus, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Result } from './run-scenario.js';

const FOLDER = fileURLToPath(new URL('../../.cache/bench/', import.meta.url));

/** What a figure depends on besides the code. */
export interface Conditions {
  readonly date: string;
  readonly machine: string;
  readonly node: string;
}

/** A result as it is written down. */
export interface KeptResult extends Conditions, Result {}

function conditions(): Conditions {
  const [processor] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const model = processor === undefined ? arch() : processor.model.trim();
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${availableParallelism()} cores of ${model}, ${memory} GiB`,
    node: process.version,
  };
}

/** Results that the documentation is made from, by `npm run generate`. */
const KEPT = fileURLToPath(new URL('../../docs/performance/', import.meta.url));

/** Keeps a result for the documentation. */
export async function keepResult(file: string): Promise<string> {
  await mkdir(KEPT, { recursive: true });
  const kept = join(KEPT, basename(file));
  await copyFile(file, kept);
  return kept;
}

/** @returns the file */
export async function writeResults(result: Result): Promise<string> {
  await mkdir(FOLDER, { recursive: true });
  const file = join(FOLDER, `${result.scenario}-${result.entries}-${result.shape}.json`);
  await writeFile(file, `${JSON.stringify({ ...conditions(), ...result }, undefined, 2)}\n`);
  return file;
}

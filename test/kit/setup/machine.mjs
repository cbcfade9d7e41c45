// What the kit knows about this machine: where the checkout keeps its cache, and how to say what it is doing.
import { existsSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
export const CACHE = join(ROOT, '.cache');
export const SERVERS = join(CACHE, 'servers');

export class SetupError extends Error {}

/** One visible progress line. */
export function say(text) {
  process.stdout.write(`setup: ${text}\n`);
}

/** The first executable of this name on PATH. */
export function onPath(command) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => resolve(folder, command))
    .find((file) => existsSync(file));
}

export function seconds(sinceMs) {
  return `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`;
}

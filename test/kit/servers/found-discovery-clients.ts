import { readdirSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { readFound, UNPACKED, zooKeeperClassPath } from './found-servers.js';
import type { FoundProgram } from './found-tools.js';

/** What Apache Curator's service discovery runs with, ZooKeeper's client included. */
export function curatorClassPath(): string {
  const { curator } = readFound();
  if (curator === undefined) throw missing('Apache Curator');
  return [...curator.map((jar) => resolve(UNPACKED, jar)), zooKeeperClassPath('3.8')].join(delimiter);
}

export function dig(): FoundProgram {
  const place = readFound().dig;
  if (place === undefined) throw missing('dig');
  const program = resolve(UNPACKED, place);
  const folder = join(UNPACKED, 'dig');
  if (!program.startsWith(`${folder}/`)) return { program, environment: {} };
  const libraries = ['usr/lib', 'lib'].flatMap((lib) => architectures(join(folder, lib)));
  return { program, environment: { LD_LIBRARY_PATH: libraries.join(':') } };
}

function missing(what: string): Error {
  return new Error(`This test needs ${what}: run \`npm run setup\`, which says how to get it.`);
}

/** Such as `x86_64-linux-gnu`. */
function architectures(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => /-linux-gnu/.test(name));
  return names.map((name) => join(folder, name));
}

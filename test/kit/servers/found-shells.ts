import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readFound, UNPACKED } from './found-servers.js';

export interface FoundShell {
  readonly program: string;
  /** The root of what it was unpacked with; undefined where it is installed, and finds its files itself. */
  readonly unpackedIn: string | undefined;
  /** Folders of the libraries that were unpacked with it. */
  readonly libraries: readonly string[];
}

export function zsh(): FoundShell {
  return shell('zsh');
}

export function fish(): FoundShell {
  return shell('fish');
}

function shell(name: 'zsh' | 'fish'): FoundShell {
  const place = readFound()[name];
  if (place === undefined)
    throw new Error(`This test needs ${name}: run \`npm run setup\`, which says how to get it.`);
  const program = resolve(UNPACKED, place);
  const folder = join(UNPACKED, name);
  if (!program.startsWith(`${folder}/`)) return { program, unpackedIn: undefined, libraries: [] };
  return { program, unpackedIn: folder, libraries: architectures(join(folder, 'usr/lib')) };
}

/** Such as `x86_64-linux-gnu`. */
function architectures(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => /-linux-gnu/.test(name));
  return names.map((name) => join(folder, name));
}

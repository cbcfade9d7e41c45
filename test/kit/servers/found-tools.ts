import { readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { readFound, UNPACKED } from './found-servers.js';

/** A program, and the variables that it needs where it was unpacked and not installed. */
export interface FoundProgram {
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
}

export function promtool(): string {
  return one('prometheus', 'promtool');
}

export function prometheusBinary(): string {
  return one('prometheus', 'prometheus');
}

export function kubectl(): string {
  return one('kubectl', 'kubectl');
}

export function systemdAnalyze(): FoundProgram {
  const program = one('systemd', 'systemd-analyze');
  const units = join(UNPACKED, 'systemd/lib/systemd/system');
  const environment: Record<string, string> = isUnpacked(program) ? { SYSTEMD_UNIT_PATH: units } : {};
  return { program, environment: { ...environment, ...libraryPath(program) } };
}

export function systemdNotify(): FoundProgram {
  const program = one('systemd', 'systemd-notify');
  return { program, environment: libraryPath(program) };
}

function isUnpacked(program: string): boolean {
  return program.startsWith(UNPACKED);
}

/** The folders of the libraries that were unpacked beside it. */
function libraryPath(program: string): Record<string, string> {
  if (!isUnpacked(program)) return {};
  const folder = join(UNPACKED, 'systemd');
  const roots = ['usr/lib', 'lib'].flatMap((lib) => subfoldersOf(join(folder, lib)));
  const architectures = roots.filter((root) => /-linux-gnu/.test(basename(root)));
  return { LD_LIBRARY_PATH: architectures.flatMap((root) => [join(root, 'systemd'), root]).join(':') };
}

function subfoldersOf(folder: string): string[] {
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isDirectory());
}

function one(need: 'prometheus' | 'kubectl' | 'systemd', name: string): string {
  const found = readFound()[need];
  const place = [found ?? []].flat().find((path) => basename(path) === name);
  if (place === undefined)
    throw new Error(`This test needs ${name}: run \`npm run setup\`, which says how to get it.`);
  return resolve(UNPACKED, place);
}

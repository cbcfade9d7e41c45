import { InvalidArgumentError } from 'commander';
import type { ExitCode } from './exit-code.js';
import type { Surroundings } from './terminal.js';
import { Terminal } from './terminal.js';

/** The options that every command takes. */
export interface CommonOptions {
  readonly config?: string;
  /** False with `--no-color`. */
  readonly color: boolean;
}

/** What the commands are given, and where they leave their exit code. */
export interface Setting {
  readonly surroundings: Surroundings;
  readonly finish: (code: ExitCode) => void;
}

export const LISTED_DEFAULT = 50;

export function terminalOf(surroundings: Surroundings, { color }: CommonOptions): Terminal {
  return new Terminal(surroundings, { color });
}

/** The option of every command that asks a daemon. */
export const ADMIN_OPTION = [
  '--admin <url>',
  "the daemon's address; else admin.listen of the configuration",
] as const;

/** Where the token of a daemon on another machine is looked for. */
export const TOKEN_VARIABLE = 'ZK_CONSUL_SYNC_ADMIN_TOKEN';

export function parseCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It has to be a whole number.');
}

/** For below a command's help. */
export function examples(...lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map((line) => `  zk-consul-sync ${line}`)].join('\n');
}

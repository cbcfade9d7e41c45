import type { Command } from 'commander';
import { createProgram } from '../../../src/cli/command-line.js';
import type { Surroundings } from '../../../src/cli/terminal.js';

const NOWHERE: Surroundings = {
  stdout: { write: () => undefined },
  stderr: { write: () => undefined },
  stdin: { isTTY: false, readLine: async () => undefined },
  environment: {},
  interrupted: () => new AbortController().signal,
};

/** Every command that does something, as the command line has it: `run`, ..., `conflicts list`, ... */
export function commandPaths(): string[] {
  const below = ({ commands }: Command): string[] =>
    commands.flatMap((command) => {
      const inner = below(command);
      return inner.length === 0 ? [command.name()] : inner.map((path) => `${command.name()} ${path}`);
    });
  return below(createProgram(NOWHERE, () => undefined));
}

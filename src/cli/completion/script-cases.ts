import type { CompletedCommand } from './completion-tree.js';

/** Branches of a shell's `case`, one a line: pattern and what to do. */
export function scriptCases(
  commands: readonly CompletedCommand[],
  cases: (command: CompletedCommand) => readonly (readonly string[])[],
): string {
  return commands
    .flatMap(cases)
    .map(([pattern = '', body = '']) => `    ${pattern}) ${body} ;;`)
    .join('\n');
}

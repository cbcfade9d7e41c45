import type { Argument, Command, Option } from 'commander';

/** What can be typed at one place of a command line. */
export type Candidates =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'mappings' }
  | { readonly kind: 'files' }
  | { readonly kind: 'anything' };

export interface CompletedOption {
  /** `-c`, `--config`: as they are typed. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Of its value; undefined where it takes none. */
  readonly value: Candidates | undefined;
}

/** One command, or one that only holds others. */
export interface CompletedCommand {
  /** `conflicts show`; empty for the program itself. */
  readonly path: string;
  readonly subcommands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly CompletedOption[];
  /** One after the other; the last one is for all that follow where it is variadic. */
  readonly positions: readonly Candidates[];
  readonly isVariadic: boolean;
}

/** All commands with what can follow each, as the command line itself knows them. */
export function completionTree(program: Command): CompletedCommand[] {
  return commandsBelow(program, '', []);
}

function commandsBelow(command: Command, path: string, inherited: readonly Option[]): CompletedCommand[] {
  const help = command.createHelp();
  const options = [...help.visibleOptions(command), ...inherited];
  const subcommands = help.visibleCommands(command);
  const own: CompletedCommand = {
    path,
    subcommands: subcommands.map((one) => ({
      name: one.name(),
      summary: one.summary() || one.description(),
    })),
    options: options.map(completedOption),
    positions: command.registeredArguments.map(candidatesOf),
    isVariadic: command.registeredArguments.at(-1)?.variadic === true,
  };
  const global = [...inherited, ...command.options];
  const below = command.commands.flatMap((one) =>
    commandsBelow(one, path === '' ? one.name() : `${path} ${one.name()}`, global),
  );
  return [own, ...below];
}

function completedOption(option: Option): CompletedOption {
  const { short, long, description } = option;
  const flags = [short, long].filter((flag) => flag !== undefined);
  const takesValue = option.required || option.optional;
  return { flags, description, value: takesValue ? valueOf(option) : undefined };
}

function valueOf({ long, argChoices, flags }: Option): Candidates {
  if (argChoices !== undefined) return { kind: 'words', words: argChoices };
  if (flags.endsWith('<file>')) return { kind: 'files' };
  return { kind: long === '--mapping' ? 'mappings' : 'anything' };
}

function candidatesOf(argument: Argument): Candidates {
  if (argument.argChoices !== undefined) return { kind: 'words', words: argument.argChoices };
  if (argument.name() === 'file') return { kind: 'files' };
  return { kind: argument.name().startsWith('mapping') ? 'mappings' : 'anything' };
}

import type { Command } from 'commander';
import { Option } from 'commander';
import type { CommonOptions, Setting } from '../command-setting.js';
import { ADMIN_OPTION, examples, LISTED_DEFAULT, parseCount, terminalOf } from '../command-setting.js';
import type { ConflictsResolveOptions, ConflictsShowOptions } from './conflict-commands.js';
import type { ConflictsListOptions } from './conflicts-list.js';

const MAPPING_OPTION = ['--mapping <name>', 'whose conflict, where several have one of this id'] as const;

/** `conflicts list`, `show` and `resolve`. */
export function addConflicts(program: Command, setting: Setting): void {
  const conflicts = program
    .command('conflicts')
    .summary('the conflict journal of a running daemon')
    .description(
      'The conflict journal of a running daemon: what both sides had changed, who won, and both values, so that the ' +
        'loser can be restored. Each mapping numbers its conflicts for itself.',
    )
    .addHelpText(
      'after',
      examples(
        'conflicts list --open',
        'conflicts show config 17',
        'conflicts resolve config 17 --keep consul',
      ),
    );
  addList(conflicts, setting);
  addShow(conflicts, setting);
  addResolve(conflicts, setting);
}

function addList(conflicts: Command, { surroundings, finish }: Setting): void {
  conflicts
    .command('list')
    .summary('what was decided, newest first')
    .description('What was decided, or waits for a decision, newest first, without values.')
    .argument('[mapping]', 'name of a mapping; all without one')
    .option('--open', 'only those that are not settled')
    .option('--limit <count>', 'how many of each mapping are listed', parseCount, LISTED_DEFAULT)
    .option(...ADMIN_OPTION)
    .option('--json', 'print JSON, with all of them')
    .addHelpText('after', examples('conflicts list', "conflicts list config --json | jq '.conflicts[].key'"))
    .action(async (mapping: string | undefined, _options, command: Command) => {
      const { conflictsListCommand } = await import('./conflicts-list.js');
      const options = command.optsWithGlobals<CommonOptions & ConflictsListOptions>();
      const terminal = terminalOf(surroundings, options);
      finish(await conflictsListCommand(terminal, surroundings.environment, mapping, options));
    });
}

function addShow(conflicts: Command, { surroundings, finish }: Setting): void {
  conflicts
    .command('show')
    .summary('one conflict with both values')
    .description(
      'One conflict with both values: texts with what differs between them, line by line, all else as bytes.',
    )
    .usage('[options] [mapping] <id>')
    .argument('<mapping-or-id>', 'name of a mapping, or the id where only one mapping has such a conflict')
    .argument('[id]', 'number of the conflict in its mapping')
    .option(...MAPPING_OPTION)
    .option(...ADMIN_OPTION)
    .option('--json', 'print JSON, with both values in full')
    .addHelpText(
      'after',
      examples(
        'conflicts show config 17',
        'conflicts show 17',
        'conflicts show config 17 --json | jq -r .consul.value.base64 | base64 -d',
      ),
    )
    .action(async (first: string, second: string | undefined, _options, command: Command) => {
      const { conflictsShowCommand } = await import('./conflict-commands.js');
      const options = command.optsWithGlobals<CommonOptions & ConflictsShowOptions>();
      const terminal = terminalOf(surroundings, options);
      const words = wordsOf(first, second);
      finish(await conflictsShowCommand(terminal, surroundings.environment, words, options));
    });
}

function addResolve(conflicts: Command, { surroundings, finish }: Setting): void {
  conflicts
    .command('resolve')
    .summary('writes the value of one side to both')
    .description(
      'Shows both values, and writes the one that is to be kept to both sides: the loser of a conflict is restored, or ' +
        'an open one decided.',
    )
    .usage('[options] [mapping] <id>')
    .argument('<mapping-or-id>', 'name of a mapping, or the id where only one mapping has such a conflict')
    .argument('[id]', 'number of the conflict in its mapping')
    .addOption(
      new Option('--keep <side>', 'whose value is to stand')
        .choices(['zookeeper', 'consul'])
        .makeOptionMandatory(),
    )
    .option(...MAPPING_OPTION)
    .option('-y, --yes', 'do it without a question')
    .option(...ADMIN_OPTION)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('conflicts resolve config 17 --keep consul'))
    .action(async (first: string, second: string | undefined, _options, command: Command) => {
      const { conflictsResolveCommand } = await import('./conflict-commands.js');
      const options = command.optsWithGlobals<CommonOptions & ConflictsResolveOptions>();
      const terminal = terminalOf(surroundings, options);
      const words = wordsOf(first, second);
      finish(await conflictsResolveCommand(terminal, surroundings.environment, words, options));
    });
}

function wordsOf(first: string, second: string | undefined): string[] {
  return second === undefined ? [first] : [first, second];
}

import type { Command } from 'commander';
import { Option } from 'commander';
import type { CommonOptions, Setting } from '../command-setting.js';
import { ADMIN_OPTION, examples, LISTED_DEFAULT, parseCount, terminalOf } from '../command-setting.js';
import type { ApproveOptions } from './approve-command.js';
import type { PauseOptions } from './pause-command.js';
import type { ReleaseOptions } from './release-command.js';
import type { ResyncOptions } from './resync-command.js';

const YES_OPTION = ['-y, --yes', 'do it without a question'] as const;

export function addPause(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('pause')
    .summary('stops all writes of mappings: the emergency stop')
    .description(
      'Has a running daemon stop all writes of mappings, at once and without a question; it goes on looking. Holds over ' +
        'restarts, until it is resumed. With several daemons, ask each.',
    )
    .argument('[mapping...]', 'names of mappings')
    .option('--all', 'every mapping of the daemon')
    .option(...ADMIN_OPTION)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('pause --all', 'pause config services'))
    .action(async (mappings: string[], _options, command: Command) => {
      const { pauseCommand } = await import('./pause-command.js');
      const options = command.optsWithGlobals<CommonOptions & PauseOptions>();
      const terminal = terminalOf(surroundings, options);
      finish(await pauseCommand(terminal, surroundings.environment, mappings, options));
    });
}

export function addResume(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('resume')
    .summary('ends the pause of mappings')
    .description(
      'Ends the pause of mappings of a running daemon: everything is compared again, and what clients changed in the ' +
        'meantime is carried over.',
    )
    .argument('[mapping...]', 'names of mappings')
    .option('--all', 'every mapping of the daemon')
    .option(...YES_OPTION)
    .option(...ADMIN_OPTION)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('resume config', 'resume --all --yes'))
    .action(async (mappings: string[], _options, command: Command) => {
      const { resumeCommand } = await import('./pause-command.js');
      const options = command.optsWithGlobals<CommonOptions & PauseOptions>();
      const terminal = terminalOf(surroundings, options);
      finish(await resumeCommand(terminal, surroundings.environment, mappings, options));
    });
}

export function addApprove(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('approve')
    .summary('lets the deletions and overwrites pass that are held back')
    .description(
      'Shows the deletions and overwrites that a running daemon holds back, and lets exactly these pass. What is held ' +
        'back afterwards stays held.',
    )
    .argument('<mapping>', 'name of a mapping')
    .option('--limit <count>', 'how many are listed, up to 1,000', parseCount, LISTED_DEFAULT)
    .option(...YES_OPTION)
    .option(...ADMIN_OPTION)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('approve config', 'approve config --limit 1000'))
    .action(async (mapping: string, _options, command: Command) => {
      const { approveCommand } = await import('./approve-command.js');
      const options = command.optsWithGlobals<CommonOptions & ApproveOptions>();
      const terminal = terminalOf(surroundings, options);
      finish(await approveCommand(terminal, surroundings.environment, mapping, options));
    });
}

export function addResync(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('resync')
    .summary('ends the hold of a mapping by starting over')
    .description(
      'Shows what starting over would do, and has a running daemon do it: new ledgers, an empty archive, and the named ' +
        'side decides what differs. Deletes nothing; what is overwritten goes to the conflict journal.',
    )
    .argument('<mapping>', 'name of a mapping')
    .addOption(
      new Option('--from <side>', 'whose content stands; merge decides each difference as a conflict')
        .choices(['zookeeper', 'consul', 'merge'])
        .makeOptionMandatory(),
    )
    .option('--limit <count>', 'how many entries of each kind are listed', parseCount, LISTED_DEFAULT)
    .option(...YES_OPTION)
    .option(...ADMIN_OPTION)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('resync config --from zookeeper', 'resync config --from merge'))
    .action(async (mapping: string, _options, command: Command) => {
      const { resyncCommand } = await import('./resync-command.js');
      const options = command.optsWithGlobals<CommonOptions & ResyncOptions>();
      const terminal = terminalOf(surroundings, options);
      finish(await resyncCommand(terminal, surroundings.environment, mapping, options));
    });
}

export function addRelease(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('release')
    .summary('ends the hold of an entry')
    .description(
      'Shows what both sides have of an entry that is held, and has a running daemon write what one side has to the ' +
        'other.',
    )
    .argument('<mapping>', 'name of a mapping')
    .argument('<key>', "the entry's key, relative to what is mapped")
    .addOption(
      new Option('--keep <side>', 'whose content is to stand')
        .choices(['zookeeper', 'consul'])
        .makeOptionMandatory(),
    )
    .option(...YES_OPTION)
    .option(...ADMIN_OPTION)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('release config db/host --keep consul'))
    .action(async (mapping: string, key: string, _options, command: Command) => {
      const { releaseCommand } = await import('./release-command.js');
      const options = command.optsWithGlobals<CommonOptions & ReleaseOptions>();
      const terminal = terminalOf(surroundings, options);
      const entry = { mapping, key };
      finish(await releaseCommand(terminal, surroundings.environment, entry, options));
    });
}

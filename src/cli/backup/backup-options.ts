import type { Command } from 'commander';
import { Option } from 'commander';
import type { CommonOptions, Setting } from '../command-setting.js';
import { examples, LISTED_DEFAULT, parseCount, terminalOf } from '../command-setting.js';
import type { BackupOptions } from './backup-command.js';
import type { RestoreOptions } from './restore-command.js';

export function addBackup(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('backup')
    .summary('keeps all entries of mappings in a file')
    .description(
      'Keeps all entries of mappings, of both sides or of one, in a file of JSON lines that people can read, with ' +
        "Consul's flags and ZooKeeper's ACLs. Needs no daemon and disturbs none. Ends with 1 when something could not " +
        'be read.',
    )
    .argument('<file>', 'where to; - is standard output')
    .argument('[mapping...]', 'names of mappings; all without one')
    .addOption(sideOption('--from <side>', 'reads only this side'))
    .option('--json', 'print what was kept as JSON')
    .addHelpText(
      'after',
      examples('backup before-the-move.jsonl', 'backup - config | gzip > config.jsonl.gz'),
    )
    .action(async (file: string, names: string[], _options, command: Command) => {
      const { backupCommand } = await import('./backup-command.js');
      const options = command.optsWithGlobals<CommonOptions & BackupOptions>();
      const terminal = terminalOf(surroundings, options);
      const signal = surroundings.interrupted();
      finish(await backupCommand(terminal, surroundings.environment, { file, names }, options, signal));
    });
}

export function addRestore(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('restore')
    .summary('makes one side hold what a backup has')
    .description(
      'Makes one side of mappings hold what a backup has, as any client would: a daemon carries it over. Shows first ' +
        'what it would do, and asks. What is there already is left alone, and nothing is deleted unless asked for. ' +
        'Ends with 1 when something is left out, or nothing was done.',
    )
    .argument('<file>', 'a backup')
    .argument('[mapping...]', 'names of mappings; all of the backup without one')
    .addOption(
      sideOption(
        '--to <side>',
        'the side to write to; ZooKeeper, or the source of a one-way mapping, without',
      ),
    )
    .addOption(
      sideOption('--from <side>', 'whose content of the backup; that of the side to write to, without'),
    )
    .option('--delete-others <mapping>', 'deletes what the backup lacks; the name of the mapping makes sure')
    .option('--default-acl', 'makes znodes with zookeeper.acl instead of the ACLs in the backup')
    .option('--dry-run', 'only shows what it would do')
    .option('--yes', 'does not ask')
    .option('--limit <count>', 'how many entries of each kind are listed', parseCount, LISTED_DEFAULT)
    .option('--json', 'print JSON, with all entries')
    .addHelpText(
      'after',
      examples(
        'restore before-the-move.jsonl --dry-run',
        'restore before-the-move.jsonl config --to consul',
        'restore before-the-move.jsonl config --delete-others config',
      ),
    )
    .action(async (file: string, names: string[], _options, command: Command) => {
      const { restoreCommand } = await import('./restore-command.js');
      const options = command.optsWithGlobals<CommonOptions & RestoreOptions>();
      finish(await restoreCommand(terminalOf(surroundings, options), surroundings, { file, names }, options));
    });
}

function sideOption(flags: string, description: string): Option {
  return new Option(flags, description).choices(['zookeeper', 'consul']);
}

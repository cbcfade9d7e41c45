import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { systemClock } from '../daemon/system.js';
import type { AskedOptions } from './admin-client-for.js';
import type { CommonOptions, Setting } from './command-setting.js';
import { ADMIN_OPTION, examples, LISTED_DEFAULT, parseCount, terminalOf } from './command-setting.js';
import type { TrashListOptions } from './trash-commands.js';
import type { TrashRestoreOptions } from './trash-restore.js';

/** `trash list`, `show` and `restore`. */
export function addTrash(program: Command, setting: Setting): void {
  const trash = program
    .command('trash')
    .summary('what a running daemon has deleted, and how it comes back')
    .description(
      'What a running daemon has deleted, because it was deleted on the other side, and how it comes back. Each value is ' +
        'kept before it is deleted, within the bounds of the journal.',
    )
    .addHelpText(
      'after',
      examples(
        'trash list config --since 1h',
        'trash show config 41',
        'trash restore config --folder app/db',
      ),
    );
  addList(trash, setting);
  addShow(trash, setting);
  addRestore(trash, setting);
}

function addList(trash: Command, { surroundings, finish }: Setting): void {
  withFilter(trash.command('list'))
    .summary('what was deleted, newest first')
    .description('What was deleted, newest first, without values.')
    .argument('<mapping>', 'name of a mapping')
    .option('--limit <count>', 'how many are listed', parseCount, LISTED_DEFAULT)
    .option(...ADMIN_OPTION)
    .option('--json', 'print JSON, with all of them')
    .addHelpText(
      'after',
      examples('trash list config', "trash list config --since 1h --json | jq '.trash[].key'"),
    )
    .action(async (mapping: string, _options, command: Command) => {
      const { trashListCommand } = await import('./trash-commands.js');
      const options = command.optsWithGlobals<CommonOptions & TrashListOptions>();
      const terminal = terminalOf(surroundings, options);
      finish(await trashListCommand(terminal, surroundings.environment, mapping, options));
    });
}

function addShow(trash: Command, { surroundings, finish }: Setting): void {
  trash
    .command('show')
    .summary('one deleted value with all that is kept of it')
    .description('One deleted value, with its flags in Consul or its ACL in ZooKeeper.')
    .argument('<mapping>', 'name of a mapping')
    .argument('<id>', 'number in the trash of the mapping', parseCount)
    .option(...ADMIN_OPTION)
    .option('--json', 'print JSON, with the value in full')
    .addHelpText(
      'after',
      examples('trash show config 41', 'trash show config 41 --json | jq -r .value.base64 | base64 -d'),
    )
    .action(async (mapping: string, id: number, _options, command: Command) => {
      const { trashShowCommand } = await import('./trash-commands.js');
      const options = command.optsWithGlobals<CommonOptions & AskedOptions & { json?: true }>();
      const terminal = terminalOf(surroundings, options);
      finish(await trashShowCommand(terminal, surroundings.environment, { mapping, id }, options));
    });
}

function addRestore(trash: Command, { surroundings, finish }: Setting): void {
  withFilter(trash.command('restore'))
    .summary('puts deleted entries back on both sides')
    .description(
      'Shows what would be put back, and puts it back on both sides: one entry, or the newest of all that were deleted in ' +
        'a folder or a span of time. What stands in the place of one, on either side, is left as it is, and listed; the ' +
        'command ends with 1 then.',
    )
    .argument('<mapping>', 'name of a mapping')
    .argument('[key]', "the entry's key, relative to what is mapped")
    .option('--limit <count>', 'how many are listed', parseCount, LISTED_DEFAULT)
    .option('-y, --yes', 'do it without a question')
    .option(...ADMIN_OPTION)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples('trash restore config db/host', 'trash restore config --folder app --since 15m --yes'),
    )
    .action(async (mapping: string, key: string | undefined, _options, command: Command) => {
      const { trashRestoreCommand } = await import('./trash-restore.js');
      const options = command.optsWithGlobals<CommonOptions & TrashRestoreOptions>();
      const terminal = terminalOf(surroundings, options);
      finish(await trashRestoreCommand(terminal, surroundings.environment, { mapping, key }, options));
    });
}

function withFilter(command: Command): Command {
  return command
    .option('--folder <prefix>', 'only the entry of this name and all below it')
    .option('--since <time>', 'deleted since: 15m, 2h, 1d ago, or an ISO 8601 time', parseTime)
    .option('--until <time>', 'deleted until then', parseTime);
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function parseTime(text: string): string {
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const ms =
    count === undefined ? Date.parse(text) : systemClock.nowMs() - Number(count) * (UNIT_MS[unit] ?? 0);
  if (Number.isFinite(ms) && ms >= 0) return new Date(ms).toISOString();
  throw new InvalidArgumentError(
    'It has to be a span such as 15m, 2h or 1d, or a time such as 2026-01-31T12:00:00Z.',
  );
}

import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../../config/duration.js';
import type { CommonOptions, Setting } from '../command-setting.js';
import { ADMIN_OPTION, examples, terminalOf } from '../command-setting.js';
import { usageError } from '../exit-code.js';
import type { CutoverOptions, CutoverStatusOptions } from './cutover-commands.js';

const DAY_MS = 24 * 3_600_000;
const QUIET_MS_MAX = 7 * DAY_MS;

/** `cutover MAPPING`, and `cutover status`. */
export function addCutover(program: Command, setting: Setting): void {
  const { surroundings, finish } = setting;
  const cutover = program
    .command('cutover')
    .summary('moves a mapping over to Consul, step by step')
    .description(
      'Moves a mapping of a running daemon over to Consul by one step: from both to consul-leads (Consul wins what both ' +
        'sides changed), and then to zookeeper-mirror (ZooKeeper only follows). A step is refused while something is ' +
        'missing for it. `cutover status` shows what, and who still needs ZooKeeper.',
    )
    .argument('[mapping]', 'name of a mapping')
    .addOption(new Option('--to <store>', 'takes the next step').choices(['consul']))
    .option('--back', 'takes the last step back')
    .option(
      '--quiet-for <duration>',
      'for so long nobody may have written to ZooKeeper before the last step, up to 7d',
      parseQuiet,
      DAY_MS,
    )
    .option('--despite-writers', 'takes the last step although somebody may still write to ZooKeeper')
    .option('-y, --yes', 'do it without a question')
    .option(...ADMIN_OPTION)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('cutover status', 'cutover config --to consul', 'cutover config --back'))
    .action(async (mapping: string | undefined, _options, command: Command) => {
      const { cutoverCommand } = await import('./cutover-commands.js');
      if (mapping === undefined) throw usageError('name a mapping, or say: cutover status');
      const options = command.optsWithGlobals<CommonOptions & CutoverOptions>();
      const terminal = terminalOf(surroundings, options);
      finish(await cutoverCommand(terminal, surroundings.environment, mapping, options));
    });
  addStatus(cutover, setting);
}

function addStatus(cutover: Command, { surroundings, finish }: Setting): void {
  cutover
    .command('status')
    .summary('how far mappings are, and what is missing for the next step')
    .description(
      'How far mappings are on their way to Consul: the step and its history, whether both sides are equal, who still ' +
        'writes to ZooKeeper and who watches it, and what is missing for the next step. Ends with 1 when something is.',
    )
    .argument('[mapping]', 'name of a mapping; all without one')
    .option('--no-compare', 'does not read both sides to compare them')
    .addHelpText('after', examples('cutover status config', 'cutover status config --json | jq .missing'))
    .action(async (mapping: string | undefined, _options, command: Command) => {
      const { cutoverStatusCommand } = await import('./cutover-commands.js');
      const options = command.optsWithGlobals<CommonOptions & CutoverStatusOptions>();
      const terminal = terminalOf(surroundings, options);
      finish(await cutoverStatusCommand(terminal, surroundings.environment, mapping, options));
    });
}

function parseQuiet(text: string): number {
  const parsed = parseDuration(text);
  if (parsed.ok && parsed.value <= QUIET_MS_MAX) return parsed.value;
  throw new InvalidArgumentError('It has to be a duration such as 30m, 12h or 1d, and not above 7d.');
}

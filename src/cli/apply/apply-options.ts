import type { Command } from 'commander';
import type { CommonOptions, Setting } from '../command-setting.js';
import { examples, LISTED_DEFAULT, parseCount, terminalOf } from '../command-setting.js';
import type { ApplyOptions } from './apply-command.js';

export function addApply(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('apply')
    .summary('carries out a plan that was kept in a file')
    .description(
      'Carries out exactly what a plan in a file says (plan --out), each write only if everything that it was decided on is ' +
        'as it was. Needs the archive, so not while the daemon runs. Shows the sums first, and asks. Ends with 1 when ' +
        'a write was refused.',
    )
    .argument('<file>', 'a plan')
    .option(
      '--approve <mapping>',
      'approves what guards would hold of the plan; the name of the mapping makes sure',
    )
    .option('--yes', 'does not ask')
    .option('--limit <count>', 'how many refused writes are listed', parseCount, LISTED_DEFAULT)
    .option('--json', 'print JSON, with all refused writes')
    .addHelpText('after', examples('plan config --out tonight.jsonl', 'apply tonight.jsonl'))
    .action(async (file: string, _options, command: Command) => {
      const { applyCommand } = await import('./apply-command.js');
      const options = command.optsWithGlobals<CommonOptions & ApplyOptions>();
      finish(await applyCommand(terminalOf(surroundings, options), surroundings, file, options));
    });
}

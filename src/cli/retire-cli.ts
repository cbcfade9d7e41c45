import type { Command } from 'commander';
import type { CommonOptions, Setting } from './command-setting.js';
import { examples, terminalOf } from './command-setting.js';
import type { RetireOptions } from './retire-command.js';

export function addRetire(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('retire')
    .summary("removes a deployment's own records from both stores, when it is over")
    .description(
      "Removes a deployment's own records, its ledgers and queues, from both stores of the configuration, when it is " +
        'over. Entries of users stay as they are. Refuses while a daemon of the instance is alive.',
    )
    .argument('<instance>', 'name of the deployment; need not be that of the configuration')
    .option('-y, --yes', 'do it without a question')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('retire default', 'retire old-cluster --yes'))
    .action(async (instance: string, _options, command: Command) => {
      const { retireCommand } = await import('./retire-command.js');
      const options = command.optsWithGlobals<CommonOptions & RetireOptions>();
      const terminal = terminalOf(surroundings, options);
      finish(await retireCommand(terminal, surroundings.environment, instance, options));
    });
}

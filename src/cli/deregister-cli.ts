import type { Command } from 'commander';
import type { CommonOptions, Setting } from './command-setting.js';
import { examples, LISTED_DEFAULT, parseCount, terminalOf } from './command-setting.js';
import type { DeregisterOptions } from './deregister-command.js';
import { deregisterCommand } from './deregister-command.js';

export function addDeregister(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('deregister')
    .summary('removes the copies of services that this deployment shows')
    .description(
      'Removes the copies of services that this deployment shows in Consul and in ZooKeeper, and nothing else. Works ' +
        'without a daemon, which has to be stopped.',
    )
    .argument('[lists...]', 'lists of services; all of them without')
    .option('--limit <count>', 'how many copies of each list are shown', parseCount, LISTED_DEFAULT)
    .option('-y, --yes', 'do it without a question')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('deregister', 'deregister apps --yes'))
    .action(async (names: string[], _options, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions & DeregisterOptions>();
      const terminal = terminalOf(surroundings, options);
      finish(await deregisterCommand(terminal, surroundings, names, options));
    });
}

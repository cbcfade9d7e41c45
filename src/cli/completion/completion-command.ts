import type { Command } from 'commander';
import { Argument, Option } from 'commander';
import { ConfigurationError } from '../../config/problem.js';
import type { Environment } from '../../config/variables.js';
import type { CommonOptions, Setting } from '../command-setting.js';
import { examples, terminalOf } from '../command-setting.js';
import { requireConfig } from '../config-file.js';
import { CommandError, EXIT } from '../exit-code.js';
import { bashScript } from './bash-script.js';
import { completionTree } from './completion-tree.js';
import type { CompletedCommand } from './completion-tree.js';
import { fishScript } from './fish-script.js';
import { zshScript } from './zsh-script.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const SCRIPTS: Readonly<Record<Shell, (commands: readonly CompletedCommand[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

export function addCompletion(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('completion')
    .summary('prints a completion script for a shell')
    .description(
      'Prints a script by which a shell completes commands, options, and the names of mappings, which it takes from the ' +
        'configuration.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    // What the scripts themselves ask for.
    .addOption(new Option('--mappings', 'print the names of mappings instead').hideHelp())
    .addHelpText(
      'after',
      examples(
        'completion bash > /etc/bash_completion.d/zk-consul-sync',
        'completion zsh > /usr/share/zsh/site-functions/_zk-consul-sync',
        'completion fish > ~/.config/fish/completions/zk-consul-sync.fish',
      ),
    )
    .action(async (shell: Shell, _options, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions & { readonly mappings?: true }>();
      const terminal = terminalOf(surroundings, options);
      if (options.mappings === true)
        terminal.print(...(await mappingNames(options, surroundings.environment)));
      else terminal.write(SCRIPTS[shell](completionTree(program)));
      finish(EXIT.done);
    });
}

/** None where there is no configuration that can be used: while a line is typed is no time for complaints. */
async function mappingNames({ config }: CommonOptions, environment: Environment): Promise<string[]> {
  try {
    return (await requireConfig(config, environment)).mappings.map(({ name }) => name);
  } catch (error) {
    if (error instanceof ConfigurationError || error instanceof CommandError) return [];
    throw error;
  }
}

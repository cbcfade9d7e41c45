import { Command, CommanderError } from 'commander';
import { ConfigurationError } from '../config/problem.js';
import { VERSION } from '../daemon/version.js';
import { SyncError } from '../ports/errors.js';
import { addApply } from './apply/apply-options.js';
import { addBackup, addRestore } from './backup/backup-options.js';
import type { CommonOptions, Setting } from './command-setting.js';
import {
  ADMIN_OPTION,
  examples,
  LISTED_DEFAULT,
  parseCount,
  terminalOf,
  TOKEN_VARIABLE,
} from './command-setting.js';
import { CONFIG_VARIABLE, DEFAULT_CONFIG_FILE, requireConfigFile } from './config-file.js';
import { addCutover } from './cutover/cutover-cli.js';
import type { DiffCommandOptions } from './diff-command.js';
import type { ExitCode } from './exit-code.js';
import { CommandError, EXIT, exitCodeOf } from './exit-code.js';
import type { ExplainOptions } from './explain-command.js';
import { addCompletion } from './completion/completion-command.js';
import { addConflicts } from './operate/conflicts-commands.js';
import { addApprove, addPause, addRelease, addResume, addResync } from './operate/operate-commands.js';
import type { ObservedOptions } from './observed-command.js';
import type { PlanCommandOptions } from './plan-command.js';
import { printableText } from '../core/printable-text.js';
import { addDeregister } from './deregister-cli.js';
import { addRetire } from './retire-cli.js';
import type { StatusOptions } from './status-command.js';
import type { Surroundings } from './terminal.js';
import { addTrash } from './trash-cli.js';

/**
 * Does what the arguments say.
 * @param args without the program's own name
 * @returns the exit code; failures have been told on standard error
 */
export async function runCommandLine(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  const program = createProgram(surroundings, (code) => (exitCode = code));
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has told its own errors, and throws to end after --help and --version, too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    surroundings.stderr.write(describeFailure(error));
    return exitCodeOf(error);
  }
}

/**
 * All commands, for a run, and for whoever asks what there is. Each loads what carries it out when it is called: a
 * daemon starts without what the other commands need, and help comes at once.
 */
export function createProgram(surroundings: Surroundings, finish: (code: ExitCode) => void): Command {
  const program = new Command('zk-consul-sync')
    .description('Keeps ZooKeeper subtrees and Consul KV prefixes equal, in both directions, live.')
    .version(VERSION, '-V, --version', 'print the version')
    .option('-c, --config <file>', `the configuration; else ${CONFIG_VARIABLE}, else ${DEFAULT_CONFIG_FILE}`)
    .option('--no-color', 'no colours; there are none where NO_COLOR is set or the output is no terminal')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void surroundings.stdout.write(text),
      writeErr: (text) => void surroundings.stderr.write(text),
    })
    .exitOverride()
    .addHelpText('after', EXIT_CODES);
  const setting = { surroundings, finish };
  const offline = [addRun, addCheck, addPlan, addApply, addDiff, addBackup, addRestore];
  const asking = [
    addStatus,
    addExplain,
    addObserved,
    addConflicts,
    addTrash,
    addPause,
    addResume,
    addApprove,
    addResync,
    addRelease,
    addCutover,
  ];
  for (const add of [...offline, ...asking, addDeregister, addRetire, addCompletion]) add(program, setting);
  return program;
}

const EXIT_CODES = `
Exit codes:
  0  done
  1  found something, or failed
  2  wrong usage or configuration
  3  a store, or the daemon, can't be reached`;

function addRun(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('run')
    .summary('the daemon, in the foreground')
    .description(
      'The daemon, in the foreground. SIGTERM and SIGINT end it; SIGHUP has it read the configuration again, as does ' +
        'a change of the file. What it logs goes to standard output.',
    )
    .addHelpText('after', examples('run --config /etc/zk-consul-sync/config.yaml'))
    .action(async (_options, command: Command) => {
      const { runDaemon } = await import('./run/run-daemon.js');
      const { config } = command.optsWithGlobals<CommonOptions>();
      const { environment } = surroundings;
      finish(await runDaemon(requireConfigFile(config, environment), environment));
    });
}

function addCheck(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('check')
    .summary('validates the configuration, and tries both stores')
    .description(
      'Validates the configuration, connects to both stores, and tries permissions, versions, limits, the archive and ' +
        'the ledgers. Leaves nothing behind. Ends with 1 when something fails; warnings are no failure.',
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples('check --config config.yaml', 'check --json | jq \'.findings[] | select(.level != "ok")\''),
    )
    .action(async (_options, command: Command) => {
      const { checkCommand } = await import('./check/check-command.js');
      const options = command.optsWithGlobals<CommonOptions>();
      finish(await checkCommand(terminalOf(surroundings, options), surroundings.environment, options));
    });
}

function addPlan(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('plan')
    .summary('what a start would do; writes nothing')
    .description(
      'What a start would do: creates, updates, deletes, conflicts, and entries that can not be mapped. Writes nothing. ' +
        'Needs the archive, so not while the daemon runs. Ends with 1 when there is something to do.',
    )
    .argument('[mapping...]', 'names of mappings; all without one')
    .option('--limit <count>', 'how many entries of each kind are listed', parseCount, LISTED_DEFAULT)
    .option('--out <file>', 'keeps the plan of one mapping in a file, for `apply`')
    .option('--json', 'print JSON, with all entries')
    .addHelpText(
      'after',
      examples('plan', 'plan config --limit 1000', "plan --json | jq '.mappings[].delete'"),
    )
    .action(async (mappings: string[], _options, command: Command) => {
      const { planCommand } = await import('./plan-command.js');
      const options = command.optsWithGlobals<CommonOptions & PlanCommandOptions>();
      finish(
        await planCommand(terminalOf(surroundings, options), surroundings.environment, mappings, options),
      );
    });
}

function addDiff(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('diff')
    .summary('compares both sides now')
    .description(
      'Compares both sides now, whatever was agreed before. What is just on its way shows as a difference: run it again. ' +
        'Ends with 0 when they are equal, with 1 when they are not.',
    )
    .argument('[mapping...]', 'names of mappings; all without one')
    .option('--limit <count>', 'how many differences of each mapping are listed', parseCount, LISTED_DEFAULT)
    .option('--json', 'print JSON, with all differences')
    .addHelpText('after', examples('diff', "diff config --json | jq -r '.mappings[].differences[].key'"))
    .action(async (mappings: string[], _options, command: Command) => {
      const { diffCommand } = await import('./diff-command.js');
      const options = command.optsWithGlobals<CommonOptions & DiffCommandOptions>();
      finish(
        await diffCommand(terminalOf(surroundings, options), surroundings.environment, mappings, options),
      );
    });
}

function addStatus(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('status')
    .summary('what a running daemon says of itself')
    .description(
      'What a running daemon says of itself: its stores and mappings, what is held and what to do about it. ' +
        'Ends with 0 when everything is live and in sync, with 1 when it is not.',
    )
    .option(...ADMIN_OPTION)
    .option('--watch', 'again every 2 seconds, until Ctrl-C')
    .option('--json', 'print JSON; with --watch, one line each time')
    .addHelpText('after', examples('status', 'status --watch --admin http://sync.internal:9464'))
    .action(async (_options, command: Command) => {
      const { statusCommand } = await import('./status-command.js');
      const options = command.optsWithGlobals<CommonOptions & StatusOptions>();
      const { environment, interrupted } = surroundings;
      finish(await statusCommand(terminalOf(surroundings, options), environment, options, interrupted));
    });
}

function addExplain(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('explain')
    .summary('why an entry is as it is')
    .description(
      'Why an entry is as it is: both stores now, the archive, the decision and its reason. Asks the running daemon; ' +
        'without one, looks at the archive and the stores. The token of a daemon on another machine goes into ' +
        `${TOKEN_VARIABLE}.`,
    )
    .argument('<mapping>', 'name of a mapping')
    .argument('<key>', "the entry's key, relative to what is mapped")
    .option(...ADMIN_OPTION)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('explain config db/host', 'explain config db/host --json | jq .archive'))
    .action(async (mapping: string, key: string, _options, command: Command) => {
      const { explainCommand } = await import('./explain-command.js');
      const options = command.optsWithGlobals<CommonOptions & ExplainOptions>();
      const entry = { mapping, key };
      finish(
        await explainCommand(terminalOf(surroundings, options), surroundings.environment, entry, options),
      );
    });
}

function addObserved(program: Command, { surroundings, finish }: Setting): void {
  program
    .command('observed')
    .summary('what a mapping would have written while it only observed')
    .description(
      'What a mapping with mode: observe would have written until now: numbers for each day and side, and the latest ' +
        'writes. Asks the running daemon. Ends with 1 when the mapping has not observed.',
    )
    .argument('<mapping>', 'name of a mapping')
    .option(...ADMIN_OPTION)
    .option(
      '--limit <count>',
      'how many of the latest writes are listed',
      parseCount,
      OBSERVED_LISTED_DEFAULT,
    )
    .option('--json', 'print JSON')
    .addHelpText('after', examples('observed config', "observed config --json | jq '.days[0]'"))
    .action(async (mapping: string, _options, command: Command) => {
      const { observedCommand } = await import('./observed-command.js');
      const options = command.optsWithGlobals<CommonOptions & ObservedOptions>();
      const terminal = terminalOf(surroundings, options);
      finish(await observedCommand(terminal, surroundings.environment, mapping, options));
    });
}

const OBSERVED_LISTED_DEFAULT = 20;

function describeFailure(error: unknown): string {
  // One line per problem, each with its place in the file.
  if (error instanceof ConfigurationError) return `${error.message}\n`;
  const isForeseen = error instanceof CommandError || error instanceof SyncError;
  if (isForeseen) return `zk-consul-sync: ${printableText(error.message)}\n`;
  const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `zk-consul-sync: an unforeseen fault: ${told}\n`;
}

import { Command, CommanderError } from 'commander';
import { ConfigurationError } from '../config/problem.js';
import { VERSION } from '../daemon/version.js';
import { SyncError } from '../ports/errors.js';
import { CONFIG_VARIABLE, DEFAULT_CONFIG_FILE, requireConfigFile } from './config-file.js';
import type { ExitCode } from './exit-code.js';
import { CommandError, EXIT, exitCodeOf } from './exit-code.js';
import { printableText } from './printable.js';
import { runDaemon } from './run/run-daemon.js';
import type { Surroundings } from './terminal.js';

/**
 * Does what the arguments say.
 * @param args without the program's own name
 * @returns the exit code; failures have been told on standard error
 */
export async function runCommandLine(
  args: readonly string[],
  surroundings: Surroundings,
): Promise<ExitCode> {
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

/** The options that every command takes. */
interface CommonOptions {
  readonly config?: string;
  /** False with `--no-color`. */
  readonly color: boolean;
}

type Finish = (code: ExitCode) => void;

function createProgram(surroundings: Surroundings, finish: Finish): Command {
  const program = new Command('zk-consul-sync')
    .description('Keeps ZooKeeper subtrees and Consul KV prefixes equal, in both directions, live.')
    .version(VERSION, '-V, --version', 'print the version')
    .option('-c, --config <file>', `the configuration; else ${CONFIG_VARIABLE}, else ${DEFAULT_CONFIG_FILE}`)
    .option('--no-color', 'no colours; there are none where NO_COLOR is set or the output is no terminal')
    .helpOption('-h, --help', 'print this help')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void surroundings.stdout.write(text),
      writeErr: (text) => void surroundings.stderr.write(text),
    })
    .exitOverride()
    .addHelpText('after', EXIT_CODES);
  addRun(program, surroundings, finish);
  return program;
}

const EXIT_CODES = `
Exit codes: 0 done, 1 found something or failed, 2 usage or configuration, 3 a store or the daemon can't be reached.`;

function addRun(program: Command, { environment }: Surroundings, finish: Finish): void {
  program
    .command('run')
    .description('The daemon, in the foreground: syncs until SIGTERM or SIGINT. SIGHUP reloads the configuration.')
    .addHelpText('after', examples('run --config /etc/zk-consul-sync/config.yaml'))
    .action(async (_options, command: Command) => {
      const { config } = command.optsWithGlobals<CommonOptions>();
      finish(await runDaemon(requireConfigFile(config, environment), environment));
    });
}

function examples(...lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map((line) => `  zk-consul-sync ${line}`)].join('\n');
}

function describeFailure(error: unknown): string {
  // One line per problem, each with its place in the file.
  if (error instanceof ConfigurationError) return `${error.message}\n`;
  const isForeseen = error instanceof CommandError || error instanceof SyncError;
  if (isForeseen) return `zk-consul-sync: ${printableText(error.message)}\n`;
  const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `zk-consul-sync: an unforeseen fault: ${told}\n`;
}

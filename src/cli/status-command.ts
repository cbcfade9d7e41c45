import type { Environment } from '../config/variables.js';
import { systemClock } from '../daemon/system.js';
import type { StatusAnswer } from './admin-answers.js';
import { statusAnswer } from './admin-answers.js';
import type { AdminClient } from './admin-client.js';
import { DaemonUnreachableError } from './admin-client.js';
import { adminClientFor } from './admin-client-for.js';
import type { ExitCode } from './exit-code.js';
import { EXIT } from './exit-code.js';
import { printableText } from '../core/printable-text.js';
import { statusLines } from './status-lines.js';
import type { Terminal } from './terminal.js';

export interface StatusOptions {
  readonly config?: string;
  readonly admin?: string;
  readonly watch?: true;
  readonly json?: true;
}

const WATCH_EVERY_MS = 2_000;
const CURSOR_HOME = '\x1b[H';
const CLEAR_BELOW = '\x1b[J';

/** The command `status`: what a running daemon says of itself. */
export async function statusCommand(
  terminal: Terminal,
  environment: Environment,
  options: StatusOptions,
  interrupted: () => AbortSignal,
): Promise<ExitCode> {
  const client = await adminClientFor(options, environment);
  if (options.watch !== true) return showStatus(terminal, client, options);
  const signal = interrupted();
  let exitCode: ExitCode = EXIT.done;
  while (!signal.aborted) {
    exitCode = await showWhatThereIs(terminal, client, options);
    await systemClock.sleep(WATCH_EVERY_MS, signal);
  }
  return exitCode;
}

/** A daemon that restarts is no reason to stop watching it. */
async function showWhatThereIs(
  terminal: Terminal,
  client: AdminClient,
  options: StatusOptions,
): Promise<ExitCode> {
  try {
    return await showStatus(terminal, client, options);
  } catch (error) {
    if (!(error instanceof DaemonUnreachableError)) throw error;
    startOver(terminal, options);
    terminal.note(printableText(error.message));
    return error.exitCode;
  }
}

async function showStatus(
  terminal: Terminal,
  client: AdminClient,
  options: StatusOptions,
): Promise<ExitCode> {
  const status = await client.get('api/v1/status', statusAnswer);
  startOver(terminal, options);
  if (options.json === true) terminal.printJson(status);
  else terminal.print(...statusLines(terminal, status, namedBy(options), systemClock.nowMs()));
  return isAllWell(status) ? EXIT.done : EXIT.found;
}

/** Other commands find the same daemon by the same options. */
function namedBy({ admin, config }: StatusOptions): string[] {
  if (admin !== undefined) return ['--admin', admin];
  return config === undefined ? [] : ['--config', config];
}

/** Someone who watches sees one status, not a scroll of them; what reads lines gets all of them. */
function startOver(terminal: Terminal, { watch }: StatusOptions): void {
  if (watch === true && terminal.isWatched) terminal.write(CURSOR_HOME + CLEAR_BELOW);
}

function isAllWell({ mappings, replicas, canary }: StatusAnswer): boolean {
  const connected = replicas.zookeeper.connected && replicas.consul.connected;
  const isLate = [canary?.toZookeeper, canary?.toConsul].some(
    (arrival) => typeof arrival?.problem === 'string',
  );
  return connected && !isLate && mappings.every(({ state, inSync }) => state === 'live' && inSync);
}

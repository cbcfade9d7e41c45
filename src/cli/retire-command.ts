import type { Config } from '../config/schema.js';
import { isName, NAME_ALLOWED } from '../config/setting.js';
import type { Environment } from '../config/variables.js';
import { printableText } from '../core/printable-text.js';
import type { NamespaceSurvey, OwnRecord } from '../daemon/namespace-survey.js';
import { surveyNamespace } from '../daemon/namespace-survey.js';
import { openArchiveIfThere } from '../daemon/offline-access.js';
import type { Retired } from '../daemon/retirement.js';
import { deleteOwn, movedBetween, nameOf } from '../daemon/retirement.js';
import type { Stores } from '../daemon/stores.js';
import { systemClock } from '../daemon/system.js';
import { statusAnswer } from './admin-answers.js';
import { AdminClient, configuredAdmin } from './admin-client.js';
import { requireConfig } from './config-file.js';
import type { ExitCode } from './exit-code.js';
import { CommandError, EXIT, usageError } from './exit-code.js';
import { withOfflineAccess } from './offline.js';
import type { ConsentOptions } from './operate/consent.js';
import { consents, mustBeAskable } from './operate/consent.js';
import { printableKey } from './printable.js';
import type { Terminal } from './terminal.js';
import { showCounted } from './times.js';

export interface RetireOptions extends ConsentOptions {
  readonly config?: string;
  readonly json?: true;
}

/** Requests have timeouts of their own. */
const NEVER = new AbortController().signal;
/** A daemon that has something to do moves its ledgers at least once a second. */
const WATCH_MS = 5_000;

/** The command `retire`: removes what a deployment kept in both stores for itself. Users' entries stay. */
export async function retireCommand(
  terminal: Terminal,
  environment: Environment,
  instance: string,
  options: RetireOptions,
): Promise<ExitCode> {
  // The name becomes a path: nothing else may get into it.
  if (!isName(instance)) throw usageError(`an instance has a name of ${NAME_ALLOWED}`);
  mustBeAskable(terminal, options);
  const config = await requireConfig(options.config, environment);
  await mustNotRunHere(config, environment, instance);
  return withOfflineAccess(terminal, config, 'stores', async ({ stores }) => {
    const survey = await surveyNamespace(stores, instance, NEVER);
    mustNotBeAlive(survey.alive, instance);
    const show = (line: string): void => (options.json === true ? terminal.note(line) : terminal.print(line));
    if (survey.records.some(({ kind }) => kind !== 'other')) {
      for (const line of surveyLines(instance, survey)) show(line);
      await mustNotMove(terminal, stores, instance, survey);
      const text = `Delete these of instance ${instance}? Entries of users stay.`;
      if (!(await consents(terminal, { kind: 'typed', text, word: instance }, options))) return EXIT.found;
    }
    return tell(terminal, instance, await deleteOwn(stores, survey, NEVER), options);
  });
}

/** What is known on this machine of a daemon of this instance. */
async function mustNotRunHere(config: Config, environment: Environment, instance: string): Promise<void> {
  const address = configuredAdmin(config, environment);
  if (typeof address !== 'string') {
    const client = new AdminClient(address);
    const running = await client.get('api/v1/status', statusAnswer).catch((error: unknown) => {
      if (error instanceof CommandError) return undefined;
      throw error;
    });
    if (running?.instance === instance) throw alive(instance, `one answers at ${client.shownUrl}`);
  }
  // While a daemon has the archive, this throws, and names it.
  if (config.instance === instance) await (await openArchiveIfThere(config))?.close();
}

function mustNotBeAlive([first, ...others]: readonly string[], instance: string): void {
  if (first === undefined) return;
  const more = others.length === 0 ? '' : `, and ${others.length} more`;
  throw alive(instance, `${first}${more}`);
}

/** A ledger that moves is written by somebody. */
async function mustNotMove(
  terminal: Terminal,
  stores: Stores,
  instance: string,
  before: NamespaceSurvey,
): Promise<void> {
  terminal.note(`Watching for ${WATCH_MS / 1000} s whether anything of it is still written.`);
  await systemClock.sleep(WATCH_MS, NEVER);
  const after = await surveyNamespace(stores, instance, NEVER);
  mustNotBeAlive(after.alive, instance);
  const [moved] = movedBetween(before, after);
  if (moved !== undefined) throw alive(instance, `${moved} was written just now`);
}

function alive(instance: string, sign: string): CommandError {
  const message = `a daemon of instance ${instance} is alive: ${sign}. Stop all of its daemons first; nothing was deleted`;
  return new CommandError(EXIT.found, message);
}

function surveyLines(instance: string, { records }: NamespaceSurvey): string[] {
  const own = records.filter(({ kind }) => kind !== 'other');
  return [
    `Instance ${instance} has ${showCounted(own.length, 'record', 'records')} of its own, which will be deleted:`,
    ...own.map((record) => `  ${describe(record)}`),
    'Nothing else is touched: what it synced stays on both sides as it is.',
  ];
}

function describe(record: OwnRecord): string {
  const place = printableKey(record.place);
  const { left, right } = record.ledger?.places ?? {};
  const of = left === undefined ? '' : `  (${printableText(`${left} and ${right ?? ''}`)})`;
  return `${record.store.padEnd(9)}  ${record.kind.padEnd(6)}  ${place}${of}`;
}

function tell(
  terminal: Terminal,
  instance: string,
  { deleted, left }: Retired,
  { json }: RetireOptions,
): ExitCode {
  if (json === true) {
    const plain = ({ store, place, kind }: OwnRecord) => ({ store, place, kind });
    const leftOver = left.map(({ record, why }) => ({ ...plain(record), why }));
    terminal.printJson({ instance, deleted: deleted.map(plain), left: leftOver });
  } else if (deleted.length + left.length === 0) {
    terminal.print(`There is nothing of instance ${instance} in either store.`);
  } else {
    terminal.print(`Deleted ${showCounted(deleted.length, 'record', 'records')} of instance ${instance}.`);
    for (const { record, why } of left) terminal.print(`Left ${printableText(`${nameOf(record)}: ${why}`)}.`);
  }
  return left.length === 0 ? EXIT.done : EXIT.found;
}

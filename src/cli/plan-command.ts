import type { Config, MappingConfig } from '../config/schema.js';
import type { Environment } from '../config/variables.js';
import type { OfflineAccess } from '../daemon/offline-access.js';
import { planStart } from '../daemon/offline-plan.js';
import { lookAtStart } from '../daemon/start-outlook.js';
import type { PlannedAction } from '../ports/control.js';
import { LossCounts } from '../services/loss-counts.js';
import type { PlannedStep } from '../sync/plan.js';
import { PlanOutput } from './apply/plan-output.js';
import { SyncError } from '../ports/errors.js';
import { statusAnswer } from './admin-answers.js';
import { AdminClient, configuredAdmin } from './admin-client.js';
import { cutoverName } from './cutover/cutover-note.js';
import { requireConfig, selectMappings } from './config-file.js';
import type { ExitCode } from './exit-code.js';
import { CommandError, EXIT, usageError } from './exit-code.js';
import { JsonListWriter } from './json-list-writer.js';
import { withOfflineAccess } from './offline.js';
import type { MappingPlan } from './plan-lines.js';
import { ListedActions, planLines } from './plan-lines.js';
import type { Terminal } from './terminal.js';
import { showCount } from './times.js';

export interface PlanCommandOptions {
  readonly config?: string;
  readonly json?: true;
  /** How many entries of each kind are listed for a person. */
  readonly limit: number;
  /** Where the plan is kept, to be applied. */
  readonly out?: string;
}

/** Nothing ends a walk but its end: each request has a timeout of its own. */
const NEVER = new AbortController().signal;

/** The command `plan`: what a start would do. Writes nothing. */
export async function planCommand(
  terminal: Terminal,
  environment: Environment,
  names: readonly string[],
  options: PlanCommandOptions,
): Promise<ExitCode> {
  const config = await requireConfig(options.config, environment);
  const mappings = selectMappings(config, names);
  if (options.out !== undefined && mappings.length > 1) {
    throw usageError('--out keeps the plan of one mapping: name it');
  }
  if (options.out === '-')
    throw usageError('--out takes a file: what a start would do is on standard output');
  const output = options.out === undefined ? undefined : await PlanOutput.create(options.out, terminal);
  try {
    return await withOfflineAccess(terminal, config, 'stores-and-archive', async (access) => {
      const nothing = options.json
        ? await planAsJson(terminal, access, mappings, output)
        : await planForPerson(terminal, access, mappings, options.limit, output);
      return nothing ? EXIT.done : EXIT.found;
    });
  } catch (error) {
    await output?.abandon();
    if (!(error instanceof SyncError) || error.code !== 'ARCHIVE_LOCKED') throw error;
    throw await daemonRuns(config, environment, error);
  }
}

async function planForPerson(
  terminal: Terminal,
  access: OfflineAccess,
  mappings: readonly MappingConfig[],
  limit: number,
  output: PlanOutput | undefined,
): Promise<boolean> {
  let nothing = true;
  for (const mapping of mappings) {
    const listed = new ListedActions(limit);
    const planned = await plan(terminal, access, mapping, (action) => listed.add(action), output);
    const { hasArchive } = access;
    terminal.print(...planLines(terminal, { mapping, hasArchive, listed, ...planned }));
    nothing &&= isNothing(planned);
  }
  return nothing;
}

async function planAsJson(
  terminal: Terminal,
  access: OfflineAccess,
  mappings: readonly MappingConfig[],
  output: PlanOutput | undefined,
): Promise<boolean> {
  const list = new JsonListWriter(terminal, {}, 'mappings');
  let nothing = true;
  for (const mapping of mappings) {
    const { name, mode } = mapping;
    const actions = list.nested({ name, mode, archive: access.hasArchive }, 'actions');
    const tell = (action: PlannedAction) => actions.item({ ...action, on: action.on ?? null });
    const planned = await plan(terminal, access, mapping, tell, output);
    const { pairing, holds, paused } = planned.outlook;
    const shownHolds = holds.map((hold) => ({ ...hold, side: hold.side ?? null }));
    const nothingToDo = isNothing(planned);
    const { start, unread, losses } = planned;
    const notCarried = mapping.services === undefined ? {} : { losses };
    const cutover = cutoverName(mapping, planned.outlook.cutover);
    actions.end({
      pairing,
      paused,
      cutover,
      holds: shownHolds,
      ...start,
      unread,
      ...notCarried,
      nothingToDo,
    });
    nothing &&= nothingToDo;
  }
  list.end({ nothingToDo: nothing });
  terminal.write('\n');
  return nothing;
}

async function plan(
  terminal: Terminal,
  access: OfflineAccess,
  mapping: MappingConfig,
  tell: (action: PlannedAction) => void,
  output: PlanOutput | undefined,
): Promise<MappingPlan> {
  let unread = 0;
  const losses = new LossCounts();
  const context = access.context(
    mapping,
    (keys) => (unread += keys.length),
    (key, lost) => {
      if (context.scope.includes(key)) losses.note(key, lost);
    },
  );
  const progress = terminal.progress();
  let looked = 0;
  const includes = (key: string) => {
    progress.show(`${mapping.name}: ${showCount(++looked)} keys looked at`);
    return context.scope.includes(key);
  };
  try {
    const outlook = await lookAtStart(context, NEVER);
    const watched = { ...context, scope: { ...context.scope, includes } };
    await output?.begin(context, outlook, mapping);
    const tellAndKeep = (action: PlannedAction, step: PlannedStep): void => {
      tell(action);
      output?.add(step);
    };
    const start = await planStart(watched, outlook, tellAndKeep, NEVER);
    await output?.end(start, outlook);
    return { outlook, start, unread, losses: losses.counts };
  } finally {
    progress.clear();
  }
}

/** Entries that are left out, and drift that is left alone, are no work. */
function isNothing({ outlook, start }: MappingPlan): boolean {
  const writes = [start.create, start.update, start.delete];
  const count = writes.reduce((sum, { zookeeper, consul }) => sum + zookeeper + consul, 0);
  return count + start.conflicts + start.held === 0 && outlook.holds.length === 0;
}

/** While a daemon has the archive, only it knows what was agreed on. */
async function daemonRuns(
  config: Config,
  environment: Environment,
  locked: SyncError,
): Promise<CommandError> {
  const advice =
    'A plan is made without the daemon: stop it first. Of a running one, `zk-consul-sync status` tells what it has ' +
    'still to do, and `zk-consul-sync diff` compares both sides now.';
  const daemon = await describeDaemon(config, environment);
  return new CommandError(EXIT.found, `${locked.message} ${daemon}${advice}`, { cause: locked });
}

async function describeDaemon(config: Config, environment: Environment): Promise<string> {
  const address = configuredAdmin(config, environment);
  if (typeof address === 'string') return '';
  const client = new AdminClient(address);
  try {
    const { mappings } = await client.get('api/v1/status', statusAnswer);
    const states = mappings.map(({ name, state, pending }) => {
      const count = pending.toZookeeper + pending.toConsul;
      return `${name} ${state} with ${showCount(count)} entries to write`;
    });
    return `The daemon at ${client.shownUrl} says: ${states.join(', ')}. `;
  } catch (error) {
    if (error instanceof CommandError) return '';
    throw error;
  }
}

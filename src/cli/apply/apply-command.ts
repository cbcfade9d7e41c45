import type { Config, MappingConfig } from '../../config/schema.js';
import { leadingHost } from '../../daemon/offline-apply.js';
import type { OfflineAccess } from '../../daemon/offline-access.js';
import { SyncError } from '../../ports/errors.js';
import type { Refusal } from '../../sync/plan-applier.js';
import { PlanApplier } from '../../sync/plan-applier.js';
import { printableText } from '../../core/printable-text.js';
import { requireConfig } from '../config-file.js';
import type { ExitCode } from '../exit-code.js';
import { CommandError, EXIT, usageError } from '../exit-code.js';
import { mappingTitle } from '../mapping-title.js';
import { withOfflineAccess } from '../offline.js';
import { consents, mustBeAskable } from '../operate/consent.js';
import { printableKey } from '../printable.js';
import { alignedLines } from '../table.js';
import type { Surroundings, Terminal } from '../terminal.js';
import { showCount, showCounted } from '../times.js';
import type { PlanContents } from './plan-file.js';
import { readPlan, settingsDigest, verifyPlan } from './plan-file.js';

export interface ApplyOptions {
  readonly config?: string;
  readonly json?: true;
  readonly yes?: true;
  /** The mapping's name: what the guards would hold of the plan is approved. */
  readonly approve?: string;
  /** How many refused writes are listed for a person. */
  readonly limit: number;
}

/** How many writes are carried out before the next ones are read. */
const CHUNK = 20_000;

/** The command `apply`: carries out exactly what a plan in a file says, where the world is still as it was. */
export async function applyCommand(
  terminal: Terminal,
  surroundings: Surroundings,
  file: string,
  options: ApplyOptions,
): Promise<ExitCode> {
  mustBeAskable(terminal, options);
  const config = await requireConfig(options.config, surroundings.environment);
  const plan = await verifyPlan(file);
  const mapping = mappingOf(config, file, plan);
  const use = plan.header.pairId === null ? 'stores-and-new-archive' : 'stores-and-archive';
  try {
    return await withOfflineAccess(terminal, config, use, async (access) => {
      if (!options.json) terminal.print(...planSums(terminal, mapping, plan));
      const signal = surroundings.interrupted();
      await requireNoLeader(config, mapping, access, signal);
      requireSameArchive(access, mapping, plan);
      if (!(await agreed(terminal, mapping, plan, options))) return EXIT.found;
      return await apply(terminal, access, { file, mapping, plan }, options, signal);
    });
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'ARCHIVE_LOCKED') throw error;
    const advice = 'A plan is applied without the daemon: stop it first, and make the plan anew';
    throw new CommandError(EXIT.found, `${error.message} ${advice}`, { cause: error });
  }
}

/** @throws CommandError where the plan was made of something else */
function mappingOf(config: Config, file: string, { header }: PlanContents): MappingConfig {
  const mapping = config.mappings.find(({ name }) => name === header.mapping);
  if (mapping === undefined) {
    throw usageError(
      `${file} is a plan of mapping ${JSON.stringify(header.mapping)}, which the configuration lacks`,
    );
  }
  if (config.instance !== header.instance) {
    throw usageError(`${file} is a plan of instance ${header.instance}, and this is ${config.instance}`);
  }
  if (settingsDigest(mapping) !== header.settings) {
    throw new CommandError(
      EXIT.found,
      `${file} was made with other settings of mapping ${mapping.name}, which may decide otherwise: make it anew`,
    );
  }
  if (mapping.mode === 'observe') {
    throw new CommandError(EXIT.found, `mapping ${mapping.name} has mode: observe, and writes nothing`);
  }
  return mapping;
}

async function requireNoLeader(
  config: Config,
  mapping: MappingConfig,
  access: OfflineAccess,
  signal: AbortSignal,
): Promise<void> {
  const host = await leadingHost(config, access.stores, mapping, signal);
  if (host === undefined) return;
  const message = `a daemon on ${host} leads mapping ${mapping.name}: stop all daemons of the instance first`;
  throw new CommandError(EXIT.found, message);
}

function requireSameArchive(access: OfflineAccess, mapping: MappingConfig, { header }: PlanContents): void {
  const { archive, places } = access.context(mapping);
  const state = archive.state();
  // What was recorded while it only observed is never acted on.
  const pairId = state === undefined || state.phase === 'observing' ? null : state.pairId;
  const isSame =
    pairId === header.pairId && places.left === header.zookeeper && places.right === header.consul;
  if (isSame) return;
  const message = `the plan was made with another archive, or of other places, of mapping ${mapping.name}: make it anew`;
  throw new CommandError(EXIT.found, message);
}

/** A mass deletion in a plan was seen by whoever applies it, if they say so by the mapping's name. */
async function agreed(
  terminal: Terminal,
  { name }: MappingConfig,
  { guards }: PlanContents,
  options: ApplyOptions,
): Promise<boolean> {
  if (guards.length === 0 || options.approve === name) {
    return consents(terminal, { kind: 'yes-or-no', text: 'Apply this plan?' }, options);
  }
  if (!terminal.canAsk) {
    const held = guards.map(({ reason }) => reason).join(' and ');
    throw usageError(
      `a daemon would hold this plan as ${held}: say --approve ${name} to approve exactly what it has`,
    );
  }
  const text = 'To apply this plan approves exactly what it has, and nothing else of that kind.';
  return consents(terminal, { kind: 'typed', text, word: name }, {});
}

interface Application {
  readonly file: string;
  readonly mapping: MappingConfig;
  readonly plan: PlanContents;
}

async function apply(
  terminal: Terminal,
  access: OfflineAccess,
  { file, mapping, plan }: Application,
  options: ApplyOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const context = access.leadingContext(mapping);
  const reached = context.archive.state()?.ledgers.left?.version.modified;
  if (reached !== undefined) access.stores.zookeeper.expectReached(reached);
  const applier = new PlanApplier(context);
  const obstacle = await applier.begin(signal);
  if (obstacle !== undefined) {
    throw new CommandError(
      EXIT.found,
      `nothing of the plan of mapping ${mapping.name} can be applied: ${obstacle}`,
    );
  }
  const refused: Refusal[] = [];
  let dealtWith = 0;
  const progress = terminal.progress();
  try {
    for await (const chunk of readPlan(file, plan.state, CHUNK)) {
      refused.push(...(await applier.apply(chunk, plan.guards.length > 0, signal)));
      progress.show(`${mapping.name}: ${showCount((dealtWith += chunk.length))} writes dealt with`);
    }
  } finally {
    progress.clear();
  }
  const written = dealtWith - refused.length;
  if (options.json) terminal.printJson({ file, mapping: mapping.name, planned: dealtWith, written, refused });
  else terminal.print(...resultLines(terminal, written, refused, options.limit));
  return refused.length === 0 ? EXIT.done : EXIT.found;
}

function planSums(
  terminal: Terminal,
  mapping: MappingConfig,
  { header, writes, guards }: PlanContents,
): string[] {
  const rows = writes.map(({ action, on, count }) => [`  ${action}`, `in ${on}`, showCount(count)]);
  return [
    mappingTitle(terminal, mapping),
    `  A plan made at ${header.madeAt}`,
    ...(rows.length === 0
      ? ['  Nothing to write']
      : alignedLines(terminal, [{}, {}, { align: 'right' }], rows)),
    ...guards.map(
      ({ reason, detail }) =>
        `  ${terminal.style(`A daemon would hold it as ${reason}:`, 'red')} ${printableText(detail)}.`,
    ),
  ];
}

function resultLines(
  terminal: Terminal,
  written: number,
  refused: readonly Refusal[],
  limit: number,
): string[] {
  const rows = refused
    .slice(0, limit)
    .map(({ key, why }) => [
      { text: '  refused', style: 'yellow' as const },
      printableKey(key),
      `(${printableText(why)})`,
    ]);
  const unlisted = refused.length - rows.length;
  return [
    `${showCounted(written, 'entry', 'entries')} written, ${showCount(refused.length)} refused`,
    ...alignedLines(terminal, [{}, {}, {}], rows),
    ...(unlisted > 0 ? [`  refused: ... and ${showCount(unlisted)} more (--limit N, --json)`] : []),
  ];
}

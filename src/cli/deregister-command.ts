import type { Config } from '../config/schema.js';
import { printableText } from '../core/printable-text.js';
import type { Deregistration, WithdrawnList } from '../daemon/deregistration.js';
import {
  deregister,
  planDeregistration,
  regardlessOfArchive,
  removeNodes,
  withdrawn,
} from '../daemon/deregistration.js';
import { leadingHost } from '../daemon/offline-apply.js';
import type { OfflineAccess } from '../daemon/offline-access.js';
import { SyncError } from '../ports/errors.js';
import type { Refusal } from '../sync/plan-applier.js';
import { requireConfig, selectMappings } from './config-file.js';
import type { ExitCode } from './exit-code.js';
import { CommandError, EXIT, usageError } from './exit-code.js';
import { withOfflineAccess } from './offline.js';
import type { ConsentOptions } from './operate/consent.js';
import { consents, mustBeAskable } from './operate/consent.js';
import { printableKey } from './printable.js';
import type { Surroundings, Terminal } from './terminal.js';
import { showCount, showCounted } from './times.js';

export interface DeregisterOptions extends ConsentOptions {
  readonly config?: string;
  readonly json?: true;
  /** How many copies of each list are shown to a person. */
  readonly limit: number;
}

interface Outcome {
  readonly list: WithdrawnList;
  readonly found: Deregistration;
  readonly left: readonly Refusal[];
}

/** The command `deregister`: removes the copies of services that this deployment shows, on both sides. */
export async function deregisterCommand(
  terminal: Terminal,
  surroundings: Surroundings,
  names: readonly string[],
  options: DeregisterOptions,
): Promise<ExitCode> {
  mustBeAskable(terminal, options);
  const configured = await requireConfig(options.config, surroundings.environment);
  const lists = listsOf(configured, names);
  const config = regardlessOfArchive(configured);
  const signal = surroundings.interrupted();
  try {
    const found = await withOfflineAccess(terminal, config, 'stores-and-archive', (access) =>
      find(config, access, lists, signal),
    );
    const show = (line: string): void => (options.json === true ? terminal.note(line) : terminal.print(line));
    for (const line of found.flatMap((one) => foundLines(one, options.limit))) show(line);
    const total = found.reduce((sum, { removals }) => sum + removals.length, 0);
    const text = `Remove ${total === 0 ? 'what is left' : 'these copies'} of instance ${config.instance}? Originals stay.`;
    if (!(await consents(terminal, { kind: 'typed', text, word: config.instance }, options)))
      return EXIT.found;
    return await withOfflineAccess(terminal, config, 'stores-and-new-archive', (access) =>
      carryOut(terminal, config, access, found, options, signal),
    );
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'ARCHIVE_LOCKED') throw error;
    const advice = 'A daemon would register them again: stop it first';
    throw new CommandError(EXIT.found, `${error.message} ${advice}`, { cause: error });
  }
}

/** @throws CommandError where one is no list of services */
function listsOf(config: Config, names: readonly string[]): readonly WithdrawnList[] {
  const lists = selectMappings(config, names).flatMap((one) => {
    if (one.services !== undefined) return [withdrawn(one, one.services)];
    if (names.length === 0) return [];
    throw usageError(`${one.name} is a mapping, whose entries are nobody's copies: see cutover and retire`);
  });
  if (lists.length === 0) throw usageError('the configuration has no services');
  const observing = lists.find(({ mode }) => mode === 'observe');
  if (observing !== undefined) {
    throw usageError(`${observing.name} has mode: observe, and shows nothing that could be removed`);
  }
  return lists;
}

async function find(
  config: Config,
  access: OfflineAccess,
  lists: readonly WithdrawnList[],
  signal: AbortSignal,
): Promise<readonly Deregistration[]> {
  const found: Deregistration[] = [];
  for (const list of lists) {
    const host = await leadingHost(config, access.stores, list, signal);
    if (host !== undefined) {
      const message = `a daemon on ${host} leads ${list.name}: stop all daemons of the instance first`;
      throw new CommandError(EXIT.found, message);
    }
    const one = await planDeregistration(access, list, signal);
    if (one.obstacle !== undefined) throw held(list, one.obstacle);
    found.push(one);
  }
  return found;
}

function held({ name }: WithdrawnList, why: string): CommandError {
  return new CommandError(EXIT.found, `nothing of ${name} can be removed: ${why}`);
}

async function carryOut(
  terminal: Terminal,
  config: Config,
  access: OfflineAccess,
  found: readonly Deregistration[],
  { json }: DeregisterOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const outcomes: Outcome[] = [];
  for (const one of found) {
    const left = await deregister(access, one, signal);
    if (typeof left === 'string') throw held(one.list, left);
    outcomes.push({ list: one.list, found: one, left });
  }
  const nodes = await removeNodes(
    config,
    access,
    found.map(({ list }) => list),
    signal,
  );
  if (json === true) terminal.printJson(asJson(config, outcomes, nodes));
  else terminal.print(...outcomes.flatMap(outcomeLines), ...nodeLines(nodes));
  const isDone = outcomes.every(({ left }) => left.length === 0) && [...nodes.values()].every((why) => !why);
  return isDone ? EXIT.done : EXIT.found;
}

function foundLines({ list, removals, counts }: Deregistration, limit: number): string[] {
  const copies = showCounted(counts.right, 'copy', 'copies');
  const shown = removals.slice(0, limit).map(({ on, key }) => {
    const store = on === 'left' ? 'zookeeper' : 'consul';
    return `  ${store.padEnd(9)}  ${printableKey(key)}`;
  });
  const more = removals.length - shown.length;
  return [
    `${list.name}: ${copies} in Consul, ${showCount(counts.left)} in ZooKeeper`,
    ...shown,
    ...(more > 0 ? [`  ... and ${showCount(more)} more (--limit N)`] : []),
  ];
}

function outcomeLines({ list, found, left }: Outcome): string[] {
  const removed = found.removals.length - left.length;
  return [
    `${list.name}: removed ${showCounted(removed, 'copy', 'copies')}, left ${showCount(left.length)}.`,
    ...left.map(({ key, why }) => `  left  ${printableKey(key)}  (${printableText(why)})`),
  ];
}

function nodeLines(nodes: ReadonlyMap<string, string | undefined>): string[] {
  return [...nodes].map(([node, why]) =>
    why === undefined
      ? `There is no node ${node} in Consul any more.`
      : `Left node ${node} in Consul: ${printableText(why)}.`,
  );
}

function asJson(
  { instance }: Config,
  outcomes: readonly Outcome[],
  nodes: ReadonlyMap<string, string | undefined>,
): object {
  return {
    instance,
    lists: outcomes.map(({ list, found, left }) => ({
      name: list.name,
      found: { zookeeper: found.counts.left, consul: found.counts.right },
      left,
    })),
    nodes: [...nodes].map(([name, why]) => ({ name, left: why ?? null })),
  };
}

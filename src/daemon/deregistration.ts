import type { Config, MappingConfig, ServicesConfig } from '../config/schema.js';
import type { Pair, Side } from '../core/pair.js';
import type { DecidedOn } from '../sync/decided-on.js';
import { decidedOn } from '../sync/decided-on.js';
import type { Refusal } from '../sync/plan-applier.js';
import { PlanApplier } from '../sync/plan-applier.js';
import type { OfflineAccess } from './offline-access.js';
import { planStart } from './offline-plan.js';
import { syntheticNodeOf } from './services-context.js';
import { lookAtStart } from './start-outlook.js';

/** A list of services, of which no instance takes part any more. */
export type WithdrawnList = MappingConfig & { readonly services: ServicesConfig };

/** The copies that a list has on either side. */
export interface Deregistration {
  readonly list: WithdrawnList;
  readonly removals: readonly DecidedOn[];
  readonly counts: Pair<number>;
  /** What keeps them from being removed; undefined where nothing does. */
  readonly obstacle: string | undefined;
}

/** The list as one whose copies all have to go. */
export function withdrawn(list: MappingConfig, services: ServicesConfig): WithdrawnList {
  return { ...list, services: { ...services, withdrawn: true } };
}

/** An archive that was lost is no obstacle: copies tell whose they are. */
export function regardlessOfArchive(config: Config): Config {
  return { ...config, archive: { ...config.archive, onLoss: 'merge' } };
}

/**
 * Looks for all copies of a list, and writes nothing.
 * @throws ReplicaError
 */
export async function planDeregistration(
  access: Pick<OfflineAccess, 'context'>,
  list: WithdrawnList,
  signal: AbortSignal,
): Promise<Deregistration> {
  const context = access.context(list);
  const outlook = await lookAtStart(context, signal);
  const removals: DecidedOn[] = [];
  const tell = (_action: unknown, { examined }: { examined: Parameters<typeof decidedOn>[0] }): void => {
    const decided = examined.decision.do === 'remove' ? decidedOn(examined) : undefined;
    if (decided !== undefined) removals.push(decided);
  };
  await planStart(context, outlook, tell, signal);
  const on = (side: Side): number => removals.filter((one) => one.on === side).length;
  const stopping = outlook.holds.find(({ stopsAll }) => stopsAll);
  const obstacle = stopping && `it is held as ${stopping.reason}: ${stopping.detail}`;
  return { list, removals, counts: { left: on('left'), right: on('right') }, obstacle };
}

/**
 * Removes what was found, each copy only as it was seen then, and parents that the daemon had made for them.
 * @returns those that are still there
 * @throws ReplicaError, DeposedError; what was removed until then is recorded
 */
export async function deregister(
  access: OfflineAccess,
  { list, removals }: Deregistration,
  signal: AbortSignal,
): Promise<readonly Refusal[] | string> {
  const context = access.leadingContext(list);
  const reached = context.archive.state()?.ledgers.left?.version.modified;
  if (reached !== undefined) access.stores.zookeeper.expectReached(reached);
  const applier = new PlanApplier(context, true);
  const obstacle = await applier.begin(signal);
  return obstacle ?? applier.apply(removals, true, signal);
}

/** What became of the nodes that had the copies: by name, why one is still there. */
export async function removeNodes(
  config: Config,
  access: OfflineAccess,
  lists: readonly WithdrawnList[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string | undefined>> {
  const nodes = new Map<string, string | undefined>();
  for (const list of lists) {
    const { node } = list.services;
    if (nodes.has(node)) continue;
    const synthetic = syntheticNodeOf(config, list, list.services, access.stores);
    nodes.set(node, await synthetic.remove(signal));
  }
  return nodes;
}

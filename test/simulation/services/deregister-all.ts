import { CatalogClient } from '../../../src/consul/catalog/catalog-client.js';
import { SyntheticNode } from '../../../src/consul/catalog/synthetic-node.js';
import { ConsulClient } from '../../../src/consul/consul-client.js';
import { planDeregistration } from '../../../src/daemon/deregistration.js';
import { translationOf } from '../../../src/daemon/services-context.js';
import { PlanApplier } from '../../../src/sync/plan-applier.js';
import type { MemoryArchiveDisk } from '../../kit/memory-archive.js';
import { LinkedTransport } from '../../kit/memory-consul/linked-transport.js';
import { Link } from '../../kit/memory-store/link.js';
import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import { simulatedLogger } from '../simulated-logger.js';
import { LIST } from './instances.js';
import type { ServicesWorld } from './services-world.js';
import { contextOf, listOf, replicasOf } from './simulated-bridge.js';

const NEVER = new AbortController().signal;

/**
 * Takes all copies of a bridge away, by what the command does; its daemons run no more.
 * @param disk with the archive of the daemon that led last
 * @returns what stands in the way
 */
export async function deregisterAll(
  world: ServicesWorld,
  at: number,
  disk: MemoryArchiveDisk,
): Promise<string | undefined> {
  const { clock, tree, catalog, trace, plan } = world;
  const { setup } = plan;
  const name = `daemon/${at}/deregister`;
  const bridge = world.seats.bridge(at);
  const archive = await disk.open();
  const random = new SeededRandom(plan.seed);
  const link = (storeName: string): Link => new Link({ storeName, clock, random });
  const links = { left: link('tree'), right: link('catalog') };
  const stale = { tree: () => undefined, catalog: () => undefined };
  const common = { name, bridge, setup, clock, random, withdrawn: true };
  const complained = (complaint: string): void => world.fail('no errors of its own', complaint);
  const logger = simulatedLogger({ name, trace, isDead: () => false, complained, isExpected: () => false });
  const replicas = replicasOf({ ...common, tree, catalog, stale, links });
  const context = contextOf({ ...common, archive, logger, replicas });
  const { config, list, services } = listOf(setup, bridge, true);
  const { removals, obstacle } = await planDeregistration(
    { context: () => context },
    { ...list, services },
    NEVER,
  );
  if (obstacle !== undefined) return obstacle;
  const applier = new PlanApplier(context, true);
  const stopped = await applier.begin(NEVER);
  if (stopped !== undefined) return stopped;
  const refused = await applier.apply(removals, true, NEVER);
  await archive.close();
  if (refused.length > 0) return JSON.stringify(refused);
  const transport = new LinkedTransport({ catalog, link: links.right, clock, writer: name });
  const client = new ConsulClient({ address: new URL('http://consul:8500'), transport });
  const { node } = translationOf(config.instance, LIST, services);
  const left = await new SyntheticNode(new CatalogClient(client), node).remove(NEVER);
  trace.remark(() => `the node is ${left ?? 'removed'}`);
  return undefined;
}

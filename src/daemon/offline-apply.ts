import { hostname } from 'node:os';
import type { Config, MappingConfig } from '../config/schema.js';
import { randomId } from '../sync/establish.js';
import { ZooKeeperElection } from '../zookeeper/zookeeper-election.js';
import { aclOf, NAMESPACE } from './mapping-context.js';
import type { Stores } from './stores.js';
import { systemRandom } from './system.js';

/**
 * The daemon that leads a mapping, where several share them.
 * @returns its host
 * @throws ReplicaError
 */
export async function leadingHost(
  config: Config,
  stores: Stores,
  mapping: MappingConfig,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!config.highAvailability.enabled) return undefined;
  const election = new ZooKeeperElection({
    session: stores.zookeeper,
    namespaceRoot: `/${NAMESPACE}`,
    instance: config.instance,
    self: { id: randomId(() => systemRandom.next()), host: hostname(), admin: undefined },
    acl: aclOf(config),
    sessionTimeoutMs: config.zookeeper.sessionTimeoutMs,
  });
  const queues = await election.queues([mapping.name], signal);
  return queues.get(mapping.name)?.[0]?.member.host;
}

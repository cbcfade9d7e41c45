import type { Config, MappingConfig } from '../config/schema.js';
import type { Logger } from '../ports/logger.js';
import type { AclEntry } from '../zookeeper/protocol.js';
import type { ConnectedState } from '../zookeeper/reconnecting-client.js';
import { SessionLease } from '../zookeeper/session-lease.js';
import type { Stores } from './stores.js';
import { systemClock } from './system.js';

/** A name that no mapping can have. */
export const LEASES = '.leases';
/** Another daemon leads when a session has ended. As long again, the nodes that it takes over should stay. */
const SESSIONS_MIN = 2;

export interface LeaseSurroundings {
  readonly config: Config;
  readonly stores: Stores;
  /** For every node that is made. */
  readonly acl: readonly AclEntry[];
  /** Of all deployments: `/zk-consul-sync`. */
  readonly namespace: string;
  readonly logger: Logger;
}

/**
 * What copies of a list of services are bound to in ZooKeeper, or were bound to before, where they stay by now. None where
 * there are no copies.
 */
export function leaseOf(
  { name, services, direction }: MappingConfig,
  { config, stores, acl, namespace, logger }: LeaseSurroundings,
): SessionLease | undefined {
  if (services === undefined || direction === 'zookeeper-to-consul') return undefined;
  const { sessionTimeoutMs } = config.zookeeper;
  return new SessionLease({
    main: stores.zookeeper,
    open: (resumed) => stores.lastingSession(resumed),
    path: `${namespace}/${config.instance}/${LEASES}/${name}`,
    acl,
    namespaceRoot: namespace,
    begins: services.ephemeral,
    clock: systemClock,
    waitMs: sessionTimeoutMs,
    onTrouble: (error) => logger.warn({ err: error }, `copies in ZooKeeper: ${error.message}`),
    onBound: (state) => services.ephemeral && tellBound(state, sessionTimeoutMs, logger),
  });
}

function tellBound(
  { sessionId, sessionTimeoutMs: lastsMs }: ConnectedState,
  usualMs: number,
  logger: Logger,
) {
  logger.info(
    { session: sessionId, lastsMs },
    'copies in ZooKeeper are bound to a session that outlasts daemons',
  );
  const risk = riskOf(lastsMs, usualMs);
  if (risk !== undefined) logger.warn({ lastsMs }, risk);
}

/** What is wrong with a session that lasts for so long without a daemon; undefined where nothing is. */
export function riskOf(lastsMs: number, sessionTimeoutMs: number): string | undefined {
  if (lastsMs >= SESSIONS_MIN * sessionTimeoutMs) return undefined;
  return (
    `ephemeral copies last ${lastsMs / 1_000} s without a daemon, too short for another one to take over: ` +
    'set zookeeper.sessionTimeout to half of that, or raise maxSessionTimeout of the servers'
  );
}

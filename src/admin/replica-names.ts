import type { Pair } from '../core/pair.js';

/** The stores by name, as operators, metrics and the HTTP API call them. */
export type ReplicaName = 'zookeeper' | 'consul';

/** The core knows sides only; from here outwards, left is ZooKeeper and right is Consul. */
export const REPLICA_NAMES: Pair<ReplicaName> = { left: 'zookeeper', right: 'consul' };

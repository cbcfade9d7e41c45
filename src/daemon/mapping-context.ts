import type { Config, MappingConfig } from '../config/schema.js';
import { ConsulReplica } from '../consul/consul-replica.js';
import { archiveKeyBytesMax } from '../archive/entry-key-bytes.js';
import { entryFilter } from '../core/glob.js';
import type { EntryKey } from '../core/observation.js';
import type { Pair, Side } from '../core/pair.js';
import type { Policy } from '../core/policy.js';
import type { Archive } from '../ports/archive.js';
import type { Audit } from '../ports/audit.js';
import type { Logger } from '../ports/logger.js';
import type { MappingMetrics } from '../ports/metrics.js';
import type { Replica } from '../ports/replica.js';
import type { MappingContext, Scope } from '../sync/context.js';
import type { Leaderships } from '../sync/leaderships.js';
import type { WriteGate } from '../sync/write-gate.js';
import { ALL_PERMISSIONS, permissionBits } from '../zookeeper/permissions.js';
import type { AclEntry } from '../zookeeper/protocol.js';
import { ZooKeeperReplica } from '../zookeeper/zookeeper-replica.js';
import type { OnLosses } from './services-context.js';
import { leaseOf } from './copies-lease.js';
import { departuresOf, placesOfServices, replicasOfServices, scopeOfServices } from './services-context.js';
import type { Stores } from './stores.js';
import { digestOf, systemClock, systemRandom } from './system.js';

/** The daemon's own folder in both stores. */
export const NAMESPACE = 'zk-consul-sync';

/** Which store stands on which side: the one place where that is decided. */
export const SIDE_NAMES: Pair<'zookeeper' | 'consul'> = { left: 'zookeeper', right: 'consul' };

export function sideOf(name: 'zookeeper' | 'consul'): Side {
  return name === SIDE_NAMES.left ? 'left' : 'right';
}

/** Where a mapping's ledger is, and where those of others are looked for: in either store, below its root. */
export interface MappingHome {
  readonly ledger: string;
  readonly namespace: string;
}

/** What all mappings of a daemon share. */
export interface MappingSurroundings {
  readonly config: Config;
  readonly stores: Stores;
  readonly archive: Archive;
  /** Names this process in the ledgers it writes. */
  readonly writer: string;
  readonly gates: Pair<WriteGate>;
  /** The elections that this daemon takes part in; undefined where it is alone. */
  readonly leaderships: Leaderships | undefined;
  readonly logger: Logger;
  /** Told of every write; undefined where nothing is written. */
  readonly audit: Audit | undefined;
  /** Told of what copies of services can't hold. */
  readonly onLosses?: OnLosses | undefined;
  /** Of a mapping of the daemon's own. All others have theirs where everybody sees it. */
  readonly home?: MappingHome;
}

export function mappingContext(
  mapping: MappingConfig,
  surroundings: MappingSurroundings,
  metrics: MappingMetrics,
  onUnread: (keys: readonly EntryKey[]) => void = () => undefined,
): MappingContext {
  const { config, archive, writer, gates } = surroundings;
  const logger = surroundings.logger.child({ mapping: mapping.name });
  const places = placesOf(config, mapping);
  const part = archive.mapping(places);
  return {
    name: mapping.name,
    instance: config.instance,
    writer,
    replicas: replicasOf(mapping, surroundings, logger, onUnread),
    sideNames: SIDE_NAMES,
    places,
    policy: policyOf(mapping),
    mode: mapping.mode,
    maxDelete: mapping.maxDelete,
    maxOverwrite: mapping.maxOverwrite,
    verifyEveryMs: mapping.verifyEveryMs,
    onArchiveLoss: config.archive.onLoss,
    scope: scopeOf(config, mapping),
    departures: departuresOf(config, mapping),
    digest: digestOf,
    keyBytesMax: archiveKeyBytesMax,
    archive: part,
    gates,
    clock: systemClock,
    random: systemRandom,
    logger,
    metrics,
    leaderships: surroundings.leaderships,
    audit: surroundings.audit,
  };
}

/** The mapped places in full: what the archive is keyed by, and what the ledgers claim. */
export function placesOf(config: Config, mapping: MappingConfig): Pair<string> {
  if (mapping.services !== undefined) return placesOfServices(config, mapping, mapping.services);
  const path = mapping.zookeeper === '/' ? '' : mapping.zookeeper;
  const prefix = mapping.consul === '' ? '' : `${mapping.consul}/`;
  return {
    left: `zookeeper:${config.zookeeper.connect.chroot}${path}/`,
    right: `consul:${config.consul.datacenter ?? ''}/${prefix}`,
  };
}

/** Blocking queries at once, of all mappings: each takes one of the 200 connections that Consul allows a client. */
export const CONSUL_WATCHES_MAX = 64;

function replicasOf(
  mapping: MappingConfig,
  surroundings: MappingSurroundings,
  logger: Logger,
  onUnread: (keys: readonly EntryKey[]) => void,
): Pair<Replica> {
  const { config, stores } = surroundings;
  const { ledger, namespace } = surroundings.home ?? {
    ledger: `${NAMESPACE}/${config.instance}/${mapping.name}`,
    namespace: NAMESPACE,
  };
  const common = { digest: digestOf, clock: systemClock, random: systemRandom };
  const lease = leaseOf(mapping, { config, stores, acl: aclOf(config), namespace: `/${namespace}`, logger });
  let denials = 0;
  const nodes = new ZooKeeperReplica({
    ...common,
    session: stores.zookeeper,
    root: mapping.zookeeper,
    ledgerPath: `/${ledger}`,
    namespaceRoot: `/${namespace}`,
    acl: aclOf(config),
    lease: mapping.services?.ephemeral === true ? lease : undefined,
    replaces: mapping.services !== undefined,
    readsAccess: mapping.restricted === 'skip',
    onDenied: (key) => {
      denials++;
      onUnread([key]);
    },
    onIllegalName: (path) =>
      logger.warn({ path }, 'a znode has a name that stands for no key; it is left out'),
  });
  if (mapping.services !== undefined) {
    const { onLosses } = surroundings;
    const keys = { ledgerKey: ledger, namespacePrefix: `${namespace}/` };
    const around = { config, stores, logger, ...keys, onLosses, lease, denials: () => denials };
    return replicasOfServices(mapping, mapping.services, nodes, around);
  }
  return {
    left: nodes,
    right: new ConsulReplica({
      ...common,
      client: stores.consul,
      prefix: mapping.consul === '' ? '' : `${mapping.consul}/`,
      ledgerKey: ledger,
      namespacePrefix: `${namespace}/`,
      onUnread,
      lookTurns: stores.lookTurns,
      watchesMax: Math.max(1, Math.floor(CONSUL_WATCHES_MAX / config.mappings.length)),
    }),
  };
}

function policyOf(mapping: MappingConfig): Policy {
  const { direction, conflict, initial } = mapping;
  const source = { both: undefined, 'zookeeper-to-consul': 'left', 'consul-to-zookeeper': 'right' } as const;
  const winner = {
    'last-writer-wins': 'last-writer-wins',
    'zookeeper-wins': 'left-wins',
    'consul-wins': 'right-wins',
    hold: 'hold',
  } as const;
  return {
    source: source[direction],
    conflict: winner[conflict],
    tieBreak: sideOf(mapping.tieBreak),
    initial: initial === 'merge' ? 'merge' : sideOf(initial),
    sessionBound: mapping.sessionBound,
    restricted: mapping.restricted,
    drift: mapping.drift,
  };
}

function scopeOf(config: Config, mapping: MappingConfig): Scope {
  const { include, exclude, services } = mapping;
  if (services !== undefined) return scopeOfServices(config, mapping, services);
  const includes = entryFilter(include, exclude);
  return { id: JSON.stringify({ include, exclude }), includes };
}

/** The ACL of znodes that the daemon creates. */
export function aclOf({ zookeeper: { acl } }: Config): readonly AclEntry[] {
  if (acl === 'open') return [{ scheme: 'world', id: 'anyone', permissions: ALL_PERMISSIONS }];
  if (acl === 'creator-all') return [{ scheme: 'auth', id: '', permissions: ALL_PERMISSIONS }];
  return acl.map(({ scheme, id, permissions }) => ({
    scheme,
    id: id.reveal(),
    permissions: permissionBits(permissions),
  }));
}

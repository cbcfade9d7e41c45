import type { Config, MappingConfig, ServicesConfig } from '../config/schema.js';
import { CatalogClient } from '../consul/catalog/catalog-client.js';
import { CatalogReplica } from '../consul/catalog/catalog-replica.js';
import { SyntheticNode } from '../consul/catalog/synthetic-node.js';
import type { DepartureRules } from '../core/departures.js';
import type { EntryKey } from '../core/observation.js';
import type { Pair } from '../core/pair.js';
import type { Binding, FormerBinding } from '../ports/binding.js';
import type { Logger } from '../ports/logger.js';
import type { ChildNames, Replica } from '../ports/replica.js';
import { curatorFormat } from '../services/formats/curator.js';
import { dubboFormat } from '../services/formats/dubbo.js';
import type { ServiceFormat } from '../services/formats/format.js';
import { nerveFormat } from '../services/formats/nerve.js';
import { serversetFormat } from '../services/formats/serverset.js';
import { RegistrationsReplica } from '../services/registrations-replica.js';
import type { Loss } from '../services/service-record.js';
import { ServiceTranslation } from '../services/service-translation.js';
import { SiblingRules } from '../services/sibling-rules.js';
import type { Scope } from '../sync/context.js';
import type { Stores } from './stores.js';
import { digestOf, systemClock, systemRandom } from './system.js';

/** What the composition of a list of services needs of the daemon. */
export interface ServicesSurroundings {
  readonly config: Config;
  readonly stores: Stores;
  readonly logger: Logger;
  readonly ledgerKey: string;
  readonly namespacePrefix: string;
  /** Told of an instance of which its copy can't hold everything. The log is, unless given. */
  readonly onLosses: OnLosses | undefined;
  /** What copies in ZooKeeper are bound to, or were bound to before. */
  readonly lease: (Binding & FormerBinding) | undefined;
  /** How many times until now walks of ZooKeeper were not allowed to look at something. */
  readonly denials: () => number;
}

export type OnLosses = (key: EntryKey, losses: readonly Loss[]) => void;

/** What services claim are the copies of one node: other daemons may show the same registrations elsewhere. */
export function placesOfServices(
  { instance, zookeeper, consul }: Config,
  mapping: MappingConfig,
  { node }: ServicesConfig,
): Pair<string> {
  const path = mapping.zookeeper === '/' ? '' : mapping.zookeeper;
  return {
    // Copies there have the instance in their names.
    left: `zookeeper-services:${instance}:${zookeeper.connect.chroot}${path}/`,
    right: `consul-services:${consul.datacenter ?? ''}/${node}/${mapping.name}/`,
  };
}

/** @param nodes the tree below the base path, node for node */
export function replicasOfServices(
  mapping: MappingConfig,
  services: ServicesConfig,
  nodes: Replica & ChildNames,
  surroundings: ServicesSurroundings,
): Pair<Replica> {
  const { config, stores, logger, ledgerKey, namespacePrefix, lease, denials } = surroundings;
  const translation = translationOf(config.instance, mapping.name, services);
  const log: OnLosses = (key, losses) =>
    logger.debug({ key, losses }, 'what the other side can not hold of an instance is left out of its copy');
  const { onLosses = log } = surroundings;
  const onBroken = (key: EntryKey, why: string): void =>
    logger.warn({ key, why }, 'a znode is none of the configured format');
  const { weights } = formatOf(services);
  return {
    left: new RegistrationsReplica({
      nodes,
      rules: weights && new SiblingRules({ nodes, weights, onBroken }),
      translation,
      digest: digestOf,
      ...(services.ephemeral ? { binding: lease } : { former: lease, denials }),
      onLosses,
      onBroken,
    }),
    right: new CatalogReplica({
      client: stores.consul,
      translation,
      ledgerKey,
      namespacePrefix,
      digest: digestOf,
      clock: systemClock,
      random: systemRandom,
      onlyPassing: services.consul.onlyPassing,
      onLosses,
    }),
  };
}

/**
 * Of a one-way list, only instances that live at its source. Patterns are no matter of scope here: an instance that they
 * leave out is as one that is gone, and its copy goes, too.
 */
export function scopeOfServices(config: Config, mapping: MappingConfig, services: ServicesConfig): Scope {
  const translation = translationOf(config.instance, mapping.name, services);
  const { direction } = mapping;
  const birthplaces = {
    both: ['tree', 'catalog'],
    'zookeeper-to-consul': ['tree'],
    'consul-to-zookeeper': ['catalog'],
  } as const;
  const taken: readonly string[] = birthplaces[direction];
  return {
    id: JSON.stringify({ direction }),
    includes: (key) => taken.includes(translation.bornIn(key) ?? ''),
  };
}

/** Copies of one service belong together. */
export function departuresOf(config: Config, mapping: MappingConfig): DepartureRules | undefined {
  const { services } = mapping;
  if (services === undefined) return undefined;
  const translation = translationOf(config.instance, mapping.name, services);
  return {
    removeAfterMs: services.removeAfterMs,
    minHealthyPercent: services.minHealthy,
    groupOf: (key) => translation.groupOf(key),
  };
}

/** The node on which a list's copies stand. */
export function syntheticNodeOf(
  config: Config,
  { name }: MappingConfig,
  services: ServicesConfig,
  { consul }: Stores,
): SyntheticNode {
  return new SyntheticNode(new CatalogClient(consul), translationOf(config.instance, name, services).node);
}

export function translationOf(instance: string, list: string, services: ServicesConfig): ServiceTranslation {
  const { consul, rename = [], include, exclude, node } = services;
  return new ServiceTranslation({
    bridge: instance,
    list,
    format: formatOf(services),
    node,
    tags: consul.tags,
    namePrefix: consul.namePrefix,
    rename: new Map(rename.map(({ zookeeper, consul: name }) => [zookeeper, name])),
    include,
    exclude,
    withdrawn: services.withdrawn === true,
    // Dubbo's own registry for Consul registers interfaces as they are.
    dnsNames: services.format !== 'dubbo',
  });
}

function formatOf({ format, payload }: ServicesConfig): ServiceFormat {
  switch (format) {
    case 'curator':
      return curatorFormat({ springPayload: payload === 'spring' });
    case 'serverset':
      return serversetFormat;
    case 'nerve':
      return nerveFormat;
    case 'dubbo':
      return dubboFormat;
  }
}

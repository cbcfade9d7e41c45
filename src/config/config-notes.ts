import { isLoopbackHost } from './network-address.js';
import type { Config, MappingConfig } from './schema.js';

/** Something valid that may not do what its author meant. Logged at the start, and printed by `check`. */
export interface ConfigNote {
  /** `admin.token`, or with the name of the mapping: `mappings[config].drift`. */
  readonly path: string;
  readonly message: string;
}

export function configNotes(config: Config): ConfigNote[] {
  const mappings = config.mappings.filter(({ services }) => services === undefined);
  return [...adminNotes(config), ...mappings.flatMap(mappingNotes), ...restrictedNotes(config)];
}

function adminNotes({ admin }: Config): ConfigNote[] {
  if (admin.listen === undefined || admin.token !== undefined || isLoopbackHost(admin.listen.host)) return [];
  const message = 'not set, and admin.listen is reachable from other machines: changing requests are refused';
  return [{ path: 'admin.token', message }];
}

/** Of what the daemon makes, clients' changes are left out then, since not everybody may read it. */
function restrictedNotes({ zookeeper: { acl }, mappings }: Config): ConfigNote[] {
  const isOpen =
    acl === 'open' ||
    (acl !== 'creator-all' &&
      acl.some(
        ({ scheme, id, permissions }) =>
          scheme === 'world' && id.reveal() === 'anyone' && permissions.includes('r'),
      ));
  if (isOpen) return [];
  const message =
    'skip: znodes that the daemon makes with zookeeper.acl may not be read by everybody, and are left out once a client of ZooKeeper changes them';
  return mappings
    .filter(({ restricted }) => restricted === 'skip')
    .map(({ name }) => ({ path: `mappings[${name}].restricted`, message }));
}

function mappingNotes(mapping: MappingConfig): ConfigNote[] {
  const notes: ConfigNote[] = [];
  const note = (setting: keyof MappingConfig, message: string) =>
    notes.push({ path: `mappings[${mapping.name}].${setting}`, message });

  const { direction } = mapping;
  if (direction === 'both' && mapping.drift === 'revert') {
    note('drift', 'has no effect: only the target of a one-way mapping can drift');
  }
  const target = { both: undefined, 'zookeeper-to-consul': 'consul', 'consul-to-zookeeper': 'zookeeper' }[
    direction
  ];
  if (target !== undefined && mapping.initial === target) {
    note('initial', `has no effect: ${target} is the target of this one-way mapping and never its source`);
  }
  if (target !== undefined && mapping.conflict === `${target}-wins`) {
    note('conflict', `has no effect: ${target} is the target of this one-way mapping and never its source`);
  }
  if (mapping.maxDelete.percent === 100) {
    note('maxDelete', 'percent: 100 leaves only the emptying of the whole mapping to be held');
  }
  return notes;
}

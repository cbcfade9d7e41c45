import { z } from 'zod';
import { MAPPINGS_MAX, mappingSection } from './mapping-section.js';
import { SERVICES_MAX, servicesSection } from './services-section.js';
import { parseListenAddress } from './network-address.js';
import type { Secret } from './secret.js';
import { NAME_ALLOWED, byteSize, choice, duration, name, parsedBy, setting, text, token } from './setting.js';
import { consulSection, zookeeperSection } from './store-sections.js';

const archiveSection = z.strictObject({
  path: setting(text().prefault('/var/lib/zk-consul-sync'), {
    description: 'The directory of the archive and the conflict journal; has to be durable.',
    allowed: 'the path of a directory',
    place: 'directory',
  }),
  onLoss: choice(
    'What happens when the archive is gone although the stores say that there was one: wait for an operator, or start over as for a first `merge`.',
    ['hold', 'merge'],
    'hold',
  ),
});

const journalSection = z
  .strictObject({
    keep: duration('How long settled conflicts and deleted values are kept.', {
      default: '30d',
      min: '1s',
      max: '3650d',
    }),
    maxBytes: byteSize(
      'The size of the journal and of what was deleted, together. When it is full of open conflicts, further conflicts and deletions are held, never dropped.',
      {
        default: '1GiB',
        minBytes: 1024,
      },
    ),
  })
  .transform(({ keep, maxBytes }) => ({ keepMs: keep, maxBytes }));

function storeLimits(store: string) {
  const section = z.strictObject({
    writesPerSecond: setting(z.int().min(0).max(1_000_000).prefault(0), {
      description: `A hard limit for entries written to ${store}, in small batches, so that no write of a client waits behind a large one; 0 adapts to how fast the store answers.`,
    }),
  });
  return setting(section.prefault({}), { description: `Limits for ${store}.` });
}

const limitsSection = z.strictObject({ zookeeper: storeLimits('ZooKeeper'), consul: storeLimits('Consul') });

const highAvailabilitySection = z.strictObject({
  enabled: setting(z.boolean().prefault(false), {
    description:
      'Share the mappings with other daemons of the same `instance`: each mapping is led by one of them, the others stand by.',
  }),
});

const canarySection = z
  .strictObject({
    enabled: setting(z.boolean().prefault(false), {
      description:
        "Write a marker in each store now and then, in the daemon's own namespace, and measure how long it takes to reach the other one.",
    }),
    every: duration('How often.', { default: '5s', min: '1s', max: '1m' }),
  })
  .transform(({ enabled, every }) => ({ enabled, everyMs: every }));

const adminSection = z.strictObject({
  listen: setting(parsedBy(text(), parseListenAddress).prefault('127.0.0.1:9464'), {
    description: 'Where metrics, health, status and the admin commands are served.',
    allowed: 'host:port, [::1]:port or off',
  }),
  token: token('Asked for by requests that change something, unless they come in on a loopback address.'),
});

const logSection = z.strictObject({
  level: choice(
    'The least severe messages to be logged.',
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace'],
    'info',
  ),
  format: choice('JSON lines for machines, or text for people.', ['json', 'pretty'], 'json'),
  audit: setting(text().optional(), {
    description:
      'A file to which a line of JSON is appended for every write to a store, without values. None by default.',
    allowed: 'the path of a file in a directory that is there',
    place: 'directory',
  }),
});

/** The whole file: the one source of its types, defaults, JSON Schema, documentation and error messages. */
export const configSchema = setting(
  z.strictObject({
    instance: setting(name().prefault('default'), {
      description:
        "Names this deployment's own keys and locks in both stores; each deployment needs its own.",
      allowed: NAME_ALLOWED,
    }),
    zookeeper: setting(zookeeperSection, { description: 'The ZooKeeper ensemble.' }),
    consul: setting(consulSection.prefault({}), { description: 'The Consul datacenter.' }),
    archive: setting(archiveSection.prefault({}), { description: 'What the daemon remembers between runs.' }),
    journal: setting(journalSection.prefault({}), { description: 'The conflict journal.' }),
    limits: setting(limitsSection.prefault({}), { description: 'How hard the stores may be worked.' }),
    highAvailability: setting(highAvailabilitySection.prefault({}), {
      description: 'Running more than one daemon for the same mappings.',
    }),
    canary: setting(canarySection.prefault({}), {
      description: 'Measuring all the time how long a change takes from one store to the other.',
    }),
    mappings: setting(
      z
        .array(setting(mappingSection, { description: 'One mapping.' }))
        .max(MAPPINGS_MAX)
        .optional(),
      {
        description: 'Which subtree is kept equal to which prefix. Mappings must not overlap on either side.',
        allowed: `a list of 1 to ${MAPPINGS_MAX} mappings`,
      },
    ),
    services: setting(
      z
        .array(setting(servicesSection, { description: 'One list of services.' }))
        .max(SERVICES_MAX)
        .optional(),
      {
        description:
          'Where programs that register in ZooKeeper and those that register in Consul find each other.',
        allowed: `a list of up to ${SERVICES_MAX} groups of settings`,
      },
    ),
    admin: setting(adminSection.prefault({}), { description: 'The admin HTTP server.' }),
    log: setting(logSection.prefault({}), { description: "The daemon's own log, on standard output." }),
  }),
  { description: 'The configuration of zk-consul-sync.' },
);

type DeepReadonly<T> = T extends Secret
  ? T
  : T extends readonly (infer E)[]
    ? readonly DeepReadonly<E>[]
    : T extends object
      ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
      : T;

type ParsedConfig = DeepReadonly<z.output<typeof configSchema>>;

/** What is said of services beyond what a mapping has. */
export type ServicesConfig = Omit<
  NonNullable<ParsedConfig['services']>[number],
  'name' | 'zookeeper' | 'mode' | 'direction' | 'verifyEveryMs'
> & {
  /** The node of the catalog. */
  readonly node: string;
  /** No instance takes part any more, so that all copies go. No setting: a command says so. */
  readonly withdrawn?: true;
};

/** A mapping; or services, which are looked after like one. */
export type MappingConfig = NonNullable<ParsedConfig['mappings']>[number] & {
  readonly services?: ServicesConfig;
};

/** A valid configuration: defaults filled in, durations in milliseconds, sizes in bytes, paths absolute. */
export type Config = Omit<ParsedConfig, 'mappings' | 'services'> & {
  readonly mappings: readonly MappingConfig[];
};

/** Services are mappings with entries of their own kind, which decide nothing by conflict: each has one owner. */
export function unite({ services = [], mappings = [], ...rest }: ParsedConfig): Config {
  const asMappings = services.map(
    ({ name: list, zookeeper, mode, direction, verifyEveryMs, ...own }): MappingConfig => ({
      name: list,
      zookeeper,
      consul: '',
      direction,
      conflict: 'last-writer-wins',
      tieBreak: 'zookeeper',
      initial: 'merge',
      include: ['**'],
      exclude: [],
      sessionBound: 'mirror',
      restricted: 'mirror',
      drift: 'revert',
      mode,
      maxDelete: SERVICES_BUDGET,
      maxOverwrite: SERVICES_BUDGET,
      verifyEveryMs,
      services: { ...own, node: own.consul.node ?? `zk-consul-sync-${rest.instance}` },
    }),
  );
  return { ...rest, mappings: [...mappings, ...asMappings] };
}

/** Copies come and go with their originals, and count for `minHealthy` only. */
const SERVICES_BUDGET = { percent: 25, atLeast: 20, withinMs: 3_600_000 } as const;

export type TlsConfig = NonNullable<Config['zookeeper']['tls']>;

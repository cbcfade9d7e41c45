import { z } from 'zod';
import { MAPPINGS_MAX, mappingSection } from './mapping-section.js';
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
      description: `A hard limit for entries written to ${store}; 0 adapts to how fast the store answers.`,
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
        .min(1)
        .max(MAPPINGS_MAX),
      {
        description: 'Which subtree is kept equal to which prefix. Mappings must not overlap on either side.',
        allowed: `a list of 1 to ${MAPPINGS_MAX} mappings`,
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

/** A valid configuration: defaults filled in, durations in milliseconds, sizes in bytes, paths absolute. */
export type Config = DeepReadonly<z.output<typeof configSchema>>;

export type MappingConfig = Config['mappings'][number];
export type TlsConfig = NonNullable<Config['zookeeper']['tls']>;

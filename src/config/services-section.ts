import { z } from 'zod';
import { patterns, PATTERNS_MAX } from './mapping-section.js';
import { parseMappedPath } from './mapped-path.js';
import { NAME_ALLOWED, choice, duration, name, parsedBy, setting, text } from './setting.js';

/** A bound, far above what one daemon is asked for. */
export const SERVICES_MAX = 100;
const TAGS_MAX = 64;
const RENAMES_MAX = 1000;

const consulSide = z.strictObject({
  node: setting(name().optional(), {
    description:
      "The node of Consul's catalog on which copies stand. No agent may have it: an agent removes what it does not know.",
    allowed: NAME_ALLOWED,
    defaultNote: '`zk-consul-sync-` and the instance',
  }),
  namePrefix: setting(z.string().max(64).prefault(''), {
    description: 'Before the names of copies in Consul.',
    allowed: 'up to 64 characters',
  }),
  tags: setting(
    z
      .array(setting(text(), { description: 'One tag.' }))
      .max(TAGS_MAX)
      .prefault([]),
    {
      description: 'Every copy in Consul has these tags.',
      allowed: `a list of up to ${TAGS_MAX} texts`,
    },
  ),
  onlyPassing: setting(z.boolean().prefault(true), {
    description:
      "Whether only instances whose checks pass are shown in ZooKeeper, and those of a failing one's taken away.",
  }),
});

const renamed = z.strictObject({
  zookeeper: setting(text(), { description: 'What the service is called in ZooKeeper.' }),
  consul: setting(text(), { description: 'What it is called in Consul.' }),
});

export const servicesSection = z
  .strictObject({
    name: setting(name(), {
      description: 'Names this list in commands, metrics and both stores, beside the mappings.',
      allowed: NAME_ALLOWED,
      examples: ['apps'],
    }),
    zookeeper: setting(parsedBy(text(), parseMappedPath), {
      description: 'The base path of the registrations in ZooKeeper, below the chroot if there is one.',
      allowed: 'an absolute path such as /services',
      pattern: '^/',
    }),
    format: setting(z.enum(['curator', 'serverset', 'nerve', 'dubbo']), {
      description: 'How clients of ZooKeeper register: see docs/service-discovery.md.',
    }),
    payload: choice(
      'With `curator`: whether copies in ZooKeeper have the payload of Spring Cloud, which other clients of Curator fail to read.',
      ['none', 'spring'],
      'none',
    ),
    ephemeral: setting(z.boolean().prefault(false), {
      description:
        'Whether copies in ZooKeeper are ephemeral nodes, which vanish some time after the last daemon is gone.',
    }),
    consul: setting(consulSide.prefault({}), { description: 'What copies are in Consul.' }),
    direction: choice(
      'Whose registrations are shown on the other side.',
      ['both', 'zookeeper-to-consul', 'consul-to-zookeeper'],
      'both',
    ),
    include: setting(patterns().min(1).max(PATTERNS_MAX).prefault(['**']), {
      description: 'Which services take part, by their names in ZooKeeper.',
      allowed: `a list of 1 to ${PATTERNS_MAX} patterns`,
    }),
    exclude: setting(patterns().max(PATTERNS_MAX).prefault([]), {
      description: 'Which of the included services do not.',
      allowed: `a list of up to ${PATTERNS_MAX} patterns`,
    }),
    rename: setting(
      z
        .array(setting(renamed, { description: 'One service.' }))
        .max(RENAMES_MAX)
        .optional(),
      {
        description: 'Services that are called differently in Consul.',
        allowed: `a list of up to ${RENAMES_MAX} pairs of names`,
      },
    ),
    removeAfter: duration('How long an instance has to be gone before its copy is removed.', {
      default: '10s',
      min: '0s',
      max: '1h',
    }),
    minHealthy: setting(z.int().min(0).max(100).prefault(50), {
      description:
        'The share of its copies, in percent, below which no service is taken at once; what would do so is held until a person approves it.',
    }),
    mode: choice(
      '`observe` does everything but write, and reports what it would do.',
      ['sync', 'observe'],
      'sync',
    ),
    verifyEvery: duration('How often everything is compared, whether or not changes were noticed.', {
      default: '10m',
      min: '100ms',
      max: '7d',
    }),
  })
  .transform(({ removeAfter, verifyEvery, ...rest }) => ({
    ...rest,
    removeAfterMs: removeAfter,
    verifyEveryMs: verifyEvery,
  }));

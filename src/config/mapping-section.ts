import { z } from 'zod';
import { parseGlob } from '../core/glob.js';
import { parseMappedPath, parseMappedPrefix } from './mapped-path.js';
import { parsed, refused } from './problem.js';
import { NAME_ALLOWED, choice, duration, name, parsedBy, setting, text } from './setting.js';

/** A bound, far above what one daemon is asked for. */
export const MAPPINGS_MAX = 1000;

/** More patterns than this cost more time per entry than they are worth. */
export const PATTERNS_MAX = 256;

export function patterns() {
  const pattern = parsedBy(text(), (input) => {
    const glob = parseGlob(input);
    return glob.ok ? parsed(input) : refused(glob.problem);
  });
  return z.array(
    setting(pattern, {
      description:
        'Matched against whole keys below the mapping: `**` any depth, `*` inside a segment, `?` one character.',
      allowed: 'a pattern such as app/**, **/.lock or feature-?',
    }),
  );
}

function budget(description: string) {
  const section = z
    .strictObject({
      percent: setting(z.int().min(0).max(100).prefault(25), {
        description: "The share of the mapping's largest size, in percent, that may go.",
      }),
      atLeast: setting(z.int().min(1).max(1_000_000_000).prefault(20), {
        description: 'Fewer entries than this are never held, whatever their share.',
      }),
      within: duration('The time over which they are counted.', { default: '1h', min: '100ms', max: '30d' }),
    })
    .transform(({ percent, atLeast, within }) => ({ percent, atLeast, withinMs: within }));
  return setting(section.prefault({}), { description });
}

export const mappingSection = z
  .strictObject({
    name: setting(name(), {
      description: 'Names the mapping in commands, metrics and both stores.',
      allowed: NAME_ALLOWED,
      examples: ['config'],
    }),
    zookeeper: setting(parsedBy(text(), parseMappedPath), {
      description: 'The subtree in ZooKeeper, below the chroot if there is one. `/` maps everything.',
      allowed: 'an absolute path such as /config',
      pattern: '^/',
    }),
    consul: setting(parsedBy(z.string().max(512), parseMappedPrefix), {
      description:
        'The prefix in Consul: whole segments, so that `config` does not catch `configuration/x`. `""` maps everything.',
      allowed: 'a prefix without leading "/" such as config, or ""',
      pattern: '^(?!/)',
    }),
    direction: choice('Who may write where.', ['both', 'zookeeper-to-consul', 'consul-to-zookeeper'], 'both'),
    conflict: choice(
      'Who wins when both sides changed an entry. The loser goes to the conflict journal; `hold` waits for an operator.',
      ['last-writer-wins', 'zookeeper-wins', 'consul-wins', 'hold'],
      'last-writer-wins',
    ),
    tieBreak: choice(
      'Who wins by `last-writer-wins` when the times of the two writes overlap.',
      ['zookeeper', 'consul'],
      'zookeeper',
    ),
    initial: choice(
      'Who wins where both sides differ before the first agreement; `merge` decides each entry as a conflict.',
      ['merge', 'zookeeper', 'consul'],
      'merge',
    ),
    include: setting(patterns().min(1).max(PATTERNS_MAX).prefault(['**']), {
      description: 'Which keys belong to the mapping.',
      allowed: `a list of 1 to ${PATTERNS_MAX} patterns`,
    }),
    exclude: setting(patterns().max(PATTERNS_MAX).prefault([]), {
      description:
        'Which of the included keys do not. Entries that leave are left alone on both sides, never deleted.',
      allowed: `a list of up to ${PATTERNS_MAX} patterns`,
    }),
    sessionBound: choice(
      'Whether ephemeral znodes and keys held by a Consul session are copied to the other side.',
      ['mirror', 'skip'],
      'mirror',
    ),
    restricted: choice(
      'Whether znodes that not everybody may read are copied to Consul, where everybody can who may read the prefix.',
      ['mirror', 'skip'],
      'mirror',
    ),
    drift: choice(
      "What happens to foreign changes on a one-way mapping's target.",
      ['report', 'revert'],
      'report',
    ),
    mode: choice(
      '`observe` does everything but write, and reports what it would do.',
      ['sync', 'observe'],
      'sync',
    ),
    maxDelete: budget('Deletions beyond this are held until an operator approves them.'),
    maxOverwrite: budget(
      'Overwrites decided by conflict beyond this are held until an operator approves them.',
    ),
    verifyEvery: duration('How often everything is compared, whether or not changes were noticed.', {
      default: '10m',
      min: '100ms',
      max: '7d',
    }),
  })
  .transform(({ verifyEvery, ...rest }) => ({ ...rest, verifyEveryMs: verifyEvery }));

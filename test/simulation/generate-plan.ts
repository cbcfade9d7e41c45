import type { Side } from '../../src/core/pair.js';
import type { WatchTells } from '../kit/memory-store/memory-flat-replica.js';
import { SeededRandom } from '../kit/memory-store/seeded-random.js';
import { HOT_KEYS } from './entry-names.js';
import type { Act, Plan, ReadFailure, Setup, Step } from './plan.js';
import { NETWORK_KINDS, weighted } from './network-kinds.js';
import type { KindOf } from './network-kinds.js';
import { withCutover } from './with-cutover.js';

/** What a plan is to be about, where it isn't left to chance. */
export interface Focus {
  /** What goes wrong: only this does, in every plan. */
  readonly acts: readonly Act['do'][];
  readonly setup?: Partial<Setup>;
}

type Kind = KindOf<Maker, Act>;

const WATCHES_TELL: readonly WatchTells[] = ['stirs', 'parts', 'views'];
const LONG_PAUSE_MS = 20 * 60_000;
const ORDERS_SALT = 0x7a57;
const ORDERS_SHARE = 0.3;
const ORDERS_MAX = 6;

/**
 * Makes a plan from a seed. Each plan has only some kinds of acts, with weights of its own ("swarm testing"): what
 * always occurs together would hide what only shows apart.
 */
export function generatePlan(seed: number, focus?: Focus): Plan {
  const random = new SeededRandom(Math.imul(seed, 0x9e3779b1) ^ seed);
  const maker = new Maker(random);
  const occurs = (kind: Kind): boolean =>
    focus === undefined ? random.chance(kind.share) : focus.acts.includes(kind.make(maker).do);
  const chosen = KINDS.filter(occurs).map((kind) => ({
    kind,
    weight: kind.weight * (0.2 + random.next()),
  }));
  // Not drawn, so that seeds go on meaning what they did in all else.
  const tells = WATCHES_TELL[seed % WATCHES_TELL.length] ?? 'stirs';
  const setup = { ...generateSetup(random), tells, ...focus?.setup };
  const writes = CLIENT_KINDS.map((kind) => ({ kind, weight: kind.weight * (0.1 + random.next()) }));
  const faultShare = random.pick([0.1, 0.25, 0.4]);
  const count = random.pick([10, 25, 40, 60]) + random.below(10);
  const haste = random.pick([0, 1, 2]);
  // One pause of some plans is longer than Consul remembers deletions.
  const longPauseAt = random.chance(0.03) ? random.below(count) : undefined;
  const steps: Step[] = [];
  for (let i = 0; i < count; i++) {
    const isFault = chosen.length > 0 && random.chance(faultShare);
    const kind = weighted(isFault ? chosen : writes, random);
    const afterMs = i === longPauseAt ? LONG_PAUSE_MS : pause(random, haste);
    steps.push({ afterMs, act: kind.make(maker) });
  }
  return { seed, setup, steps: focus === undefined ? withCutover(withOrders(steps, seed), seed) : steps };
}

/**
 * What a person orders from the trash and the journal, put between the steps of some plans: by chances of its own, so that
 * seeds go on meaning what they did in all else.
 */
function withOrders(steps: readonly Step[], seed: number): readonly Step[] {
  const random = new SeededRandom(Math.imul(seed, 0x85ebca6b) ^ ORDERS_SALT);
  if (!random.chance(ORDERS_SHARE)) return steps;
  const maker = new Maker(random);
  const ordered = [...steps];
  for (let left = 1 + random.below(ORDERS_MAX); left > 0; left--) {
    const folder = random.pick(['', maker.key()]);
    const act: Act = random.chance(0.6)
      ? { do: 'put-back', folder, lastMs: 10 * maker.span() }
      : { do: 'resolve', keep: maker.side() };
    ordered.splice(random.below(ordered.length + 1), 0, { afterMs: random.below(300), act });
  }
  return ordered;
}

/** Mostly close together, so that things happen at once; now and then long enough for everything to come to rest. */
function pause(random: SeededRandom, haste: number): number {
  const most = random.pick(
    [
      [0, 5, 30, 100],
      [5, 50, 200, 1_000],
      [20, 300, 2_000, 8_000],
    ][haste] ?? [100],
  );
  return random.below(most + 1);
}

function generateSetup(random: SeededRandom): Setup {
  const side = (): Side => random.pick(['left', 'right'] as const);
  const isTight = random.chance(0.3);
  return {
    policy: {
      ...(random.chance(0.2) && { source: side(), drift: random.pick(['report', 'revert'] as const) }),
      conflict: random.pick([
        'last-writer-wins',
        'last-writer-wins',
        'last-writer-wins',
        'left-wins',
        'right-wins',
        'hold',
      ] as const),
      tieBreak: side(),
      sessionBound: random.pick(['mirror', 'mirror', 'skip'] as const),
      initial: random.pick(['merge', 'merge', 'left', 'right'] as const),
    },
    onArchiveLoss: random.pick(['hold', 'hold', 'merge'] as const),
    verifyEveryMs: random.pick([15_000, 30_000, 60_000]),
    maxDelete: isTight ? { percent: 25, atLeast: 3 } : { percent: 25, atLeast: 20 },
    maxOverwrite: isTight ? { percent: 25, atLeast: 3 } : { percent: 25, atLeast: 20 },
    journalMaxBytes: random.pick([2 ** 30, 2 ** 30, 2 ** 30, 3_000, 700]),
    bounds: random.pick([
      { pageEntries: 256, readBytesMax: 2 ** 22, batchOperationsMax: 64 },
      { pageEntries: 3, readBytesMax: 150, batchOperationsMax: 4 },
      { pageEntries: 8, readBytesMax: 200, batchOperationsMax: 2 },
      // No batch takes a value of 300 bytes with the ledger's 8 KiB, and neither store one of 700.
      { pageEntries: 8, readBytesMax: 400, batchOperationsMax: 8, batchBytesMax: 8_500, valueBytesMax: 600 },
    ]),
    watches: random.pick(['recursive', 'recursive', 'one-shot'] as const),
    travelMs: random.pick([
      { min: 0, max: 1 },
      { min: 1, max: 20 },
      { min: 0, max: 300 },
    ]),
    diskMs: random.pick([0, 1, 15]),
    person: { resyncFrom: random.pick(['merge', 'left', 'right'] as const), keep: side() },
  };
}

class Maker {
  readonly keys: readonly string[];
  /** How many values are too long for small answers, batches or stores. */
  private readonly longShare: number;
  private values = 0;

  constructor(readonly random: SeededRandom) {
    const count = random.pick([1, 2, 4, 8, HOT_KEYS.length]);
    const first = random.below(HOT_KEYS.length);
    this.longShare = random.pick([0.1, 0.1, 0.5]);
    this.keys = [...HOT_KEYS, ...HOT_KEYS].slice(first, first + count);
  }

  side(): Side {
    return this.random.pick(['left', 'right'] as const);
  }

  key(): string {
    return this.random.pick(this.keys);
  }

  /** No two are equal. */
  value(side: Side): string {
    const name = `${side === 'left' ? 'z' : 'c'}${++this.values}`;
    if (!this.random.chance(this.longShare)) return name;
    return name.padEnd(this.random.pick([60, 60, 300, 700]), '.');
  }

  window(): { side: Side; forMs: number; chance: number; seed: number } {
    const { random } = this;
    return {
      side: this.side(),
      forMs: this.span(),
      chance: random.pick([0.1, 0.3, 1]),
      seed: random.below(2 ** 31),
    };
  }

  failure(): ReadFailure {
    return this.random.pick(['STORE_UNREACHABLE', 'STORE_TIMEOUT', 'STORE_OVERLOADED'] as const);
  }

  session(): string {
    return this.random.pick(['session-1', 'session-2']);
  }

  /** Milliseconds, short ones more often than long ones. */
  span(): number {
    return Math.round(10 ** (1 + this.random.next() * 4));
  }
}

const CLIENT_KINDS: readonly Kind[] = [
  {
    weight: 10,
    share: 1,
    make: (m) => withSide(m, (side) => ({ do: 'put', side, key: m.key(), value: m.value(side) })),
  },
  { weight: 4, share: 1, make: (m) => ({ do: 'delete', side: m.side(), key: m.key() }) },
  { weight: 1, share: 1, make: (m) => ({ do: 'delete-all', side: m.side(), key: m.key() }) },
  {
    weight: 2,
    share: 1,
    make: (m) => withSide(m, (side) => ({ do: 'recreate', side, key: m.key(), value: m.value(side) })),
  },
  { weight: 1, share: 1, make: (m) => ({ do: 'touch', side: m.side(), key: m.key() }) },
  { weight: 1, share: 1, make: (m) => ({ do: 'imitate', side: m.side(), key: m.key() }) },
  { weight: 1, share: 1, make: (m) => ({ do: 'revert', side: m.side(), key: m.key() }) },
  { weight: 0.5, share: 1, make: (m) => ({ do: 'put', side: m.side(), key: m.key(), value: '' }) },
  {
    weight: 0.5,
    share: 1,
    make: (m) =>
      withSide(m, (side) => ({
        do: 'put-together',
        side,
        keys: [...new Set([m.key(), m.key(), m.key()])],
        value: m.value(side),
      })),
  },
];

const KINDS: readonly Kind[] = [
  ...NETWORK_KINDS,
  {
    weight: 2,
    share: 0.2,
    make: (m) =>
      withSide(m, (side) => ({
        do: 'deny',
        side,
        access: m.random.pick(['read', 'write', 'both'] as const),
        below: m.random.pick(side === 'left' ? ['/config', '/config/a', '/'] : ['config/', 'config/a', '']),
        forMs: m.span(),
      })),
  },
  { weight: 2, share: 0.15, make: (m) => ({ do: 'snapshot', side: m.side() }) },
  {
    weight: 2,
    share: 0.15,
    make: (m) => ({ do: 'restore', side: m.side(), reusesNumbers: m.random.chance(0.3) }),
  },
  { weight: 0.3, share: 0.1, make: (m) => ({ do: 'wipe', side: m.side() }) },
  {
    weight: 2,
    share: 0.2,
    make: (m) => ({ do: 'elect-leader', aheadMs: m.random.pick([0, 300, -300, 3_600_000, -3_600_000]) }),
  },
  {
    weight: 1,
    share: 0.1,
    make: (m) => ({ do: 'jump-store-clock', side: m.side(), byMs: m.random.pick([-3_600_000, 3_600_000]) }),
  },
  { weight: 1, share: 0.1, make: () => ({ do: 'collect-tombstones' }) },
  {
    weight: 4,
    share: 0.15,
    make: (m) =>
      withSide(m, (side) => ({
        do: 'own',
        side,
        key: m.key(),
        value: m.value(side),
        session: m.session(),
        behavior: m.random.pick(['release', 'delete'] as const),
      })),
  },
  { weight: 2, share: 0.15, make: (m) => ({ do: 'end-session', side: m.side(), session: m.session() }) },
  {
    weight: 5,
    share: 0.6,
    make: (m) => ({
      do: 'crash',
      touches: m.random.pick([1, 3, 10, 40]) + m.random.below(10),
      seed: m.random.below(2 ** 31),
      requestsArrive: m.random.chance(0.5),
      downMs: m.random.pick([0, 50, 1_000, 20_000]),
    }),
  },
  { weight: 2, share: 0.3, make: (m) => ({ do: 'stop', downMs: m.random.pick([0, 500, 20_000]) }) },
  { weight: 1, share: 0.1, make: () => ({ do: 'fail-disk' }) },
  { weight: 0.5, share: 0.1, make: () => ({ do: 'delete-archive', downMs: 100 }) },
  {
    weight: 2,
    share: 0.3,
    make: (m) => ({ do: 'jump-clock', byMs: m.random.pick([-3_600_000, 3_600_000, -500, 500]) }),
  },
  {
    weight: 1,
    share: 0.1,
    make: (m) => ({
      do: 'start-rival',
      archive: m.random.pick(['empty', 'copy'] as const),
      forMs: m.span(),
    }),
  },
  { weight: 1, share: 0.1, make: () => ({ do: 'pause' }) },
  { weight: 1, share: 0.1, make: () => ({ do: 'resume' }) },
  { weight: 1, share: 0.1, make: () => ({ do: 'approve' }) },
  {
    weight: 1,
    share: 0.1,
    make: (m) => ({ do: 'resync', from: m.random.pick(['merge', 'left', 'right'] as const) }),
  },
  { weight: 1, share: 0.15, make: (m) => ({ do: 'release', keep: m.side() }) },
  {
    weight: 0.5,
    share: 0.05,
    make: (m) =>
      withSide(m, (side) => ({
        do: 'put-many',
        side,
        count: 20 + m.random.below(100),
        value: m.value(side),
      })),
  },
  {
    weight: 0.5,
    share: 0.05,
    make: (m) => ({ do: 'delete-many', side: m.side(), count: 10 + m.random.below(100) }),
  },
];

function withSide(maker: Maker, make: (side: Side) => Act): Act {
  return make(maker.side());
}

import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import { NETWORK_KINDS, weighted } from '../network-kinds.js';
import type { KindOf } from '../network-kinds.js';
import type { ReadFailure } from '../plan.js';
import type {
  BridgeSetup,
  FormatName,
  Place,
  ServicesAct,
  ServicesPlan,
  ServicesSetup,
  ServicesStep,
  StrangerKind,
} from './plan.js';
import { SERVICES } from './service-names.js';

/** What a plan is to be about, where it isn't left to chance. */
export interface ServicesFocus {
  /** Besides what programs do with their own registrations: only this, in every plan. */
  readonly acts: readonly ServicesAct['do'][];
  readonly setup?: Partial<ServicesSetup>;
}

type Kind = KindOf<Maker, ServicesAct>;

const NODES = ['host-1', 'host-2', 'host-3'];
const SESSIONS = ['session-1', 'session-2', 'session-3'];
const TREE_ONE: BridgeSetup = { instance: 'one', root: '/services', exclude: [] };
const TREE_TWO: BridgeSetup = { instance: 'two', root: '/other/services', exclude: [] };
const SAME_TREE: BridgeSetup = { instance: 'two', root: '/services', exclude: [] };
const STRANGERS: readonly StrangerKind[] = [
  'foreign copy in the tree',
  'foreign copy in the catalog',
  'foreign node in the catalog',
  'on the node of copies',
  'broken node',
  'empty node',
];

/** Makes a plan from a seed, each with some kinds of faults only, as `generatePlan` of mappings does. */
export function generatePlan(seed: number, focus?: ServicesFocus): ServicesPlan {
  const random = new SeededRandom(Math.imul(seed, 0x9e3779b1) ^ 0x5e2b1ce5);
  const setup = { ...generateSetup(random), ...focus?.setup };
  const maker = new Maker(random, setup);
  const occurs = (kind: Kind): boolean =>
    focus === undefined ? random.chance(kind.share) : focus.acts.includes(kind.make(maker).do);
  const chosen = KINDS.filter(occurs).map((kind) => ({ kind, weight: kind.weight * (0.2 + random.next()) }));
  const own = REGISTRAR_KINDS.map((kind) => ({ kind, weight: kind.weight * (0.1 + random.next()) }));
  const otherShare = random.pick([0.1, 0.25, 0.4]);
  const count = random.pick([10, 25, 40]) + random.below(10);
  const haste = random.pick([0, 1, 2]);
  const steps: ServicesStep[] = Array.from({ length: random.pick([3, 8, 20]) }, () => ({
    afterMs: random.below(20),
    act: maker.registration(),
  }));
  for (let i = 0; i < count; i++) {
    const isOther = chosen.length > 0 && random.chance(otherShare);
    const kind = weighted(isOther ? chosen : own, random);
    steps.push({ afterMs: pause(random, haste), act: kind.make(maker) });
  }
  return { seed, setup, steps };
}

/** Sometimes long enough for copies to go in between. */
function pause(random: SeededRandom, haste: number): number {
  const most = random.pick(
    [
      [0, 5, 50, 500],
      [5, 200, 1_000, 4_000],
      [100, 2_000, 8_000, 30_000],
    ][haste] ?? [100],
  );
  return random.below(most + 1);
}

function generateSetup(random: SeededRandom): ServicesSetup {
  return {
    format: random.pick(['curator', 'curator', 'spring', 'serverset', 'nerve'] as const),
    bridges: random.pick([[TREE_ONE], [TREE_ONE], [TREE_ONE, TREE_TWO], [TREE_ONE, SAME_TREE]]),
    seats: random.pick([1, 1, 1, 2] as const),
    direction: random.pick([
      'both',
      'both',
      'both',
      'both',
      'zookeeper-to-consul',
      'consul-to-zookeeper',
    ] as const),
    removeAfterMs: random.pick([0, 3_000, 3_000, 10_000]),
    minHealthy: random.pick([50, 50, 50, 0, 100, 30]),
    onlyPassing: random.chance(0.8),
    namePrefix: random.pick(['', '', 'zk-']),
    tags: random.pick([[], ['zookeeper']]),
    renames: random.chance(0.3),
    onArchiveLoss: random.pick(['hold', 'merge'] as const),
    verifyEveryMs: random.pick([15_000, 30_000, 60_000]),
    bounds: random.pick([
      { pageEntries: 256, readBytesMax: 2 ** 22, batchOperationsMax: 64 },
      { pageEntries: 3, readBytesMax: 1_000, batchOperationsMax: 4 },
      { pageEntries: 8, readBytesMax: 4_000, batchOperationsMax: 2 },
    ]),
    watches: random.pick(['recursive', 'recursive', 'one-shot'] as const),
    travelMs: random.pick([
      { min: 0, max: 1 },
      { min: 1, max: 20 },
      { min: 0, max: 200 },
    ]),
    diskMs: random.pick([0, 1, 15]),
    deregisters: random.chance(0.4),
  };
}

class Maker {
  private readonly services: readonly string[];
  private readonly ids: readonly string[];
  private revisions = 0;

  constructor(
    readonly random: SeededRandom,
    private readonly setup: ServicesSetup,
  ) {
    this.services = SERVICES.slice(0, 1 + random.below(SERVICES.length));
    this.ids = Array.from({ length: random.pick([2, 4, 12]) }, (_, i) => String(i + 1));
  }

  place(): Place {
    const { random, setup } = this;
    if (random.chance(0.5)) return { store: 'tree', root: random.pick(setup.bridges).root };
    return { store: 'catalog', node: random.pick(NODES) };
  }

  service(): string {
    return this.random.pick(this.services);
  }

  id(at: Place, service: string): string {
    const number = this.random.pick(this.ids);
    if (at.store === 'catalog') return `${service}-${number}`;
    return this.setup.format === 'serverset' ? `member_${number.padStart(10, '0')}` : number;
  }

  registration(): ServicesAct {
    const { random } = this;
    const at = this.place();
    const service = this.service();
    const session = at.store === 'tree' && random.chance(0.7) ? random.pick(SESSIONS) : undefined;
    return {
      do: 'register',
      at,
      service,
      id: this.id(at, service),
      revision: ++this.revisions,
      ...(session !== undefined && { session }),
    };
  }

  own<A extends object>(act: A): A & { at: Place; service: string; id: string } {
    const at = this.place();
    const service = this.service();
    return { ...act, at, service, id: this.id(at, service) };
  }

  bridge(): number {
    return this.random.below(this.setup.bridges.length);
  }

  side(): 'left' | 'right' {
    return this.random.pick(['left', 'right'] as const);
  }

  window(): { side: 'left' | 'right'; forMs: number; chance: number; seed: number } {
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
    return this.random.pick(SESSIONS);
  }

  /** Milliseconds, short ones more often than long ones. */
  span(): number {
    return Math.round(10 ** (1 + this.random.next() * 3.5));
  }

  format(): FormatName {
    return this.setup.format;
  }

  /** Part of a store's names that nobody may see or write for a while. */
  hidden(side: 'left' | 'right'): string {
    const { random, setup } = this;
    if (side === 'left') {
      const { root } = random.pick(setup.bridges);
      return random.pick([root, `${root}/${this.service()}`, '/']);
    }
    return random.pick(['service:', 'service:web', 'service:api', '', 'node:', 'key:']);
  }
}

const REGISTRAR_KINDS: readonly Kind[] = [
  { weight: 10, share: 1, make: (m) => m.registration() },
  { weight: 4, share: 1, make: (m) => m.own({ do: 'leave' as const }) },
  {
    weight: 5,
    share: 1,
    make: (m) => m.own({ do: 'health' as const, isUp: m.random.chance(0.5) }),
  },
  {
    weight: 1,
    share: 1,
    make: (m) => ({
      do: 'leave-together',
      at: m.place(),
      service: m.random.chance(0.7) ? m.service() : undefined,
    }),
  },
  {
    weight: 1,
    share: 1,
    make: (m) => ({ do: 'node-health', node: m.random.pick(NODES), isUp: m.random.chance(0.6) }),
  },
  { weight: 1.5, share: 1, make: (m) => ({ do: 'end-session', session: m.session() }) },
];

const KINDS: readonly Kind[] = [
  {
    weight: 5,
    share: 0.4,
    make: (m) => ({
      do: 'meddle',
      store: m.random.pick(['tree', 'catalog'] as const),
      how: m.random.pick(['change', 'change', 'delete', 'recreate', 'spoil'] as const),
      pick: m.random.below(1_000),
    }),
  },
  {
    weight: 4,
    share: 0.4,
    make: (m) => ({
      do: 'stranger',
      kind: m.random.pick(STRANGERS),
      service: m.service(),
      pick: m.random.below(1_000),
    }),
  },
  { weight: 0.5, share: 0.1, make: (m) => ({ do: 'delete-node', pick: m.random.below(1_000) }) },
  {
    weight: 1,
    share: 0.2,
    make: (m) => ({ do: 'fill-parent', service: m.service(), pick: m.random.below(1_000) }),
  },
  ...NETWORK_KINDS,
  {
    weight: 2,
    share: 0.2,
    make: (m) => {
      const side = m.side();
      const access = m.random.pick(['read', 'write', 'both'] as const);
      return { do: 'deny', side, access, below: m.hidden(side), forMs: m.span() };
    },
  },
  { weight: 2, share: 0.1, make: (m) => ({ do: 'snapshot', side: m.side() }) },
  {
    weight: 2,
    share: 0.1,
    make: (m) => ({ do: 'restore', side: m.side(), reusesNumbers: m.random.chance(0.3) }),
  },
  { weight: 0.3, share: 0.05, make: (m) => ({ do: 'wipe', side: m.side() }) },
  { weight: 2, share: 0.2, make: () => ({ do: 'elect-leader', aheadMs: 0 }) },
  {
    weight: 5,
    share: 0.6,
    make: (m) => ({
      do: 'crash',
      bridge: m.bridge(),
      touches: m.random.pick([1, 3, 10, 40]) + m.random.below(10),
      seed: m.random.below(2 ** 31),
      requestsArrive: m.random.chance(0.5),
      downMs: m.random.pick([0, 50, 1_000, 20_000]),
    }),
  },
  {
    weight: 2,
    share: 0.3,
    make: (m) => ({ do: 'stop', bridge: m.bridge(), downMs: m.random.pick([0, 500, 20_000]) }),
  },
  { weight: 1, share: 0.15, make: (m) => ({ do: 'delete-archive', bridge: m.bridge(), downMs: 100 }) },
  {
    weight: 1,
    share: 0.2,
    make: (m) => ({ do: 'jump-clock', bridge: m.bridge(), byMs: m.random.pick([-3_600_000, 3_600_000]) }),
  },
  {
    weight: 1,
    share: 0.2,
    make: (m) => ({
      do: 'reconfigure',
      bridge: m.bridge(),
      exclude: m.random.pick([[], [], ['web'], ['a*'], ['**']]),
      downMs: m.random.pick([0, 500, 20_000]),
    }),
  },
  {
    weight: 1,
    share: 0.15,
    make: (m) => ({ do: m.random.pick(['pause', 'resume', 'resume'] as const), bridge: m.bridge() }),
  },
  { weight: 1, share: 0.15, make: (m) => ({ do: 'approve', bridge: m.bridge() }) },
];

import type { Fault } from '../kit/fault-proxy.js';
import type { SeededRandom } from '../kit/memory-store/seeded-random.js';

/** What is done to whom, and for how long. Everything is undone at its end. */
export type Disturbance =
  /** `kill -9`, and another start. */
  | { readonly kind: 'kill-server'; readonly store: Store; readonly role: Role }
  /** SIGSTOP and SIGCONT: its connections stay open, and it believes what it believed before. */
  | { readonly kind: 'pause-server'; readonly store: Store; readonly role: Role }
  /** `kill -9` of all servers but one. */
  | { readonly kind: 'lose-quorum'; readonly store: Store; readonly spared: number }
  /** The Consul agent that the daemons talk to. */
  | { readonly kind: 'kill-agent' }
  | { readonly kind: 'pause-agent' }
  /** The daemons' requests to Consul go to a server instead of the agent, and may be answered with older data. */
  | { readonly kind: 'switch-agent'; readonly server: number }
  /** Between one daemon and one store, or both; of ZooKeeper, to all of its servers or to one. */
  | {
      readonly kind: 'network';
      readonly daemon: number;
      readonly store: Store | 'both';
      readonly fault: Fault;
      readonly server: number | 'all';
    }
  /** `busiest`: the daemon that is active for most mappings. */
  | { readonly kind: 'kill-daemon'; readonly daemon: number | 'busiest' }
  | { readonly kind: 'pause-daemon'; readonly daemon: number | 'busiest' }
  /** SIGTERM, and another start. */
  | { readonly kind: 'stop-daemon'; readonly daemon: number | 'busiest' };

export type Store = 'zookeeper' | 'consul';
export type Role = 'leader' | 'follower';

export interface Step {
  /** Since the start of the run. */
  readonly atMs: number;
  readonly lastsMs: number;
  readonly disturbance: Disturbance;
}

/** Steps one after the other. Different lanes go on at the same time. */
export type Lane = readonly Step[];

interface LaneShape {
  readonly gapMs: Range;
  readonly choose: (random: SeededRandom) => { readonly disturbance: Disturbance; readonly lastsMs: Range };
}

type Range = readonly [least: number, most: number];

const SERVERS = 3;
/** Longer than a session of the daemon lives, or than a leader is waited for. */
const PAUSE_MS: Range = [1_000, 9_000];
const DOWN_MS: Range = [0, 8_000];
const NETWORK_MS: Range = [300, 9_000];
const DELAY_MS: Range = [20, 1_500];
const MID_FRAME_BYTES_MAX = 400;

/** All that is going to happen, from one seed. The same seed makes the same plan; what comes of it is up to time. */
export function planChaos(
  random: SeededRandom,
  options: { readonly forMs: number; readonly daemons: number },
): readonly Lane[] {
  const daemons = Array.from({ length: options.daemons }, (_, daemon) => daemon);
  const shapes: readonly LaneShape[] = [
    { gapMs: [1_000, 9_000], choose: chooseForZooKeeper },
    { gapMs: [1_000, 9_000], choose: chooseForConsul },
    ...daemons.map((daemon): LaneShape => ({
      gapMs: [500, 7_000],
      choose: (chance) => chooseNetwork(chance, daemon),
    })),
    { gapMs: [2_000, 12_000], choose: (chance) => chooseForDaemon(chance, options.daemons) },
  ];
  return shapes.map((shape) => planLane(random, shape, options.forMs));
}

function planLane(random: SeededRandom, shape: LaneShape, forMs: number): Lane {
  const steps: Step[] = [];
  let atMs = within(random, shape.gapMs);
  while (atMs < forMs) {
    const { disturbance, lastsMs: range } = shape.choose(random);
    const lastsMs = within(random, range);
    steps.push({ atMs, lastsMs, disturbance });
    atMs += lastsMs + within(random, shape.gapMs);
  }
  return steps;
}

function chooseForZooKeeper(random: SeededRandom): ReturnType<LaneShape['choose']> {
  return chooseForServers(random, 'zookeeper');
}

function chooseForConsul(random: SeededRandom): ReturnType<LaneShape['choose']> {
  if (random.chance(0.7)) return chooseForServers(random, 'consul');
  return random.pick([
    { disturbance: { kind: 'kill-agent' }, lastsMs: DOWN_MS },
    { disturbance: { kind: 'pause-agent' }, lastsMs: PAUSE_MS },
    { disturbance: { kind: 'switch-agent', server: random.below(SERVERS) }, lastsMs: NETWORK_MS },
    { disturbance: { kind: 'switch-agent', server: random.below(SERVERS) }, lastsMs: NETWORK_MS },
  ]);
}

function chooseForServers(random: SeededRandom, store: Store): ReturnType<LaneShape['choose']> {
  const role = random.pick(['leader', 'leader', 'follower'] as const);
  const chance = random.next();
  const spared = random.below(SERVERS);
  if (chance < 0.15) return { disturbance: { kind: 'lose-quorum', store, spared }, lastsMs: DOWN_MS };
  return chance < 0.6
    ? { disturbance: { kind: 'kill-server', store, role }, lastsMs: DOWN_MS }
    : { disturbance: { kind: 'pause-server', store, role }, lastsMs: PAUSE_MS };
}

function chooseNetwork(random: SeededRandom, daemon: number): ReturnType<LaneShape['choose']> {
  const store = random.pick(['zookeeper', 'consul', 'zookeeper', 'consul', 'both'] as const);
  const server = random.chance(0.8) ? 'all' : random.below(SERVERS);
  const direction = random.pick(['upstream', 'downstream'] as const);
  const fault = random.pick<Fault>([
    { kind: 'refuse' },
    { kind: 'cut' },
    { kind: 'half-cut', stops: direction },
    { kind: 'black-hole' },
    { kind: 'delay', delayMs: within(random, DELAY_MS) },
    { kind: 'mid-frame', direction, bytes: 1 + random.below(MID_FRAME_BYTES_MAX) },
  ]);
  return { disturbance: { kind: 'network', daemon, store, fault, server }, lastsMs: NETWORK_MS };
}

function chooseForDaemon(random: SeededRandom, daemons: number): ReturnType<LaneShape['choose']> {
  const daemon = random.chance(0.6) ? 'busiest' : random.below(daemons);
  const chance = random.next();
  if (chance < 0.6) {
    const lastsMs: Range = random.chance(0.5) ? [0, 0] : [500, 8_000];
    return { disturbance: { kind: 'kill-daemon', daemon }, lastsMs };
  }
  return chance < 0.85
    ? { disturbance: { kind: 'pause-daemon', daemon }, lastsMs: PAUSE_MS }
    : { disturbance: { kind: 'stop-daemon', daemon }, lastsMs: [0, 3_000] };
}

function within(random: SeededRandom, [least, most]: Range): number {
  return least + random.below(most - least + 1);
}

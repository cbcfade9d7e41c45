import { describe, expect, it } from 'vitest';
import type { FleetMember } from '../../kit/simulation/simulated-fleet.js';
import { SESSION_TIMEOUT_MS, SimulatedFleet } from '../../kit/simulation/simulated-fleet.js';
import { bytes } from '../../kit/simulation/simulated-world.js';

/** `SEED=123 npx vitest run test/unit/sync/succession-faults.test.ts` replays one seed alone. */
const SEED = process.env['SEED'];
const SEEDS = SEED === undefined ? Array.from({ length: 40 }, (_, index) => index + 1) : [Number(SEED)];
const KEYS = ['a', 'a/b', 'a/b/c', 'a/d', 'e', 'e/f', 'g', 'h h', '%2E', 'x//y'];
const STEPS = 80;

type Store = 'tree' | 'flat';

/** What clients did to a key last. */
interface Last {
  readonly order: number;
  readonly store: Store;
  /** Undefined when it was deleted. */
  readonly value: string | undefined;
  /** When it was deleted both stores had the same value, and the deleting side's was a client's own. */
  readonly mustStayDeleted: boolean;
}

class Clients {
  readonly last = new Map<string, Last>();
  /** The last value that clients of each store wrote and did not delete there. */
  readonly standing = new Map<string, Partial<Record<Store, { order: number; value: string }>>>();
  private order = 0;

  constructor(private readonly fleet: SimulatedFleet) {}

  step(): void {
    const { random, treeClient, flatClient } = this.fleet.world;
    const key = random.pick(KEYS);
    const store = random.pick(['tree', 'flat'] as const);
    const client = store === 'tree' ? treeClient : flatClient;
    const other = store === 'tree' ? flatClient : treeClient;
    const order = ++this.order;
    if (random.chance(0.7)) {
      const value = `${store} ${order}`;
      client.put(key, bytes(value));
      this.last.set(key, { order, store, value, mustStayDeleted: false });
      this.standing.set(key, { ...this.standing.get(key), [store]: { order, value } });
      return;
    }
    const hasChildren = store === 'tree' && KEYS.some((one) => one.startsWith(`${key}/`));
    const here = client.get(key);
    if (here === undefined || hasChildren) return;
    const there = other.get(key);
    const before = Buffer.from(here).toString();
    const isInStep = there !== undefined && Buffer.from(there).toString() === before;
    const mustStayDeleted = isInStep && before.startsWith(store);
    client.remove(key);
    this.last.set(key, { order, store, value: undefined, mustStayDeleted });
    this.standing.set(key, { ...this.standing.get(key), [store]: undefined });
  }
}

function disturb(fleet: SimulatedFleet): Promise<unknown> | undefined {
  const { random } = fleet.world;
  const member: FleetMember = random.chance(0.7)
    ? (fleet.active ?? random.pick(fleet.members))
    : random.pick(fleet.members);
  if (member.life === undefined) return fleet.start(member);
  if (member.clock?.isPaused === true) return undefined;
  const link = member.life.links[random.pick(['left', 'right'] as const)];
  switch (random.below(8)) {
    case 0:
    case 1:
      fleet.kill(member);
      return undefined;
    case 2:
      return fleet.stop(member);
    case 3:
      fleet.pause(member, random.pick([500, SESSION_TIMEOUT_MS / 2, SESSION_TIMEOUT_MS * 1.5, 12_000]));
      return undefined;
    case 4:
      link.disconnect();
      return undefined;
    case 5:
      link.reconnect();
      return undefined;
    case 6:
      link.faults = { afterWrite: () => (random.chance(0.3) ? 'reply-lost' : undefined) };
      return undefined;
    default:
      // A session may end at the server while the daemon is well, as after a change of its leader.
      member.election?.expire();
      return undefined;
  }
}

async function settle(fleet: SimulatedFleet): Promise<void> {
  const { clock } = fleet.world;
  await clock.advance(15_000);
  for (const member of fleet.members) {
    if (member.life === undefined) await fleet.start(member);
    for (const link of [member.running.links.left, member.running.links.right]) {
      link.faults = {};
      link.reconnect();
    }
  }
  await clock.advance(30_000);
  for (const { life } of fleet.members) {
    if (life?.sync.holds.some(({ reason }) => reason === 'mass-deletion') !== true) continue;
    const approved = life.operator.approve();
    await clock.advance(1_000);
    await approved;
  }
  await fleet.inSync();
}

function journaled(fleet: SimulatedFleet): { values: Set<string>; conflicts: string[] } {
  const values = new Set<string>();
  const conflicts: string[] = [];
  for (const { running } of fleet.members) {
    for (const entry of running.sync.memory.archive.conflicts({ limit: 100_000 })) {
      const sides = [entry.sides.left, entry.sides.right].map(({ value }) =>
        value === undefined ? undefined : Buffer.from(value).toString(),
      );
      for (const value of sides) if (value !== undefined) values.add(value);
      conflicts.push(JSON.stringify([entry.key, ...sides]));
    }
  }
  return { values, conflicts };
}

function checkNothingLost(fleet: SimulatedFleet, clients: Clients): void {
  const standing = fleet.world.flatEntries();
  const { values } = journaled(fleet);
  for (const [key, { tree, flat }] of clients.standing) {
    for (const [mine, other] of [
      [tree, flat],
      [flat, tree],
    ]) {
      const stands = standing.get(key);
      if (mine === undefined || stands === undefined || stands === mine.value || values.has(mine.value))
        continue;
      if (stands === other?.value && other.order > mine.order) continue;
      throw new Error(`${key}: ${mine.value} is lost; ${stands} stands`);
    }
  }
  for (const [key, last] of clients.last) {
    if (last.mustStayDeleted && standing.has(key)) {
      throw new Error(`${key}: deleted by step ${last.order}, and ${standing.get(key)} stands`);
    }
  }
}

describe('three daemons among kills, stops, pauses, lost replies, broken connections and ended sessions', () => {
  it.each(SEEDS)(
    'converge, lose nothing, bring nothing back and never write at the same time with seed %i (S1, S2, S7, L1)',
    async (seed) => {
      const fleet = new SimulatedFleet(3, { seed, travelMs: { min: 0, max: 20 } });
      const { random, clock } = fleet.world;
      const clients = new Clients(fleet);
      await fleet.startAll();
      for (let step = 0; step < STEPS; step++) {
        if (random.chance(0.6)) clients.step();
        if (random.chance(0.12)) await disturb(fleet);
        await clock.advance(random.below(random.chance(0.1) ? 6_000 : 400));
      }
      await settle(fleet);
      expect(fleet.doubleWrites).toEqual([]);
      expect(fleet.world.treeEntries()).toEqual(fleet.world.flatEntries());
      checkNothingLost(fleet, clients);
      const written = fleet.members.map(({ running }) => running.written);
      await clock.advance(700_000);
      expect(
        fleet.members.map(({ running }) => running.written),
        'no writes while no client writes',
      ).toEqual(written);
      await fleet.dispose();
      expect(fleet.errors).toEqual([]);
    },
  );
});

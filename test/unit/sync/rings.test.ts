import { describe, expect, it } from 'vitest';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

/** A daemon's mapping with an entry `k`, and another that nobody fights over. */
async function liveWorld(): Promise<SimulatedWorld> {
  const world = new SimulatedWorld({ travelMs: { min: 1, max: 20 } });
  for (const key of ['k', 'other']) world.treeClient.put(key, bytes('v0'));
  await world.start();
  await world.inSync();
  return world;
}

function holdOf(world: SimulatedWorld, key = 'k'): string | undefined {
  const mark = world.daemon.sync.memory.archive.mark(key);
  return mark?.kind === 'hold' ? mark.reason : undefined;
}

/** Reads the flat store, waits, and writes what it read to the tree without looking: again and again. */
async function copyBlindly(
  world: SimulatedWorld,
  lateMs: number,
  rounds: number,
  meanwhile?: (round: number) => void,
) {
  for (let round = 0; round < rounds && holdOf(world) === undefined; round++) {
    const seen = world.flatClient.get('k');
    await world.clock.advance(lateMs / 2);
    meanwhile?.(round);
    await world.clock.advance(lateMs / 2);
    if (seen !== undefined) world.treeClient.put('k', seen);
  }
}

/** Hears of each change in the flat store, and carries it to the tree late, in order. */
function carryLate(world: SimulatedWorld, lateMs: number): { stop: () => void } {
  let isStopped = false;
  const never = new AbortController().signal;
  const unsubscribe = world.flat.feed.subscribe({
    replaced: () => undefined,
    committed: ({ changes }) => {
      const value = changes.find(({ name }) => name === 'config/k')?.after;
      if (value === undefined) return;
      void world.clock.sleep(lateMs, never).then(() => {
        if (!isStopped) world.treeClient.put('k', value);
      });
    },
  });
  return {
    stop: () => {
      isStopped = true;
      unsubscribe();
    },
  };
}

describe('a third program that carries the flat store to the tree, blindly and late', () => {
  it.each([500, 1_000, 3_000, 6_000])(
    'makes a ring that ends in a hold after a bounded number of writes, %i ms late',
    async (lateMs) => {
      const world = await liveWorld();
      const before = world.daemon.written;
      await copyBlindly(world, lateMs, 200, (round) => {
        if (round === 0) world.flatClient.put('k', bytes('v1'));
      });
      expect(holdOf(world)).toBe('oscillating');
      expect(world.daemon.written - before).toBeLessThanOrEqual(20);
      world.treeClient.put('other', bytes('v1'));
      await world.clock.runUntil(() => world.flatEntries().get('other') === 'v1', { limitMs: 10_000 });
      const released = world.daemon.operator.release('k', 'right', new AbortController().signal);
      await world.clock.advance(10_000);
      expect(await released).toBe(true);
      await world.inSync();
      expect(holdOf(world)).toBeUndefined();
      world.treeClient.put('k', bytes('v2'));
      await world.clock.runUntil(() => world.flatEntries().get('k') === 'v2', { limitMs: 1_000 });
      await world.clock.advance(10_000);
      await world.stop();
    },
  );

  it.each(['tree', 'flat'] as const)(
    'is held also while clients of the %s store go on writing, and stays so when both sides are equal',
    async (side) => {
      const world = await liveWorld();
      const client = side === 'tree' ? world.treeClient : world.flatClient;
      let updates = 0;
      const before = world.daemon.written;
      await copyBlindly(world, 2_000, 300, (round) => {
        if (round % 5 === 0) client.put('k', bytes(`update ${++updates}`));
      });
      expect(holdOf(world)).toBe('oscillating');
      expect(world.daemon.written - before).toBeLessThanOrEqual(20 + 3 * updates);
      await world.clock.advance(10_000);
      await world.stop();
    },
  );

  it('is held or comes to rest also when it carries every change in its order', async () => {
    const world = await liveWorld();
    const tool = carryLate(world, 2_000);
    for (const value of ['v1', 'v2', 'v3']) {
      world.treeClient.put('k', bytes(value));
      await world.clock.advance(300);
    }
    await world.clock.runUntil(() => holdOf(world) === 'oscillating', { limitMs: 300_000 });
    const held = world.daemon.written;
    expect(held).toBeLessThanOrEqual(40);
    await world.clock.advance(60_000);
    expect(world.daemon.written).toBe(held);
    tool.stop();
    await world.stop();
  });
});

describe('a client that switches a value to and fro on its own side', () => {
  it.each([
    ['tree', 50, 9],
    ['tree', 200, 30],
    ['tree', 1_000, 40],
    ['tree', 10_000, 100],
    ['flat', 200, 200],
    ['flat', 3_000, 60],
  ] as const)('in the %s store, every %i ms, %i times, is never held', async (side, everyMs, times) => {
    const world = await liveWorld();
    const client = side === 'tree' ? world.treeClient : world.flatClient;
    for (let time = 1; time <= times; time++) {
      client.put('k', bytes(time % 2 === 0 ? 'off' : 'on'));
      await world.clock.advance(everyMs);
      expect(holdOf(world), `after ${time}`).toBeUndefined();
    }
    const last = times % 2 === 0 ? 'off' : 'on';
    await world.clock.runUntil(
      () => world.flatEntries().get('k') === last && world.treeEntries().get('k') === last,
      { limitMs: Math.max(5_000, 5 * everyMs) },
    );
    await world.clock.advance(600_000);
    expect(holdOf(world)).toBeUndefined();
    await world.stop();
  });

  it('is found out when it stopped just when that looked like a ring: its next change goes on', async () => {
    const world = await liveWorld();
    for (let time = 1; time <= 11; time++) {
      world.treeClient.put('k', bytes(time % 2 === 0 ? 'off' : 'on'));
      await world.clock.advance(300);
    }
    await world.clock.advance(60_000);
    world.treeClient.put('k', bytes('off'));
    await world.clock.runUntil(() => world.flatEntries().get('k') === 'off', { limitMs: 5_000 });
    await world.clock.advance(60_000);
    expect(holdOf(world)).toBeUndefined();
    await world.stop();
  });
});

describe('somebody who deletes, on the target of a one-way mapping, what the daemon puts back', () => {
  it('is met a bounded number of times: the entry is held, and an operator ends that', async () => {
    const world = new SimulatedWorld({ policy: { source: 'left', drift: 'revert' } });
    for (const key of ['k', 'other']) world.treeClient.put(key, bytes('v0'));
    await world.start();
    await world.inSync();
    const before = world.daemon.written;
    for (let round = 0; round < 100; round++) {
      if (world.flatClient.get('k') !== undefined) world.flatClient.remove('k');
      await world.clock.advance(2_000);
    }
    expect(holdOf(world)).toBe('oscillating');
    expect(world.daemon.written - before).toBeLessThanOrEqual(10);
    world.treeClient.put('other', bytes('v1'));
    await world.clock.runUntil(() => world.flatEntries().get('other') === 'v1', { limitMs: 10_000 });

    const released = world.daemon.operator.release('k', 'left', new AbortController().signal);
    await world.clock.advance(10_000);
    await released;
    expect(world.flatEntries().get('k')).toBe('v0');
    expect(holdOf(world)).toBeUndefined();
    await world.stop();
  });
});

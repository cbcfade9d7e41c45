import { describe, expect, it } from 'vitest';
import type { Side } from '../../../src/core/pair.js';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

const NEVER = new AbortController().signal;

async function withEntries(count: number): Promise<SimulatedWorld> {
  const world = new SimulatedWorld();
  for (let number = 0; number < count; number++) world.treeClient.put(`k${number}`, bytes('x'));
  await world.start();
  await world.inSync();
  await world.clock.advance(5_000);
  return world;
}

async function during<T>(world: SimulatedWorld, promise: Promise<T>): Promise<T> {
  await world.clock.advance(100);
  return promise;
}

describe('a store that does not tell the truth at once', () => {
  it.each<Side>(['left', 'right'])(
    'deletes nothing on the word of a read alone when the proof of absence fails at the %s side (S4)',
    async (side) => {
      const world = await withEntries(10);
      const { sync } = world.daemon;
      const replica = sync.context.replicas[side];
      const { read } = replica;
      replica.read = async (keys, signal) => {
        const readings = new Map(await read.call(replica, keys, signal));
        if (readings.has('k1')) readings.set('k1', { kind: 'absent' });
        return readings;
      };
      await sync.exclusively(() => sync.lookNow(['k1'], NEVER));
      await world.clock.advance(60_000);
      expect(world.treeEntries().size).toBe(10);
      expect(world.flatEntries().size).toBe(10);
      expect(sync.isInSync).toBe(false);
      replica.read = read;
      await world.inSync();
      await world.stop();
    },
  );

  it('holds the mapping when an entry went back below its agreed version, and overwrites nothing (S6)', async () => {
    const world = await withEntries(30);
    const backup = world.flat.snapshot();
    world.treeClient.put('k1', bytes('y'));
    world.treeClient.put('new', bytes('y'));
    await world.clock.advance(5_000);
    await world.inSync();
    world.flat.restore(backup);
    await world.held('rolled-back');
    await world.clock.advance(60_000);
    expect(world.treeEntries().get('k1')).toBe('y');
    expect(world.treeEntries().get('new')).toBe('y');
    await world.stop();
  });

  it('is seen to be restored by its ledger alone, when nothing but what came later is gone (S4)', async () => {
    const world = await withEntries(30);
    const backup = world.flat.snapshot();
    world.treeClient.put('new', bytes('y'));
    await world.clock.advance(5_000);
    await world.inSync();
    world.flat.restore(backup);
    await world.held('rolled-back');
    await world.clock.advance(60_000);
    expect(world.treeEntries().get('new')).toBe('y');
    await world.stop();
  });

  it('is seen to be restored by one entry alone, when its ledger had not moved since (S6)', async () => {
    const world = await withEntries(30);
    world.daemon.links.right.faults = { beforeWrite: () => 'refused' };
    const backup = world.flat.snapshot();
    world.flatClient.put('k1', bytes('y'));
    await world.clock.runUntil(() => world.treeEntries().get('k1') === 'y', { limitMs: 60_000 });
    await world.clock.advance(100);
    world.flat.restore(backup);
    world.daemon.links.right.faults = {};
    await world.held('rolled-back');
    await world.clock.advance(60_000);
    expect(world.treeEntries().get('k1')).toBe('y');
    await world.stop();
  });

  it('is not taken for restored when one answer lags and the next does not (S6)', async () => {
    const world = await withEntries(10);
    const { sync } = world.daemon;
    const replica = sync.context.replicas.right;
    const { read } = replica;
    const before = await during(world, replica.read(['k1'], NEVER));
    world.treeClient.put('k1', bytes('y'));
    await world.clock.advance(5_000);
    await world.inSync();
    let lags = true;
    replica.read = async (keys, signal) => {
      const answer = lags ? before : await read.call(replica, keys, signal);
      lags = false;
      return answer;
    };
    await during(
      world,
      sync.exclusively(() => sync.lookNow(['k1'], NEVER)),
    );
    await world.inSync(60_000);
    expect(sync.holds).toEqual([]);
    expect(world.treeEntries().get('k1')).toBe('y');
    await world.stop();
  });

  it('holds the mapping as identity-changed when a store is replaced by an empty one, and writes nothing (S4)', async () => {
    const world = await withEntries(3);
    const { written } = world.daemon;
    world.tree.wipe();
    world.treeClient.put('k1', bytes('of another world'));
    await world.held('identity-changed');
    await world.clock.advance(60_000);
    expect(world.flatEntries().get('k1')).toBe('x');
    expect(world.flatEntries().size).toBe(3);
    expect(world.daemon.written).toBe(written);
    await world.stop();
  });
});

describe('a store that refuses the ledger, which no waiting changes', () => {
  const refused = async (): Promise<SimulatedWorld> => {
    const world = new SimulatedWorld();
    world.treeClient.put('k', bytes('x'));
    await world.start();
    await world.inSync();
    world.daemon.links.right.faults = {
      denies: (access, name) => access === 'write' && name.startsWith('zk-consul-sync/'),
    };
    return world;
  };

  it('is named as the problem for as long as that lasts, while something is to be written there', async () => {
    const world = await refused();
    world.treeClient.put('k', bytes('y'));
    await world.clock.advance(5_000);
    for (let look = 0; look < 500; look++) {
      await world.clock.advance(237);
      expect(world.daemon.sync.problem, `look ${look}`).toContain('permission denied');
      expect(world.daemon.sync.isInSync).toBe(false);
    }
    world.daemon.links.right.faults = {};
    await world.inSync();
    expect(world.daemon.sync.problem).toBeUndefined();
    expect(world.flatEntries().get('k')).toBe('y');
    await world.stop();
  });

  it('is named so, too, while clients write there, whose changes go on being carried over', async () => {
    const world = await refused();
    world.flatClient.put('k', bytes('first'));
    await world.clock.advance(5_000);
    for (let look = 0; look < 500; look++) {
      world.flatClient.put('k', bytes(`y${look}`));
      await world.clock.advance(237);
      expect(world.daemon.sync.problem, `look ${look}`).toContain('permission denied');
    }
    world.daemon.links.right.faults = {};
    await world.inSync();
    expect(world.daemon.sync.problem).toBeUndefined();
    expect(world.treeEntries().get('k')).toBe('y499');
    await world.stop();
  });
});

import { describe, expect, it } from 'vitest';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

describe('nodes that the daemon made as parents outside its scope', () => {
  it('go with their last child', async () => {
    const scope = { id: 'deep', includes: (key: string): boolean => key.startsWith('a/b/') };
    const world = new SimulatedWorld({ context: { scope } });
    world.flatClient.put('a/b/c', bytes('x'));
    world.flatClient.put('a/b/d', bytes('x'));
    await world.start();
    await world.inSync();
    world.flatClient.remove('a/b/c');
    await world.clock.advance(10_000);
    expect(world.tree.node('/config/a/b/d')).toBeDefined();
    world.flatClient.put('a/b/e/f', bytes('x'));
    await world.clock.advance(10_000);
    world.flatClient.remove('a/b/e/f');
    world.flatClient.remove('a/b/d');
    world.flatClient.put('elsewhere', bytes('x'));
    await world.clock.advance(10_000);
    if (world.daemon.sync.holds.length > 0) {
      const approved = world.daemon.operator.approve();
      await world.clock.advance(10_000);
      await approved;
    }
    await world.inSync();
    expect(world.tree.node('/config/a')).toBeUndefined();
    expect(world.tree.node('/config/elsewhere')).toBeUndefined();
    await world.stop();
  });
});

describe('entries that come back into scope', () => {
  it('are like new ones: one that only one side still has is created on the other, and never deleted (S4)', async () => {
    const world = new SimulatedWorld();
    for (const key of ['in/a', 'in/b', 'out/a', 'out/b']) world.treeClient.put(key, bytes('x'));
    await world.start();
    await world.inSync();
    await world.stop();
    const scope = { id: 'narrow', includes: (key: string) => !key.startsWith('out') };
    await world.start({ context: { scope } });
    await world.inSync();
    await world.stop();
    // The ledger still says that the daemon wrote these two keys.
    world.treeClient.remove('out/a');
    world.treeClient.put('out/b', bytes('changed meanwhile'));

    await world.start();
    await world.inSync();

    expect(world.flatEntries().get('out/a')).toBe('x');
    expect(world.treeEntries().get('out/a')).toBe('x');
    expect(world.flatEntries()).toEqual(world.treeEntries());
    expect(world.daemon.sync.memory.archive.conflictCounts().total).toBe(1);
    await world.stop();
  });
});

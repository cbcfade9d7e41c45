import { describe, expect, it } from 'vitest';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

describe('entries of which nothing is left to be found by a walk', () => {
  it('are no longer pending after a rescan, when they were deleted while nobody watched (L3)', async () => {
    const world = new SimulatedWorld();
    world.treeClient.put('other', bytes('x'));
    await world.start();
    await world.inSync();
    await world.daemon.operator.pause(AbortSignal.timeout(60_000));
    world.treeClient.put('k', bytes('x'));
    await world.clock.advance(10_000);
    expect(world.daemon.sync.pending.count.right).toBe(1);
    world.daemon.links.left.disconnect();
    world.treeClient.remove('k');
    await world.clock.advance(1_000);
    world.daemon.links.left.reconnect();
    await world.daemon.operator.resume();
    await world.inSync(60_000);
    await world.stop();
  });

  it('are no longer listed as left out, when they were deleted while the daemon was down (L3)', async () => {
    const world = new SimulatedWorld();
    const denies = (access: string, name: string): boolean => access === 'write' && name === 'config/k';
    world.treeClient.put('k', bytes('x'));
    await world.start();
    world.daemon.links.right.faults = { denies };
    await world.inSync();
    expect(world.daemon.sync.memory.archive.mark('k')).toMatchObject({ kind: 'skip', reason: 'denied' });
    await world.stop();
    world.treeClient.remove('k');
    await world.start();
    await world.inSync();
    expect(world.daemon.sync.memory.archive.mark('k')).toBeUndefined();
    await world.stop();
  });

  it('leave no hold behind, when clients deleted on both sides what a guard held back (L3)', async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 30; number++) {
      world.treeClient.put(`k${number}`, bytes('tree'));
      world.flatClient.put(`k${number}`, bytes('flat'));
    }
    await world.start();
    await world.held('mass-conflict');
    await world.clock.advance(10_000);
    await world.stop();
    for (let number = 0; number < 30; number++) {
      world.treeClient.remove(`k${number}`);
      world.flatClient.remove(`k${number}`);
    }
    await world.start();
    await world.inSync();
    await world.stop();
  });

  it('are not taken for approved deletions for ever, when the reply to their deletion was lost (S7)', async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 100; number++) world.flatClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    for (let number = 0; number < 60; number++) world.flatClient.remove(`k${number}`);
    await world.held('mass-deletion');
    await world.clock.advance(5_000);
    world.daemon.links.left.faults = { afterWrite: () => 'reply-lost' };
    const approved = world.daemon.operator.approve();
    await world.clock.runUntil(() => world.treeEntries().size === 40, { limitMs: 60_000 });
    await approved;
    world.crash();
    await world.start();
    await world.inSync();
    expect([...world.daemon.sync.memory.archive.markCounts()]).toEqual([]);
    world.flatClient.remove('k99');
    await world.clock.advance(1_000);
    await world.inSync();
    expect(world.treeEntries().size).toBe(39);
    await world.stop();
  });
});

import { describe, expect, it } from 'vitest';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

const HOUR_MS = 3_600_000;

describe('the guards over a long time', () => {
  it('forget deletions of which each came hours after the one before', async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 100; number++) world.flatClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    for (let number = 0; number < 27; number++) {
      world.flatClient.remove(`k${number}`);
      await world.clock.advance(1.2 * HOUR_MS);
    }
    expect(world.daemon.sync.holds).toEqual([]);
    expect(world.treeEntries().size).toBe(73);
    await world.stop();
  });
});

describe('the deletion guard, over all that is due at once', () => {
  it('lets a rename pass, and forgets it: what is deleted afterwards counts by itself', async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 100; number++) world.treeClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    for (let number = 0; number < 60; number++) {
      world.treeClient.put(`renamed${number}`, bytes('x'));
      world.treeClient.remove(`k${number}`);
    }
    await world.clock.advance(5_000);
    await world.inSync();
    expect(world.flatEntries().size).toBe(100);
    world.treeClient.remove('k99');
    await world.clock.advance(5_000);
    await world.inSync();
    expect(world.flatEntries().size).toBe(99);
    await world.stop();
  });

  it('lets a rename of more entries than one round looks at pass', async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 2_000; number++) world.flatClient.put(`a${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    for (let number = 0; number < 1_200; number++) {
      world.flatClient.put(`b${number}`, bytes('x'));
      world.flatClient.remove(`a${number}`);
    }
    await world.clock.advance(30_000);
    await world.inSync();
    expect(world.treeEntries().size).toBe(2_000);
    await world.stop();
  });

  it('holds all of a mass deletion, also of more entries than one round looks at', async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 4_000; number++) world.flatClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    for (let number = 0; number < 2_000; number++) world.flatClient.remove(`k${number}`);
    await world.held('mass-deletion');
    await world.clock.advance(10_000);
    expect(world.treeEntries().size).toBe(4_000);
    await world.stop();
  });

  it.each(['parts', 'views'] as const)(
    'holds all of a mass deletion that is told in %s, of which each by itself would be harmless',
    async (tells) => {
      const world = new SimulatedWorld({ tells });
      const keys = Array.from({ length: 1_000 }, (_, number) => `${number % 10}/${number}`);
      for (const key of keys) world.flatClient.put(key, bytes('x'));
      await world.start();
      await world.inSync();
      let lateByMs = 0;
      world.daemon.links.right.faults.distortsHint = () => ({ delayedByMs: (lateByMs += 100) });
      for (const key of keys) world.flatClient.remove(key);
      await world.held('mass-deletion');
      await world.clock.advance(10_000);
      expect(world.treeEntries().size).toBe(1_000);
      expect(world.daemon.sync.memory.archive.markCounts().get('held-deletion')).toBe(1_000);
      await world.stop();
    },
  );

  it('holds all of a mass deletion that goes on, entry by entry, while it is looked at', async () => {
    const world = new SimulatedWorld({ travelMs: { min: 1, max: 5 } });
    for (let number = 0; number < 1_000; number++) world.treeClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    for (let number = 0; number < 1_000; number++) {
      world.treeClient.remove(`k${number}`);
      await world.clock.advance(1);
    }
    await world.held('mass-deletion');
    await world.clock.advance(10_000);
    expect(world.flatEntries().size).toBeGreaterThanOrEqual(990);
    await world.stop();
  });

  it('lets a part of a mapping go that is within the budget, after a walk, and soon (L1)', async () => {
    const world = new SimulatedWorld({ travelMs: { min: 1, max: 5 } });
    for (let number = 0; number < 1_000; number++) world.flatClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    for (let number = 0; number < 200; number++) world.flatClient.remove(`k${number}`);
    await world.clock.advance(2_000);
    expect(world.treeEntries().size).toBe(800);
    expect(world.daemon.sync.isInSync).toBe(true);
    await world.stop();
  });

  it('lets exactly those pass that were listed when they were approved', async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 100; number++) world.flatClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    for (let number = 0; number < 60; number++) world.flatClient.remove(`k${number}`);
    await world.held('mass-deletion');
    await world.clock.advance(5_000);
    world.daemon.links.left.disconnect();
    const approved = world.daemon.operator.approve();
    await world.clock.advance(15_000);
    expect(await approved).toEqual({ deletions: 60, overwrites: 0 });
    for (let number = 60; number < 90; number++) world.flatClient.remove(`k${number}`);
    await world.clock.advance(5_000);
    world.daemon.links.left.reconnect();
    await world.held('mass-deletion');
    await world.clock.advance(30_000);
    expect(world.treeEntries().size).toBe(40);
    await world.stop();
  });

  it('measures the conflicts of a first merge against all entries, and not against those it has come to', async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 1_000; number++) {
      const same = number >= 100;
      const key = `${same ? 'b' : 'a'}${number}`;
      world.treeClient.put(key, bytes('x'));
      world.flatClient.put(key, bytes(same ? 'x' : 'y'));
    }
    await world.start();
    await world.inSync();
    expect(world.daemon.sync.memory.archive.conflictCounts().total).toBe(100);
    expect(world.flatEntries()).toEqual(world.treeEntries());
    await world.stop();
  });
});

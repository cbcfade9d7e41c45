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
});

import { describe, expect, it } from 'vitest';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

const ENTRIES = 2_000;

/** Both sides have the same keys, and a share of them with different values. */
function differing(share: number): SimulatedWorld {
  const world = new SimulatedWorld();
  for (let number = 0; number < ENTRIES; number++) {
    const key = `k${String(number).padStart(4, '0')}`;
    const same = (number * 7) % 100 >= share * 100;
    world.treeClient.put(key, bytes(`tree ${number}`));
    world.flatClient.put(key, bytes(same ? `tree ${number}` : `flat ${number}`));
  }
  return world;
}

describe('the first merge of two trees with the same keys', () => {
  it('overwrites nothing when too much of it differs, however many rounds that takes, until approved (S1)', async () => {
    const world = differing(0.3);
    const before = world.flatEntries();
    await world.start();
    await world.held('mass-conflict');
    await world.clock.advance(5_000);
    expect(world.flatEntries()).toEqual(before);
    const approved = world.daemon.operator.approve();
    await world.clock.advance(1_000);
    expect(await approved).toEqual({ deletions: 0, overwrites: 600 });
    await world.inSync();
    expect(world.flatEntries()).toEqual(world.treeEntries());
    expect(world.daemon.sync.memory.archive.conflictCounts().total).toBe(600);
    await world.stop();
  });

  it('decides and journals each difference when few differ', async () => {
    const world = differing(0.1);
    await world.start();
    await world.inSync();
    expect(world.flatEntries()).toEqual(world.treeEntries());
    expect(world.daemon.sync.memory.archive.conflictCounts().total).toBe(200);
    await world.stop();
  });

  it('measures what differs by the larger side, though all of it is met before that was walked', async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 60; number++) {
      world.treeClient.put(`a${number}`, bytes('tree'));
      world.flatClient.put(`a${number}`, bytes(number < 30 ? 'tree' : 'flat'));
    }
    for (let number = 0; number < ENTRIES; number++) world.flatClient.put(`b${number}`, bytes('flat'));
    await world.start();
    await world.inSync();
    expect(world.daemon.sync.memory.archive.conflictCounts().total).toBe(30);
    await world.stop();
  });
});

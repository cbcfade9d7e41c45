import { describe, expect, it } from 'vitest';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

const HOUR_MS = 3_600_000;

describe('entries that one store refuses to show or to take', () => {
  it('are looked at again at growing intervals, and are no reason to be out of sync (L2)', async () => {
    const world = new SimulatedWorld();
    world.treeClient.put('secret', bytes('x'));
    world.treeClient.put('open', bytes('x'));
    await world.start();
    let reads = 0;
    world.daemon.links.right.faults = {
      denies: (access, name) => access === 'read' && name === 'config/secret',
      beforeRead: (request) => {
        if (request === 'read') reads++;
        return undefined;
      },
    };
    await world.inSync(60_000);
    await world.clock.advance(10_000);
    expect(world.daemon.sync.isInSync).toBe(true);
    reads = 0;
    await world.clock.advance(HOUR_MS / 2);
    expect(reads).toBeLessThan(120);
    await world.stop();
  });

  it('enter the journal once for each conflict, however often the write is tried again (S9)', async () => {
    const world = new SimulatedWorld();
    world.treeClient.put('k', bytes('before'));
    await world.start();
    await world.inSync();
    world.daemon.links.right.faults = {
      denies: (access, name) => access === 'write' && name === 'config/k',
    };
    world.treeClient.put('k', bytes('of the tree'));
    world.flatClient.put('k', bytes('of the flat store'));
    world.treeClient.put('k', bytes('of the tree, again'));
    await world.clock.advance(2 * HOUR_MS);
    expect(world.daemon.sync.memory.archive.conflictCounts().total).toBe(1);
    await world.stop();
  });

  it('do not make up for deletions when their creation is tried again (S4)', async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 100; number++) world.treeClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    const denies = (access: string, name: string): boolean =>
      access === 'write' && name.startsWith('config/refused');
    world.daemon.links.right.faults = { denies };
    for (let number = 0; number < 200; number++) world.treeClient.put(`refused${number}`, bytes('x'));
    await world.clock.advance(10_000);
    await world.stop();
    for (let number = 0; number < 100; number++) world.treeClient.remove(`k${number}`);
    await world.start();
    world.daemon.links.right.faults = { denies };
    await world.clock.advance(60_000);
    expect(world.flatEntries().size).toBe(100);
    expect(world.daemon.sync.holds.map(({ reason }) => reason)).toEqual(['mass-deletion']);
    await world.stop();
  });
});

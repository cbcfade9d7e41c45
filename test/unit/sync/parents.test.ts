import { describe, expect, it } from 'vitest';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

describe('a parent that the daemon makes where an entry was just deleted', () => {
  it('does not undo the deletion, whichever of the two is handled first', async () => {
    for (const pauseMs of [0, 1, 50, 1_000]) {
      const world = new SimulatedWorld({ travelMs: { min: 0, max: 5 }, seed: pauseMs + 1 });
      world.treeClient.put('other', bytes('stays'));
      world.treeClient.put('a', bytes('to be deleted'));
      await world.start();
      await world.inSync();

      // The daemon learns of either first, or of both at once.
      world.treeClient.remove('a');
      world.flatClient.put('a/b', bytes('child'));
      await world.clock.advance(2_000 + pauseMs);
      await world.inSync();

      expect([...world.flatEntries().keys()].sort(), `after ${pauseMs} ms`).toEqual(['a/b', 'other']);
      expect([...world.treeEntries().keys()].sort()).toEqual(['a/b', 'other']);
      world.flatClient.remove('a/b');
      await world.clock.advance(1_000);
      await world.inSync();
      expect(world.treeClient.get('a')).toBeUndefined();
      await world.stop();
    }
  });
});

describe('a deletion that nobody was told of', () => {
  it('is proven by the parent that could be made in its place, and is not undone (S4)', async () => {
    const world = new SimulatedWorld();
    world.treeClient.put('other', bytes('stays'));
    world.treeClient.put('a', bytes('to be deleted'));
    await world.start();
    await world.inSync();

    world.daemon.links.left.faults = { losesHint: () => true };
    world.treeClient.remove('a');
    world.flatClient.put('a/b', bytes('child'));
    await world.clock.advance(2_000);
    await world.inSync();

    expect([...world.flatEntries().keys()].sort()).toEqual(['a/b', 'other']);
    expect([...world.treeEntries().keys()].sort()).toEqual(['a/b', 'other']);
    await world.stop();
  });
});

describe('an entry that was left out and is gone', () => {
  it('is no longer listed', async () => {
    const world = new SimulatedWorld({ policy: { source: 'left' } });
    world.treeClient.put('kept', bytes('x'));
    world.flatClient.put('added', bytes('foreign'));
    await world.start();
    await world.inSync();
    expect(world.daemon.sync.memory.archive.mark('added')).toMatchObject({ kind: 'drift' });
    world.flatClient.remove('added');
    await world.clock.advance(1_000);
    await world.inSync();
    expect(world.daemon.sync.memory.archive.mark('added')).toBeUndefined();
    await world.stop();
  });
});

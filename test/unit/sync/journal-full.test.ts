import { expect, it } from 'vitest';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

it('a conflict that finds no room in the journal is held, and overwrites nothing, while others go on (S1, S9)', async () => {
  const world = new SimulatedWorld({ journalMaxBytes: 1 });
  world.treeClient.put('k', bytes('agreed'));
  await world.start();
  await world.inSync();
  await world.stop();
  world.treeClient.put('k', bytes('from the tree'));
  world.flatClient.put('k', bytes('from the flat store'));
  world.treeClient.put('other', bytes('goes on'));

  await world.start();
  await world.clock.advance(60_000);

  expect(world.treeEntries().get('k')).toBe('from the tree');
  expect(world.flatEntries().get('k')).toBe('from the flat store');
  expect(world.flatEntries().get('other')).toBe('goes on');
  expect(world.daemon.sync.memory.archive.mark('k')).toMatchObject({ kind: 'hold', reason: 'journal-full' });
  expect(world.daemon.sync.memory.archive.conflictCounts().total).toBe(0);
  await world.stop();
});

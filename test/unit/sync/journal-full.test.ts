import { describe, expect, it } from 'vitest';
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

describe('conflicts that find no room in the journal together', () => {
  /** Both sides have changed so many entries, and the journal has room for two such conflicts. */
  async function withConflicts(keys: readonly string[]): Promise<SimulatedWorld> {
    const world = new SimulatedWorld({ journalMaxBytes: 600, policy: { conflict: 'left-wins' } });
    for (const key of keys) world.treeClient.put(key, bytes('agreed'));
    await world.start();
    await world.inSync();
    await world.stop();
    for (const key of keys) {
      world.treeClient.put(key, bytes(`${key} of the tree`));
      world.flatClient.put(key, bytes(`${key} of the flat store`));
    }
    await world.start();
    return world;
  }

  it('enter it one after the other, since what is settled makes room (S9, L1)', async () => {
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const world = await withConflicts(keys);
    await world.inSync(30_000);
    for (const key of keys) expect(world.flatEntries().get(key)).toBe(`${key} of the tree`);
    await world.stop();
  });

  it('do not wait for one that has no room at all (L2)', async () => {
    const world = await withConflicts(['a', 'b', 'c']);
    world.treeClient.put('big', Buffer.alloc(1_000, 'a'));
    world.flatClient.put('big', Buffer.alloc(1_000, 'b'));
    await world.inSync(120_000);
    for (const key of ['a', 'b', 'c']) expect(world.flatEntries().get(key)).toBe(`${key} of the tree`);
    const { archive } = world.daemon.sync.memory;
    expect(archive.mark('big')).toMatchObject({ kind: 'hold', reason: 'journal-full' });
    await world.stop();
  });
});

describe('an open conflict that finds no room in the journal', () => {
  it('is tried ever more seldom (S9)', async () => {
    const world = new SimulatedWorld({ journalMaxBytes: 1, policy: { conflict: 'hold' } });
    world.treeClient.put('k', bytes('of the tree'));
    world.flatClient.put('k', bytes('of the flat store'));
    await world.start();
    await world.clock.advance(60_000);
    let reads = 0;
    world.daemon.links.left.faults = {
      beforeRead: (request) => {
        if (request === 'read') reads++;
        return undefined;
      },
    };
    await world.clock.advance(600_000);
    expect(reads).toBeLessThan(40);
    expect(world.daemon.sync.isInSync).toBe(true);
    await world.stop();
  });
});

describe('a value that is found overwritten only after the write, while the journal is full', () => {
  /** A client deletes and recreates `k` right before the daemon's write, which can't be told from no change. */
  async function overwriteUnseen(journalMaxBytes: number): Promise<SimulatedWorld> {
    const world = new SimulatedWorld({ journalMaxBytes, policy: { conflict: 'hold' } });
    for (const key of ['k', 'full']) world.treeClient.put(key, bytes('agreed'));
    await world.start();
    await world.inSync();
    await world.stop();
    world.treeClient.put('full', Buffer.alloc(1_600, 'a'));
    world.flatClient.put('full', Buffer.alloc(1_600, 'b'));
    await world.start();
    await world.clock.advance(10_000);
    let isFirst = true;
    world.daemon.links.left.faults = {
      beforeWrite: ({ operations }) => {
        if (isFirst && operations.length > 0) {
          world.treeClient.remove('k');
          world.treeClient.put('k', bytes('seen too late'));
        }
        isFirst &&= operations.length === 0;
        return undefined;
      },
    };
    world.flatClient.put('k', bytes('newer'));
    await world.clock.advance(60_000);
    expect(world.treeEntries().get('k')).toBe('newer');
    return world;
  }

  it('finds the room that is left for it (S1)', async () => {
    const world = await overwriteUnseen(3_900);
    const [newest] = world.daemon.sync.memory.archive.conflicts({ limit: 1 });
    expect(newest?.kind).toBe('overwritten-in-race');
    expect(Buffer.from(newest?.sides.left.value ?? []).toString()).toBe('seen too late');
    expect(world.daemon.errors).toEqual([]);
    await world.stop();
  });

  it('is at least told of, once even that room is taken, and what was written is recorded (S9)', async () => {
    const world = await overwriteUnseen(1);
    const modified = world.tree.node('/config/k')?.mzxid;
    expect(world.daemon.sync.memory.archive.record('k')).toMatchObject({ versions: { left: { modified } } });
    expect(world.daemon.errors.join()).toContain('overwritten unseen');
    await world.stop();
  });
});

it('a node that was recreated unseen with the very value that is written is no conflict', async () => {
  const world = new SimulatedWorld();
  world.treeClient.put('k', bytes('agreed'));
  await world.start();
  await world.inSync();
  world.daemon.links.left.faults = {
    beforeWrite: ({ operations }) => {
      if (operations.length === 0 || world.treeEntries().get('k') === 'newer') return undefined;
      world.treeClient.remove('k');
      world.treeClient.put('k', bytes('newer'));
      return undefined;
    },
  };
  world.flatClient.put('k', bytes('newer'));
  await world.clock.advance(60_000);
  expect(world.daemon.sync.isInSync).toBe(true);
  expect(world.daemon.sync.memory.archive.conflictCounts().total).toBe(0);
  await world.stop();
});

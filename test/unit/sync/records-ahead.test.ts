import { describe, expect, it } from 'vitest';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

/** A transaction of the flat store takes 64 operations, the ledger's own included. */
const ENTRIES_A_BATCH = 63;
const SYNC_MS = 1_000;

/** A world whose disk takes a second for each commit, with so many batches to be written. */
async function withSlowDisk(batches: number): Promise<SimulatedWorld> {
  const world = new SimulatedWorld({ diskSyncMs: SYNC_MS });
  await world.start();
  await world.inSync();
  for (let number = 0; number < batches * ENTRIES_A_BATCH; number++)
    world.treeClient.put(`k${number}`, bytes('x'));
  return world;
}

describe('a batch', () => {
  it('need not wait until the one before it is recorded on the disk', async () => {
    const batches = 8;
    const world = await withSlowDisk(batches);
    const written = (): boolean => world.flatEntries().size === batches * ENTRIES_A_BATCH;
    await world.clock.runUntil(written, { limitMs: (batches / 2) * SYNC_MS, what: 'all batches' });
    await world.inSync();
    expect(world.daemon.sync.memory.archive.counts().entries).toBe(batches * ENTRIES_A_BATCH);
    await world.clock.advance(10 * SYNC_MS);
    await world.stop();
  });

  it('waits for the disk when many before it are not recorded: a ledger has to list them all (S7, S9)', async () => {
    const world = await withSlowDisk(0);
    // So large that each is a batch of its own.
    const entries = 40;
    for (let number = 0; number < entries; number++)
      world.treeClient.put(`k${number}`, Buffer.alloc(300_000, 'x'));
    let mostAhead = 0;
    const isWritten = (): boolean => {
      const { size } = world.flatEntries();
      mostAhead = Math.max(mostAhead, size - world.daemon.sync.memory.archive.counts().entries);
      return size === entries;
    };
    await world.clock.runUntil(isWritten, { limitMs: 60_000, what: 'all batches' });
    expect(mostAhead).toBeGreaterThan(4);
    expect(mostAhead).toBeLessThan(12);
    await world.clock.advance(60_000);
    await world.stop();
  });

  it('that was not recorded before a crash is found to be written (S2, S7)', async () => {
    const world = await withSlowDisk(6);
    const { clock, flatClient, treeClient } = world;
    await clock.runUntil(() => world.flatEntries().size >= 4 * ENTRIES_A_BATCH, { limitMs: 60_000 });
    world.crash();
    treeClient.put('k1', bytes('newer'));
    flatClient.put('k2', bytes('newer'));
    await world.start();
    await world.inSync();
    expect(world.flatEntries().get('k1')).toBe('newer');
    expect(world.treeEntries().get('k2')).toBe('newer');
    expect(world.daemon.sync.memory.archive.conflictCounts().total).toBe(0);
    expect(world.treeEntries()).toEqual(world.flatEntries());
    await clock.advance(60_000);
    await world.stop();
  });
});

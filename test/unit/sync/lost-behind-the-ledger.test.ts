import { describe, expect, it } from 'vitest';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

/**
 * A client's write to the flat store, after which its ledger has not moved yet, is carried over and then taken back by a
 * backup that young: the ledger is where it was, so that the entry looks deleted.
 */
async function restoredBehindTheLedger(
  beforeRestore: (world: SimulatedWorld) => void,
): Promise<SimulatedWorld> {
  const world = new SimulatedWorld();
  for (const key of ['a', 'b', 'c']) world.flatClient.put(key, bytes('agreed'));
  await world.start();
  await world.inSync();
  await world.clock.advance(5_000);
  world.flatClient.put('a', bytes('moves the ledger'));
  await world.clock.advance(400);
  const backup = world.flat.snapshot();
  world.flatClient.put('late', bytes('the last copy'));
  await world.clock.runUntil(() => world.treeEntries().has('late'), {
    limitMs: 500,
    what: 'it to be carried over',
  });
  beforeRestore(world);
  world.flat.restore(backup);
  return world;
}

const trashed = (world: SimulatedWorld): string[] => {
  const { archive } = world.daemon.sync.memory;
  const kept = archive.trash({ limit: 10 }).map(({ id }) => archive.trashed(id));
  return kept.map((entry) => `${entry?.key}: ${Buffer.from(entry?.value ?? []).toString()}`);
};

describe('what a restored store lacks behind its ledger', () => {
  it('is deleted on the other side, and kept in the trash (S1, S4)', async () => {
    const world = await restoredBehindTheLedger(() => undefined);
    await world.clock.runUntil(() => !world.treeEntries().has('late'), { limitMs: 60_000, what: 'its end' });
    expect(trashed(world)).toEqual(['late: the last copy']);
    await world.stop();
  });

  it('is kept in the trash once, also if it can be deleted only later (S1)', async () => {
    const world = await restoredBehindTheLedger(({ daemon }) => {
      daemon.links.left.faults = { denies: (access, name) => access === 'write' && name.endsWith('/late') };
    });
    await world.clock.advance(30_000);
    expect(world.daemon.sync.memory.archive.mark('late')).toMatchObject({ kind: 'skip', reason: 'denied' });
    world.daemon.links.left.faults = {};
    await world.clock.runUntil(() => !world.treeEntries().has('late'), { limitMs: 120_000, what: 'its end' });
    expect(trashed(world)).toEqual(['late: the last copy']);
    await world.stop();
  });
});

import { describe, expect, it } from 'vitest';
import type { WorldOptions } from '../../kit/simulation/simulated-world.js';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';
import { FOLDERS_MAX } from '../../../src/sync/client-change-counter.js';

/** Long enough for everything that was noticed to be in the archive. */
const KEPT_MS = 20_000;

async function inStep(
  options: WorldOptions = {},
  keys: readonly string[] = ['app/a'],
): Promise<SimulatedWorld> {
  const world = new SimulatedWorld(options);
  for (const key of keys) world.treeClient.put(key, bytes('first'));
  await world.start();
  await world.inSync();
  await world.clock.advance(KEPT_MS);
  return world;
}

/** Changes by side and folder, `*` for those that are not told apart. */
function counted(world: SimulatedWorld): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { side, folder = '*', count } of world.daemon.sync.memory.archive.clientChanges(0)) {
    sums[`${side} ${folder}`] = (sums[`${side} ${folder}`] ?? 0) + count;
  }
  return sums;
}

describe('what clients change', () => {
  it('is counted by side and first folder, creates, updates and deletions alike', async () => {
    const world = await inStep();
    world.treeClient.put('app/a', bytes('second'));
    world.treeClient.put('app/b/c', bytes('new'));
    world.flatClient.put('top', bytes('of the flat store'));
    await world.clock.advance(KEPT_MS);
    world.flatClient.remove('app/a');
    await world.clock.advance(KEPT_MS);
    expect(counted(world)).toEqual({ 'left app': 2, 'right ': 1, 'right app': 1 });
    await world.stop();
  });

  it('is never what the daemon wrote itself, and not what was there when all was first compared (S2)', async () => {
    const world = await inStep({}, ['app/a', 'app/b', 'services/c']);
    expect(world.flatEntries().size).toBe(3);
    await world.clock.advance(3 * 3_600_000);
    expect(counted(world)).toEqual({});
    await world.stop();
  });

  it('counts once while it is looked at again and again, and anew with each further change', async () => {
    const world = await inStep({ policy: { source: 'right' } });
    world.treeClient.put('app/drifted', bytes('1'));
    await world.clock.advance(2 * 3_600_000);
    expect(counted(world)).toEqual({ 'left app': 1 });
    world.treeClient.put('app/drifted', bytes('2'));
    await world.clock.advance(KEPT_MS);
    expect(counted(world)).toEqual({ 'left app': 2 });
    await world.stop();
  });

  it('survives restarts, and what is still open then does not count again', async () => {
    const world = await inStep({ policy: { source: 'right' } });
    world.treeClient.put('app/drifted', bytes('1'));
    world.treeClient.remove('app/a');
    await world.clock.advance(KEPT_MS);
    const before = counted(world);
    for (let life = 0; life < 3; life++) {
      world.crash();
      await world.start();
      await world.clock.advance(KEPT_MS);
    }
    expect(counted(world)).toEqual(before);
    world.treeClient.put('app/drifted', bytes('2'));
    await world.clock.advance(KEPT_MS);
    expect(counted(world)).toEqual({ 'left app': (before['left app'] ?? 0) + 1 });
    await world.stop();
  });

  it('is noticed after a downtime, too', async () => {
    const world = await inStep();
    await world.stop();
    world.treeClient.put('app/a', bytes('while nobody looked'));
    await world.start();
    await world.inSync();
    await world.clock.advance(KEPT_MS);
    expect(counted(world)).toEqual({ 'left app': 1 });
    await world.stop();
  });

  it('counts while the mapping is paused, once', async () => {
    const world = await inStep();
    const paused = world.daemon.operator.pause(new AbortController().signal);
    await world.clock.advance(100);
    await paused;
    world.treeClient.put('app/a', bytes('second'));
    await world.clock.advance(3_600_000);
    expect(counted(world)).toEqual({ 'left app': 1 });
    await world.stop();
  });

  it('is told apart by a bounded number of folders, with one sum for all others (S9)', async () => {
    const world = await inStep();
    for (let number = 0; number < FOLDERS_MAX + 10; number++) {
      world.treeClient.put(`folder-${number}/a`, bytes('x'));
    }
    await world.inSync();
    await world.clock.advance(KEPT_MS);
    const sums = counted(world);
    expect(Object.keys(sums)).toHaveLength(FOLDERS_MAX + 1);
    expect(sums['left *']).toBe(10);
    await world.stop();
  });

  it('goes into the hour in which it was noticed', async () => {
    const world = await inStep();
    world.treeClient.put('app/a', bytes('second'));
    await world.clock.advance(KEPT_MS);
    await world.clock.advance(3_600_000);
    world.treeClient.put('app/a', bytes('third'));
    await world.clock.advance(KEPT_MS);
    const rows = world.daemon.sync.memory.archive.clientChanges(0);
    expect(rows.map(({ count }) => count)).toEqual([1, 1]);
    expect(rows[1]!.hour - rows[0]!.hour).toBe(1);
    for (const { hour, lastAtMs } of rows) expect(Math.floor(lastAtMs / 3_600_000)).toBe(hour);
    await world.stop();
  });
});

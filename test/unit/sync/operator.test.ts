import { describe, expect, it } from 'vitest';
import { ReplicaError } from '../../../src/ports/errors.js';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

const NEVER = new AbortController().signal;

/** Lets simulated time pass until `promise` is settled. */
async function during<T>(world: SimulatedWorld, promise: Promise<T>, limitMs = 60_000): Promise<T> {
  let isSettled = false;
  const settled = (): void => void (isSettled = true);
  promise.then(settled, settled);
  await world.clock.runUntil(() => isSettled, { limitMs });
  return promise;
}

/** A world in which clients of both sides have changed entry `k`, which is held. */
async function withConflict(): Promise<SimulatedWorld> {
  const world = new SimulatedWorld({ policy: { conflict: 'hold' } });
  world.treeClient.put('k', bytes('before'));
  await world.start();
  await world.inSync();
  world.daemon.links.left.disconnect();
  world.treeClient.put('k', bytes('of the tree'));
  world.flatClient.put('k', bytes('of the flat store'));
  await world.clock.advance(1_000);
  world.daemon.links.left.reconnect();
  await world.clock.advance(10_000);
  expect(world.daemon.sync.memory.archive.mark('k')).toMatchObject({ kind: 'hold', reason: 'conflict' });
  return world;
}

describe('the word of an operator', () => {
  it('who releases an entry of a paused mapping is kept until the mapping is resumed', async () => {
    const world = await withConflict();
    await during(world, world.daemon.operator.pause(AbortSignal.timeout(60_000)));
    expect(await during(world, world.daemon.operator.release('k', 'right', NEVER))).toBe(true);
    await during(world, world.daemon.operator.resume());
    await world.clock.advance(60_000);
    expect(world.treeEntries().get('k')).toBe('of the flat store');
    await world.stop();
  });

  it('who releases an entry outlives a crash before the write (S7)', async () => {
    const world = await withConflict();
    world.daemon.links.left.faults = { beforeWrite: () => 'refused' };
    const released = world.daemon.operator.release('k', 'right', NEVER).catch((error: unknown) => error);
    await during(world, released);
    world.crash();
    await world.start();
    await world.clock.advance(60_000);
    expect(world.treeEntries().get('k')).toBe('of the flat store');
    await world.stop();
  });

  it('who releases an entry is not asked again by the guard against overwrites', async () => {
    const world = new SimulatedWorld({
      policy: { conflict: 'hold' },
      context: { maxOverwrite: { percent: 10, atLeast: 2, withinMs: 3_600_000 } },
    });
    const keys = ['a', 'b', 'c', 'd'];
    for (const key of keys) {
      world.treeClient.put(key, bytes(`${key} of the tree`));
      world.flatClient.put(key, bytes(`${key} of the flat store`));
    }
    await world.start();
    await world.clock.advance(10_000);
    for (const key of keys) await during(world, world.daemon.operator.release(key, 'right', NEVER));
    await world.inSync();
    for (const key of keys) expect(world.treeEntries().get(key)).toBe(`${key} of the flat store`);
    await world.stop();
  });

  it.each([
    ['too large', 'too-large', (world: SimulatedWorld) => world.treeClient.put('k', new Uint8Array(600_000))],
    [
      'denied',
      'denied',
      (world: SimulatedWorld) => {
        world.daemon.links.right.faults = {
          denies: (access, name) => access === 'write' && name.endsWith('/k'),
        };
      },
    ],
  ])('who releases an entry is kept while it is %s, which the hold says', async (_, reason, hinder) => {
    const world = await withConflict();
    hinder(world);
    await world.clock.advance(10_000);
    await during(world, world.daemon.operator.release('k', 'left', NEVER));
    await world.clock.advance(200_000);
    const { archive } = world.daemon.sync.memory;
    expect(archive.mark('k')).toMatchObject({
      kind: 'hold',
      keep: 'left',
      detail: expect.stringContaining(reason) as string,
    });
    // What was held, and what the person decided: neither again each time it is tried.
    expect(archive.conflictCounts().open).toBe(1);
    expect(archive.conflictCounts().total).toBeLessThanOrEqual(2);
    world.daemon.links.right.faults = {};
    world.treeClient.put('k', bytes('smaller'));
    await world.clock.advance(200_000);
    expect(world.flatEntries().get('k')).toBe('smaller');
    expect(archive.mark('k')).toBeUndefined();
    expect(archive.conflictCounts().open).toBe(0);
    await world.stop();
  });

  it('who releases an entry settles its conflict in the journal among thousands that are open', async () => {
    const world = new SimulatedWorld({ policy: { conflict: 'hold' } });
    const keys = ['a', ...Array.from({ length: 1_100 }, (_, number) => `k${number}`)];
    for (const key of keys) {
      world.treeClient.put(key, bytes('of the tree'));
      world.flatClient.put(key, bytes('of the flat store'));
    }
    await world.start();
    await world.inSync();
    const { archive } = world.daemon.sync.memory;
    expect(archive.conflictCounts().open).toBe(keys.length);
    await during(world, world.daemon.operator.release('a', 'left', NEVER));
    expect(archive.conflictCounts().open).toBe(keys.length - 1);
    await world.stop();
  });

  it('is not needed for a conflict that clients have settled: it is closed in the journal', async () => {
    const world = await withConflict();
    world.treeClient.put('k', bytes('of the flat store'));
    await world.clock.advance(10_000);
    await world.inSync();
    expect(world.daemon.sync.memory.archive.mark('k')).toBeUndefined();
    expect(world.daemon.sync.memory.archive.conflictCounts()).toEqual({ open: 0, total: 1 });
    await world.stop();
  });

  it('to start over is carried out in the end when a store fails in the middle of it (S7, L1)', async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 30; number++) world.treeClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    world.daemon.links.right.faults = { beforeWrite: () => 'refused' };
    const resynced = world.daemon.operator.resync('merge', NEVER).catch((error: unknown) => error);
    expect(await during(world, resynced)).toBeInstanceOf(ReplicaError);
    await world.clock.advance(1_000);
    expect(world.daemon.sync.isInSync).toBe(false);
    world.daemon.links.right.faults = {};
    await world.clock.advance(30_000);
    await world.inSync(1_000);
    expect(world.daemon.sync.memory.known.phase).toBe('paired');
    expect(world.daemon.sync.memory.archive.counts().entries).toBe(30);
    await world.stop();
  });

  it('to pause stops a round after the batch that is under way', async () => {
    const world = new SimulatedWorld({ travelMs: { min: 10, max: 10 } });
    for (let number = 0; number < 500; number++) world.treeClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.clock.runUntil(() => world.flatEntries().size > 0, { limitMs: 60_000 });
    await during(world, world.daemon.operator.pause(AbortSignal.timeout(60_000)));
    const written = world.flatEntries().size;
    await world.clock.advance(60_000);
    expect(world.flatEntries().size - written).toBeLessThanOrEqual(64);
    await world.stop();
  });
});

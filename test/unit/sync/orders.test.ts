import { describe, expect, it } from 'vitest';
import { Orders } from '../../../src/sync/orders.js';
import type { RestoreWanted } from '../../../src/ports/control.js';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

const NEVER = new AbortController().signal;
const ALL = { folder: '', sinceMs: undefined, untilMs: undefined };
const CREATOR = '[{"scheme":"digest","id":"app:hash","permissions":31}]';

/** Keys of the tree that were agreed on, and then deleted there by a client together with all that is below them. */
async function deletedAll(
  options: ConstructorParameters<typeof SimulatedWorld>[0] = {},
): Promise<SimulatedWorld> {
  const wide = { percent: 100, atLeast: 1_000, withinMs: 3_600_000 };
  const world = new SimulatedWorld({ ...options, context: { maxDelete: wide } });
  for (const key of ['app', 'app/db', 'app/db/host', 'other', 'stays'])
    world.flatClient.put(key, bytes(`of ${key}`));
  await world.start();
  await world.inSync();
  for (const key of ['app/db/host', 'app/db', 'app', 'other']) world.treeClient.remove(key);
  await gone(world);
  return world;
}

async function gone(world: SimulatedWorld): Promise<void> {
  const isGone = (): boolean => world.flatEntries().size === 1 && world.treeEntries().size === 1;
  await world.clock.runUntil(isGone, { limitMs: 60_000, what: 'what was deleted to be gone' });
  await world.inSync();
}

function restore(world: SimulatedWorld, wanted: RestoreWanted) {
  return whileTimePasses(world, new Orders(world.daemon.sync).restore(wanted, NEVER));
}

async function whileTimePasses<T>(world: SimulatedWorld, promise: Promise<T>): Promise<T> {
  let isOver = false;
  const over = promise.finally(() => (isOver = true));
  over.catch(() => undefined);
  await world.clock.runUntil(() => isOver, { limitMs: 60_000, what: 'an order to be taken' });
  return over;
}

const keysOf = (world: SimulatedWorld): string[][] => [
  [...world.treeEntries().keys()].sort(),
  [...world.flatEntries().keys()].sort(),
];

describe('restoring from the trash', () => {
  it('puts a folder back on both sides, parents as entries of their own, and not what is elsewhere', async () => {
    const world = await deletedAll();
    const answer = await restore(world, { ...ALL, folder: 'app' });
    expect(answer).toMatchObject({ ordered: 3, refused: [], refusedTotal: 0, hasMore: false });
    await world.inSync();
    const expected = ['app', 'app/db', 'app/db/host', 'stays'];
    expect(keysOf(world)).toEqual([expected, expected]);
    expect(world.treeEntries().get('app/db')).toBe('of app/db');
    expect(world.daemon.sync.memory.archive.markCounts().get('ordered')).toBeUndefined();
    expect(world.daemon.sync.memory.archive.counts().entries).toBe(4);
    await world.stop();
  });

  it('puts one entry back by its key', async () => {
    const world = await deletedAll();
    expect(await restore(world, { key: 'app/db/host' })).toMatchObject({ ordered: 1 });
    await world.inSync();
    expect(keysOf(world)[1]).toEqual(['app/db/host', 'stays']);
    expect(await restore(world, { key: 'never' })).toMatchObject({ ordered: 0, refusedTotal: 0 });
    await world.stop();
  });

  it('puts back what was deleted in a span of time, each as it was last', async () => {
    const world = await deletedAll();
    await world.clock.advance(5_000);
    const firstMs = world.clock.nowMs();
    world.treeClient.put('again', bytes('newer'));
    await world.clock.advance(5_000);
    world.treeClient.remove('again');
    await gone(world);
    expect(await restore(world, { ...ALL, sinceMs: firstMs })).toMatchObject({ ordered: 1 });
    await world.inSync();
    expect(keysOf(world)[0]).toEqual(['again', 'stays']);
    expect(await restore(world, { ...ALL, untilMs: firstMs })).toMatchObject({ ordered: 4 });
    await world.inSync();
    expect(keysOf(world)[1]).toHaveLength(6);
    await world.stop();
  });

  it('puts back the flags of the one store, and who may do what of the other', async () => {
    const world = new SimulatedWorld();
    const flags = 2n ** 64n - 1n;
    world.flat.apply([{ kind: 'set', key: 'config/flagged', value: bytes('f'), flags }], 'client');
    world.tree.apply(
      [
        { kind: 'create', path: '/config', data: new Uint8Array() },
        { kind: 'create', path: '/config/owned', data: bytes('o'), access: CREATOR },
      ],
      'client',
    );
    world.flatClient.put('stays', bytes('s'));
    await world.start();
    await world.inSync();
    world.treeClient.remove('flagged');
    world.flatClient.remove('owned');
    await gone(world);
    await restore(world, ALL);
    await world.inSync();
    expect(world.flat.entry('config/flagged')?.flags).toBe(flags);
    expect(world.tree.node('/config/owned')?.access).toBe(CREATOR);
    await world.stop();
  });

  it('S3: refuses what stands on either side again, and says where', async () => {
    const world = await deletedAll();
    world.flatClient.put('other', bytes('of a client'));
    await world.inSync();
    const answer = await restore(world, ALL);
    expect(answer).toMatchObject({ ordered: 3, refusedTotal: 1 });
    expect(answer.refused).toEqual([{ key: 'other', reason: 'it is there again, in tree and flat' }]);
    await world.inSync();
    expect(world.treeEntries().get('other')).toBe('of a client');
    await world.stop();
  });

  it('S3: gives way to what a client creates after the order, on whichever side', async () => {
    const world = await deletedAll();
    world.daemon.links.left.faults = { denies: (access) => access === 'write' };
    await restore(world, { ...ALL, folder: 'app' });
    await world.clock.advance(1_000);
    world.flatClient.put('app/db', bytes('of a client'));
    await world.clock.advance(5_000);
    world.daemon.links.left.faults = {};
    await world.inSync();
    expect(world.treeEntries().get('app/db')).toBe('of a client');
    expect(world.flatEntries().get('app/db')).toBe('of a client');
    expect(world.treeEntries().get('app/db/host')).toBe('of app/db/host');
    await world.stop();
  });

  it('L2: waits for an entry that can not be written, is not in sync meanwhile, and goes on with the others', async () => {
    const world = await deletedAll();
    world.daemon.links.right.faults = {
      denies: (access, name) => access === 'write' && name.endsWith('/host'),
    };
    await restore(world, ALL);
    await world.clock.advance(30_000);
    expect(keysOf(world)[1]).toEqual(['app', 'app/db', 'other', 'stays']);
    expect(world.treeEntries().has('app/db/host'), 'made on one side already').toBe(true);
    expect(world.daemon.sync.isInSync).toBe(false);
    expect(world.daemon.sync.memory.archive.mark('app/db/host')).toMatchObject({ kind: 'ordered' });
    world.daemon.links.right.faults = {};
    await world.inSync();
    expect(keysOf(world)[1]).toHaveLength(5);
    await world.stop();
  });

  it('S7: is carried out by the next process, wherever the one that took the order is killed', async () => {
    for (let killedAfterMs = 0; killedAfterMs <= 40; killedAfterMs += 4) {
      const world = await deletedAll({ seed: killedAfterMs, diskSyncMs: 3, travelMs: { min: 1, max: 4 } });
      await restore(world, ALL);
      await world.clock.advance(killedAfterMs);
      world.crash();
      await world.start();
      await world.inSync();
      expect(keysOf(world), `killed after ${killedAfterMs} ms`).toEqual([
        ['app', 'app/db', 'app/db/host', 'other', 'stays'],
        ['app', 'app/db', 'app/db/host', 'other', 'stays'],
      ]);
      world.crash();
    }
  });

  it('is not held by the guard against deletions that came before it', async () => {
    const world = new SimulatedWorld({
      context: { maxDelete: { percent: 50, atLeast: 4, withinMs: 3_600_000 } },
    });
    for (let i = 0; i < 20; i++) world.flatClient.put(`k${i}`, bytes(`${i}`));
    await world.start();
    await world.inSync();
    for (let i = 0; i < 8; i++) world.flatClient.remove(`k${i}`);
    await world.clock.advance(5_000);
    await world.inSync();
    await restore(world, ALL);
    await world.inSync();
    expect(keysOf(world)[0]).toHaveLength(20);
    expect(world.daemon.sync.holds).toEqual([]);
    await world.stop();
  });

  it('does not list what was not deleted in the end', async () => {
    const world = new SimulatedWorld();
    for (const key of ['a', 'stays']) world.treeClient.put(key, bytes('1'));
    await world.start();
    await world.inSync();
    world.daemon.links.right.faults = { denies: (access, name) => access === 'write' && name.endsWith('/a') };
    world.treeClient.remove('a');
    await world.clock.advance(5_000);
    expect(world.daemon.sync.memory.archive.trash({ limit: 9 })).toHaveLength(1);
    world.treeClient.put('a', bytes('2'));
    world.daemon.links.right.faults = {};
    await world.inSync();
    expect(world.flatEntries().get('a')).toBe('2');
    expect(await restore(world, ALL)).toMatchObject({ ordered: 0, refusedTotal: 0 });
    await world.stop();
  });
});

describe('resolving a settled conflict', () => {
  /** Both sides changed `k` while no daemon ran, and the left one won. */
  async function settled(right: string | undefined): Promise<SimulatedWorld> {
    // Any deletion of a client's would be held.
    const maxDelete = { percent: 1, atLeast: 1, withinMs: 3_600_000 };
    const world = new SimulatedWorld({ policy: { conflict: 'left-wins' }, context: { maxDelete } });
    for (const key of ['k', 'stays']) world.treeClient.put(key, bytes('agreed'));
    await world.start();
    await world.inSync();
    await world.stop();
    world.treeClient.put('k', bytes('of the tree'));
    if (right === undefined) world.flatClient.remove('k');
    else world.flatClient.put('k', bytes(right));
    await world.start();
    await world.inSync();
    expect(world.flatEntries().get('k')).toBe('of the tree');
    return world;
  }

  async function resolve(world: SimulatedWorld, id: number, keep: 'left' | 'right') {
    const entry = world.daemon.sync.memory.archive.conflict(id);
    if (entry === undefined) throw new Error('no such conflict');
    const outcome = await whileTimePasses(world, new Orders(world.daemon.sync).resolve(entry, keep, NEVER));
    await world.inSync();
    return outcome;
  }

  it('puts the value that lost on both sides, and journals once what it replaces, so that it can be undone', async () => {
    const world = await settled('of the flat store');
    expect(await resolve(world, 1, 'right')).toBe('ordered');
    expect([world.treeEntries().get('k'), world.flatEntries().get('k')]).toEqual([
      'of the flat store',
      'of the flat store',
    ]);
    const { archive } = world.daemon.sync.memory;
    expect(archive.conflictCounts()).toEqual({ open: 0, total: 2 });
    expect(archive.conflict(2)).toMatchObject({ rule: 'operator', winner: 'right' });
    expect(await resolve(world, 1, 'right')).toBe('stands');
    expect(await resolve(world, 2, 'left')).toBe('ordered');
    expect(world.flatEntries().get('k')).toBe('of the tree');
    await world.stop();
  });

  it('deletes the entry where the side had deleted it, whatever the guard says, and keeps it in the trash', async () => {
    const world = await settled(undefined);
    expect(await resolve(world, 1, 'right')).toBe('ordered');
    expect(keysOf(world)).toEqual([['stays'], ['stays']]);
    expect(world.daemon.sync.holds).toEqual([]);
    await restore(world, { key: 'k' });
    await world.inSync();
    expect(world.treeEntries().get('k')).toBe('of the tree');
    await world.stop();
  });

  it('S3: gives way to what a client writes after the order', async () => {
    const world = await settled('of the flat store');
    world.daemon.links.left.faults = { denies: (access, name) => access === 'write' && name.endsWith('/k') };
    expect(await resolveUnwritten(world)).toBe('ordered');
    world.treeClient.put('k', bytes('of a client'));
    world.daemon.links.left.faults = {};
    await world.inSync();
    expect([world.treeEntries().get('k'), world.flatEntries().get('k')]).toEqual([
      'of a client',
      'of a client',
    ]);
    await world.stop();
  });

  async function resolveUnwritten(world: SimulatedWorld) {
    const entry = world.daemon.sync.memory.archive.conflict(1);
    if (entry === undefined) throw new Error('no such conflict');
    return whileTimePasses(world, new Orders(world.daemon.sync).resolve(entry, 'right', NEVER));
  }
});

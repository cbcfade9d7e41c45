import { describe, expect, it } from 'vitest';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

describe('one mapping between two stores in memory', () => {
  it('carries what each side has to the other, and is then in sync (L1)', async () => {
    const world = new SimulatedWorld();
    world.treeClient.put('a/b', bytes('from the tree'));
    world.flatClient.put('c/d', bytes('from the flat store'));
    await world.start();
    await world.inSync();
    expect(world.flatEntries()).toEqual(world.treeEntries());
    expect([...world.treeEntries().keys()].sort()).toEqual(['a/b', 'c/d']);
    expect(world.daemon.errors).toEqual([]);
    await world.stop();
  });

  it('writes nothing when no client writes, for hours (S2)', async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 50; number++) world.treeClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    await world.clock.advance(5_000);
    const before = { written: world.daemon.written, zxid: world.tree.zxid };
    await world.clock.advance(3 * 3_600_000);
    expect({ written: world.daemon.written, zxid: world.tree.zxid }).toEqual(before);
    await world.stop();
  });

  it('holds a deletion of everything that arrives at once, and lets it pass when approved (S4)', async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 100; number++) world.flatClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    for (let number = 0; number < 100; number++) world.flatClient.remove(`k${number}`);
    await world.held('mass-deletion');
    expect(world.treeEntries().size).toBe(100);
    const approved = world.daemon.operator.approve();
    await world.clock.advance(1_000);
    expect(await approved).toEqual({ deletions: 100, overwrites: 0 });
    await world.inSync();
    expect(world.treeEntries().size).toBe(0);
    await world.stop();
  });

  it('lets ordinary deletions go on after a mass deletion was approved', async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 100; number++) world.flatClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    for (let number = 0; number < 60; number++) world.flatClient.remove(`k${number}`);
    await world.held('mass-deletion');
    const approved = world.daemon.operator.approve();
    await world.clock.advance(1_000);
    await approved;
    await world.inSync();
    world.flatClient.remove('k99');
    await world.clock.advance(1_000);
    await world.inSync();
    expect(world.treeEntries().size).toBe(39);
    await world.stop();
  });

  it('does not take back what an operator restarted from after a store was wiped (S4)', async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 30; number++) world.treeClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    await world.stop();
    world.tree.wipe();
    await world.start();
    await world.held('identity-changed');
    expect(world.flatEntries().size).toBe(30);
    const resynced = world.daemon.operator.resync('merge', new AbortController().signal);
    await world.clock.advance(10);
    expect(await resynced).toBeUndefined();
    await world.inSync();
    expect(world.treeEntries().size).toBe(30);
    expect(world.flatEntries().size).toBe(30);
    await world.stop();
  });

  it('rests while it is held before it has an archive, and does not keep the process busy', async () => {
    const world = new SimulatedWorld();
    world.treeClient.put('k', bytes('x'));
    await world.start();
    await world.inSync();
    await world.stop();
    const again = new SimulatedWorld();
    for (const path of ['/zk-consul-sync/default/config']) {
      const node = world.tree.node(path);
      again.treeClient.put('k', bytes('x'));
      again.tree.apply([{ kind: 'create', path: '/zk-consul-sync', data: bytes('') }], 'test');
      again.tree.apply([{ kind: 'create', path: '/zk-consul-sync/default', data: bytes('') }], 'test');
      again.tree.apply([{ kind: 'create', path, data: node?.data ?? bytes('') }], 'test');
    }
    await again.start();
    await again.held('archive-lost');
    await again.clock.advance(60_000);
    expect(again.flatEntries().size).toBe(0);
    await again.stop();
  });
});

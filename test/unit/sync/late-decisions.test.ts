import { describe, expect, it } from 'vitest';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

const text = (value: Uint8Array | undefined): string => Buffer.from(value ?? []).toString();

describe('a conflict that can only be carried out later', () => {
  it('is decided as it was when it arose: walks that came meanwhile do not make a deletion younger (S1)', async () => {
    const world = new SimulatedWorld();
    for (const key of ['k', 'other']) world.flatClient.put(key, bytes('x'));
    await world.start();
    await world.inSync();
    const { links } = world.daemon;
    links.right.disconnect();
    world.flatClient.remove('k');
    await world.clock.advance(1_000);
    world.treeClient.put('k', bytes('newer'));
    await world.clock.advance(1_000);
    links.right.faults = { denies: (access, name) => access === 'write' && name === 'config/k' };
    links.right.reconnect();
    await world.clock.advance(1_800_000);
    links.right.faults = {};
    await world.clock.advance(120_000);
    await world.inSync();
    expect(world.treeEntries().get('k')).toBe('newer');
    expect(world.flatEntries().get('k')).toBe('newer');
    await world.stop();
  });
});

describe('a conflict of which a server told that lags', () => {
  it('is decided on what the store has, and journaled once (S1)', async () => {
    const world = new SimulatedWorld({ policy: { conflict: 'right-wins' } });
    world.treeClient.put('k', bytes('x'));
    await world.start();
    await world.inSync();
    let isBehind = false;
    world.daemon.links.left.faults = {
      lagsBehind: (request) => {
        if (request !== 'glance' || isBehind) return 0;
        isBehind = true;
        world.flatClient.put('k', bytes('other'));
        world.treeClient.put('k', bytes('newest'));
        return 1;
      },
    };
    world.treeClient.put('k', bytes('newer'));
    await world.clock.advance(10_000);
    await world.inSync();
    expect(isBehind).toBe(true);
    expect(world.treeEntries().get('k')).toBe('other');
    const conflicts = world.daemon.sync.memory.archive.conflicts({ limit: 10 });
    expect(conflicts.map(({ sides }) => text(sides.left.value))).toEqual(['newest']);
    await world.stop();
  });
});

describe('deletions of one batch', () => {
  it('are not taken for done when one of them found its entry changed (S1, S7)', async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 10; number++) world.treeClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    await world.daemon.operator.pause(AbortSignal.timeout(60_000));
    world.treeClient.remove('k1');
    world.treeClient.remove('k2');
    let isFirst = true;
    world.daemon.links.right.faults = {
      beforeWrite: ({ operations }) => {
        if (isFirst && operations.length === 2) world.flatClient.put('k1', bytes('again'));
        isFirst &&= operations.length !== 2;
        return undefined;
      },
    };
    await world.clock.advance(1_000);
    await world.daemon.operator.resume();
    await world.clock.advance(60_000);
    await world.inSync();
    expect(isFirst).toBe(false);
    expect(world.treeEntries().get('k1')).toBe('again');
    expect(world.flatEntries().has('k2')).toBe(false);
    expect(world.daemon.sync.memory.known.intents).toEqual([]);
    expect(world.daemon.sync.memory.archive.conflictCounts().total).toBe(1);
    await world.stop();
  });
});

describe('a store that was out of reach', () => {
  it('is walked at once when it can be reached again, and not only at the next verification (L3)', async () => {
    const world = new SimulatedWorld();
    world.treeClient.put('k', bytes('x'));
    await world.start();
    await world.inSync();
    world.daemon.links.left.disconnect();
    world.treeClient.put('k', bytes('y'));
    await world.clock.advance(5_000);
    world.daemon.links.left.reconnect();
    await world.clock.runUntil(() => world.flatEntries().get('k') === 'y', { limitMs: 30_000 });
    await world.stop();
  });
});

describe('the ledger of a side on which only clients write', () => {
  it('follows their changes within moments, so that a restore to before them shows', async () => {
    const world = new SimulatedWorld();
    world.treeClient.put('k', bytes('x'));
    await world.start();
    await world.inSync();
    await world.clock.advance(5_000);
    const ledger = (): bigint | undefined => world.tree.node('/zk-consul-sync/default/config')?.mzxid;
    const before = ledger();
    world.treeClient.put('k', bytes('y'));
    await world.clock.advance(2_000);
    expect(ledger()).not.toBe(before);
    await world.stop();
  });
});

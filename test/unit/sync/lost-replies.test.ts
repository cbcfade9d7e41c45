import { describe, expect, it } from 'vitest';
import { LEDGER_RECENT_MAX } from '../../../src/core/ledger.js';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

describe('a write whose reply is lost', () => {
  it("of deletions leaves nothing to be taken for a client's: what comes back at the source is a new entry (S7)", async () => {
    const world = new SimulatedWorld();
    for (let number = 0; number < 10; number++) world.treeClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    world.daemon.links.right.faults = { afterWrite: () => 'reply-lost' };
    world.treeClient.remove('k1');
    await world.clock.runUntil(() => !world.flatEntries().has('k1'), { limitMs: 60_000 });
    world.crash();
    world.treeClient.put('k1', bytes('back'));
    await world.start();
    await world.inSync();
    expect(world.flatEntries().get('k1')).toBe('back');
    expect(world.daemon.sync.memory.archive.conflictCounts().total).toBe(0);
    await world.stop();
  });

  it("of a value too large for a batch is still the daemon's own after a crash, and no conflict (S2, S7)", async () => {
    const world = new SimulatedWorld();
    world.flatClient.put('k', bytes('small'));
    await world.start();
    await world.inSync();
    world.daemon.links.right.faults = { afterWrite: () => 'reply-lost' };
    world.treeClient.put('k', Buffer.alloc(390_000, 'a'));
    await world.clock.runUntil(() => (world.flatClient.get('k')?.length ?? 0) > 10, { limitMs: 60_000 });
    world.crash();
    world.treeClient.put('k', bytes('newer'));
    await world.start();
    await world.inSync();
    expect(world.flatEntries().get('k')).toBe('newer');
    expect(world.daemon.sync.memory.archive.conflictCounts().total).toBe(0);
    await world.stop();
  });
});

describe('a write that was not recorded before a crash', () => {
  const BATCH_OPERATIONS = 64;

  /** More batches than a ledger lists, of entries that a walk comes to first. */
  function putManyBatches(world: SimulatedWorld): void {
    for (let number = 0; number < 2 * LEDGER_RECENT_MAX * BATCH_OPERATIONS; number++) {
      world.treeClient.put(`a${number}`, bytes('x'));
    }
  }

  async function withUnrecordedWrite(): Promise<SimulatedWorld> {
    const world = new SimulatedWorld();
    world.treeClient.put('z', bytes('old'));
    await world.start();
    await world.inSync();
    world.daemon.links.right.faults = { afterWrite: () => 'reply-lost' };
    world.treeClient.put('z', bytes('sent'));
    await world.clock.runUntil(() => world.flatEntries().get('z') === 'sent', { limitMs: 60_000 });
    world.crash();
    world.treeClient.put('z', bytes('newer'));
    return world;
  }

  async function expectNoConflict(world: SimulatedWorld): Promise<void> {
    await world.inSync();
    expect(world.treeEntries().get('z')).toBe('newer');
    expect(world.flatEntries().get('z')).toBe('newer');
    expect(world.daemon.sync.memory.archive.conflictCounts().total).toBe(0);
  }

  it("is the daemon's own however many batches go before the entry is looked at again (S2, S7)", async () => {
    const world = await withUnrecordedWrite();
    putManyBatches(world);
    await world.start();
    await expectNoConflict(world);
    await world.stop();
  });

  it("is the daemon's own however many batches and crashes go before the entry is looked at again (S2, S7)", async () => {
    const world = await withUnrecordedWrite();
    putManyBatches(world);
    await world.start({ travelMs: { min: 1, max: 2 } });
    await world.clock.runUntil(() => world.flatEntries().size > 1.2 * LEDGER_RECENT_MAX * BATCH_OPERATIONS, {
      limitMs: 60_000,
    });
    world.crash();
    expect(world.flatEntries().get('z')).toBe('sent');
    await world.start();
    await expectNoConflict(world);
    await world.stop();
  });

  it("is the daemon's own for as long as the entry is held (S2, S7)", async () => {
    const world = await withUnrecordedWrite();
    const z = async (): Promise<readonly bigint[]> => {
      await world.clock.advance(60_000);
      return world.daemon.sync.memory.known.unrecorded.right;
    };
    await world.start({ policy: { conflict: 'hold' } });
    // Also the client of the other side wrote it: a conflict, which is held for a person.
    world.flatClient.put('z', bytes('different'));
    world.treeClient.put('z', bytes('newer still'));
    expect((await z()).length).toBeGreaterThan(0);
    await world.stop();
  });

  it('is remembered until everything was walked, and no longer (S9)', async () => {
    const world = await withUnrecordedWrite();
    await world.start();
    await expectNoConflict(world);
    expect(world.daemon.sync.memory.known.unrecorded).toEqual({ left: [], right: [] });
    await world.stop();
  });
});

describe('a value too large for a batch that arrives after it was given up', () => {
  /** The tree has moved on since the large value was sent, which lies in some queue; nothing newer gets through. */
  async function withLateValue(): Promise<SimulatedWorld> {
    const world = new SimulatedWorld({ policy: { tieBreak: 'right' } });
    world.treeClient.put('k', bytes('small'));
    await world.start();
    await world.inSync();
    let isFirst = true;
    world.daemon.links.right.faults = {
      beforeWrite: ({ ledger }) => {
        if (ledger !== undefined || !isFirst) return 'refused';
        isFirst = false;
        return { delayedByMs: 30_000 };
      },
    };
    world.treeClient.put('k', Buffer.alloc(390_000, 'a'));
    await world.clock.advance(15_000);
    world.treeClient.put('k', bytes('newer'));
    await world.clock.advance(1_000);
    expect(world.flatEntries().get('k')).toBe('small');
    return world;
  }

  async function expectNoConflict(world: SimulatedWorld): Promise<void> {
    await world.clock.runUntil(() => (world.flatClient.get('k')?.length ?? 0) > 10, { limitMs: 60_000 });
    world.daemon.links.right.faults = {};
    await world.inSync();
    expect(world.flatEntries().get('k')).toBe('newer');
    expect(world.daemon.sync.memory.archive.conflictCounts().total).toBe(0);
    await world.clock.advance(60_000);
    expect(world.daemon.sync.memory.known.intents).toEqual([]);
    await world.stop();
  }

  it("is the daemon's own, and no client's (S2)", async () => {
    await expectNoConflict(await withLateValue());
  });

  it("is the daemon's own also after a crash (S2, S7)", async () => {
    const world = await withLateValue();
    const { faults } = world.daemon.links.right;
    world.crash();
    await world.start();
    world.daemon.links.right.faults = faults;
    await expectNoConflict(world);
  });

  it('is announced once, however often it is tried (S9)', async () => {
    const world = new SimulatedWorld();
    world.treeClient.put('k', bytes('small'));
    await world.start();
    await world.inSync();
    world.daemon.links.right.faults = { beforeWrite: () => 'request-lost' };
    for (const content of ['a', 'b', 'a']) {
      world.treeClient.put('k', Buffer.alloc(390_000, content));
      await world.clock.advance(120_000);
    }
    expect(world.daemon.sync.memory.known.intents).toHaveLength(2);
    world.daemon.links.right.faults = {};
    await world.inSync();
    await world.clock.advance(60_000);
    expect(world.daemon.sync.memory.known.intents).toEqual([]);
    await world.stop();
  });
});

describe('two daemons of one archive', () => {
  it('never both go on: the one that was overtaken holds its mapping (S3)', async () => {
    const world = new SimulatedWorld();
    world.treeClient.put('k', bytes('x'));
    const first = await world.start();
    await world.inSync();
    const ledger = '/zk-consul-sync/default/config';
    const data = Buffer.from(world.tree.node(ledger)?.data ?? []).toString();
    const moved = data.replace(
      /"generation":(\d+)/,
      (_, generation) => `"generation":${Number(generation) + 1}`,
    );
    const taken = moved.replace(/"writer":"[^"]*"/, '"writer":"a successor"');
    world.tree.apply([{ kind: 'set', path: ledger, data: bytes(taken) }], 'successor');
    world.flatClient.put('k', bytes('y'));
    await world.held('mapped-twice');
    await world.clock.advance(60_000);
    expect(world.treeEntries().get('k')).toBe('x');
    expect(first.sync.isInSync).toBe(false);
    await world.stop();
  });

  it('observing writes nothing, whatever was paired before', async () => {
    const world = new SimulatedWorld();
    world.treeClient.put('k', bytes('x'));
    await world.start();
    await world.inSync();
    await world.stop();
    world.treeClient.put('k', bytes('y'));
    world.treeClient.put('new', bytes('y'));
    await world.start({ context: { mode: 'observe' } });
    await world.clock.advance(60_000);
    expect(world.flatEntries()).toEqual(new Map([['k', 'x']]));
    await world.stop();
    await world.start();
    await world.inSync();
    expect(world.flatEntries()).toEqual(world.treeEntries());
    await world.stop();
  });

  it('a scope that is narrowed takes entries out of the archive and deletes nothing', async () => {
    const world = new SimulatedWorld();
    for (const key of ['a', 'tmp/b', 'tmp/c', 'tmp/d']) world.treeClient.put(key, bytes('x'));
    await world.start();
    await world.inSync();
    await world.stop();
    const scope = { id: 'narrow', includes: (key: string) => !key.startsWith('tmp') };
    await world.start({ context: { scope } });
    await world.inSync();
    expect(world.daemon.sync.memory.archive.counts().entries).toBe(1);
    for (const key of ['tmp/b', 'tmp/c']) world.treeClient.remove(key);
    await world.clock.advance(10_000);
    expect(world.flatEntries().size).toBe(4);
    await world.stop();
  });
});

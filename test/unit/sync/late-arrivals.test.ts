import { describe, expect, it } from 'vitest';
import type { WriteBatch } from '../../../src/ports/replica.js';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

const DELAY_MS = 30_000;

/**
 * A world whose daemon has sent a batch to the flat store that lies in some queue, and was given up. Nothing newer gets
 * through to there.
 */
async function withBatchUnderWay(tieBreak: 'left' | 'right', send: (world: SimulatedWorld) => void) {
  const world = new SimulatedWorld({ policy: { tieBreak } });
  for (const key of ['k', 'l', 'm', 'n']) world.treeClient.put(key, bytes('old'));
  await world.start();
  await world.inSync();
  let isFirst = true;
  world.daemon.links.right.faults = {
    beforeWrite: () => {
      if (!isFirst) return 'refused';
      isFirst = false;
      return { delayedByMs: DELAY_MS };
    },
  };
  send(world);
  await world.clock.advance(20_000);
  return world;
}

/** What the client wrote last stands, and nobody took the daemon's own write for a client's. */
async function expectNewer(world: SimulatedWorld): Promise<void> {
  await world.inSync();
  expect(world.flatEntries().get('k')).toBe('newer');
  expect(world.treeEntries().get('k')).toBe('newer');
  const { archive, known } = world.daemon.sync.memory;
  expect(archive.conflictCounts().total).toBe(0);
  expect(known.intents).toEqual([]);
  expect(world.daemon.sync.holds).toEqual([]);
  await world.stop();
}

const WRITES = {
  update: (world: SimulatedWorld) => world.treeClient.put('k', bytes('sent')),
  deletion: (world: SimulatedWorld) => world.treeClient.remove('k'),
};

describe.each(['update', 'deletion'] as const)(
  'a batch with an %s that arrives after it was given up',
  (write) => {
    const hasArrived = (world: SimulatedWorld): boolean =>
      world.flatEntries().get('k') === (write === 'update' ? 'sent' : undefined);

    // Whatever the moment at which writes get through again: every entry is decided with the late batch in view.
    it.each([0, 300, 2_000, 9_000, 40_000].flatMap((ms) => [['left', ms] as const, ['right', ms] as const]))(
      "is the daemon's own, and no client's; the tie-break goes %s, writes %i ms later (S2)",
      async (tieBreak, openAfterMs) => {
        const world = await withBatchUnderWay(tieBreak, WRITES[write]);
        world.treeClient.put('k', bytes('newer'));
        await world.clock.runUntil(() => hasArrived(world), { limitMs: 2 * DELAY_MS });
        await world.clock.advance(openAfterMs);
        world.daemon.links.right.faults = {};
        await expectNewer(world);
      },
    );

    it('can arrive no more once a newer one got through (S3)', async () => {
      const world = await withBatchUnderWay('right', WRITES[write]);
      world.treeClient.put('k', bytes('newer'));
      world.daemon.links.right.faults = {};
      await world.inSync();
      await world.clock.advance(DELAY_MS);
      await expectNewer(world);
    });

    it('can arrive no more once the daemon was killed and started again (S3, S7)', async () => {
      const world = await withBatchUnderWay('right', WRITES[write]);
      world.crash();
      world.treeClient.put('k', bytes('newer'));
      await world.start();
      await world.clock.advance(DELAY_MS);
      await expectNewer(world);
    });

    it('while the next daemon can not write yet needs no person (S7)', async () => {
      const world = await withBatchUnderWay('right', WRITES[write]);
      world.crash();
      world.treeClient.put('k', bytes('newer'));
      await world.start();
      world.daemon.links.right.faults = { beforeWrite: () => 'refused' };
      await world.clock.runUntil(() => hasArrived(world), { limitMs: 2 * DELAY_MS });
      await world.clock.advance(5_000);
      world.daemon.links.right.faults = {};
      await expectNewer(world);
    });
  },
);

describe('another batch of the daemon that arrives late does not vouch for a deletion that is lost', () => {
  /** An update is delayed, and so long nothing gets through but that: deletions get lost, the rest is refused. */
  const hindered = (isDelayed: boolean) => {
    let isFirst = isDelayed;
    return {
      beforeWrite: ({ operations }: WriteBatch) => {
        if (isFirst) {
          isFirst = false;
          return { delayedByMs: DELAY_MS };
        }
        return operations.some(({ kind }) => kind === 'delete') ? 'request-lost' : 'refused';
      },
    } as const;
  };

  it.each([
    ['of the same process', false],
    ['of the process before', true],
  ])('%s (S4, S7)', async (_, crashes) => {
    const world = new SimulatedWorld();
    world.flatClient.put('k', bytes('old'));
    world.treeClient.put('l', bytes('old'));
    await world.start();
    await world.inSync();
    world.daemon.links.right.faults = hindered(true);
    world.treeClient.put('l', bytes('sent'));
    await world.clock.advance(crashes ? 100 : 12_000);
    if (crashes) {
      world.crash();
      await world.start();
      world.daemon.links.right.faults = hindered(false);
    }
    world.treeClient.remove('k');
    const hasArrived = (): boolean => world.flatEntries().get('l') === 'sent';
    await world.clock.runUntil(hasArrived, { limitMs: 2 * DELAY_MS });
    await world.clock.advance(60_000);
    world.daemon.links.right.faults = {};
    await world.inSync();
    expect(world.treeEntries()).toEqual(new Map([['l', 'sent']]));
    expect(world.flatEntries()).toEqual(new Map([['l', 'sent']]));
    await world.stop();
  });
});

it('deletions whose answers are lost again and again are announced once at a time (S9)', async () => {
  const world = new SimulatedWorld();
  for (let number = 0; number < 20; number++) world.treeClient.put(`k${number}`, bytes('x'));
  await world.start();
  await world.inSync();
  world.daemon.links.right.faults = { beforeWrite: () => 'request-lost' };
  for (let number = 0; number < 4; number++) {
    world.treeClient.remove(`k${number}`);
    await world.clock.advance(60_000);
    expect(world.daemon.sync.memory.known.intents.length).toBeLessThanOrEqual(1);
  }
  world.daemon.links.right.faults = {};
  await world.inSync();
  expect(world.flatEntries().size).toBe(16);
  expect(world.daemon.sync.memory.known.intents).toEqual([]);
  await world.stop();
});

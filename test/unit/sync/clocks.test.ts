import { describe, expect, it } from 'vitest';
import type { Side } from '../../../src/core/pair.js';
import type { JournalEntry } from '../../../src/ports/archive.js';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

const HOUR_MS = 3_600_000;

/** A world in sync whose daemon has measured the tree's clock, which is `aheadMs` ahead of its own. */
async function measuredWorld(aheadMs: number, tieBreak: Side): Promise<SimulatedWorld> {
  const world = new SimulatedWorld({ policy: { tieBreak } });
  world.tree.leaderClockAheadMs = aheadMs;
  for (const key of ['k', 'l', 'm', 'n']) world.flatClient.put(key, bytes('before'));
  await world.start();
  await world.inSync();
  await world.clock.advance(20_000);
  return world;
}

async function decided(world: SimulatedWorld): Promise<JournalEntry | undefined> {
  const { archive } = world.daemon.sync.memory;
  await world.clock.runUntil(() => archive.conflictCounts().total > 0, { limitMs: 60_000 });
  await world.inSync();
  return archive.conflicts({ limit: 1 })[0];
}

describe.each([HOUR_MS, -HOUR_MS])('a tree whose clock is %i ms ahead', (aheadMs) => {
  it('wins with the later write, whatever its clock says and the tie-break would', async () => {
    const world = await measuredWorld(aheadMs, 'right');
    world.daemon.links.left.disconnect();
    world.flatClient.put('k', bytes('of the flat store'));
    await world.clock.advance(2_000);
    world.treeClient.put('k', bytes('of the tree'));
    await world.clock.advance(2_000);
    world.daemon.links.left.reconnect();
    expect(await decided(world)).toMatchObject({
      winner: 'left',
      rule: 'last-writer-wins',
      ambiguous: false,
    });
    expect(world.flatEntries().get('k')).toBe('of the tree');
    await world.stop();
  });

  it('loses with the earlier write, whatever its clock says and the tie-break would', async () => {
    const world = await measuredWorld(aheadMs, 'left');
    world.daemon.links.left.disconnect();
    world.treeClient.put('k', bytes('of the tree'));
    // The flat store's progress is noted meanwhile, though the tree is out of reach.
    await world.clock.advance(40_000);
    world.flatClient.put('k', bytes('of the flat store'));
    await world.clock.advance(2_000);
    world.daemon.links.left.reconnect();
    expect(await decided(world)).toMatchObject({
      winner: 'right',
      rule: 'last-writer-wins',
      ambiguous: false,
    });
    expect(world.treeEntries().get('k')).toBe('of the flat store');
    await world.stop();
  });

  it('is dated by no stamp of an epoch in which nothing was measured', async () => {
    const world = await measuredWorld(aheadMs, 'right');
    world.daemon.links.left.disconnect();
    world.tree.electLeader();
    world.tree.leaderClockAheadMs = 0;
    world.flatClient.put('k', bytes('of the flat store'));
    await world.clock.advance(2_000);
    world.treeClient.put('k', bytes('of the tree'));
    await world.clock.advance(2_000);
    world.daemon.links.left.reconnect();
    expect(await decided(world)).toMatchObject({ winner: 'right', rule: 'tie-break', ambiguous: true });
    await world.stop();
  });
});

describe('a wall clock that is set while the daemon runs', () => {
  it.each([10_000, -10_000, HOUR_MS, -HOUR_MS])(
    'by %i ms makes what was dated by it count for nothing',
    async (byMs) => {
      // Taken as it was measured, the tree's clock would make the other side the later writer.
      const tieBreak = byMs > 0 ? 'left' : 'right';
      const world = await measuredWorld(HOUR_MS, tieBreak);
      world.clock.jumpWallClock(byMs);
      world.daemon.links.left.disconnect();
      const [first, second] = byMs > 0 ? (['flat', 'tree'] as const) : (['tree', 'flat'] as const);
      const put = (side: 'flat' | 'tree'): void =>
        (side === 'flat' ? world.flatClient : world.treeClient).put('k', bytes(side));
      await world.clock.advance(1_000);
      put(first);
      await world.clock.advance(3_000);
      put(second);
      await world.clock.advance(1_000);
      world.daemon.links.left.reconnect();
      const conflict = await decided(world);
      expect(conflict?.winner).toBe(second === 'tree' ? 'left' : 'right');
      await world.stop();
    },
  );

  it.each([HOUR_MS, -HOUR_MS, 10 * HOUR_MS])(
    'by %i ms neither opens the budget of deletions nor keeps it closed',
    async (byMs) => {
      const world = new SimulatedWorld();
      for (let number = 0; number < 100; number++) world.treeClient.put(`k${number}`, bytes('x'));
      await world.start();
      await world.inSync();
      const remove = (from: number, to: number): void => {
        for (let number = from; number < to; number++) world.treeClient.remove(`k${number}`);
      };
      remove(0, 20);
      await world.clock.advance(30_000);
      expect(world.flatEntries().size).toBe(80);
      world.clock.jumpWallClock(byMs);
      await world.clock.advance(60_000);
      remove(20, 40);
      await world.held('mass-deletion');
      expect(world.flatEntries().size).toBe(80);
      for (let number = 20; number < 40; number++) world.treeClient.put(`k${number}`, bytes('x'));
      await world.inSync();
      // What was deleted long ago counts no more.
      await world.clock.advance(3 * HOUR_MS);
      remove(20, 38);
      await world.clock.advance(10_000);
      expect(world.flatEntries().size).toBe(62);
      await world.stop();
    },
  );
});

describe('an entry that waits for the other side', () => {
  it('and is written again meanwhile is dated by the version that stands, and not by the first hint', async () => {
    const world = await measuredWorld(0, 'left');
    world.daemon.links.left.disconnect();
    world.flatClient.put('k', bytes('first'));
    await world.clock.advance(2_000);
    world.treeClient.put('k', bytes('of the tree'));
    await world.clock.advance(40_000);
    world.flatClient.put('k', bytes('last'));
    await world.clock.advance(2_000);
    world.daemon.links.left.reconnect();
    const conflict = await decided(world);
    // The tree's write is the earlier one: it may win a tie, never as the later writer.
    expect(conflict?.rule === 'last-writer-wins' && conflict.winner === 'left').toBe(false);
    await world.stop();
  });
});

import { describe, expect, it } from 'vitest';
import type { CutoverStep } from '../../../src/core/cutover.js';
import { stepReached } from '../../../src/core/cutover.js';
import { decodeLedger } from '../../../src/core/ledger.js';
import { MemoryArchiveDisk } from '../../kit/memory-archive.js';
import { SESSION_TIMEOUT_MS, SimulatedFleet } from '../../kit/simulation/simulated-fleet.js';
import { bytes, DaemonLife, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

const NEVER = new AbortController().signal;

async function inStep(): Promise<SimulatedWorld> {
  const world = new SimulatedWorld();
  for (const key of ['a', 'b', 'c']) world.treeClient.put(key, bytes('first'));
  await world.start();
  await world.inSync();
  await world.clock.advance(2_000);
  return world;
}

async function move(
  world: SimulatedWorld,
  step: CutoverStep,
  life: DaemonLife = world.daemon,
): Promise<void> {
  const moving = life.operator.cutover(step, () => true, NEVER);
  await world.clock.advance(1_000);
  expect(await moving).toEqual([]);
}

/** What both ledgers say. */
function told({ tree, flat }: SimulatedWorld): CutoverStep[] {
  const place = 'zk-consul-sync/default/config';
  const contents = [tree.node(`/${place}`)?.data, flat.entry(place)?.value];
  return contents.map((content) => stepReached(decodeLedger(Buffer.from(content ?? []).toString())?.cutover));
}

describe('a step of a cutover', () => {
  it('is in both ledgers when it is answered, although nothing else is written (S2)', async () => {
    const world = await inStep();
    const { written } = world.daemon;
    expect(told(world)).toEqual(['both', 'both']);
    await move(world, 'right-leads');
    expect(told(world)).toEqual(['right-leads', 'right-leads']);
    await world.inSync();
    expect(world.daemon.written).toBe(written);
    await world.stop();
  });

  it('has the right side win what both changed, with what the left one had in the journal (S1)', async () => {
    const world = await inStep();
    await move(world, 'right-leads');
    await world.stop();
    world.flatClient.put('a', bytes('earlier, of the flat store'));
    await world.clock.advance(60_000);
    world.treeClient.put('a', bytes('later, of the tree'));
    await world.start();
    await world.inSync();
    expect(world.treeEntries().get('a')).toBe('earlier, of the flat store');
    expect(world.flatEntries().get('a')).toBe('earlier, of the flat store');
    const [conflict] = world.daemon.sync.memory.archive.conflicts({ limit: 10 });
    expect(conflict).toMatchObject({ key: 'a', winner: 'right', rule: 'right-wins' });
    expect(Buffer.from(conflict!.sides.left.value!).toString()).toBe('later, of the tree');
    // Both are still written.
    world.treeClient.put('b', bytes('second'));
    await world.clock.advance(2_000);
    expect(world.flatEntries().get('b')).toBe('second');
    await world.stop();
  });

  it('to the mirror leaves foreign changes of the left side alone, and carries those of the right one over', async () => {
    const world = await inStep();
    await move(world, 'left-mirror');
    world.treeClient.put('a', bytes('drift'));
    world.treeClient.put('d', bytes('drift'));
    world.treeClient.remove('c');
    world.flatClient.put('b', bytes('second'));
    await world.clock.advance(5_000);
    expect(Object.fromEntries(world.flatEntries())).toEqual({ a: 'first', b: 'second', c: 'first' });
    expect(world.treeEntries().get('b')).toBe('second');
    const marks = world.daemon.sync.memory.archive.markCounts();
    expect(Object.fromEntries(marks)).toEqual({ 'drift:changed': 1, 'drift:added': 1, 'drift:deleted': 1 });
    await world.stop();
  });

  it('back from the mirror decides what has drifted as conflicts, and deletes nothing (S1, S4)', async () => {
    const world = await inStep();
    await move(world, 'left-mirror');
    world.treeClient.put('a', bytes('drift'));
    world.treeClient.put('d', bytes('drift'));
    world.treeClient.remove('c');
    await world.clock.advance(5_000);
    await move(world, 'right-leads');
    await world.inSync();
    const expected = { a: 'first', b: 'first', c: 'first', d: 'drift' };
    expect(Object.fromEntries(world.flatEntries())).toEqual(expected);
    expect(Object.fromEntries(world.treeEntries())).toEqual(expected);
    const journaled = world.daemon.sync.memory.archive.conflicts({ limit: 10 });
    expect(journaled.map(({ key }) => key).sort()).toEqual(['a', 'c']);
    await world.stop();
  });

  it('survives kill -9 at whatever moment after it was answered (S7)', async () => {
    const world = await inStep();
    await move(world, 'left-mirror');
    world.crash();
    world.treeClient.put('a', bytes('drift'));
    await world.start();
    await world.clock.advance(5_000);
    expect(stepReached(world.daemon.sync.memory.state?.cutover)).toBe('left-mirror');
    expect(world.flatEntries().get('a')).toBe('first');
    await world.stop();
  });

  it('is told to the ledgers by the next process, where the one that took it was killed before (S7)', async () => {
    const world = await inStep();
    const { links } = world.daemon;
    links.right.disconnect();
    const moving = world.daemon.operator.cutover('right-leads', () => true, NEVER);
    await world.clock.advance(100);
    world.crash();
    moving.catch(() => undefined);
    await world.start();
    await world.clock.advance(30_000);
    const reached = stepReached(world.daemon.sync.memory.state?.cutover);
    expect(told(world)).toEqual([reached, reached]);
    await world.stop();
  });

  it('is not lost with the archive: the ledgers tell of it, also to who starts over (S4)', async () => {
    const world = await inStep();
    await move(world, 'left-mirror');
    await world.stop();
    const lost = await startWithEmptyArchive(world);
    await world.clock.advance(5_000);
    expect(lost.sync.holds.map(({ reason }) => reason)).toEqual(['archive-lost']);
    const resync = lost.operator.resync('merge', NEVER);
    await world.clock.advance(5_000);
    await resync;
    expect(stepReached(lost.sync.memory.state?.cutover)).toBe('left-mirror');
    world.treeClient.put('new', bytes('drift'));
    await world.clock.advance(5_000);
    expect(world.flatEntries().has('new')).toBe(false);
    await lost.stop();
  });

  it('that the ledgers know and an older copy of the archive does not, is in force', async () => {
    const world = await inStep();
    await world.stop();
    const copy = world.disk.copy();
    await world.start();
    await world.inSync();
    await move(world, 'left-mirror');
    await world.stop();
    const older = await startWithEmptyArchive(world, copy);
    await world.clock.advance(5_000);
    expect(stepReached(older.sync.memory.state?.cutover)).toBe('left-mirror');
    expect(older.sync.context.policy.source).toBe('right');
    await older.stop();
  });

  it('is refused where another one was taken meanwhile', async () => {
    const world = await inStep();
    const refused = world.daemon.operator.cutover('left-mirror', (moves) => moves !== undefined, NEVER);
    await world.clock.advance(1_000);
    expect(await refused).toBeUndefined();
    expect(world.daemon.sync.memory.state?.cutover).toBeUndefined();
    await world.stop();
  });
});

describe('a step of a cutover with several daemons', () => {
  it('holds for whoever takes over, after kill -9 of the one that took it (S3)', async () => {
    const daemons = new SimulatedFleet(3, { travelMs: { min: 1, max: 5 } });
    await daemons.startAll();
    const { world } = daemons;
    world.treeClient.put('a', bytes('first'));
    await daemons.inSync();
    await world.clock.runUntil(() => daemons.isReady, { limitMs: 60_000, what: 'all to be ready' });
    const first = await daemons.led();
    await move(world, 'left-mirror', first.running);
    daemons.kill(first);
    await world.clock.advance(2 * SESSION_TIMEOUT_MS);
    const second = await daemons.led();
    expect(second).not.toBe(first);
    expect(second.running.sync.context.policy.source).toBe('right');
    expect(second.running.sync.memory.state?.cutover).toHaveLength(1);
    world.treeClient.put('a', bytes('drift'));
    await world.clock.advance(5_000);
    expect(world.flatEntries().get('a')).toBe('first');
    // And back, by the successor.
    await move(world, 'right-leads', second.running);
    for (const { life } of daemons.members) {
      if (life !== undefined) expect(stepReached(life.sync.memory.state?.cutover)).toBe('right-leads');
    }
    await daemons.dispose();
    expect(daemons.doubleWrites).toEqual([]);
  });
});

/** Another machine in the place of the world's: with an archive of its own. */
async function startWithEmptyArchive(
  world: SimulatedWorld,
  disk = new MemoryArchiveDisk(world.disk.options),
): Promise<DaemonLife> {
  return new DaemonLife(world, await disk.open(), 'elsewhere', {});
}

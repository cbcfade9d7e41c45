import { describe, expect, it } from 'vitest';
import type { Comparison } from '../../../src/ports/cutover.js';
import { changeSums } from '../../../src/sync/change-sums.js';
import { compareSides } from '../../../src/sync/compare-sides.js';
import type { ClientChanges } from '../../../src/ports/client-changes.js';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

async function inStep(): Promise<SimulatedWorld> {
  const world = new SimulatedWorld();
  for (let number = 0; number < 20; number++) world.treeClient.put(`folder/k${number}`, bytes(`${number}`));
  world.flatClient.put('top', bytes('x'));
  await world.start();
  await world.inSync();
  return world;
}

async function compare(world: SimulatedWorld): Promise<Comparison> {
  const comparing = compareSides(world.daemon.sync.context, new AbortController().signal);
  await world.clock.advance(10_000);
  return comparing;
}

describe('the comparison of both sides', () => {
  it('gives equal digests where they are equal, others for other contents, and nothing for parents', async () => {
    const world = await inStep();
    const first = await compare(world);
    expect(first).toMatchObject({ equal: true, by: 'digest', different: 0 });
    expect(first.digests?.left).toBe(first.digests?.right);
    world.flatClient.put('top', bytes('y'));
    await world.inSync();
    await world.clock.advance(1_000);
    const second = await compare(world);
    expect(second.equal).toBe(true);
    expect(second.digests?.left).not.toBe(first.digests?.left);
    await world.stop();
  });

  it('does not call different what is on its way', async () => {
    const world = await inStep();
    const comparing = compareSides(world.daemon.sync.context, new AbortController().signal);
    world.flatClient.put('top', bytes('on its way'));
    await world.clock.advance(10_000);
    expect(await comparing).toMatchObject({ equal: true });
    await world.stop();
  });

  it('names how many differ, and one of them, where they do', async () => {
    const world = await inStep();
    const paused = world.daemon.operator.pause(new AbortController().signal);
    await world.clock.advance(100);
    await paused;
    world.treeClient.put('folder/k1', bytes('other'));
    world.flatClient.put('new', bytes('one'));
    const found = await compare(world);
    expect(found).toMatchObject({ equal: false, different: 2 });
    expect(found.digests?.left).not.toBe(found.digests?.right);
    expect(found.detail).toMatch(/^2 of \d+ keys differ, "folder\/k1" for one$/);
    await world.stop();
  });

  it('ends when it is given up', async () => {
    const world = await inStep();
    const giveUp = new AbortController();
    const comparing = compareSides(world.daemon.sync.context, giveUp.signal);
    giveUp.abort(new Error('given up'));
    const ended = expect(comparing).rejects.toThrow();
    await world.clock.advance(10_000);
    await ended;
    await world.stop();
  });
});

describe('the sums of clients’ changes', () => {
  const NOW_MS = 1_000 * 3_600_000 + 60_000;
  const row = (hour: number, folder: string | undefined, count: number): ClientChanges => {
    return { hour, side: 'left', folder, count, lastAtMs: hour * 3_600_000, upTo: 0n };
  };

  it('are of the last hour, day and week, to whole hours, the busiest folder first', () => {
    const rows = [
      row(1_000, 'a', 1),
      row(999, 'a', 2),
      row(998, 'a', 4),
      row(976, 'b', 8),
      row(975, 'b', 16),
    ];
    const { left, right } = changeSums([...rows, row(831, 'b', 32), row(832, undefined, 64)], NOW_MS);
    expect(left).toMatchObject({ hour: 3, day: 15, week: 95, lastAtMs: 1_000 * 3_600_000 });
    expect(left.folders.map(({ folder, week }) => [folder, week])).toEqual([
      ['b', 24],
      ['a', 7],
    ]);
    expect(left.rest).toMatchObject({ hour: 0, day: 0, week: 64 });
    expect(right).toEqual({ hour: 0, day: 0, week: 0, lastAtMs: undefined, folders: [], rest: undefined });
  });

  it('list a bounded number of folders, and put the others together (S9)', () => {
    const rows = Array.from({ length: 32 }, (_, at) => row(1_000, `f${at}`, at + 1));
    const { left } = changeSums(rows, NOW_MS);
    expect(left.folders).toHaveLength(20);
    expect(left.folders[0]).toMatchObject({ folder: 'f31', hour: 32 });
    expect(left.rest?.hour).toBe((12 * 13) / 2);
    expect(left.hour).toBe((32 * 33) / 2);
  });
});

import { describe, expect, it } from 'vitest';
import { heldEntries } from '../../../src/daemon/held-entries.js';
import type { HeldBack } from '../../../src/ports/control.js';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

const NEVER = new AbortController().signal;

async function withHeldDeletions(): Promise<SimulatedWorld> {
  const world = new SimulatedWorld();
  for (let number = 10; number < 50; number++) world.flatClient.put(`k${number}`, bytes('x'));
  await world.start();
  await world.inSync();
  for (let number = 10; number < 40; number++) world.flatClient.remove(`k${number}`);
  await world.held('mass-deletion');
  await world.clock.advance(5_000);
  return world;
}

function held(world: SimulatedWorld, limit = 100, after?: string): Promise<HeldBack> {
  const options = { limit, ...(after !== undefined && { after }) };
  return heldEntries(world.daemon.sync.memory.archive, options, NEVER);
}

describe('what is held back', () => {
  it('is counted in full and listed in the order of keys, from where it is asked to', async () => {
    const world = await withHeldDeletions();
    const first = await held(world, 20);
    expect(first).toMatchObject({ deletions: 30, overwrites: 0, more: true });
    expect(first.entries[0]).toMatchObject({ key: 'k10', action: 'delete', on: 'zookeeper' });
    const second = await held(world, 20, first.entries.at(-1)!.key);
    expect(second).toMatchObject({ deletions: 30, more: false, digest: first.digest });
    const keys = [...first.entries, ...second.entries].map(({ key }) => key);
    expect(keys).toEqual(Array.from({ length: 30 }, (_, number) => `k${number + 10}`));
    await world.stop();
  });

  it('passes only as it was seen: not a deletion more than a person has looked at (S4)', async () => {
    const world = await withHeldDeletions();
    const { digest } = await held(world);
    world.flatClient.remove('k45');
    await world.clock.advance(5_000);
    const { operator } = world.daemon;
    expect(await operator.approve(digest)).toBeUndefined();
    await world.clock.advance(30_000);
    expect(world.treeEntries().size).toBe(40);
    const { digest: newer } = await held(world);
    expect(newer).not.toBe(digest);
    expect(await operator.approve(newer)).toEqual({ deletions: 31, overwrites: 0 });
    await world.clock.advance(30_000);
    expect(world.treeEntries().size).toBe(9);
    expect(await held(world)).toMatchObject({ deletions: 0, entries: [], more: false });
    await world.stop();
  });
});

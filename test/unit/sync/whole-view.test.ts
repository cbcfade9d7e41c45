import { describe, expect, it } from 'vitest';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

const travelMs = { min: 1, max: 5 };

describe('many deletions that wait until all of their side was walked', () => {
  it('count no more when the entries are back before they are judged', async () => {
    const world = new SimulatedWorld({ travelMs });
    for (let number = 0; number < 4_000; number++) world.treeClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    for (let number = 0; number < 3_000; number++) world.treeClient.remove(`k${number}`);
    const areSeen = (): boolean => world.daemon.sync.attention.due.deletions > 2_900;
    await world.clock.runUntil(areSeen, { limitMs: 10_000, what: 'the deletions to be seen' });
    for (let number = 20; number < 3_000; number++) world.treeClient.put(`k${number}`, bytes('restored'));
    await world.clock.advance(10_000);
    expect(world.daemon.sync.holds).toEqual([]);
    expect(world.flatEntries()).toEqual(world.treeEntries());
    expect(world.flatEntries().size).toBe(3_980);
    await world.stop();
  });

  it('are judged while other entries keep changing (L1)', async () => {
    const world = new SimulatedWorld({ travelMs, tells: 'views' });
    for (let number = 0; number < 1_000; number++) world.treeClient.put(`k${number}`, bytes('x'));
    await world.start();
    await world.inSync();
    for (let number = 0; number < 100; number++) world.treeClient.remove(`k${number}`);
    for (let number = 0; number < 1_000; number++) {
      world.treeClient.put(`k${500 + (number % 500)}`, bytes(`changed ${number}`));
      await world.clock.advance(2);
    }
    expect(world.flatEntries().size).toBe(900);
    await world.inSync();
    await world.stop();
  });

  it.each(['stirs', 'parts', 'views'] as const)(
    'are held nearly to the last where they go on, entry by entry, and are told in %s',
    async (tells) => {
      const world = new SimulatedWorld({ tells, travelMs });
      const keys = Array.from({ length: 1_000 }, (_, number) => `${Math.floor(number / 100)}/${number}`);
      for (const key of keys) world.flatClient.put(key, bytes('x'));
      await world.start();
      await world.inSync();
      for (const key of keys) {
        world.flatClient.remove(key);
        await world.clock.advance(1);
      }
      await world.held('mass-deletion');
      await world.clock.advance(10_000);
      expect(world.treeEntries().size).toBeGreaterThanOrEqual(980);
      await world.stop();
    },
  );
});

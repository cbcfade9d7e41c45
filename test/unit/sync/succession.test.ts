import { describe, expect, it } from 'vitest';
import { SimulatedFleet } from '../../kit/simulation/simulated-fleet.js';
import { bytes } from '../../kit/simulation/simulated-world.js';

async function fleet(size = 3, seed = 1): Promise<SimulatedFleet> {
  const made = new SimulatedFleet(size, { seed, travelMs: { min: 1, max: 5 } });
  await made.startAll();
  return made;
}

describe('several daemons of one instance', () => {
  it('elect one, and the others follow it with archives of their own', async () => {
    const daemons = await fleet();
    const { treeClient, flatClient, clock } = daemons.world;
    treeClient.put('a', bytes('1'));
    flatClient.put('b/c', bytes('2'));
    await daemons.inSync();
    await clock.runUntil(() => daemons.isReady, { limitMs: 60_000, what: 'all to be ready' });
    expect(daemons.members.map(({ isActive }) => isActive).filter(Boolean)).toHaveLength(1);
    expect(daemons.world.flatEntries()).toEqual(
      new Map([
        ['a', '1'],
        ['b/c', '2'],
      ]),
    );
    for (const { running } of daemons.members) {
      expect(running.sync.memory.archive.counts().entries).toBe(2);
      expect(running.sync.memory.archive.record('a')).toEqual(
        daemons.active?.running.sync.memory.archive.record('a'),
      );
    }
    expect(daemons.doubleWrites).toEqual([]);
    await daemons.dispose();
  });

  it('begin to lead where the mapping had only been observed before', async () => {
    const daemons = new SimulatedFleet(2, { travelMs: { min: 1, max: 5 } });
    const { treeClient, clock } = daemons.world;
    treeClient.put('a', bytes('1'));
    await daemons.startAll({ mode: 'observe' });
    await clock.advance(10_000);
    expect(daemons.world.flatEntries()).toEqual(new Map());
    for (const member of daemons.members) await daemons.stop(member);
    await daemons.startAll();
    await daemons.inSync();
    expect(daemons.world.flatEntries()).toEqual(new Map([['a', '1']]));
    await daemons.dispose();
  });

  it('forget, also while they follow, what new patterns leave out, and delete nothing for it', async () => {
    const daemons = await fleet(2);
    const { treeClient, flatClient, clock } = daemons.world;
    treeClient.put('in', bytes('1'));
    treeClient.put('out', bytes('1'));
    await daemons.inSync();
    const standby = daemons.members.find(({ isActive }) => !isActive);
    if (standby === undefined) throw new Error('all lead');
    await daemons.stop(standby);
    await daemons.start(standby, { scope: { id: 'less', includes: (key) => key !== 'out' } });
    await clock.runUntil(() => daemons.isReady, { limitMs: 60_000, what: 'all to be ready' });
    const known = (): boolean => standby.running.sync.memory.archive.record('out') !== undefined;
    expect(standby.isActive).toBe(false);
    expect(known()).toBe(false);
    // Of the other one's patterns it is still an entry, and goes.
    flatClient.remove('out');
    await clock.advance(5_000);
    expect(treeClient.get('out')).toBeUndefined();
    await daemons.dispose();
  });
});

import { describe, expect, it } from 'vitest';
import { SESSION_TIMEOUT_MS, SimulatedFleet } from '../../kit/simulation/simulated-fleet.js';
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

  it.each(['tree', 'flat'] as const)(
    'journal it when they carry over once more what another one had carried over to the %s store, and a client deleted there unseen (S4)',
    async (to) => {
      const daemons = await fleet(2);
      const { treeClient, flatClient, clock, treeEntries, flatEntries } = parts(daemons);
      const [source, target] = to === 'flat' ? [treeClient, flatClient] : [flatClient, treeClient];
      const entries = to === 'flat' ? flatEntries : treeEntries;
      source.put('before', bytes('1'));
      await daemons.inSync();
      await clock.runUntil(() => daemons.isReady, { limitMs: 60_000, what: 'all to be ready' });
      const active = await daemons.led();
      const standby = daemons.members.find((member) => member !== active);
      if (standby === undefined) throw new Error('there is one only');
      const { left, right } = standby.running.links;
      for (const link of [left, right]) link.disconnect();
      source.put('carried', bytes('by the one before'));
      await clock.runUntil(() => entries().has('carried'), { limitMs: 60_000, what: 'the copy' });
      target.remove('carried');
      daemons.kill(active);
      source.put('fresh', bytes('never carried'));
      for (const link of [left, right]) link.reconnect();
      await daemons.inSync();

      expect(treeEntries()).toEqual(flatEntries());
      expect(entries().get('fresh')).toBe('never carried');
      const journaled = standby.running.sync.memory.archive.conflicts({ limit: 10 });
      expect(journaled.map(({ key, kind, ambiguous, winner }) => ({ key, kind, ambiguous, winner }))).toEqual(
        [
          {
            key: 'carried',
            kind: 'update-delete',
            ambiguous: true,
            winner: to === 'flat' ? 'left' : 'right',
          },
        ],
      );
      expect(daemons.doubleWrites).toEqual([]);
      await daemons.dispose();
    },
  );

  it('go by another name in the ledgers each time that they begin to lead (S3)', async () => {
    const daemons = await fleet(2);
    const { treeClient, clock } = daemons.world;
    treeClient.put('a', bytes('1'));
    await daemons.inSync();
    for (let round = 0; round < 4; round++) {
      await clock.runUntil(() => daemons.isReady, { limitMs: 60_000, what: 'all to be ready' });
      const active = await daemons.led();
      daemons.pause(active, 4 * SESSION_TIMEOUT_MS);
      await clock.runUntil(() => daemons.active !== undefined && daemons.active !== active, {
        limitMs: 120_000,
        what: 'another one to lead',
      });
      treeClient.put('a', bytes(`round ${round}`));
      await daemons.inSync();
    }
    const { tree, flat } = daemons.writers;
    expect(tree.length).toBeGreaterThanOrEqual(4);
    expect(new Set(tree).size).toBe(tree.length);
    expect(new Set(flat).size).toBe(flat.length);
    await daemons.dispose();
  });
});

function parts({ world }: SimulatedFleet) {
  const { treeClient, flatClient, clock } = world;
  return {
    ...{ treeClient, flatClient, clock },
    treeEntries: () => world.treeEntries(),
    flatEntries: () => world.flatEntries(),
  };
}

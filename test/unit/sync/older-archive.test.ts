import { describe, expect, it } from 'vitest';
import { bytes, SimulatedWorld } from '../../kit/simulation/simulated-world.js';

async function stop(world: SimulatedWorld): Promise<void> {
  const stopping = world.stop();
  await world.clock.advance(5_000);
  await stopping;
}

describe('a daemon that is alone, on an older copy of its archive', () => {
  it.each(['tree', 'flat'] as const)(
    'journals it when what it had agreed on since, and a client then deleted in the %s store, comes back (S4, S7)',
    async (store) => {
      const world = new SimulatedWorld({ travelMs: { min: 1, max: 5 } });
      const { treeClient, flatClient, clock } = world;
      await world.start();
      await world.inSync();
      treeClient.put('before', bytes('known'));
      await clock.advance(5_000);
      await stop(world);
      const older = world.disk.copy();
      await world.start();
      for (const client of [treeClient, flatClient]) client.put('twice', bytes('the same'));
      await clock.advance(5_000);
      await stop(world);
      (store === 'tree' ? treeClient : flatClient).remove('twice');
      await clock.advance(5_000);
      treeClient.put('fresh', bytes('new'));

      const again = await world.start({ disk: older });
      await world.inSync();
      expect(world.treeEntries()).toEqual(world.flatEntries());
      const journaled = again.sync.memory.archive.conflicts({ limit: 10 });
      expect(journaled.map(({ key, kind, ambiguous, winner }) => ({ key, kind, ambiguous, winner }))).toEqual(
        [
          {
            key: 'twice',
            kind: 'update-delete',
            ambiguous: true,
            winner: store === 'tree' ? 'right' : 'left',
          },
        ],
      );
      await stop(world);
      // It has seen everything now.
      treeClient.put('later', bytes('new'));
      await world.start({ disk: older });
      await world.inSync();
      expect(world.daemon.sync.memory.archive.conflicts({ limit: 10 })).toHaveLength(1);
      await stop(world);
      expect(again.errors).toEqual([]);
    },
  );
});

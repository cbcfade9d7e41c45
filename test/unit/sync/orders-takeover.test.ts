import { describe, expect, it } from 'vitest';
import { Orders } from '../../../src/sync/orders.js';
import { SimulatedFleet } from '../../kit/simulation/simulated-fleet.js';
import { bytes } from '../../kit/simulation/simulated-world.js';

const NEVER = new AbortController().signal;

describe('an order that another daemon takes over before it is carried out', () => {
  it.each(['alone', 'beside the other one'])(
    'is forgotten by the one that took it, when it comes back %s',
    async (how) => {
      const daemons = new SimulatedFleet(2, { travelMs: { min: 1, max: 5 } });
      await daemons.startAll();
      const { treeClient, flatClient, clock } = daemons.world;
      for (const key of ['k', 'stays', 'stays2']) treeClient.put(key, bytes('1'));
      await daemons.inSync();
      treeClient.remove('k');
      await clock.runUntil(() => flatClient.get('k') === undefined, { limitMs: 60_000 });
      await daemons.inSync();
      await clock.runUntil(() => daemons.isReady, { limitMs: 60_000 });
      const first = await daemons.led();
      const { archive } = first.running.sync.memory;
      void new Orders(first.running.sync).restore({ key: 'k' }, NEVER).catch(() => undefined);
      await clock.runUntil(() => archive.markCounts().get('ordered') === 1, { limitMs: 10_000 });
      daemons.kill(first);
      await clock.advance(60_000);
      const second = await daemons.led();
      expect(second).not.toBe(first);
      // A client makes it, and deletes it, long after the order.
      treeClient.put('k', bytes('of a client'));
      await clock.runUntil(() => flatClient.get('k') !== undefined, { limitMs: 60_000 });
      treeClient.remove('k');
      await clock.runUntil(() => flatClient.get('k') === undefined, { limitMs: 60_000 });
      if (how === 'alone') {
        daemons.kill(second);
        await daemons.start(first);
      } else {
        await daemons.start(first);
        await clock.runUntil(() => daemons.isReady, { limitMs: 60_000 });
        daemons.kill(second);
      }
      await clock.runUntil(() => first.isActive, { limitMs: 120_000 });
      await clock.advance(60_000);
      expect([treeClient.get('k'), flatClient.get('k')]).toEqual([undefined, undefined]);
      await daemons.dispose();
    },
  );
});

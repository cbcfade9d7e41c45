import { describe, expect, it } from 'vitest';
import { decodeLedger } from '../../../src/core/ledger.js';
import type { Commit } from '../../kit/memory-store/commit-feed.js';
import type { FleetMember } from '../../kit/simulation/simulated-fleet.js';
import { SESSION_TIMEOUT_MS, SimulatedFleet } from '../../kit/simulation/simulated-fleet.js';
import { bytes } from '../../kit/simulation/simulated-world.js';

const LEDGER = /^\/?zk-consul-sync\/default\/config$/;

/** Three daemons in sync, of which the leading one has just been killed. */
async function bereft(seed: number): Promise<SimulatedFleet> {
  const fleet = new SimulatedFleet(3, { seed, travelMs: { min: 1, max: 20 } });
  const { treeClient, flatClient } = fleet.world;
  for (let i = 0; i < 10; i++) (i % 2 === 0 ? treeClient : flatClient).put(`k${i}`, bytes(`first ${i}`));
  await fleet.startAll();
  await fleet.inSync();
  fleet.kill(await fleet.led());
  // What its successor is to carry over, and to delete.
  treeClient.put('k0', bytes('second'));
  flatClient.remove('k2');
  return fleet;
}

/** Does something to whoever takes over, at the very moment when its n-th ledger write of that store is committed. */
function atLedgerWrite(
  fleet: SimulatedFleet,
  store: 'tree' | 'flat',
  act: (member: FleetMember) => void,
): () => boolean {
  let isDone = false;
  fleet.world[store].feed.subscribe({
    committed: ({ changes }: Commit) => {
      const after = changes.find(({ name }) => LEDGER.test(name))?.after;
      const writer = after && decodeLedger(Buffer.from(after).toString())?.writer;
      const member = fleet.members.find(({ life }) => life?.sync.context.writer === writer?.split('.')[0]);
      if (isDone || member === undefined) return;
      isDone = true;
      act(member);
    },
    replaced: () => undefined,
  });
  return () => isDone;
}

const MISFORTUNES: Readonly<Record<string, (fleet: SimulatedFleet, member: FleetMember) => void>> = {
  'is killed': (fleet, member) => fleet.kill(member),
  'stands still for longer than its session': (fleet, member) => fleet.pause(member, SESSION_TIMEOUT_MS * 4),
  'stands still for a moment': (fleet, member) => fleet.pause(member, SESSION_TIMEOUT_MS / 2),
  'loses its session': (_, member) => member.election?.expire(),
  'loses its connection to the tree': (fleet, { running }) => interrupt(fleet, () => running.links.left),
  'loses its connection to the flat store': (fleet, { running }) =>
    interrupt(fleet, () => running.links.right),
};

function interrupt(fleet: SimulatedFleet, link: () => { disconnect(): void; reconnect(): void }): void {
  const broken = link();
  broken.disconnect();
  void fleet.world.clock.sleep(12_000, new AbortController().signal).then(() => broken.reconnect());
}

const CASES = (['tree', 'flat'] as const).flatMap((store) =>
  Object.keys(MISFORTUNES).map((misfortune) => [misfortune, store] as const),
);

describe('a daemon that takes over, and when it has moved the ledger of one store', () => {
  it.each(CASES)(
    '%s (%s): another one or itself carries on, one at a time, and nothing is lost or brought back (S1, S3, S7)',
    async (misfortune, store) => {
      for (let seed = 1; seed <= 5; seed++) {
        const fleet = await bereft(seed);
        const hasHappened = atLedgerWrite(fleet, store, (member) => MISFORTUNES[misfortune]?.(fleet, member));
        const { clock, treeClient } = fleet.world;
        await clock.runUntil(hasHappened, { limitMs: 60_000, what: 'a takeover' });
        treeClient.put('k4', bytes('third'));
        await clock.advance(SESSION_TIMEOUT_MS * 5);
        for (const member of fleet.members) if (member.life === undefined) await fleet.start(member);
        await fleet.inSync();
        expect(fleet.doubleWrites).toEqual([]);
        expect(fleet.world.treeEntries()).toEqual(fleet.world.flatEntries());
        const entries = fleet.world.flatEntries();
        expect([entries.get('k0'), entries.get('k2'), entries.get('k4')]).toEqual([
          'second',
          undefined,
          'third',
        ]);
        await fleet.dispose();
        expect(fleet.errors).toEqual([]);
      }
    },
  );
});

describe('a daemon that is the only one', () => {
  it.each(['tree', 'flat'] as const)(
    'leads again by itself when it was killed just as it had moved the ledger of the %s store, with new entries to carry (S7)',
    async (store) => {
      const fleet = new SimulatedFleet(1, { travelMs: { min: 1, max: 20 } });
      const { treeClient, flatClient, clock } = fleet.world;
      const [member] = fleet.members as [FleetMember];
      await fleet.startAll();
      await fleet.inSync();
      await clock.advance(5_000);
      fleet.kill(member);
      treeClient.put('new', bytes('new'));
      flatClient.put('also', bytes('new'));
      for (let time = 0; time < 3; time++) {
        await fleet.start(member);
        const hasHappened = atLedgerWrite(fleet, store, (one) => fleet.kill(one));
        await clock.runUntil(hasHappened, { limitMs: 60_000, what: 'a takeover' });
      }
      await fleet.start(member);
      await fleet.inSync();
      expect([treeClient.get('also'), flatClient.get('new')]).toEqual([bytes('new'), bytes('new')]);
      await fleet.dispose();
      expect(fleet.errors).toEqual([]);
    },
  );
});

import { describe, expect, it } from 'vitest';
import type { ReadRequest } from '../../kit/memory-store/faults.js';
import type { FleetMember } from '../../kit/simulation/simulated-fleet.js';
import { SESSION_TIMEOUT_MS, SimulatedFleet } from '../../kit/simulation/simulated-fleet.js';
import type { SimulatedWorld, WorldOptions } from '../../kit/simulation/simulated-world.js';
import { bytes } from '../../kit/simulation/simulated-world.js';

const STORES = ['tree', 'flat'] as const;
type Store = (typeof STORES)[number];
type Client = SimulatedWorld['treeClient'] | SimulatedWorld['flatClient'];

/** More batches than a ledger lists. */
const MANY_BATCHES = 80;

/** Two daemons that were in sync, and then lost all they knew. */
async function bereft(options: WorldOptions = {}, batches = 0): Promise<SimulatedFleet> {
  const fleet = new SimulatedFleet(2, { travelMs: { min: 1, max: 5 }, ...options });
  const { treeClient, flatClient, clock } = fleet.world;
  await fleet.startAll();
  await fleet.inSync();
  treeClient.put('of-tree', bytes('carried'));
  await isCarried(fleet, 'of-tree');
  flatClient.put('of-flat', bytes('carried'));
  await isCarried(fleet, 'of-flat');
  for (const client of [treeClient, flatClient]) {
    client.put('twice', bytes('the same'));
    client.put('empty', bytes(''));
  }
  await fleet.inSync();
  for (let batch = 0; batch < batches; batch++) {
    treeClient.put('busy', bytes(`value ${batch}`));
    await isCarried(fleet, 'busy');
  }
  // The ledgers follow what clients write within about a second.
  await clock.advance(5_000);
  for (const member of fleet.members) await fleet.stop(member);
  await clock.advance(2 * SESSION_TIMEOUT_MS);
  for (const member of fleet.members) fleet.loseDisk(member);
  return fleet;
}

async function isCarried({ world }: SimulatedFleet, key: string): Promise<void> {
  const isEqual = (): boolean => {
    const [tree, flat] = [world.treeClient.get(key), world.flatClient.get(key)];
    return tree !== undefined && flat !== undefined && Buffer.compare(tree, flat) === 0;
  };
  await world.clock.runUntil(isEqual, { limitMs: 60_000, what: `${key} to be carried over` });
}

function clientOf({ world }: SimulatedFleet, store: Store): Client {
  return store === 'tree' ? world.treeClient : world.flatClient;
}

/** With empty values, unlike what the world tells. */
function contents({ world }: SimulatedFleet): unknown {
  const { treeClient, flatClient } = world;
  const keys = ['of-tree', 'of-flat', 'twice', 'empty', 'busy', 'new'];
  const has = (client: Client): unknown => keys.map((key) => [key, client.get(key)]);
  return { tree: has(treeClient), flat: has(flatClient) };
}

async function expectHeldAsItIs(fleet: SimulatedFleet): Promise<void> {
  const before = contents(fleet);
  await fleet.startAll();
  await fleet.world.clock.advance(60_000);
  expect(contents(fleet)).toEqual(before);
  expect(fleet.active).toBeUndefined();
  for (const { running } of fleet.members) {
    expect(running.sync.holds.map(({ reason }) => reason)).toEqual(['archive-lost']);
  }
  await fleet.dispose();
  expect(fleet.errors).toEqual([]);
}

interface Meanwhile {
  /** The client of the one store, and of the other one. */
  readonly here: Client;
  readonly there: Client;
  /** What clients of the one store had made, and the daemon had carried to the other one. */
  readonly original: string;
}

async function meanwhile(store: Store, act: (meanwhile: Meanwhile) => void, batches = 0) {
  const fleet = await bereft({}, batches);
  const here = clientOf(fleet, store);
  const there = clientOf(fleet, store === 'tree' ? 'flat' : 'tree');
  act({ here, there, original: `of-${store}` });
  return fleet;
}

const UNTELLABLE: Readonly<Record<string, (meanwhile: Meanwhile) => void>> = {
  'what clients had made on both sides was deleted on one': ({ here }) => here.remove('twice'),
  'an empty entry of that kind was deleted': ({ here }) => here.remove('empty'),
  'it was changed on one side': ({ here }) => here.put('twice', bytes('changed')),
  'it was made anew on one side': ({ here }) => {
    here.remove('twice');
    here.put('twice', bytes('anew'));
  },
  'an original was deleted, and its copy is all that is left': ({ here, original }) => here.remove(original),
  'a copy was deleted': ({ there, original }) => there.remove(original),
  'a copy was changed': ({ there, original }) => there.put(original, bytes('changed')),
};
const HELD = Object.keys(UNTELLABLE).flatMap((what) =>
  [0, MANY_BATCHES].flatMap((batches) => STORES.map((store) => [what, store, batches] as const)),
);

describe('daemons that have all lost their archives, when nobody leads', () => {
  it.each(HELD)(
    'are held and write nothing when %s (%s, %i batches later), as they can not tell (S1, S4)',
    async (what, store, batches) => {
      await expectHeldAsItIs(await meanwhile(store, (how) => UNTELLABLE[what]?.(how), batches));
    },
  );

  it.each(STORES)(
    'go on by themselves where all is certain: they carry over what was changed since, and what is new (%s)',
    async (store) => {
      const fleet = await meanwhile(store, ({ here, original }) => {
        here.put(original, bytes('changed'));
        here.put('new', bytes('new'));
      });
      await fleet.startAll();
      await fleet.inSync();
      for (const client of STORES.map((one) => clientOf(fleet, one))) {
        const values = [`of-${store}`, 'new', 'twice'].map((key) =>
          Buffer.from(client.get(key) ?? []).toString(),
        );
        expect(values).toEqual(['changed', 'new', 'the same']);
      }
      await fleet.dispose();
      expect(fleet.errors).toEqual([]);
    },
  );

  it('are held when an entry was changed on both sides, and the rule for the beginning would name a winner (S1)', async () => {
    const fleet = await bereft({ policy: { initial: 'right', conflict: 'hold' } });
    fleet.world.treeClient.put('twice', bytes('of the tree'));
    fleet.world.flatClient.put('twice', bytes('of the flat store'));
    await expectHeldAsItIs(fleet);
  });

  it.each(['lacks', 'has an older value of'])(
    'are held when a store was restored from a backup that %s what a daemon had copied from there (S1, S4)',
    async (how) => {
      const fleet = new SimulatedFleet(2, { travelMs: { min: 1, max: 5 } });
      const { treeClient, flatClient, flat, clock } = fleet.world;
      await fleet.startAll();
      await fleet.inSync();
      flatClient.put('of-flat', bytes('older'));
      await isCarried(fleet, 'of-flat');
      await clock.advance(5_000);
      const backup = flat.snapshot();
      if (how === 'lacks') flatClient.put('new', bytes('new'));
      else flatClient.put('of-flat', bytes('newer'));
      await isCarried(fleet, how === 'lacks' ? 'new' : 'of-flat');
      await clock.advance(5_000);
      expect(treeClient.get(how === 'lacks' ? 'new' : 'of-flat')).toEqual(
        Buffer.from(how === 'lacks' ? 'new' : 'newer'),
      );
      for (const member of fleet.members) await fleet.stop(member);
      await clock.advance(2 * SESSION_TIMEOUT_MS);
      for (const member of fleet.members) fleet.loseDisk(member);
      flat.restore(backup);
      await expectHeldAsItIs(fleet);
    },
  );

  it('stay held when they are started again, and begin anew when an operator says so', async () => {
    const fleet = await bereft();
    const { world, members } = fleet;
    world.treeClient.remove('twice');
    await fleet.startAll();
    await world.clock.advance(30_000);
    for (const member of members) fleet.kill(member);
    await world.clock.advance(2 * SESSION_TIMEOUT_MS);
    await expectHeldAsItIs(fleet);
    await fleet.startAll();
    await world.clock.advance(10_000);
    const [one] = members;
    const signal = new AbortController().signal;
    const summoned = one?.running.sync.succession?.summon(signal);
    await world.clock.advance(10_000);
    expect(await summoned).toBe(true);
    const resynced = one?.running.operator.resync('merge', signal);
    await world.clock.advance(10_000);
    await resynced;
    await fleet.inSync();
    expect(world.treeEntries()).toEqual(world.flatEntries());
    await fleet.dispose();
  });

  it('stay held when the resync that an operator orders fails, and write nothing of what they doubt (S4)', async () => {
    const fleet = await bereft();
    const { world, members } = fleet;
    const [one] = members as [FleetMember];
    world.treeClient.remove('twice');
    await fleet.startAll();
    await world.clock.advance(30_000);
    const signal = new AbortController().signal;
    const summoned = one.running.sync.succession?.summon(signal);
    await world.clock.advance(10_000);
    expect(await summoned).toBe(true);
    await world.clock.advance(1_000);
    one.running.links.right.disconnect();
    const resynced = one.running.operator.resync('merge', signal).catch(() => 'failed');
    await world.clock.advance(30_000);
    expect(await resynced).toBe('failed');
    one.running.links.right.reconnect();
    await world.clock.advance(60_000);
    expect(world.treeClient.get('twice')).toBeUndefined();
    for (const { running } of members) {
      expect(running.sync.holds.map(({ reason }) => reason)).toEqual(['archive-lost']);
    }
    await fleet.dispose();
  });

  it('do not walk again and again when more entries are doubtful than they list (S9)', async () => {
    const fleet = new SimulatedFleet(1);
    const { treeClient, flatClient, clock } = fleet.world;
    const keys = Array.from({ length: 1_500 }, (_, i) => `many/${i}`);
    for (const key of keys) for (const client of [treeClient, flatClient]) client.put(key, bytes('the same'));
    await fleet.startAll();
    await fleet.inSync();
    const [member] = fleet.members as [FleetMember];
    await fleet.stop(member);
    await clock.advance(2 * SESSION_TIMEOUT_MS);
    fleet.loseDisk(member);
    for (const key of keys) treeClient.remove(key);
    await fleet.startAll();
    await clock.advance(30_000);
    let scans = 0;
    const beforeRead = (request: ReadRequest): undefined => void (scans += request === 'scan' ? 1 : 0);
    for (const link of [member.running.links.left, member.running.links.right]) link.faults = { beforeRead };
    await clock.advance(60_000);
    expect(scans).toBe(0);
    expect(member.running.sync.problem).toMatch(/^more than 1000 entries differ/);
    expect(member.running.sync.holds.map(({ reason }) => reason)).toEqual(['archive-lost']);
    await fleet.dispose();
  });
});

describe('a daemon that begins with an empty archive beside one that leads', () => {
  it('can take over as soon as that one has settled everything, and then brings nothing back (S4)', async () => {
    const fleet = new SimulatedFleet(2, { travelMs: { min: 1, max: 5 } });
    const [first, second] = fleet.members as [FleetMember, FleetMember];
    const { treeClient, flatClient, clock } = fleet.world;
    await fleet.start(first);
    await fleet.inSync();
    for (const client of [treeClient, flatClient]) client.put('twice', bytes('the same'));
    treeClient.put('of-tree', bytes('carried'));
    await isCarried(fleet, 'of-tree');
    await clock.advance(2_000);
    // What it has not settled: the other one can't tell that apart from what was agreed on.
    first.running.links.right.faults = { beforeWrite: () => 'refused' };
    treeClient.put('waiting', bytes('new'));
    await clock.advance(5_000);
    flatClient.put('late', bytes('new'));
    await isCarried(fleet, 'late');
    await fleet.start(second);
    await clock.advance(10_000);
    expect(second.running.sync.succession?.obstacle).toMatch(/"waiting"/);
    first.running.links.right.faults = {};
    await fleet.inSync();
    await clock.runUntil(() => fleet.isReady, { limitMs: 60_000, what: 'all to be ready' });

    fleet.kill(first);
    treeClient.remove('twice');
    flatClient.remove('waiting');
    await clock.runUntil(() => second.isActive, { limitMs: 60_000, what: 'the second to lead' });
    await fleet.inSync();
    for (const client of [treeClient, flatClient]) {
      expect(['twice', 'waiting', 'late', 'of-tree'].filter((key) => client.get(key) !== undefined)).toEqual([
        'late',
        'of-tree',
      ]);
    }
    await fleet.dispose();
    expect(fleet.errors).toEqual([]);
  });
});

describe('a daemon whose archive is older than what another one has led since', () => {
  it.each(STORES)(
    'is held, and brings nothing back, when that one is gone with its archive (S4, %s)',
    async (store) => {
      const fleet = new SimulatedFleet(2, { travelMs: { min: 1, max: 5 } });
      const [first, second] = fleet.members as [FleetMember, FleetMember];
      const { treeClient, flatClient, clock } = fleet.world;
      await fleet.startAll();
      await fleet.inSync();
      await clock.advance(5_000);
      const former = await fleet.led();
      const latter = former === first ? second : first;
      await clock.runUntil(() => fleet.isReady, { limitMs: 60_000, what: 'all to be ready' });
      await fleet.stop(former);
      await clock.runUntil(() => latter.isActive, { limitMs: 60_000, what: 'the other one to lead' });
      for (const client of [treeClient, flatClient]) client.put('twice', bytes('the same'));
      await clock.advance(5_000);
      await fleet.stop(latter);
      await clock.advance(2 * SESSION_TIMEOUT_MS);
      clientOf(fleet, store).remove('twice');

      await fleet.start(former);
      await clock.advance(60_000);
      expect(clientOf(fleet, store).get('twice')).toBeUndefined();
      expect(former.running.sync.holds.map(({ reason }) => reason)).toEqual(['archive-lost']);
      // It is not lost: whoever has it leads.
      await fleet.start(latter);
      await clock.runUntil(() => latter.isActive, { limitMs: 60_000, what: 'the other one to lead' });
      await clock.advance(5_000);
      for (const client of [treeClient, flatClient]) expect(client.get('twice')).toBeUndefined();
      await fleet.dispose();
      expect(fleet.errors).toEqual([]);
    },
  );
});

describe('a daemon that was cut off while another one led', () => {
  it.each(STORES)(
    'is held, and brings nothing back, when that one is gone with its archive (S4, %s)',
    async (store) => {
      const fleet = new SimulatedFleet(2, { travelMs: { min: 1, max: 5 } });
      const { treeClient, flatClient, clock } = fleet.world;
      await fleet.startAll();
      await fleet.inSync();
      await clock.runUntil(() => fleet.isReady, { limitMs: 60_000, what: 'all to be ready' });
      const active = await fleet.led();
      const standby = fleet.members.find((member) => member !== active) as FleetMember;
      const { left, right } = standby.running.links;
      for (const link of [left, right]) link.disconnect();
      for (const client of [treeClient, flatClient]) client.put('twice', bytes('the same'));
      await clock.advance(5_000);
      fleet.kill(active);
      clientOf(fleet, store).remove('twice');
      await clock.advance(2 * SESSION_TIMEOUT_MS);
      for (const link of [left, right]) link.reconnect();
      await clock.advance(60_000);
      expect(clientOf(fleet, store).get('twice')).toBeUndefined();
      expect(standby.running.sync.holds.map(({ reason }) => reason)).toEqual(['archive-lost']);
      await fleet.start(active);
      await clock.runUntil(() => active.isActive, { limitMs: 60_000, what: 'the other one to lead' });
      await clock.advance(5_000);
      for (const client of [treeClient, flatClient]) expect(client.get('twice')).toBeUndefined();
      await fleet.dispose();
      expect(fleet.errors).toEqual([]);
    },
  );
});

describe('a daemon that followed an entry that can not be carried over', () => {
  it('can still take over when its connections broke and are there again', async () => {
    const fleet = new SimulatedFleet(2, { travelMs: { min: 1, max: 5 } });
    const { treeClient, flatClient, clock } = fleet.world;
    await fleet.startAll();
    await fleet.inSync();
    await clock.runUntil(() => fleet.isReady, { limitMs: 60_000, what: 'all to be ready' });
    const active = await fleet.led();
    const standby = fleet.members.find((member) => member !== active) as FleetMember;
    const denies = (access: string, name: string): boolean => access === 'write' && name === 'config/stuck';
    for (const { running } of fleet.members) running.links.right.faults = { denies };
    treeClient.put('stuck', bytes('denied'));
    await clock.advance(5_000);
    treeClient.put('other', bytes('carried'));
    await isCarried(fleet, 'other');
    await clock.advance(5_000);
    const { left, right } = standby.running.links;
    for (const link of [left, right]) link.disconnect();
    treeClient.put('unseen', bytes('carried'));
    await isCarried(fleet, 'unseen');
    for (const link of [left, right]) link.reconnect();
    await clock.runUntil(() => fleet.isReady, { limitMs: 60_000, what: 'all to be ready' });
    fleet.kill(active);
    flatClient.put('of-flat', bytes('new'));
    await isCarried(fleet, 'of-flat');
    expect(standby.isActive).toBe(true);
    await fleet.dispose();
    expect(fleet.errors).toEqual([]);
  });
});

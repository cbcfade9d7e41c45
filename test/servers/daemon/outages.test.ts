import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import {
  expectSameContents,
  inSyncWith,
  keysBelow,
  ledgersFollowed,
  waitForContents,
  writeZnodes,
  znodesBelow,
} from './contents.js';

type Store = 'zookeeper' | 'consul';

/** A pause that the store's clients can't sit out: the daemon's ZooKeeper session ends within 4 s. */
const PAUSE_MS = 8_000;
/** How soon the daemon must have noticed, on a machine that has other work too. */
const NOTICE_MS = 12_000;
const ENTRIES = 60;

const FAULTS = {
  'stopped and started again': {
    begin: (store) => store.stop(),
    end: (store) => store.start(),
  },
  'killed and started again': {
    begin: (store) => store.kill(),
    end: (store) => store.start(),
  },
  [`paused for ${PAUSE_MS / 1000} s`]: {
    begin: (store) => store.pause(),
    end: async (store) => store.resume(),
    lastsMs: PAUSE_MS,
  },
} satisfies Record<string, Fault>;

interface Fault {
  readonly begin: (store: Server) => Promise<void>;
  readonly end: (store: Server) => Promise<void>;
  readonly lastsMs?: number;
}

type Server = Record<'start' | 'stop' | 'kill' | 'pause', () => Promise<void>> & { resume(): void };

describe('an outage', () => {
  let staging: Staging;
  let daemon: DaemonProcess;
  let pid: number;
  let wanted: Map<string, Buffer>;
  let round = 0;

  beforeAll(async () => {
    staging = await Staging.start();
    await staging.zookeeper.create('/config');
    daemon = await staging.startDaemon();
    pid = daemon.pid;
    await daemon.inSync();
  });
  afterAll(() => staging.dispose());

  beforeEach(async () => {
    // Values that come back again and again would look like somebody who undoes what the daemon writes.
    round++;
    wanted = new Map(
      Array.from({ length: ENTRIES }, (_, number) => [
        `entry-${number}`,
        Buffer.from(`${number} before round ${round}`),
      ]),
    );
    const present = new Set(await staging.zookeeper.children('/config'));
    const [old, fresh] = [new Map<string, Buffer>(), new Map<string, Buffer>()];
    for (const [key, value] of wanted) (present.has(key) ? old : fresh).set(key, value);
    for (const key of present) if (!wanted.has(key)) await staging.zookeeper.remove(`/config/${key}`);
    await writeZnodes(staging, 'set', '/config', old);
    await writeZnodes(staging, 'create', '/config', fresh);
    await bothSidesToAgree();
    await ledgersFollowed(staging);
  });

  /** Clients have written right before: for a moment the daemon may know nothing of it, and say that all is equal. */
  async function bothSidesToAgree(): Promise<void> {
    await waitForContents(() => znodesBelow(staging, '/config'), wanted);
    await waitForContents(() => keysBelow(staging, 'config/'), wanted);
    await inSyncWith(daemon, wanted.size);
  }

  const write: Record<Store, (key: string, value: string | undefined) => Promise<unknown>> = {
    zookeeper: async (key, value) => {
      const path = `/config/${key}`;
      if (value === undefined) return staging.zookeeper.remove(path);
      return wanted.has(key) ? staging.zookeeper.set(path, value) : staging.zookeeper.create(path, value);
    },
    consul: (key, value) =>
      value === undefined
        ? staging.consul.delete(`config/${key}`)
        : staging.consul.put(`config/${key}`, value),
  };

  async function change(store: Store, key: string, value: string | undefined): Promise<void> {
    await write[store](key, value);
    if (value === undefined) wanted.delete(key);
    else wanted.set(key, Buffer.from(value));
  }

  /** What the daemon says of a store, in all the places where somebody may look. */
  async function connectedAsTold(store: Store): Promise<Record<string, unknown>> {
    return {
      status: (await daemon.status()).replicas[store].connected,
      metric: await daemon.metric('zk_consul_sync_replica_connected', { replica: store }),
      ready: await daemon.ready(),
      inSync: (await daemon.mapping()).inSync,
      state: (await daemon.mapping()).state,
    };
  }

  async function expectTold(store: Store, wantedAnswers: Record<string, unknown>): Promise<void> {
    const told = async (): Promise<boolean> => {
      expect(await connectedAsTold(store)).toEqual(wantedAnswers);
      return true;
    };
    await waitUntil(`the daemon to say ${JSON.stringify(wantedAnswers)}`, told, { timeoutMs: NOTICE_MS });
  }

  const DOWN = { status: false, metric: 0, ready: false, inSync: false, state: 'degraded' };
  const UP = { status: true, metric: 1, ready: true, inSync: true, state: 'live' };

  describe.each(['zookeeper', 'consul'] as const)('of %s', (down) => {
    const up = down === 'zookeeper' ? 'consul' : 'zookeeper';

    it.each(Object.entries(FAULTS))(
      'that was %s loses nothing, is told truly, and heals by itself (S1, S5, L1, L3)',
      async (_name, fault: Fault) => {
        const server: Server = staging[`${down}Server`];
        await expectTold(down, UP);
        // The last thing that the store hears before it goes, which may or may not get through in time.
        await change(down, 'entry-0', 'written right before');
        await change(down, 'entry-1', undefined);
        await change(down, 'new-right-before', 'new');

        await fault.begin(server);
        const begunMs = performance.now();
        await change(up, 'entry-2', 'written meanwhile');
        await change(up, 'entry-3', undefined);
        await change(up, 'entry-4', undefined);
        await change(up, 'new-meanwhile', 'new');
        for (let times = 0; times < 20; times++) await change(up, 'entry-5', `${times} times`);
        await expectTold(down, DOWN);
        const atOther = await (up === 'zookeeper'
          ? znodesBelow(staging, '/config')
          : keysBelow(staging, 'config/'));
        const mayBeLate = ['new-right-before'];
        expect([...wanted.keys()].filter((key) => !atOther.has(key) && !mayBeLate.includes(key))).toEqual([]);
        const leftMs = (fault.lastsMs ?? 0) - (performance.now() - begunMs);
        if (leftMs > 0) await sleep(leftMs);
        await fault.end(server);
        if (down === 'zookeeper') await staging.reconnectZooKeeper();
        await change(down, 'new-right-after', 'new');
        await change(down, 'entry-6', undefined);

        await bothSidesToAgree();
        await expectTold(down, UP);
        expect(daemon.pid).toBe(pid);
        expect((await daemon.mapping()).conflicts.total).toBe(0);
      },
    );
  });

  it('of both at once heals by itself, and what clients write in between is carried over (L1, L3)', async () => {
    const servers = [staging.zookeeperServer, staging.consulServer];
    await Promise.all(servers.map((server) => server.kill()));
    await expectTold('zookeeper', DOWN);
    await expectTold('consul', DOWN);
    // By now the watch of Consul rests for seconds between its attempts, and must not be taken for one in place.
    await sleep(3_000);
    await staging.consulServer.start();
    await change('consul', 'entry-0', 'while zookeeper is down');
    await staging.zookeeperServer.start();
    await staging.reconnectZooKeeper();
    await change('zookeeper', 'entry-1', 'after both are back');

    // The watches may be in place long after the connections are; until then nothing is said to be in sync.
    await staging.consulHolds('config/entry-1', 'after both are back', 30_000);
    await inSyncWith(daemon, wanted.size);
    expectSameContents(await znodesBelow(staging, '/config'), wanted);
    expectSameContents(await keysBelow(staging, 'config/'), wanted);
    expect((await daemon.mapping()).conflicts.total).toBe(0);
  });

  it.each(['zookeeper', 'consul'] as const)(
    'of %s at the start of the daemon delays it, and it does what is due once that is over (S5, L3)',
    async (down) => {
      const up = down === 'zookeeper' ? 'consul' : 'zookeeper';
      await daemon.stop();
      await staging[`${down}Server`].stop();
      await change(up, 'entry-0', 'while both were down');
      await change(up, 'entry-1', undefined);
      await daemon.start();
      await expectTold(down, { ...DOWN, state: 'starting' });
      await waitUntil(`${up} to be connected`, async () => (await daemon.status()).replicas[up].connected);
      await change(up, 'entry-2', undefined);
      await staging[`${down}Server`].start();
      if (down === 'zookeeper') await staging.reconnectZooKeeper();

      await bothSidesToAgree();
      await expectTold(down, UP);
    },
  );
});

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CountingProxy } from '../../kit/daemon/counting-proxy.js';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { inSyncWith, writeKeys, writeZnodes } from './contents.js';

const QUIET_MS = 30_000;
const NOISE_MS = 6_000;
const NOISE_PER_SECOND = 200;
const NOISE_BATCH = 20;
const REQUESTS_PER_SECOND_MAX = 2;
/** With a client whose writes answer this much slower than planned, nothing would be proven. */
const NOISE_SHARE_MIN = 0.1;

describe('a daemon in sync, with no client writing below its mappings', () => {
  let staging: Staging;
  let proxy: CountingProxy;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    staging = await Staging.start();
    proxy = await CountingProxy.start(staging.consulServer.address);
    await staging.zookeeper.create('/config');
    daemon = await staging.startDaemon({ consul: proxy.address });
    await daemon.inSync();
  });
  afterAll(async () => {
    await staging.dispose();
    await proxy.close();
  });

  /** Every version in both stores outside of what only the servers write, ledgers included. */
  async function versions(): Promise<Record<string, bigint>> {
    const found: Record<string, bigint> = {};
    for (const root of ['/config', '/zk-consul-sync']) {
      for (const path of await staging.zookeeper.listTree(root)) {
        const stat = (await staging.zookeeper.get(path))?.stat;
        found[`${path} mzxid`] = stat?.mzxid ?? -1n;
        found[`${path} pzxid`] = stat?.pzxid ?? -1n;
      }
    }
    for (const prefix of ['config/', 'zk-consul-sync/']) {
      for (const { key, modifyIndex } of await staging.consul.list(prefix)) found[key] = modifyIndex;
    }
    return found;
  }

  async function requestsByMetrics(): Promise<number> {
    return daemon.metric('zk_consul_sync_replica_requests_total', { replica: 'consul' });
  }

  /** Counts requests to Consul while `work` runs, twice: at the proxy, and by what the daemon says. */
  async function requestRates(work: () => Promise<void>): Promise<{ seen: number; told: number }> {
    const seenBefore = proxy.requests.length;
    const toldBefore = await requestsByMetrics();
    const startedMs = performance.now();
    await work();
    const seconds = (performance.now() - startedMs) / 1000;
    const seen = (proxy.requests.length - seenBefore) / seconds;
    const told = ((await requestsByMetrics()) - toldBefore) / seconds;
    expect(Math.abs(seen - told) * seconds, JSON.stringify(proxy.countsSince(seenBefore))).toBeLessThan(10);
    return { seen, told };
  }

  it(`moves no version in either store for ${QUIET_MS / 1000} s, and asks Consul less than ${REQUESTS_PER_SECOND_MAX} times a second (S2)`, async ({
    annotate,
  }) => {
    const contents = (side: string): Map<string, Buffer> =>
      new Map(Array.from({ length: 300 }, (_, number) => [`${side}-${number}`, Buffer.from(`${number}`)]));
    await Promise.all([
      writeZnodes(staging, 'create', '/config', contents('z')),
      writeKeys(staging, 'config/', contents('c')),
    ]);
    await inSyncWith(daemon, 600);
    await writeKeys(staging, 'config/', contents('z'));
    await writeZnodes(staging, 'set', '/config', contents('c'));
    await staging.zookeeper.set('/config/c-0', 'last in zookeeper');
    await staging.consul.put('config/z-0', 'last in consul');
    await staging.consulHolds('config/c-0', 'last in zookeeper');
    await staging.zookeeperHolds('/config/z-0', 'last in consul');
    await inSyncWith(daemon, 600);
    // Foreign changes move a ledger up to a second later.
    await sleep(3_000);

    const before = await versions();
    expect(Object.keys(before).length).toBeGreaterThan(1_800);
    const { seen, told } = await requestRates(() => sleep(QUIET_MS));
    expect(await versions()).toEqual(before);
    await annotate(`quiet: ${seen.toFixed(2)} requests/s seen, ${told.toFixed(2)} told`);
    expect(seen).toBeLessThan(REQUESTS_PER_SECOND_MAX);
    expect(told).toBeLessThan(REQUESTS_PER_SECOND_MAX);
    expect((await daemon.mapping()).inSync).toBe(true);
  });

  /** Sets keys of others, and tells how many a second. */
  async function noise(prefix: string, forMs = NOISE_MS): Promise<number> {
    const startedMs = performance.now();
    let written = 0;
    while (performance.now() - startedMs < forMs) {
      const keys = Array.from({ length: NOISE_BATCH }, (_, number) => `${prefix}${number}`);
      for (const key of keys) await staging.consul.put(key, String(written++));
      const dueMs = startedMs + (written * 1000) / NOISE_PER_SECOND;
      await sleep(Math.max(0, dueMs - performance.now()));
    }
    return (written * 1000) / (performance.now() - startedMs);
  }

  it.each([
    ['without keys', 'empty', 'unrelated/'],
    ['without keys', 'empty', 'empty-more/'],
    ['with keys', 'config', 'configuration/'],
  ])(
    `asks Consul less than ${REQUESTS_PER_SECOND_MAX} times a second for a mapping %s of %s/, while others write to %s`,
    async (_keys, place, prefix) => {
      await daemon.stop();
      await daemon.start({ mappings: [{ name: place, zookeeper: `/${place}`, consul: place }] });
      await daemon.inSync(place);
      // The first questions are asked as fast as they are answered.
      await noise(prefix, NOISE_MS / 2);
      let perSecond = 0;
      const { seen, told } = await requestRates(async () => {
        perSecond = await noise(prefix);
      });
      expect(perSecond).toBeGreaterThan(NOISE_PER_SECOND * NOISE_SHARE_MIN);
      expect(seen).toBeLessThan(REQUESTS_PER_SECOND_MAX);
      expect(told).toBeLessThan(REQUESTS_PER_SECOND_MAX);

      await staging.consul.put(`${place}/first`, 'seen all the same');
      await staging.zookeeperHolds(`/${place}/first`, 'seen all the same');
      await staging.consul.delete(`${place}/first`);
      await staging.zookeeperHolds(`/${place}/first`, undefined);
    },
  );
});

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { Bridge, curatorInstance, LIST } from './bridged.js';

/** Longer than the daemon's session with ZooKeeper, and far longer than `removeAfter`. */
const OUTAGE_MS = 7_000;
const LOOK_EVERY_MS = 100;
const INSTANCES = 3;

describe('consumers on both sides', () => {
  it('S7: see the same all the while that the daemon is gone after kill -9, and when it is back', async () => {
    const { bridge, consumers } = await populated();
    await bridge.daemon.kill();
    await sleep(OUTAGE_MS);
    await bridge.daemon.start();
    await bridge.daemon.inSync(LIST);
    await sleep(2_000);
    expect(await consumers.finish()).toEqual(UNCHANGED);
  });

  it('see the same when ZooKeeper is lost for longer than the daemon’s session lasts, and is back', async () => {
    const { bridge, consumers } = await populated();
    const { zookeeperServer } = bridge.staging;
    await zookeeperServer.kill();
    await sleep(OUTAGE_MS);
    await zookeeperServer.start();
    await bridge.daemon.inSync(LIST);
    await sleep(2_000);
    expect(await consumers.finish()).toEqual(UNCHANGED);
  });

  it('see the same when Consul is lost, and is back', async () => {
    const { bridge, consumers } = await populated();
    const { consulServer } = bridge.staging;
    await consulServer.kill();
    await sleep(OUTAGE_MS);
    await consulServer.start();
    await bridge.daemon.inSync(LIST);
    await sleep(2_000);
    expect(await consumers.finish()).toEqual(UNCHANGED);
  });
});

const STORES = ['consul', 'zookeeper'] as const;

/** What all looks showed, once each. */
const UNCHANGED = {
  consul: ['10.0.0.1:80,10.0.0.1:81,10.0.0.1:82,10.0.1.0:70,10.0.1.1:70,10.0.1.2:70'],
  zookeeper: [
    '0,1,2,zk-consul-sync:default:host-1:web-0,zk-consul-sync:default:host-1:web-1,zk-consul-sync:default:host-1:web-2',
  ],
};

async function populated(): Promise<{ bridge: Bridge; consumers: Consumers }> {
  const bridge = await Bridge.start();
  const programs: RawZooKeeper[] = [];
  for (let at = 0; at < INSTANCES; at++) {
    const data = curatorInstance('web', String(at), `10.0.1.${at}`, 70);
    programs.push(await bridge.registerInZooKeeper(`/services/web/${at}`, data));
    await bridge.registerInConsul({ id: `web-${at}`, port: 80 + at });
  }
  await bridge.consulShows('web', UNCHANGED.consul[0]?.split(',') ?? []);
  await bridge.zookeeperShows('/services/web', 2 * INSTANCES);
  await bridge.daemon.inSync(LIST);
  const [client] = programs;
  if (client === undefined) throw new Error('nobody has registered');
  return { bridge, consumers: new Consumers(bridge, client) };
}

/** Programs that look up a service on both sides, again and again. Where they get no answer, they keep what they have. */
class Consumers {
  private readonly seen = { consul: new Set<string>(), zookeeper: new Set<string>() };
  private readonly looks = { consul: 0, zookeeper: 0 };
  private readonly ending = new AbortController();
  private readonly running: Promise<void>;

  /** @param client a session that outlives the outages */
  constructor(
    private readonly bridge: Bridge,
    private readonly client: RawZooKeeper,
  ) {
    this.running = this.run();
  }

  /** What they have seen, at least once after all was over. */
  async finish(): Promise<{ consul: string[]; zookeeper: string[] }> {
    this.ending.abort();
    await this.running;
    expect(this.looks.consul).toBeGreaterThan(10);
    expect(this.looks.zookeeper).toBeGreaterThan(10);
    for (const store of STORES) await this.look(store);
    return { consul: [...this.seen.consul], zookeeper: [...this.seen.zookeeper] };
  }

  private async run(): Promise<void> {
    const looking = STORES.map(async (store) => {
      while (!this.ending.signal.aborted) {
        await this.look(store).catch(() => undefined);
        await sleep(LOOK_EVERY_MS);
      }
    });
    await Promise.all(looking);
  }

  private async look(store: (typeof STORES)[number]): Promise<void> {
    const found =
      store === 'consul' ? await this.bridge.passing('web') : await this.client.children('/services/web');
    this.looks[store]++;
    this.seen[store].add([...found].sort().join());
  }
}

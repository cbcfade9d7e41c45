import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { Bridge, curatorInstance, LIST } from './bridged.js';

/** Longer than the daemon's session with ZooKeeper, and far longer than `removeAfter`. */
const OUTAGE_MS = 7_000;
const LOOK_EVERY_MS = 100;
const LOOKS = 10;
const INSTANCES = 3;
const TIMEOUT_MS = 120_000;

describe('consumers on both sides', { timeout: TIMEOUT_MS }, () => {
  it('S7: see the same all the while that the daemon is gone after kill -9, and when it is back', async () => {
    const { bridge, consumers } = await populated();
    await bridge.daemon.kill();
    await sleep(OUTAGE_MS);
    await bridge.daemon.start();
    await bridge.daemon.inSync(LIST);
    await consumers.haveLooked();
    expect(await consumers.finish()).toEqual(UNCHANGED);
  });

  it('see the same when ZooKeeper is lost for longer than the daemon’s session lasts, and is back', async () => {
    const { bridge, consumers } = await populated();
    const { zookeeperServer } = bridge.staging;
    await zookeeperServer.kill();
    await sleep(OUTAGE_MS);
    await zookeeperServer.start();
    await bridge.daemon.inSync(LIST);
    await consumers.haveLooked();
    expect(await consumers.finish()).toEqual(UNCHANGED);
  });

  it('see the same when Consul is lost, and is back', async () => {
    const { bridge, consumers } = await populated();
    const { consulServer } = bridge.staging;
    await consulServer.kill();
    await sleep(OUTAGE_MS);
    await consulServer.start();
    await bridge.daemon.inSync(LIST);
    await consumers.haveLooked();
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
  for (let at = 0; at < INSTANCES; at++) {
    const data = curatorInstance('web', String(at), `10.0.1.${at}`, 70);
    await bridge.registerInZooKeeper(`/services/web/${at}`, data);
    await bridge.registerInConsul({ id: `web-${at}`, port: 80 + at });
  }
  await bridge.consulShows('web', UNCHANGED.consul[0]?.split(',') ?? []);
  await bridge.zookeeperShows('/services/web', 2 * INSTANCES);
  await bridge.daemon.inSync(LIST);
  const consumers = new Consumers(bridge);
  await consumers.haveLooked();
  return { bridge, consumers };
}

/** Programs that look up a service on both sides, again and again. Where they get no answer, they keep what they have. */
class Consumers {
  private readonly seen = { consul: new Set<string>(), zookeeper: new Set<string>() };
  private readonly looks = { consul: 0, zookeeper: 0 };
  private readonly ending = new AbortController();
  private readonly running: Promise<void>;

  constructor(private readonly bridge: Bridge) {
    this.running = this.run();
  }

  /** Waits until they have got some more answers from either store. */
  async haveLooked(): Promise<void> {
    const { consul, zookeeper } = this.looks;
    const more = (): boolean =>
      this.looks.consul >= consul + LOOKS && this.looks.zookeeper >= zookeeper + LOOKS;
    await waitUntil('all consumers to look', () => Promise.resolve(more()), { timeoutMs: 30_000 });
  }

  /** What they have seen. */
  async finish(): Promise<{ consul: string[]; zookeeper: string[] }> {
    this.ending.abort();
    await this.running;
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
    const found = store === 'consul' ? await this.bridge.passing('web') : await this.nodes();
    this.looks[store]++;
    this.seen[store].add([...found].sort().join());
  }

  /** By a session of its own each time: one that loses its server in the middle of an answer does not find it again. */
  private async nodes(): Promise<readonly string[]> {
    const client = await RawZooKeeper.connect(this.bridge.staging.zookeeperServer);
    try {
      return await client.children('/services/web');
    } finally {
      await client.close();
    }
  }
}

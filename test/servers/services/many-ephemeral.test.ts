import { expect, it } from 'vitest';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { Bridge, LIST, listOf } from './bridged.js';

const SERVICES = 40;
const INSTANCES = 50;
const TIMEOUT_MS = 100_000;

it(
  `S9: ${SERVICES * INSTANCES} copies are bound anew in batches, each in its place`,
  async () => {
    const bridge = await Bridge.start();
    const names = Array.from({ length: SERVICES }, (_, at) => `service-${at}`);
    await bridge.user.makeNode('host-1');
    for (const name of names) await registerAll(bridge, name);
    await shown(bridge);
    const observer = await RawZooKeeper.connect(bridge.staging.zookeeperServer);
    await bridge.daemon.stop();
    await bridge.daemon.start({ services: [listOf({ ephemeral: true })] });
    const sizes = new Set<number>();
    const seen = [names[0] ?? '', names.at(-1) ?? ''];
    await waitUntil(
      'all to be bound',
      async () => {
        for (const name of seen) sizes.add((await observer.children(`/services/${name}`)).length);
        return (await ownersOf(observer, names)).every((owner) => owner !== 0n);
      },
      { timeoutMs: TIMEOUT_MS, everyMs: 50 },
    );
    await bridge.daemon.inSync(LIST);
    expect(sizes).toEqual(new Set([INSTANCES]));
    expect(await written(bridge)).toBe(SERVICES * INSTANCES);
    expect(await batches(bridge)).toBeLessThan(SERVICES);
    await observer.close();
  },
  2 * TIMEOUT_MS,
);

async function ownersOf(observer: RawZooKeeper, names: readonly string[]): Promise<bigint[]> {
  const found = names.map(async (name) => {
    const [child] = (await observer.children(`/services/${name}`)).slice(-1);
    return (await observer.get(`/services/${name}/${child ?? ''}`))?.stat.ephemeralOwner ?? 0n;
  });
  return Promise.all(found);
}

async function shown(bridge: Bridge): Promise<void> {
  const isShown = async () => (await bridge.daemon.mapping(LIST)).entries === SERVICES * INSTANCES;
  await waitUntil('all to be shown', isShown, { timeoutMs: TIMEOUT_MS, everyMs: 500 });
  await bridge.daemon.inSync(LIST);
}

async function batches({ daemon }: Bridge): Promise<number> {
  return daemon.metric('zk_consul_sync_write_batches_total');
}

async function written({ daemon }: Bridge): Promise<number> {
  const labels = { mapping: LIST, replica: 'zookeeper', operation: 'update', result: 'applied' };
  return daemon.metric('zk_consul_sync_writes_total', labels);
}

async function registerAll(bridge: Bridge, service: string): Promise<void> {
  const all = Array.from({ length: INSTANCES }, (_, at) => ({
    ...{ node: 'host-1', id: `${service}-${at}`, service, address: `10.0.0.${at}`, port: 80 },
    ...{ tags: [], meta: {}, weight: 1 },
  }));
  // Without checks, they pass.
  await bridge.user.transact(all.map((one) => bridge.user.operation(one)));
}

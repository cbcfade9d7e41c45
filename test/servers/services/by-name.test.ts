import { describe, expect, it } from 'vitest';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { Bridge, LIST } from './bridged.js';

const INTERFACE = 'org.apache.dubbo.demo.DemoService';
const FOLDER = `/services/${INTERFACE}`;

function urlOf(host: string, side = 'provider'): string {
  const query = `application=demo&dubbo=2.0.2&interface=${INTERFACE}&methods=sayHello&side=${side}`;
  return `dubbo://${host}:20880/${INTERFACE}?${query}&timestamp=1590000000000`;
}

function providerAt(url: string): string {
  return `${FOLDER}/providers/${encodeURIComponent(url)}`;
}

/** Waits until clients of Consul find exactly the providers with these URLs. */
async function consulHas(bridge: Bridge, urls: readonly string[]): Promise<void> {
  await waitUntil(`${urls.length} providers in Consul`, async () => {
    const instances = await bridge.user.instances(INTERFACE);
    const seen = instances.map(({ registration }) => registration.meta['url'] ?? '').sort();
    if (seen.join() !== [...urls].sort().join()) throw new Error(`they are ${seen.join()}`);
    return true;
  });
}

describe('providers of Dubbo, of which the names of their nodes say all', () => {
  it.each([
    ['no data, as older clients make them', ''],
    ['their host as data, as newer ones do', '10.0.0.1'],
  ])('are found in Consul as Dubbo’s own registry lays them out, with %s', async (_what, data) => {
    const bridge = await Bridge.start({ format: 'dubbo' });
    const url = urlOf('10.0.0.1');
    const program = await bridge.registerInZooKeeper(providerAt(url), data);
    await consulHas(bridge, [url]);
    const [copy] = await bridge.user.instances(INTERFACE);
    expect(copy).toMatchObject({ registration: { address: '10.0.0.1', port: 20880 }, statuses: ['passing'] });
    expect(copy?.registration.tags).toEqual(expect.arrayContaining(['dubbo', 'side=provider']));
    const { conflicts, entries, skippedTotal } = await bridge.daemon.inSync(LIST);
    expect({ entries, skippedTotal, total: conflicts.total }).toEqual({
      entries: 1,
      skippedTotal: 0,
      total: 0,
    });

    await program.close();
    await consulHas(bridge, []);
    expect((await bridge.daemon.inSync(LIST)).entries).toBe(0);
  });

  it('S7: stay as they are while the daemon is killed, and what happened meanwhile is made good', async () => {
    const bridge = await Bridge.start({ format: 'dubbo' });
    const [first, second, third] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((host) => urlOf(host));
    const program = await bridge.registerInZooKeeper(providerAt(first ?? ''), '');
    await bridge.registerInZooKeeper(providerAt(second ?? ''), '');
    await consulHas(bridge, [first ?? '', second ?? '']);
    await bridge.daemon.kill();
    await program.close();
    await bridge.registerInZooKeeper(providerAt(third ?? ''), '');
    await consulHas(bridge, [first ?? '', second ?? '']);
    await bridge.daemon.start();
    await consulHas(bridge, [second ?? '', third ?? '']);
    const { conflicts, holds, skippedTotal } = await bridge.daemon.inSync(LIST);
    expect({ holds, skippedTotal, total: conflicts.total }).toEqual({ holds: [], skippedTotal: 0, total: 0 });
  });

  it('are found in ZooKeeper where Dubbo registered them in Consul, and nothing is left when they have gone', async () => {
    const bridge = await Bridge.start({ format: 'dubbo' });
    const url = urlOf('10.0.0.9');
    const tags = ['side=provider', 'dubbo'];
    const registration = await bridge.registerInConsul({
      ...{ service: INTERFACE, id: 'demo-1', address: '10.0.0.9', port: 20880, tags, meta: { url } },
    });
    const nodes = await bridge.zookeeperShows(`${FOLDER}/providers`, 1);
    const [name = ''] = nodes.keys();
    expect(decodeURIComponent(name)).toMatch(url);
    expect(decodeURIComponent(name)).toMatch(/&bridged=/);
    await bridge.user.deregister(registration);
    await waitUntil('the folder to go with the last copy', async () => {
      return (await bridge.staging.zookeeper.get(FOLDER)) === undefined;
    });
    await bridge.daemon.inSync(LIST);
  });

  it('S8: consumers, routers and configurators beside them are nobody’s copies, and stay as they are', async () => {
    const bridge = await Bridge.start({ format: 'dubbo' });
    const url = urlOf('10.0.0.1');
    const consumer = `${FOLDER}/consumers/${encodeURIComponent(urlOf('10.0.0.7', 'consumer'))}`;
    const override = `${FOLDER}/configurators/${encodeURIComponent(`override://0.0.0.0/${INTERFACE}?weight=5`)}`;
    await bridge.registerInZooKeeper(consumer, '');
    await bridge.registerInZooKeeper(override, 'some data');
    await bridge.registerInZooKeeper(providerAt(url), '');
    await consulHas(bridge, [url]);
    const { entries, skippedTotal } = await bridge.daemon.inSync(LIST);
    expect({ entries, skippedTotal }).toEqual({ entries: 1, skippedTotal: 0 });
    expect(await bridge.staging.zookeeper.get(consumer)).toBeDefined();
    expect(await bridge.staging.zookeeper.get(override)).toBeDefined();
  });

  it('lists what Consul can’t hold as left out, and cuts nothing', async () => {
    const bridge = await Bridge.start({ format: 'dubbo' });
    const url = `${urlOf('10.0.0.1')}&more=${'x'.repeat(512)}`;
    await bridge.registerInZooKeeper(providerAt(url), '');
    await waitUntil('it to be left out', async () => (await bridge.daemon.mapping(LIST)).skippedTotal === 1);
    const { skipped } = await bridge.daemon.mapping(LIST);
    expect(skipped[0]).toMatchObject({ reason: 'unreadable' });
    expect(await bridge.user.instances(INTERFACE)).toEqual([]);
  });
});

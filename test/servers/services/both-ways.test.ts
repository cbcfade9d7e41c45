import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { Bridge, curatorInstance, LIST } from './bridged.js';

/** Longer than a ledger waits to follow. */
const QUIET_MS = 3_000;

describe('services between real stores', () => {
  it('what registers in ZooKeeper is found in Consul while its session lives', async () => {
    const bridge = await Bridge.start();
    const program = await bridge.registerInZooKeeper(
      '/services/web/1',
      curatorInstance('web', '1', '10.0.0.7', 70),
    );
    await bridge.consulShows('web', ['10.0.0.7:70']);
    const [copy] = await bridge.user.instances('web');
    expect(copy).toMatchObject({
      registration: {
        node: 'zk-consul-sync-default',
        meta: { 'external-source': 'zookeeper', 'zk-consul-sync': 'default/apps' },
      },
      nodeMeta: { 'external-source': 'zookeeper' },
      statuses: ['passing'],
    });
    await program.close();
    await bridge.consulShows('web', []);
    await bridge.daemon.inSync(LIST);
  });

  it('what registers in Consul is found in ZooKeeper while its checks pass', async () => {
    const bridge = await Bridge.start();
    const registration = await bridge.registerInConsul();
    const nodes = await bridge.zookeeperShows('/services/web', 1);
    const [name = ''] = nodes.keys();
    expect(name).toBe('zk-consul-sync:default:host-1:web-1');
    expect(JSON.parse(nodes.get(name) ?? '')).toMatchObject({
      name: 'web',
      id: name,
      address: '10.0.0.1',
      port: 80,
    });

    await bridge.user.setStatus(registration, 'critical');
    await bridge.zookeeperShows('/services/web', 0);
    await bridge.user.setStatus(registration, 'passing');
    await bridge.zookeeperShows('/services/web', 1);
    await bridge.user.register({ ...registration, port: 81 });
    await bridge.daemon.inSync(LIST);
    await expect
      .poll(async () => [...(await bridge.nodesBelow('/services/web')).values()].join(), { timeout: 10_000 })
      .toContain('"port":81');
    await bridge.user.deregister(registration);
    await bridge.zookeeperShows('/services/web', 0);
  });

  it('S2: nothing goes round, and nothing is written when nobody registers', async () => {
    const bridge = await Bridge.start();
    await bridge.registerInZooKeeper('/services/web/1', curatorInstance('web', '1', '10.0.0.7', 70));
    await bridge.registerInConsul();
    await bridge.consulShows('web', ['10.0.0.1:80', '10.0.0.7:70']);
    await bridge.zookeeperShows('/services/web', 2);
    await bridge.daemon.inSync(LIST);
    await atRest(bridge);
    const before = await versions(bridge);
    await delay(QUIET_MS);
    expect(await versions(bridge)).toEqual(before);
  });

  it('S7: kill -9 changes nothing for anybody, and what happened meanwhile is made good', async () => {
    const bridge = await Bridge.start();
    const program = await bridge.registerInZooKeeper(
      '/services/web/1',
      curatorInstance('web', '1', '10.0.0.7', 70),
    );
    const second = await bridge.registerInZooKeeper(
      '/services/web/2',
      curatorInstance('web', '2', '10.0.0.8', 70),
    );
    const third = await bridge.registerInZooKeeper(
      '/services/web/3',
      curatorInstance('web', '3', '10.0.0.9', 70),
    );
    const registration = await bridge.registerInConsul();
    await bridge.consulShows('web', ['10.0.0.1:80', '10.0.0.7:70', '10.0.0.8:70', '10.0.0.9:70']);
    await bridge.zookeeperShows('/services/web', 4);
    await bridge.daemon.kill();
    await program.close();
    await bridge.user.register({ ...registration, id: 'web-2', port: 82 }, 'passing');
    expect(await bridge.passing('web')).toEqual([
      '10.0.0.1:80',
      '10.0.0.1:82',
      '10.0.0.7:70',
      '10.0.0.8:70',
      '10.0.0.9:70',
    ]);
    expect((await bridge.nodesBelow('/services/web')).size).toBe(3);
    await bridge.daemon.start();
    await bridge.consulShows('web', ['10.0.0.1:80', '10.0.0.1:82', '10.0.0.8:70', '10.0.0.9:70']);
    await bridge.zookeeperShows('/services/web', 4);
    await bridge.daemon.inSync(LIST);
    await Promise.all([second.close(), third.close()]);
  });

  it('S8: nothing of others is touched: foreign registrations, foreign nodes, other children', async () => {
    const bridge = await Bridge.start();
    const foreign = await bridge.registerInConsul({
      node: 'other-bridge',
      id: 'copy',
      address: '10.9.9.9',
      meta: { 'external-source': 'zookeeper', 'zk-consul-sync': 'other/apps' },
    });
    await bridge.staging.zookeeper.create(
      '/services/web/zk-consul-sync:other:n:1',
      curatorInstance('web', 'x', '10.8.8.8', 1),
    );
    await bridge.registerInConsul({ id: 'own' });
    await bridge.zookeeperShows('/services/web', 2);
    await bridge.daemon.inSync(LIST);
    expect(await bridge.passing('web')).toEqual(['10.0.0.1:80', '10.9.9.9:80']);
    await bridge.user.deregister({ ...foreign, id: 'own', node: 'host-1' });
    const left = await bridge.zookeeperShows('/services/web', 1);
    expect([...left.keys()]).toEqual(['zk-consul-sync:other:n:1']);
    expect(await bridge.passing('web')).toEqual(['10.9.9.9:80']);
  });
});

/** Ledgers follow what others have changed, once. */
async function atRest(bridge: Bridge): Promise<void> {
  let last = '';
  await waitUntil(
    'all to be at rest',
    async () => {
      const [before, now] = [last, inspect(await versions(bridge))];
      last = now;
      return before === now;
    },
    { everyMs: QUIET_MS },
  );
}

/** Versions of all copies and both ledgers. */
async function versions(bridge: Bridge): Promise<unknown> {
  const { zookeeper, consul } = bridge.staging;
  const names = await zookeeper.children('/services/web');
  const nodes = await Promise.all(
    names.map(async (name) => (await zookeeper.get(`/services/web/${name}`))?.stat.mzxid),
  );
  const ledger = await zookeeper.get(`/zk-consul-sync/default/${LIST}`);
  const key = await consul.get(`zk-consul-sync/default/${LIST}`);
  const services = await consul.request('GET', '/v1/health/service/web?consistent');
  return { names, nodes, ledger: ledger?.stat.mzxid, key: key?.modifyIndex, services: services.text };
}

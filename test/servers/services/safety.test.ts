import { rm } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { toDnsName } from '../../../src/services/dns-name.js';
import { Staging } from '../../kit/daemon/staging.js';
import { startZooKeeper } from '../../kit/servers/zookeeper-server.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { CatalogUser } from '../consul/catalog-fixture.js';
import { Bridge, curatorInstance, LIST, listOf } from './bridged.js';

describe('services between real stores, against harm', () => {
  it('S4: of a lost archive, copies go whose originals went meanwhile, and no other is touched', async () => {
    const bridge = await Bridge.start({ removeAfter: '1s', minHealthy: 0 });
    const gone = await bridge.registerInZooKeeper('/services/web/1', instance('web', '1', '10.0.0.7'));
    const stays = await bridge.registerInZooKeeper('/services/web/2', instance('web', '2', '10.0.0.8'));
    const leaving = await bridge.registerInConsul();
    await bridge.registerInConsul({ id: 'web-2', port: 82 });
    await bridge.consulShows('web', ['10.0.0.1:80', '10.0.0.1:82', '10.0.0.7:70', '10.0.0.8:70']);
    await bridge.zookeeperShows('/services/web', 4);
    await bridge.daemon.kill();
    await gone.close();
    await bridge.user.deregister(leaving);
    await rm(bridge.daemon.archivePath, { recursive: true });
    const kept = await bridge.staging.zookeeper.get('/services/web/zk-consul-sync:default:host-1:web-2');

    await bridge.daemon.start({ config: { archive: { onLoss: 'merge' } } });
    await bridge.consulShows('web', ['10.0.0.1:82', '10.0.0.8:70']);
    const left = await bridge.zookeeperShows('/services/web', 2);
    expect([...left.keys()].sort()).toEqual(['2', 'zk-consul-sync:default:host-1:web-2']);
    const now = await bridge.staging.zookeeper.get('/services/web/zk-consul-sync:default:host-1:web-2');
    expect(now?.stat.mzxid).toBe(kept?.stat.mzxid);
    const { skippedTotal } = await bridge.daemon.inSync(LIST);
    expect(skippedTotal).toBe(0);
    await stays.close();
  });

  it('S8: a registration without our marks on our node stays where it is, also without an archive', async () => {
    const bridge = await Bridge.start();
    await bridge.registerInZooKeeper('/services/web/1', instance('web', '1', '10.0.0.7'));
    await bridge.consulShows('web', ['10.0.0.7:70']);
    const foreign = { node: 'zk-consul-sync-default', address: '10.9.9.9', tags: [], meta: {}, weight: 1 };
    await bridge.user.register({ ...foreign, id: `${LIST}/web/x`, service: 'web', port: 1 }, 'passing');
    await bridge.user.register({ ...foreign, id: 'other', service: 'web', port: 2 }, 'passing');
    await bridge.registerInZooKeeper('/services/web/2', instance('web', '2', '10.0.0.8'));
    await bridge.consulShows('web', ['10.0.0.7:70', '10.0.0.8:70', '10.9.9.9:1', '10.9.9.9:2']);
    await bridge.daemon.kill();
    await rm(bridge.daemon.archivePath, { recursive: true });
    await bridge.daemon.start({ config: { archive: { onLoss: 'merge' } } });
    await bridge.registerInZooKeeper('/services/web/3', instance('web', '3', '10.0.0.9'));
    await bridge.consulShows('web', [
      ...['10.0.0.7:70', '10.0.0.8:70', '10.0.0.9:70', '10.9.9.9:1', '10.9.9.9:2'],
    ]);
  });

  it('what is left out later takes its copies with it, and its originals stay', async () => {
    const bridge = await Bridge.start({ minHealthy: 0 });
    await bridge.registerInZooKeeper('/services/web/1', instance('web', '1', '10.0.0.7'));
    await bridge.registerInZooKeeper('/services/other/1', instance('other', '1', '10.0.0.9'));
    await bridge.registerInConsul();
    await bridge.consulShows('web', ['10.0.0.1:80', '10.0.0.7:70']);
    await bridge.consulShows('other', ['10.0.0.9:70']);
    await bridge.zookeeperShows('/services/web', 2);
    await bridge.daemon.stop();
    await bridge.daemon.start({ services: [{ ...listOf({ minHealthy: 0 }), exclude: ['web'] }] });
    await bridge.consulShows('web', ['10.0.0.1:80']);
    const left = await bridge.zookeeperShows('/services/web', 1);
    expect([...left.keys()]).toEqual(['1']);
    await bridge.consulShows('other', ['10.0.0.9:70']);
    await bridge.daemon.inSync(LIST);
  });

  it('names with slashes leave no empty nodes of the daemon behind, and those of clients stay', async () => {
    const bridge = await Bridge.start();
    await bridge.registerInZooKeeper('/services/crew/web/1', instance('crew/web', '1', '10.0.0.7'));
    await waitUntil('its copy', async () => (await bridge.user.instances(CREW_WEB)).length === 1);
    const registration = await bridge.registerInConsul({ service: toDnsName('team/web'), id: 'a' });
    const second = await bridge.registerInConsul({ service: CREW_WEB, id: 'b' });
    const service = bridge.nodesBelow.bind(bridge);
    await bridge.zookeeperShows('/services/crew/web', 2);
    await waitUntil('a node of team', async () => (await service('/services')).size === 2);
    await bridge.user.deregister(registration);
    await bridge.user.deregister(second);
    await waitUntil('what was made to go', async () => {
      const names = [...(await service('/services')).keys()];
      const left = [...(await service('/services/crew/web')).keys()];
      if (names.join() !== 'crew' || left.join() !== '1')
        throw new Error(`there are ${names.join()} with ${left.join()}`);
      return true;
    });
  });

  it('a client that changes copies, or takes them away, is put right, and the journal tells', async () => {
    const bridge = await Bridge.start();
    await bridge.registerInZooKeeper('/services/web/1', instance('web', '1', '10.0.0.7'));
    await bridge.registerInConsul();
    await bridge.consulShows('web', ['10.0.0.1:80', '10.0.0.7:70']);
    const [name = ''] = [...(await bridge.zookeeperShows('/services/web', 2)).keys()].filter(
      (id) => id !== '1',
    );
    await bridge.staging.zookeeper.set(`/services/web/${name}`, '{"not":"an instance"}');
    const copy = (await bridge.user.instances('web')).find(({ registration }) => registration.port === 70);
    if (copy === undefined) throw new Error('no copy');
    await bridge.user.register({ ...copy.registration, meta: {} }, 'passing');
    await waitUntil('both to be put right', async () => {
      const [copied] = (await bridge.user.instances('web')).filter(
        ({ registration }) => registration.port === 70,
      );
      const node = await bridge.staging.zookeeper.get(`/services/web/${name}`);
      const isRight = Buffer.from(node?.data ?? []).includes('"port":80');
      return isRight && copied?.registration.meta['zk-consul-sync'] === `default/${LIST}`;
    });
    await bridge.user.deregister(copy.registration);
    await bridge.staging.zookeeper.remove(`/services/web/${name}`);
    await bridge.consulShows('web', ['10.0.0.1:80', '10.0.0.7:70']);
    await bridge.zookeeperShows('/services/web', 2);
    const { conflicts } = await bridge.daemon.inSync(LIST);
    expect(conflicts).toMatchObject({ open: 0, total: 4 });
  });

  it('of two bridges on one Consul, each shows what registered there, and nothing of the other’s', async () => {
    const bridge = await Bridge.start();
    const zookeeper = await startZooKeeper();
    onTestFinished(() => zookeeper.dispose());
    const client = await RawZooKeeper.connect(zookeeper);
    const other = await bridge.staging.startDaemon({
      zookeeper: zookeeper.connect,
      services: [listOf()],
      config: { instance: 'other' },
    });
    await bridge.registerInZooKeeper('/services/web/1', instance('web', '1', '10.0.0.7'));
    await client.create('/services/web', '');
    await client.create('/services/web/1', instance('web', '1', '10.0.0.8'), { mode: 'ephemeral' });
    await bridge.registerInConsul();
    await bridge.consulShows('web', ['10.0.0.1:80', '10.0.0.7:70', '10.0.0.8:70']);
    await bridge.daemon.inSync(LIST);
    await other.inSync(LIST);
    expect([...(await bridge.zookeeperShows('/services/web', 2)).keys()].sort()).toEqual([
      '1',
      'zk-consul-sync:default:host-1:web-1',
    ]);
    expect((await client.children('/services/web')).sort()).toEqual([
      '1',
      'zk-consul-sync:other:host-1:web-1',
    ]);
    // The end of one takes nothing of the other.
    await other.stop();
    await client.close();
    await bridge.consulShows('web', ['10.0.0.1:80', '10.0.0.7:70', '10.0.0.8:70']);
  });

  it('two daemons with one base path are told apart by their instances: neither touches what the other shows', async () => {
    const bridge = await Bridge.start();
    const second = await Staging.start();
    onTestFinished(() => second.dispose());
    const other = await second.startDaemon({
      zookeeper: bridge.staging.zookeeperServer.connect,
      services: [listOf()],
      config: { instance: 'other' },
    });
    await other.inSync(LIST);
    const elsewhere = new CatalogUser(second.consul);
    await elsewhere.makeNode('host-2');
    const registration = await bridge.registerInConsul();
    await elsewhere.register({ ...registration, node: 'host-2', address: '10.0.0.2' }, 'passing');
    const names = await bridge.zookeeperShows('/services/web', 2);
    expect([...names.keys()].sort()).toEqual([
      'zk-consul-sync:default:host-1:web-1',
      'zk-consul-sync:other:host-2:web-1',
    ]);
    await bridge.user.deregister(registration);
    expect([...(await bridge.zookeeperShows('/services/web', 1)).keys()]).toEqual([
      'zk-consul-sync:other:host-2:web-1',
    ]);
    expect((await elsewhere.instances('web')).length).toBe(1);
  });
});

const CREW_WEB = toDnsName('crew/web');

function instance(service: string, id: string, address: string): string {
  return curatorInstance(service, id, address, 70);
}

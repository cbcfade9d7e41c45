import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { Bridge, curatorInstance, LIST, listOf } from './bridged.js';

const TIMEOUT_MS = 120_000;
const WATCHED_MS = 3_000;

it(
  'S7: of two daemons the other takes over after kill -9, and no copy goes meanwhile or is made twice',
  async () => {
    const bridge = await Bridge.start({}, {}, { highAvailability: { enabled: true } });
    const second = await bridge.staging.startDaemon({
      services: [listOf()],
      config: { highAvailability: { enabled: true } },
    });
    await follows(second);
    await bridge.registerInZooKeeper('/services/web/1', instance('1', '10.0.0.7'));
    await bridge.registerInConsul();
    await bridge.consulShows('web', ['10.0.0.1:80', '10.0.0.7:70']);
    await bridge.zookeeperShows('/services/web', 2);
    await bridge.daemon.inSync(LIST);
    const before = await copies(bridge);

    await bridge.daemon.kill();
    const leads = async (): Promise<boolean> => (await second.mapping(LIST)).role === 'active';
    await waitUntil('the second to lead', leads, { timeoutMs: 30_000 });
    await second.inSync(LIST);
    await sleep(WATCHED_MS);
    expect(await copies(bridge)).toEqual(before);
    await bridge.registerInZooKeeper('/services/web/2', instance('2', '10.0.0.8'));
    await bridge.registerInConsul({ id: 'web-2', port: 81 });
    await bridge.consulShows('web', ['10.0.0.1:80', '10.0.0.1:81', '10.0.0.7:70', '10.0.0.8:70']);
    await bridge.zookeeperShows('/services/web', 4);

    await bridge.daemon.start();
    await follows(bridge.daemon);
    await second.inSync(LIST);
    expect((await bridge.user.instances('web')).length).toBe(4);
  },
  TIMEOUT_MS,
);

async function follows(daemon: DaemonProcess): Promise<void> {
  await waitUntil('it to follow', async () => (await daemon.mapping(LIST)).role === 'standby', {
    timeoutMs: 30_000,
  });
}

/** Each copy with the number of its last change. */
async function copies(bridge: Bridge): Promise<unknown> {
  const { zookeeper, consul } = bridge.staging;
  const node = await zookeeper.get('/services/web/zk-consul-sync:default:host-1:web-1');
  const { text } = await consul.request('GET', '/v1/catalog/node/zk-consul-sync-default?consistent');
  return { node: node?.stat.mzxid, services: text };
}

function instance(id: string, address: string): string {
  return curatorInstance('web', id, address, 70);
}

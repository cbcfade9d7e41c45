import { describe, expect, it, onTestFinished } from 'vitest';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { Bridge, curatorInstance, LIST } from './bridged.js';
import { CuratorProgram } from './curator-program.js';
import { ask } from './dns-client.js';

describe('Apache Curator’s own service discovery', () => {
  it('registers across the bridge, and finds what registered in Consul, also in its cache', async () => {
    const bridge = await Bridge.start();
    await bridge.registerInConsul({ service: 'orders', id: 'orders-1', port: 81 });
    const program = await CuratorProgram.start(
      bridge.staging.zookeeperServer.connect,
      '/services',
      { service: 'web', id: 'one', address: '10.0.0.7', port: 70 },
      'orders',
    );
    onTestFinished(() => program.kill());
    await bridge.consulShows('web', ['10.0.0.7:70']);
    await program.finds('orders', ['http://10.0.0.1:81']);

    const second = await bridge.registerInConsul({ service: 'orders', id: 'orders-2', port: 82 });
    await program.cacheHas(['http://10.0.0.1:81', 'http://10.0.0.1:82']);
    await bridge.user.setStatus(second, 'critical');
    await program.cacheHas(['http://10.0.0.1:81']);
    await bridge.registerInConsul({ service: 'web', id: 'web-9', port: 90 });
    await program.finds('web', ['http://10.0.0.1:90', 'http://10.0.0.7:70']);

    await program.end();
    await bridge.consulShows('web', ['10.0.0.1:90']);
    await bridge.daemon.inSync(LIST);
  }, 180_000);
});

describe('Consul’s DNS', () => {
  it('answers for what registered in ZooKeeper, with addresses, ports and weights, and for readable names', async () => {
    const bridge = await Bridge.start({}, { consul: { dns: true } });
    const { consulServer } = bridge.staging;
    const program = await bridge.registerInZooKeeper('/services/web/1', instance('web', '1', '10.0.0.7'));
    await bridge.registerInZooKeeper('/services/web/2', instance('web', '2', '10.0.0.8'));
    await bridge.registerInZooKeeper('/services/UserService/1', instance('UserService', '1', '10.0.0.9'));
    await answers(consulServer, ['web.service.consul'], ['10.0.0.7', '10.0.0.8']);
    await answers(consulServer, ['userservice--avfetf.service.consul'], ['10.0.0.9']);
    const ports = await ask(consulServer, ['web.service.consul', 'SRV']);
    expect(ports.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual(['1 1 70', '1 1 70']);
    await program.close();
    await answers(consulServer, ['web.service.consul'], ['10.0.0.8']);
  });
});

function instance(service: string, id: string, address: string): string {
  return curatorInstance(service, id, address, 70);
}

/** Waits until `dig` gets exactly these answers. */
async function answers(
  server: ConsulServer,
  question: readonly string[],
  wanted: readonly string[],
): Promise<void> {
  await waitUntil(`DNS to answer ${question.join(' ')} with ${wanted.join()}`, async () => {
    const seen = await ask(server, question);
    if (seen.join() !== [...wanted].sort().join()) throw new Error(`it is ${seen.join()}`);
    return true;
  });
}

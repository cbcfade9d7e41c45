import { describe, expect, it } from 'vitest';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { Bridge, LIST } from './bridged.js';
import { ask } from './dns-client.js';

const SET = '/services/web';

describe('the weights of server sets', () => {
  it('are those of the copies, in Consul’s lists and its DNS, and follow every change of a vector', async () => {
    const bridge = await Bridge.start({ format: 'serverset' }, { consul: { dns: true } });
    const { zookeeper, consulServer } = bridge.staging;
    for (const id of ['1', '2']) {
      await bridge.registerInZooKeeper(`${SET}/member_${id}`, member(`10.0.0.${id}`));
    }
    await weights(bridge, { '10.0.0.1': 1, '10.0.0.2': 1 });

    await zookeeper.create(`${SET}/vector_1`, vector('member=1', 3));
    await weights(bridge, { '10.0.0.1': 3, '10.0.0.2': 1 });
    await srv(consulServer, ['1 1 80', '1 3 80']);
    await zookeeper.set(`${SET}/vector_1`, vector('inet=10.0.0.2:80', 0.5));
    await weights(bridge, { '10.0.0.1': 100, '10.0.0.2': 50 });
    await srv(consulServer, ['1 100 80', '1 50 80']);
    await bridge.registerInZooKeeper(`${SET}/member_3`, member('10.0.0.3', 4));
    await zookeeper.create(`${SET}/vector_2`, vector('shard=4', 2));
    await weights(bridge, { '10.0.0.1': 100, '10.0.0.2': 50, '10.0.0.3': 200 });

    await zookeeper.remove(`${SET}/vector_1`);
    await weights(bridge, { '10.0.0.1': 1, '10.0.0.2': 1, '10.0.0.3': 2 });
    await zookeeper.remove(`${SET}/vector_2`);
    await weights(bridge, { '10.0.0.1': 1, '10.0.0.2': 1, '10.0.0.3': 1 });
    const { conflicts, skippedTotal } = await bridge.daemon.inSync(LIST);
    expect(conflicts).toMatchObject({ total: 0 });
    expect(skippedTotal).toBe(0);
  });

  it('L3, S7: what became of a vector while the daemon was away is made good at its start', async () => {
    const bridge = await Bridge.start({ format: 'serverset' });
    const { zookeeper } = bridge.staging;
    await bridge.registerInZooKeeper(`${SET}/member_1`, member('10.0.0.1'));
    await zookeeper.create(`${SET}/vector_1`, vector('member=1', 7));
    await weights(bridge, { '10.0.0.1': 7 });
    await bridge.daemon.inSync(LIST);

    await bridge.daemon.kill();
    await zookeeper.set(`${SET}/vector_1`, vector('member=1', 8));
    await bridge.daemon.start();
    await weights(bridge, { '10.0.0.1': 8 });
    await bridge.daemon.inSync(LIST);

    await bridge.daemon.kill();
    await zookeeper.remove(`${SET}/vector_1`);
    await bridge.daemon.start();
    await weights(bridge, { '10.0.0.1': 1 });
    const { conflicts, holds } = await bridge.daemon.inSync(LIST);
    expect({ holds, total: conflicts.total }).toEqual({ holds: [], total: 0 });
  });

  it('S5: those that may not be read are unknown: members keep what they have, until it may', async () => {
    const bridge = await Bridge.start({ format: 'serverset' });
    const { zookeeper } = bridge.staging;
    await bridge.registerInZooKeeper(`${SET}/member_1`, member('10.0.0.1'));
    await zookeeper.create(`${SET}/vector_1`, vector('member=1', 7));
    await weights(bridge, { '10.0.0.1': 7 });
    await bridge.daemon.inSync(LIST);
    await bridge.daemon.stop();
    const nobody = [{ scheme: 'ip', id: '10.255.255.255', permissions: 31 }];
    await zookeeper.create(`${SET}/vector_2`, vector('member=1', 2), { acl: nobody });
    await bridge.daemon.start();
    await waitUntil('the member to be left out', async () => {
      const { skipped } = await bridge.daemon.mapping(LIST);
      return skipped.some(({ key, reason }) => key === 'web/member_1' && reason === 'denied');
    });
    await weights(bridge, { '10.0.0.1': 7 });
    await zookeeper.remove(`${SET}/vector_2`);
    await waitUntil(
      'it to be in step again',
      async () => (await bridge.daemon.mapping(LIST)).skippedTotal === 0,
      {
        timeoutMs: 60_000,
      },
    );
    await weights(bridge, { '10.0.0.1': 7 });
  }, 120_000);
});

/** As Finagle's announcer writes it. */
function member(host: string, shard?: number): string {
  const endpoint = { host, port: 80 };
  return JSON.stringify({
    serviceEndpoint: endpoint,
    additionalEndpoints: {},
    status: 'ALIVE',
    ...(shard === undefined ? {} : { shard }),
  });
}

function vector(select: string, weight: number): string {
  return JSON.stringify({ vector: [{ select, weight, priority: 1 }] });
}

/** Waits until clients of Consul are told exactly these. */
async function weights(bridge: Bridge, wanted: Readonly<Record<string, number>>): Promise<void> {
  await waitUntil(`the weights to be ${JSON.stringify(wanted)}`, async () => {
    const instances = await bridge.user.instances('web');
    const seen = Object.fromEntries(
      instances.map(({ registration: { address, weight } }) => [address, weight] as const).sort(),
    );
    if (JSON.stringify(seen) !== JSON.stringify(wanted)) throw new Error(`they are ${JSON.stringify(seen)}`);
    return true;
  });
}

/** Waits until DNS tells exactly these priorities, weights and ports. */
async function srv(server: ConsulServer, wanted: readonly string[]): Promise<void> {
  await waitUntil(`SRV records of ${wanted.join()}`, async () => {
    const lines = await ask(server, ['web.service.consul', 'SRV']);
    const seen = lines.map((line) => line.split(' ').slice(0, 3).join(' ')).sort();
    if (seen.join() !== [...wanted].sort().join()) throw new Error(`they are ${seen.join()}`);
    return true;
  });
}

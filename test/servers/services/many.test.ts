import { expect, it } from 'vitest';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { Bridge, curatorInstance, LIST } from './bridged.js';

const SERVICES = 200;
const INSTANCES = 50;
const CHURN_ROUNDS = 10;
/** Twice what a first copy takes on a machine that has other work too. */
const COPY_TIMEOUT_MS = 150_000;

it(
  `S9: ${SERVICES} services of ${INSTANCES} instances are shown, and churn costs writes of what changed only`,
  async () => {
    const bridge = await Bridge.start({ minHealthy: 0 });
    const names = Array.from({ length: SERVICES }, (_, at) => `service-${at}`);
    for (const name of names) await registerAll(bridge, name);
    await waitUntil(
      'all to be shown',
      async () => (await bridge.daemon.mapping(LIST)).entries === SERVICES * INSTANCES,
      {
        timeoutMs: COPY_TIMEOUT_MS,
        everyMs: 500,
      },
    );
    await bridge.daemon.inSync(LIST);
    for (const name of [names[0] ?? '', names.at(-1) ?? ''])
      expect(await bridge.passing(name)).toHaveLength(INSTANCES);

    const before = await costs(bridge);
    for (let round = 0; round < CHURN_ROUNDS; round++) {
      const name = names[round * 7] ?? '';
      await bridge.staging.zookeeper.remove(`/services/${name}/0`);
      await bridge.staging.zookeeper.create(
        `/services/${name}/new`,
        curatorInstance(name, 'new', '10.9.9.9', 1),
      );
      await waitUntil(`the churn of ${name}`, async () => {
        const seen = await bridge.passing(name);
        return seen.includes('10.9.9.9:1') && seen.length === INSTANCES;
      });
    }
    await bridge.daemon.inSync(LIST);
    const after = await costs(bridge);
    expect(after.written - before.written).toBe(2 * CHURN_ROUNDS);
    // Each change moves one service, of which alone instances are listed.
    expect(after.listed - before.listed).toBeLessThan(20 * CHURN_ROUNDS);
  },
  2 * COPY_TIMEOUT_MS,
);

/** In one transaction. Persistent nodes are registrations, too. */
async function registerAll(bridge: Bridge, name: string): Promise<void> {
  await bridge.staging.zookeeper.create(`/services/${name}`, '');
  const operations = Array.from({ length: INSTANCES }, (_, at) => ({
    kind: 'create' as const,
    path: `/services/${name}/${at}`,
    data: curatorInstance(name, String(at), `10.0.0.${at}`, 70),
  }));
  await bridge.staging.zookeeper.multi(operations);
}

async function costs({ daemon }: Bridge): Promise<{ written: number; listed: number }> {
  return {
    written: await daemon.metric('zk_consul_sync_writes_total', { mapping: LIST, result: 'applied' }),
    listed: await daemon.metric('zk_consul_sync_replica_requests_total', {
      replica: 'consul',
      operation: 'list',
    }),
  };
}

import { afterAll, beforeAll, expect, it } from 'vitest';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import { startZooKeeper } from '../../kit/servers/zookeeper-server.js';
import { connectSession, replicaOf } from './zookeeper-fixture.js';

const READ_ONLY = 1;

let server: ZooKeeperServer;
let raw: RawZooKeeper;

beforeAll(async () => {
  server = await startZooKeeper();
  raw = await RawZooKeeper.connect(server);
});
afterAll(async () => {
  await raw.close();
  await server.dispose();
});

it('a ledger is written below nodes made for it, where nothing above them may be written', async () => {
  await raw.create('/zk-consul-sync/default', '');
  await raw.create('/config', '');
  await raw.setAcl('/zk-consul-sync', [{ permissions: READ_ONLY, scheme: 'world', id: 'anyone' }]);
  await raw.setAcl('/', [{ permissions: READ_ONLY, scheme: 'world', id: 'anyone' }]);
  const session = await connectSession(server);
  const replica = replicaOf(session, { root: '/config', ledgerPath: '/zk-consul-sync/default/config' });
  const outcome = await replica.write(
    { operations: [], ledger: { content: '{}', expected: undefined } },
    AbortSignal.timeout(10_000),
  );
  expect(outcome.kind).toBe('applied');
  await session.close();
});

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import type { ZooKeeperSession } from '../../../src/zookeeper/zookeeper-session.js';
import { replicaContract } from '../../kit/replica-contract.js';
import type { ReplicaUnderTest } from '../../kit/replica-contract.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { startZooKeeper } from '../../kit/servers/zookeeper-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import { clientOf, connectSession, replicaOf } from './zookeeper-fixture.js';

interface Store {
  readonly server: ZooKeeperServer;
  readonly session: ZooKeeperSession;
  readonly raw: RawZooKeeper;
}

let current: Store;
let old: Store;
let chrooted: ZooKeeperSession;

beforeAll(async () => {
  [current, old] = await Promise.all([open('3.8'), open('3.4')]);
  await current.raw.create('/apps/team');
  chrooted = await connectSession({ connect: `${current.server.connect}/apps/team` });
});

afterAll(async () => {
  await chrooted.close();
  await Promise.all([current, old].map(close));
});

replicaContract('ZooKeeper 3.8', () => underTest(current.session, current.raw, ''));
replicaContract('ZooKeeper 3.4', () => underTest(old.session, old.raw, ''));
replicaContract('ZooKeeper 3.8 below a chroot', () => underTest(chrooted, current.raw, '/apps/team'));

async function open(flavour: '3.8' | '3.4'): Promise<Store> {
  const server = await startZooKeeper({ flavour });
  return { server, session: await connectSession(server), raw: await RawZooKeeper.connect(server) };
}

async function close({ server, session, raw }: Store): Promise<void> {
  await session.close();
  await raw.close();
  await server.dispose();
}

function underTest(session: ZooKeeperSession, raw: RawZooKeeper, chroot: string): Promise<ReplicaUnderTest> {
  const name = randomUUID();
  return Promise.resolve({
    replica: replicaOf(session, { root: `/mapped/${name}`, ledgerPath: `/zk-consul-sync/test/${name}` }),
    other: clientOf(raw, `${chroot}/mapped/${name}`),
    ledgerPlace: `test/${name}`,
    dispose: () => raw.removeRecursive(`${chroot}/mapped/${name}`),
  });
}

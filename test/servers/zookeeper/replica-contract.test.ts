import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { encodeKey } from '../../../src/core/key-codec.js';
import type { ZooKeeperSession } from '../../../src/zookeeper/zookeeper-session.js';
import { replicaContract } from '../../kit/replica-contract.js';
import type { ReplicaUnderTest } from '../../kit/replica-contract.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { permissionContract, storeContract } from '../../kit/store-contract.js';
import { startZooKeeper } from '../../kit/servers/zookeeper-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import { clientOf, connectSession, replicaOf } from './zookeeper-fixture.js';

interface Store {
  readonly flavour: '3.8' | '3.4';
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

const SUBJECTS = [
  ['ZooKeeper 3.8', () => underTest(current.session, current, '')],
  ['ZooKeeper 3.4', () => underTest(old.session, old, '')],
  ['ZooKeeper 3.8 below a chroot', () => underTest(chrooted, current, '/apps/team')],
] as const;

for (const [name, setup] of SUBJECTS) {
  replicaContract(name, setup);
  storeContract(name, setup);
  permissionContract(name, setup);
}

async function open(flavour: Store['flavour']): Promise<Store> {
  const server = await startZooKeeper({ flavour });
  return {
    flavour,
    server,
    session: await connectSession(server),
    raw: await RawZooKeeper.connect(server, { digest: 'other:secret' }),
  };
}

async function close({ server, session, raw }: Store): Promise<void> {
  await session.close();
  await raw.close();
  await server.dispose();
}

function underTest(
  session: ZooKeeperSession,
  { raw, server, flavour }: Store,
  chroot: string,
): Promise<ReplicaUnderTest & { hide: (key: string) => Promise<void> }> {
  const name = randomUUID();
  const root = `${chroot}/mapped/${name}`;
  return Promise.resolve({
    replica: replicaOf(session, { root: `/mapped/${name}`, ledgerPath: `/zk-consul-sync/test/${name}` }),
    other: clientOf(raw, server, root),
    ledgerPlace: `test/${name}`,
    scanReadsValues: flavour !== '3.4',
    // For those that are logged in as the tests' own client is, and nobody else.
    hide: (key) => raw.setAcl(`${root}/${encodeKey(key)}`, [{ permissions: 31, scheme: 'auth', id: '' }]),
    dispose: () => raw.removeRecursive(root),
  });
}

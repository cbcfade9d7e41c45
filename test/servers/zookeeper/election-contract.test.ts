import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ZooKeeperElection } from '../../../src/zookeeper/zookeeper-election.js';
import type { ZooKeeperSession } from '../../../src/zookeeper/zookeeper-session.js';
import { electionContract } from '../../kit/election-contract.js';
import type { ElectionsUnderTest } from '../../kit/election-contract.js';
import { FaultProxy } from '../../kit/fault-proxy.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { startZooKeeper } from '../../kit/servers/zookeeper-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import { NEVER } from '../../unit/zookeeper/session-fixture.js';
import { connectSession, OPEN_ACL, replicaOf } from './zookeeper-fixture.js';

const SESSION_TIMEOUT_MS = 1_500;

let current: ZooKeeperServer;
let old: ZooKeeperServer;

beforeAll(async () => {
  [current, old] = await Promise.all([
    startZooKeeper({ flavour: '3.8' }),
    startZooKeeper({ flavour: '3.4' }),
  ]);
});

afterAll(async () => {
  await Promise.all([current.dispose(), old.dispose()]);
});

electionContract('ZooKeeper 3.8', () => underTest(current));
electionContract('ZooKeeper 3.4', () => underTest(old));

it('candidates are not listed as ledgers', async () => {
  const session = await connectSession(current);
  const election = electionOver(session, 'listed');
  await election.enter('config', NEVER);
  expect([...(await replicaOf(session).listLedgers(NEVER)).keys()]).not.toContain('listed/.candidates');
  await session.close();
});

async function underTest(server: ZooKeeperServer): Promise<ElectionsUnderTest> {
  const instance = `test-${randomUUID()}`;
  const proxies = await Promise.all([0, 1, 2].map(() => FaultProxy.start(server)));
  const sessions = await Promise.all(
    proxies.map((proxy) => connectSession(proxy, { sessionTimeoutMs: SESSION_TIMEOUT_MS })),
  );
  const elections = sessions.map((session) => electionOver(session, instance));
  const [a, b, c] = elections;
  if (a === undefined || b === undefined || c === undefined) throw new Error('there are three');
  return {
    elections: [a, b, c],
    // Cut off until the server has ended the session, as a daemon that stood still for too long would be.
    expire: async (election) => {
      const index = elections.findIndex((one) => one === election);
      const before = sessions[index]?.state;
      const proxy = proxies[index];
      const witness = elections.find((one) => one !== election);
      await proxy?.set({ kind: 'refuse' });
      await waitUntil('the server to end the session', async () => {
        const queue = (await witness?.queues(['config'], NEVER))?.get('config') ?? [];
        return queue.every(({ member }) => member.id !== election.self.id);
      });
      await proxy?.lift();
      await waitUntil('another session', async () => {
        const after = sessions[index]?.state;
        return (
          before?.kind === 'connected' && after?.kind === 'connected' && before.sessionId !== after.sessionId
        );
      });
    },
    dispose: async () => {
      await Promise.all(sessions.map((session) => session.close()));
      await Promise.all(proxies.map((proxy) => proxy.close()));
    },
  };
}

function electionOver(session: ZooKeeperSession, instance: string): ZooKeeperElection {
  const self = { id: randomUUID(), host: 'test', admin: undefined };
  return new ZooKeeperElection({
    session,
    namespaceRoot: '/zk-consul-sync',
    instance,
    self,
    acl: OPEN_ACL,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
  });
}

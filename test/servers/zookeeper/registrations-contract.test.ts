import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RegistrationsReplica } from '../../../src/services/registrations-replica.js';
import type { ZooKeeperSession } from '../../../src/zookeeper/zookeeper-session.js';
import { CONTRACT_OF_SOME_NAMES, replicaContract, scanAll } from '../../kit/replica-contract.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { startZooKeeper } from '../../kit/servers/zookeeper-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import { registrationsSubject } from '../../kit/services/registrations-subject.js';
import { translationOf } from '../consul/catalog-fixture.js';
import { clientOf, connectSession, digest, replicaOf } from './zookeeper-fixture.js';

const NEVER = new AbortController().signal;
let server: ZooKeeperServer;
let session: ZooKeeperSession;
let raw: RawZooKeeper;

beforeAll(async () => {
  server = await startZooKeeper({ flavour: '3.8' });
  [session, raw] = await Promise.all([connectSession(server), RawZooKeeper.connect(server)]);
});

afterAll(async () => {
  await session.close();
  await raw.close();
  await server.dispose();
});

const translation = translationOf();
const registrationsBelow = (root: string, ledgerPath = `/zk-consul-sync/test/${randomUUID()}`) =>
  new RegistrationsReplica({ nodes: replicaOf(session, { root, ledgerPath }), translation, digest });

replicaContract(
  'registrations in ZooKeeper',
  async () => {
    const name = randomUUID();
    const root = `/services-${name}`;
    return registrationsSubject({
      nodes: replicaOf(session, { root, ledgerPath: `/zk-consul-sync/test/${name}` }),
      user: clientOf(raw, server, root),
      ledgerPlace: `test/${name}`,
      dispose: () => raw.removeRecursive(root),
    });
  },
  CONTRACT_OF_SOME_NAMES,
);

describe('instances that registered in ZooKeeper', () => {
  let root: string;
  let replica: RegistrationsReplica;
  beforeEach(async () => {
    root = `/services-${randomUUID()}`;
    replica = registrationsBelow(root);
    await raw.create(`${root}/web`, '');
  });

  const read = async (key: string) => (await replica.read([key], NEVER)).get(key);
  const instance = (more = ''): string => `{"name":"web","id":"1","address":"10.0.0.1","port":80${more}}`;

  it('belong to the session of their ephemeral node, or to whoever made one that stays', async () => {
    const owner = await RawZooKeeper.connect(server);
    await owner.create(`${root}/web/1`, instance(), { mode: 'ephemeral' });
    await raw.create(`${root}/web/2`, instance());
    const reading = await read('web/1');
    expect(reading).toMatchObject({ kind: 'present' });
    expect(reading?.kind === 'present' ? reading.session : undefined).toMatch(/\d/);
    expect(await read('web/2')).toMatchObject({ kind: 'present', session: 'its registrar' });
    expect(await replica.proveAbsent(['web/1', 'web/3'], NEVER)).toEqual(new Set(['web/3']));
    await owner.close();
    expect(await read('web/1')).toEqual({ kind: 'absent' });
  });

  it('are written by nobody else', async () => {
    await raw.create(`${root}/web/1`, instance());
    const base = await read('web/1');
    if (base?.kind !== 'present') throw new Error('not there');
    const operation = { kind: 'delete', key: 'web/1', base } as const;
    expect(await replica.write({ operations: [operation], ledger: undefined }, NEVER)).toMatchObject({
      kind: 'rejected',
      rejections: [{ key: 'web/1', reason: 'session-bound' }],
    });
  });

  it('S4: those that want no traffic are absent, by the word of their own node', async () => {
    await raw.create(`${root}/web/1`, instance(',"enabled":false'));
    expect(await read('web/1')).toEqual({ kind: 'absent' });
    expect(await replica.proveAbsent(['web/1'], NEVER)).toEqual(new Set(['web/1']));
    await raw.set(`${root}/web/1`, instance());
    expect(await replica.proveAbsent(['web/1'], NEVER)).toEqual(new Set());
  });

  it('S5: what is none of the format is unknown, and told', async () => {
    const told: string[] = [];
    replica = new RegistrationsReplica({
      nodes: replicaOf(session, { root }),
      translation,
      digest,
      onBroken: (key) => told.push(key),
    });
    await raw.create(`${root}/web/1`, '{"host":"a"}');
    expect(await read('web/1')).toEqual({ kind: 'unknown', reason: 'unreadable' });
    expect(await replica.proveAbsent(['web/1'], NEVER)).toEqual(new Set());
    expect(told).toContain('web/1');
  });

  it('a walk shows instances and inner nodes, and no copies of other deployments', async () => {
    await raw.create(`${root}/web/1`, instance());
    await raw.create(`${root}/web/zk-consul-sync:test:n:1`, instance());
    await raw.create(`${root}/web/zk-consul-sync:other:n:1`, instance());
    expect([...(await scanAll(replica)).keys()]).toEqual(['web', 'web/1', 'web/zk-consul-sync:test:n:1']);
    expect(await read('web/zk-consul-sync:test:n:1')).toMatchObject({ kind: 'present', session: undefined });
  });
});

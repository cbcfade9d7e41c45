import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HintListener } from '../../../src/ports/replica.js';
import { serversetFormat } from '../../../src/services/formats/serverset.js';
import { vectors } from '../../../src/services/formats/vectors.js';
import { RegistrationsReplica } from '../../../src/services/registrations-replica.js';
import { decodeRecord } from '../../../src/services/service-record.js';
import { SiblingRules } from '../../../src/services/sibling-rules.js';
import type { ZooKeeperSession } from '../../../src/zookeeper/zookeeper-session.js';
import { scanAll } from '../../kit/replica-contract.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { startZooKeeper } from '../../kit/servers/zookeeper-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import { translationOf } from '../consul/catalog-fixture.js';
import { connectSession, digest, replicaOf } from './zookeeper-fixture.js';

const NEVER = new AbortController().signal;
const MEMBER = 'web/member_1';
const NOBODY = [{ scheme: 'ip', id: '10.255.255.255', permissions: 31 }];

describe.each(['3.8', '3.4'] as const)('members and what stands beside them, on ZooKeeper %s', (flavour) => {
  let server: ZooKeeperServer;
  let session: ZooKeeperSession;
  let raw: RawZooKeeper;
  let root: string;
  let replica: RegistrationsReplica;
  let broken: string[];

  beforeAll(async () => {
    server = await startZooKeeper({ flavour });
    [session, raw] = await Promise.all([connectSession(server), RawZooKeeper.connect(server)]);
  });

  afterAll(async () => {
    await session.close();
    await raw.close();
    await server.dispose();
  });

  beforeEach(async () => {
    root = `/services-${randomUUID()}`;
    broken = [];
    const nodes = replicaOf(session, { root });
    const rules = new SiblingRules({ nodes, weights: vectors, onBroken: (key) => broken.push(key) });
    const translation = translationOf({ format: serversetFormat });
    replica = new RegistrationsReplica({ nodes, rules, translation, digest });
    await raw.create(root, '');
    await raw.create(`${root}/web`, '');
    const endpoint =
      '{"serviceEndpoint":{"host":"10.0.0.1","port":80},"additionalEndpoints":{},"status":"ALIVE"}';
    await raw.create(`${root}/${MEMBER}`, endpoint);
  });

  const put = (name: string, weight: number, acl?: typeof NOBODY) => {
    const vector = JSON.stringify({ vector: [{ select: 'member=1', weight, priority: 1 }] });
    return raw.create(`${root}/web/${name}`, vector, acl === undefined ? {} : { acl });
  };
  const read = async () => (await replica.read([MEMBER], NEVER)).get(MEMBER);
  const seen = async () => {
    const reading = await read();
    if (reading?.kind !== 'present') throw new Error(`it is ${JSON.stringify(reading)}`);
    return { version: reading.version, weight: decodeRecord(reading.value).weight };
  };

  it('have another version with each weight, and the old one with the old weight; a walk has the same', async () => {
    const versions: string[] = [];
    const note = async (weight: number | undefined): Promise<void> => {
      const { version, ...found } = await seen();
      expect(found).toEqual({ weight });
      expect((await scanAll(replica)).get(MEMBER)?.version).toEqual(version);
      versions.push(`${version.modified}/${version.created}`);
    };
    await note(undefined);
    await put('vector_1', 3);
    await note(3);
    await put('vector_2', 2);
    await note(6);
    await raw.remove(`${root}/web/vector_2`);
    await note(3);
    await raw.remove(`${root}/web/vector_1`);
    await note(undefined);
    const [none, three, six] = versions;
    expect(versions).toEqual([none, three, six, three, none]);
    expect(new Set(versions).size).toBe(3);
  });

  it('S5: are unknown where one of them may not be read, or there are far too many', async () => {
    await put('vector_1', 3, NOBODY);
    expect(await read()).toEqual({ kind: 'unknown', reason: 'denied' });
    expect((await scanAll(replica)).get(MEMBER)?.reading).toBeUndefined();
    await raw.remove(`${root}/web/vector_1`);
    for (let at = 0; at < 64; at++) await put(`vector_${at}`, 1);
    expect(await seen()).toMatchObject({ weight: undefined });
    await put('vector_64', 1);
    expect(await read()).toEqual({ kind: 'unknown', reason: 'unreadable' });
    expect(broken).toEqual(['web/']);
  });

  it('S5: are unknown where one node has more rules than can be tried for every member', async () => {
    const rule = '{"select":"member=2","weight":2}';
    const vector = (rules: number) => `{"vector":[${Array.from({ length: rules }, () => rule).join(',')}]}`;
    await raw.create(`${root}/web/vector_1`, vector(4_096));
    expect(await seen()).toMatchObject({ weight: undefined });
    await raw.set(`${root}/web/vector_1`, vector(4_097));
    expect(await read()).toEqual({ kind: 'unknown', reason: 'unreadable' });
    expect(broken).toEqual(['web/']);
  });

  it('are hinted at together when a vector comes, changes or goes', async () => {
    const stirred: string[] = [];
    const changed: string[] = [];
    const rescans: string[] = [];
    const listener: HintListener = {
      changed: (keys) => changed.push(...keys),
      saw: () => undefined,
      stirred: (within = '') => stirred.push(within),
      rescan: (reason) => rescans.push(reason),
      lost: () => undefined,
    };
    const abort = new AbortController();
    const ended = replica.watch(listener, abort.signal);
    await vi.waitFor(() => expect(rescans).not.toEqual([]), 10_000);
    const changes = [
      () => put('vector_1', 3),
      () => raw.set(`${root}/web/vector_1`, '{"vector":[]}'),
      () => raw.remove(`${root}/web/vector_1`),
    ];
    for (const change of changes) {
      stirred.length = 0;
      await change();
      await vi.waitFor(() => expect(stirred).toContain('web/'), 10_000);
    }
    expect(changed.filter((key) => key.startsWith('web/vector_'))).toEqual([]);
    abort.abort();
    await ended;
  });
});

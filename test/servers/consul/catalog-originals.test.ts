import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CatalogReplica } from '../../../src/consul/catalog/catalog-replica.js';
import { ConsulClient } from '../../../src/consul/consul-client.js';
import type { HintListener } from '../../../src/ports/replica.js';
import type { CatalogRegistration } from '../../../src/ports/catalog.js';
import { decodeRecord, encodeRecord } from '../../../src/services/service-record.js';
import type { ServiceTranslation } from '../../../src/services/service-translation.js';
import { scanAll } from '../../kit/replica-contract.js';
import { startConsul } from '../../kit/servers/consul-server.js';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import { RawConsul } from '../../kit/servers/raw-consul.js';
import { catalogOf, CatalogUser, translationOf } from './catalog-fixture.js';
import { NEVER } from './replica-fixture.js';

let server: ConsulServer;
let guarded: ConsulServer;

beforeAll(async () => {
  [server, guarded] = await Promise.all([startConsul(), startConsul({ acl: true })]);
});

afterAll(async () => {
  await Promise.all([server.dispose(), guarded.dispose()]);
});

describe('instances that registered in Consul', () => {
  let user: CatalogUser;
  let translation: ServiceTranslation;
  let replica: CatalogReplica;
  let instance: CatalogRegistration;
  let key: string;

  beforeEach(async () => {
    user = new CatalogUser(new RawConsul(server));
    const name = randomUUID();
    translation = translationOf({ bridge: name, node: `zookeeper-${name}`, include: [name] });
    replica = catalogOf(new ConsulClient({ address: new URL(server.address) }), translation);
    instance = {
      node: `host-${name}`,
      id: 'web-1',
      service: name,
      address: '10.0.0.1',
      port: 80,
      tags: [],
      meta: {},
      weight: 1,
    };
    key = translation.keyOf(instance) ?? '';
    await user.makeNode(instance.node);
  });

  const read = async () => (await replica.read([key], NEVER)).get(key);

  it('belong to whoever registered them', async () => {
    await user.register(instance, 'passing');
    const reading = await read();
    expect(reading).toMatchObject({ kind: 'present', session: `${instance.node}/web-1` });
    if (reading?.kind !== 'present') throw new Error('not there');
    expect(decodeRecord(reading.value)).toMatchObject({ address: '10.0.0.1', port: 80 });
    expect((await scanAll(replica)).get(key)?.version).toEqual(reading.version);
    const outcome = await replica.write(
      { operations: [{ kind: 'delete', key, base: reading }], ledger: undefined },
      NEVER,
    );
    expect(outcome).toMatchObject({ kind: 'rejected', rejections: [{ key, reason: 'session-bound' }] });
  });

  it.each(['warning', 'critical'])('S4: are absent while a check of theirs is %s', async (status) => {
    await user.register(instance, status);
    expect(await read()).toEqual({ kind: 'absent' });
    expect(await replica.proveAbsent([key], NEVER)).toEqual(new Set([key]));
    expect((await scanAll(replica)).has(key)).toBe(false);

    await user.setStatus(instance, 'passing');
    expect(await read()).toMatchObject({ kind: 'present' });
    expect(await replica.proveAbsent([key], NEVER)).toEqual(new Set());
  });

  it('are there whatever their checks say where that is asked for', async () => {
    replica = catalogOf(new ConsulClient({ address: new URL(server.address) }), translation, {
      onlyPassing: false,
    });
    await user.register(instance, 'critical');
    expect(await read()).toMatchObject({ kind: 'present' });
  });

  it('S4: are proven absent by their node and id', async () => {
    expect(await replica.proveAbsent([key], NEVER)).toEqual(new Set([key]));
    await user.register(instance);
    expect(await replica.proveAbsent([key], NEVER)).toEqual(new Set());
    await user.register({ ...instance, service: `${instance.service}-other` });
    expect(await replica.proveAbsent([key], NEVER)).toEqual(new Set([key]));
    await user.deregister({ ...instance, service: `${instance.service}-other` });
    expect(await replica.proveAbsent([key], NEVER)).toEqual(new Set([key]));
  });

  it('have the address of their node where they have none of their own', async () => {
    await user.register({ ...instance, address: '' });
    const reading = await read();
    if (reading?.kind !== 'present') throw new Error('not there');
    expect(decodeRecord(reading.value).address).toBe('127.0.0.1');
  });

  it('L3: give a hint within a second when they come, change, fail, pass again and go', async () => {
    const stirred: string[] = [];
    const rescans: string[] = [];
    const listener: HintListener = {
      changed: () => undefined,
      saw: () => undefined,
      stirred: (within = '') => stirred.push(within),
      rescan: (reason) => rescans.push(reason),
      lost: () => undefined,
    };
    const abort = new AbortController();
    const ended = replica.watch(listener, abort.signal);
    await vi.waitFor(() => expect(rescans).toEqual(['start']), 10_000);
    const changes = {
      comes: () => user.register(instance, 'passing'),
      changes: () => user.register({ ...instance, port: 81 }),
      fails: () => user.setStatus(instance, 'warning'),
      passes: () => user.setStatus(instance, 'passing'),
      goes: () => user.deregister(instance),
    };
    for (const [what, change] of Object.entries(changes)) {
      stirred.length = 0;
      await change();
      await vi.waitFor(() => expect(stirred, what).toContain(`${instance.service}/`), 1_000);
    }
    abort.abort();
    await ended;
  });
});

describe('copies in the catalog', () => {
  const value = encodeRecord({
    address: '10.0.0.2',
    port: 81,
    tags: [],
    meta: { zone: 'a' },
    weight: 3,
    carried: {},
  });
  const setup = (name: string) => {
    const user = new CatalogUser(new RawConsul(server));
    const translation = translationOf({ bridge: name, node: `zookeeper-${name}`, namePrefix: `${name}-` });
    const replica = catalogOf(new ConsulClient({ address: new URL(server.address) }), translation);
    return { user, translation, replica };
  };

  it('stand on a node of their own, with marks, a weight, and a check that passes and goes with them', async () => {
    const name = randomUUID();
    const { user, replica } = setup(name);
    const outcome = await replica.write(
      { operations: [{ kind: 'create', key: 'web/1', value }], ledger: undefined },
      NEVER,
    );
    expect(outcome.kind).toBe('applied');
    expect(await user.instances(`${name}-web`)).toMatchObject([
      {
        registration: {
          node: `zookeeper-${name}`,
          id: 'apps/web/1',
          address: '10.0.0.2',
          port: 81,
          meta: { zone: 'a', 'external-source': 'zookeeper', 'zk-consul-sync': `${name}/apps` },
          weight: 3,
        },
        nodeMeta: { 'external-source': 'zookeeper', 'zk-consul-sync': name },
        statuses: ['passing'],
      },
    ]);
    const base = (await replica.read(['web/1'], NEVER)).get('web/1');
    if (base?.kind !== 'present') throw new Error('not there');
    expect(base.session).toBeUndefined();
    await replica.write({ operations: [{ kind: 'delete', key: 'web/1', base }], ledger: undefined }, NEVER);
    const checks = await user.raw.request('GET', `/v1/health/node/zookeeper-${name}?consistent`);
    expect(JSON.parse(checks.text)).toEqual([]);
  });

  it('S8: are not put on a node that is somebody else’s', async () => {
    const name = randomUUID();
    const { user, replica } = setup(name);
    await user.makeNode(`zookeeper-${name}`, { 'zk-consul-sync': 'another' });
    const outcome = await replica.write(
      { operations: [{ kind: 'create', key: 'web/1', value }], ledger: undefined },
      NEVER,
    );
    expect(outcome).toMatchObject({ kind: 'retriable', cause: { code: 'CONFIG_INVALID' } });
    expect(await user.instances(`${name}-web`)).toEqual([]);
  });

  it('S3: come again after their node was removed with all that it had', async () => {
    const name = randomUUID();
    const { user, replica } = setup(name);
    const create = { operations: [{ kind: 'create', key: 'web/1', value }], ledger: undefined } as const;
    expect((await replica.write(create, NEVER)).kind).toBe('applied');
    await user.raw.request('PUT', '/v1/catalog/deregister', JSON.stringify({ Node: `zookeeper-${name}` }));
    expect((await replica.write(create, NEVER)).kind).toBe('retriable');
    expect((await replica.write(create, NEVER)).kind).toBe('applied');
  });
});

describe('a catalog of which a token may see only a part', () => {
  it('S5: what it may not read is unknown, and never proven absent', async () => {
    const user = new CatalogUser(new RawConsul(guarded));
    const instance = { node: 'host', id: 'i', address: '10.0.0.1', port: 80, tags: [], meta: {}, weight: 1 };
    await user.makeNode('host');
    await user.register({ ...instance, id: 'seen', service: 'seen' }, 'passing');
    await user.register({ ...instance, id: 'hidden', service: 'hidden' }, 'passing');
    const rules = 'service "seen" { policy = "read" } node_prefix "" { policy = "read" }';
    const { secret } = await new RawConsul(guarded).createToken(rules);
    const translation = translationOf();
    const replica = catalogOf(
      new ConsulClient({ address: new URL(guarded.address), token: secret }),
      translation,
    );
    const keyOf = (name: string) => translation.keyOf({ ...instance, id: name, service: name }) ?? '';
    const keys = ['seen', 'hidden', 'gone'].map(keyOf);
    const readings = await replica.read(keys, NEVER);
    expect(keys.map((key) => readings.get(key)?.kind)).toEqual(['present', 'unknown', 'absent']);
    expect(readings.get(keyOf('hidden'))).toEqual({ kind: 'unknown', reason: 'denied' });
    expect(await replica.proveAbsent(keys, NEVER)).toEqual(new Set([keyOf('gone')]));
    expect([...(await scanAll(replica)).keys()]).toEqual([keyOf('seen')]);
  });
});

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConsulReplica } from '../../../src/consul/consul-replica.js';
import {
  bytes,
  create,
  mustApply,
  present,
  remove,
  scanAll,
  update,
  write,
} from '../../kit/replica-contract.js';
import { startConsul } from '../../kit/servers/consul-server.js';
import type { ConsulServer } from '../../kit/servers/consul-server.js';
import { RawConsul } from '../../kit/servers/raw-consul.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { CountingClient, NEVER, replicaOf } from './replica-fixture.js';

let server: ConsulServer;
let raw: RawConsul;
let counting: CountingClient;
let prefix: string;
let replica: ConsulReplica;

const ALL_BITS = '18446744073709551615';
const LARGE = new Uint8Array(512 * 1024).map((_, i) => i % 251);

beforeAll(async () => {
  server = await startConsul();
  raw = new RawConsul(server);
  counting = new CountingClient(server.address);
});

afterAll(async () => {
  counting.client.close();
  await server.dispose();
});

beforeEach(() => {
  prefix = `${randomUUID()}/`;
  replica = replicaOf(counting.client, { prefix });
});

describe('flags', () => {
  it.each([ALL_BITS, '9007199254740993', '42'])('%s survives an update to the last bit', async (flags) => {
    await raw.put(`${prefix}a`, 'one', flags);
    const base = await present(replica, 'a');
    expect(base.flags).toBe(BigInt(flags));
    mustApply(await write(replica, [update('a', 'two', base)]));
    expect(await raw.get(`${prefix}a`)).toMatchObject({ value: Buffer.from('two'), flags });
  });

  it('they survive an update whose value no transaction takes', async () => {
    await raw.put(`${prefix}a`, 'one', ALL_BITS);
    const base = await present(replica, 'a');
    const applied = mustApply(await write(replica, [{ kind: 'update', key: 'a', value: LARGE, base }]));
    const entry = await raw.get(`${prefix}a`);
    expect(entry?.flags).toBe(ALL_BITS);
    expect(entry?.value.equals(LARGE)).toBe(true);
    expect(applied.versions.get('a')?.modified).toBe(entry?.modifyIndex);
    expect(applied.versions.get('a')?.created).toBe(base.version.created);
  });
});

describe('large values', () => {
  it.each(['a', 'dir/', 'a b', '100%', '%2F', 'ключ/😀', 'a?b#c&d=e', 'a{b}', '"\\', '...', 'a+b'])(
    'S3: half a mebibyte under %j is put, read back, and never overwrites what is there',
    async (key) => {
      mustApply(await write(replica, [{ kind: 'create', key, value: LARGE }]));
      expect((await raw.get(prefix + key))?.value.equals(LARGE)).toBe(true);
      expect(await write(replica, [{ kind: 'create', key, value: LARGE }])).toEqual({
        kind: 'condition-failed',
        keys: [key],
        ledger: false,
      });
    },
  );

  it.each(['a//b', './a', 'a/..', 'a\tb', '\u2028'])(
    'S8: under %j there is no route for one',
    async (key) => {
      expect(await write(replica, [{ kind: 'create', key, value: LARGE }])).toMatchObject({
        kind: 'rejected',
        rejections: [{ key, reason: 'too-large' }],
      });
      expect(await raw.list(prefix)).toEqual([]);
    },
  );

  it('S3: an overtaken update of a large value fails its condition', async () => {
    await raw.put(`${prefix}a`, 'one');
    const base = await present(replica, 'a');
    await raw.put(`${prefix}a`, 'theirs');
    expect(await write(replica, [{ kind: 'update', key: 'a', value: LARGE, base }])).toMatchObject({
      kind: 'condition-failed',
      keys: ['a'],
    });
    expect((await raw.get(`${prefix}a`))?.value.toString()).toBe('theirs');
  });

  it('the largest value that a transaction takes goes with its ledger', async () => {
    const { batchBytesMax, operationBytes } = replica.limits;
    const ledger = { content: 'ledger', expected: undefined };
    const spare = operationBytes('x'.repeat(100), 100);
    const value = new Uint8Array(Math.floor(((batchBytesMax - spare - operationBytes('a', 0)) * 3) / 4) - 3);
    const outcome = await replica.write({ operations: [{ kind: 'create', key: 'a', value }], ledger }, NEVER);
    expect(mustApply(outcome).ledger).toBeDefined();
    expect((await raw.get(`${prefix}a`))?.value.length).toBe(value.length);
  });

  it('a scan and a read of many of them stay whole', async () => {
    const value = new Uint8Array(300_000).fill(3);
    const keys = Array.from({ length: 150 }, (_, i) => `k${String(i).padStart(3, '0')}`);
    for (const key of keys) await raw.put(prefix + key, value);
    expect([...(await scanAll(replica)).keys()]).toEqual(keys);

    let left: readonly string[] = keys;
    for (let calls = 1; left.length > 0; calls++) {
      const readings = await replica.read(left, NEVER);
      const notRead = left.filter((key) => readings.get(key)?.kind === 'unknown');
      for (const key of notRead) expect(readings.get(key)).toEqual({ kind: 'unknown', reason: 'not-read' });
      if (calls === 1) expect(notRead.length).toBeGreaterThan(0);
      expect(notRead.length).toBeLessThan(left.length);
      left = notRead;
    }
  });
});

describe('locks', () => {
  it('S8: an entry held by a session is read as such, and never written or deleted', async () => {
    const session = await raw.createSession({ TTL: '30s' });
    await raw.transaction([{ verb: 'lock', key: `${prefix}lock`, value: 'owner', session }]);
    const base = await present(replica, 'lock');
    expect(base.session).toBe(session);
    for (const operation of [update('lock', 'ours', base), remove('lock', base)]) {
      expect(await write(replica, [operation])).toMatchObject({
        kind: 'rejected',
        rejections: [{ key: 'lock', reason: 'session-bound' }],
      });
    }
    await raw.destroySession(session);
    const released = await waitUntil('the release', async () => {
      const reading = await present(replica, 'lock');
      return reading.session === undefined && reading;
    });
    expect(released.version.modified).toBeGreaterThan(base.version.modified);
  });

  it('S3: an entry that was locked after it was read fails its condition', async () => {
    await raw.put(`${prefix}a`, 'one');
    const base = await present(replica, 'a');
    const session = await raw.createSession({ TTL: '30s' });
    await raw.transaction([{ verb: 'lock', key: `${prefix}a`, value: 'one', session }]);
    expect(await write(replica, [update('a', 'ours', base)])).toMatchObject({ kind: 'condition-failed' });
    expect(await write(replica, [remove('a', base)])).toMatchObject({ kind: 'condition-failed' });
    await raw.destroySession(session);
  });
});

describe('keys', () => {
  it('S8: the sibling of a prefix is neither seen nor touched', async () => {
    const sibling = prefix.replace(/\/$/, '-more/x');
    await raw.put(sibling, 'theirs');
    await raw.put(prefix.replace(/\/$/, ''), 'theirs');
    await raw.put(`${prefix}a`, 'ours');
    expect([...(await scanAll(replica)).keys()]).toEqual(['a']);
  });

  it("S8: with the whole store mapped, this program's own keys are left out", async () => {
    const whole = replicaOf(counting.client, { prefix: '' });
    mustApply(await write(whole, [], { content: 'ledger', expected: undefined }));
    await raw.put(`${prefix}a`, 'v');
    const keys = [...(await scanAll(whole)).keys()];
    expect(keys).toContain(`${prefix}a`);
    expect(keys.filter((key) => key.startsWith('zk-consul-sync/'))).toEqual([]);
    expect(await write(whole, [create('zk-consul-sync/x', 'v')])).toMatchObject({ kind: 'rejected' });
  });

  it('a key that is not UTF-8 is left out, and one that holds U+FFFD is shown but unmappable', async () => {
    await raw.request('PUT', `/v1/kv/${prefix}%FF`, 'v');
    expect([...(await scanAll(replica)).keys()]).toEqual([]);
    await raw.put(`${prefix}\ufffd`, 'v');
    expect([...(await scanAll(replica)).keys()]).toEqual(['\ufffd']);
    expect(replica.limits.unmappable('\ufffd')).toContain('U+FFFD');
    expect(await write(replica, [create('\ufffd', 'v')])).toMatchObject({
      kind: 'rejected',
      rejections: [{ reason: 'illegal-key' }],
    });
  });
});

describe('conditions', () => {
  it('an update with the content that is there already is applied, at the version that was', async () => {
    await raw.put(`${prefix}a`, 'same');
    const base = await present(replica, 'a');
    const applied = mustApply(await write(replica, [update('a', 'same', base)]));
    expect(applied.versions.get('a')).toEqual(base.version);
  });

  it('a delete of an entry that is gone already is applied', async () => {
    await raw.put(`${prefix}a`, 'v');
    const base = await present(replica, 'a');
    await raw.delete(`${prefix}a`);
    mustApply(await write(replica, [remove('a', base)]));
  });

  it('L2: a server with lower limits than usual costs the largest entry alone', async () => {
    const small = await startConsul({
      config: { limits: { txn_max_req_len: 4_000, kv_max_value_size: 1_000 } },
    });
    const client = new CountingClient(small.address);
    const limited = replicaOf(client.client);
    const operations = [create('a', 'v'), create('b', 'x'.repeat(5_000)), create('c', 'v')];
    expect(await write(limited, operations)).toMatchObject({
      kind: 'rejected',
      rejections: [{ key: 'b', reason: 'too-large' }],
    });
    mustApply(await write(limited, [create('a', 'v'), create('c', 'v')]));
    expect(await write(limited, [{ kind: 'create', key: 'large', value: LARGE }])).toMatchObject({
      kind: 'rejected',
      rejections: [{ key: 'large', reason: 'too-large' }],
    });
    client.client.close();
    await small.dispose();
  });
});

describe('a server that dies', () => {
  it('S7: writes under way end as applied only if they were, and as retriable only if they were not', async () => {
    const mortal = await startConsul();
    const client = new CountingClient(mortal.address, { requestTimeoutMs: 3_000 });
    const dying = replicaOf(client.client, { prefix: 'p/' });
    const keys = Array.from({ length: 400 }, (_, i) => `k${i}`);
    const outcomes = new Map<string, string>();
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (const key of keys.filter((_key, i) => i % 8 === writer)) {
        outcomes.set(key, (await write(dying, [create(key, key)])).kind);
      }
    });
    await waitUntil('some writes', () => outcomes.size > 80);
    await mortal.kill();
    await Promise.all(writers);
    await mortal.start();

    const there = new Set((await new RawConsul(mortal).list('p/')).map(({ key }) => key.slice(2)));
    for (const [key, outcome] of outcomes) {
      if (outcome === 'applied') expect(there.has(key), `${key} was applied`).toBe(true);
      else if (outcome === 'retriable') expect(there.has(key), `${key} was not applied`).toBe(false);
      else expect(outcome).toBe('unknown');
    }
    expect([...outcomes.values()]).toContain('retriable');
    client.client.close();
    await mortal.dispose();
  });

  it('S5: a server that hangs makes reads and writes end in time, without a verdict', async () => {
    const client = new CountingClient(server.address, { requestTimeoutMs: 300 });
    const hanging = replicaOf(client.client, { prefix });
    await raw.put(`${prefix}a`, 'v');
    await server.pause();
    try {
      await expect(hanging.read(['a'], NEVER)).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
      await expect(hanging.proveAbsent(['gone'], NEVER)).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
      expect((await write(hanging, [create('b', 'v')])).kind).toBe('unknown');
    } finally {
      server.resume();
    }
    await waitUntil('the hung server', async () => (await present(hanging, 'a')).value.length === 1);
    expect(bytes('v')).toEqual((await present(hanging, 'a')).value);
    client.client.close();
  });
});

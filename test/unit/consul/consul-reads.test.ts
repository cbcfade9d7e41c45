import { afterEach, describe, expect, it } from 'vitest';
import type { ConsulReplica, ConsulReplicaOptions } from '../../../src/consul/consul-replica.js';
import type { ScannedEntry } from '../../../src/ports/replica.js';
import type { Script, ScriptedAnswer } from '../../kit/scripted-http-peer.js';
import { NEVER, entry, failed, listed, operationsOf, passed, scriptedConsul } from './scripted-consul.js';
import type { ScriptedConsul } from './scripted-consul.js';

const started: ScriptedConsul[] = [];

afterEach(async () => {
  for (const consul of started.splice(0)) await consul.dispose();
});

async function start(script: Script, options: Partial<ConsulReplicaOptions> = {}): Promise<ScriptedConsul> {
  const consul = await scriptedConsul(script, options);
  started.push(consul);
  return consul;
}

const STORE_ERROR = { code: expect.stringMatching(/^STORE_/) as string };

const NO_ANSWERS: [string, ScriptedAnswer][] = [
  ['a missing leader', { status: 500, body: 'No cluster leader' }],
  ['an answer that breaks off', { truncated: '{"Results":[],"Errors":null}', afterBytes: 12 }],
  ['a web page', { body: '<html>It works!</html>' }],
  ['an empty answer', { body: '' }],
  ['a refused token', { status: 403, body: 'ACL not found' }],
  ['a failure without a name', { status: 409, body: '{"Results":null,"Errors":[]}' }],
  ['a failure of another operation', failed([99, 'key "config/z" exists'])],
];

describe('reading', () => {
  it('S5: a key that the answer leaves out without a word is denied, not absent', async () => {
    const { replica } = await start(() => passed(entry('config/a')));
    const readings = await replica.read(['a', 'b'], NEVER);
    expect(readings.get('a')).toMatchObject({ kind: 'present', session: undefined, flags: 0n });
    expect(readings.get('b')).toEqual({ kind: 'unknown', reason: 'denied' });
  });

  it('S4: only a key that the leader itself calls missing is absent, and the others are asked for again', async () => {
    const { replica, peer } = await start((request) =>
      operationsOf(request).length === 3
        ? failed([1, 'key "config/b" doesn\'t exist'])
        : passed(entry('config/a')),
    );
    const readings = await replica.read(['a', 'b', 'c'], NEVER);
    expect(readings.get('a')?.kind).toBe('present');
    expect(readings.get('b')).toEqual({ kind: 'absent' });
    expect(readings.get('c')).toEqual({ kind: 'unknown', reason: 'denied' });
    expect(peer.requests).toHaveLength(2);
    expect(peer.requests.every(({ query }) => query.has('consistent'))).toBe(true);
  });

  it.each([...NO_ANSWERS, ['an unclear failure', failed([0, 'failed kvs lookup'])]] as typeof NO_ANSWERS)(
    'S5: %s is no answer to a read',
    async (_name, answer) => {
      const { replica } = await start(() => answer);
      await expect(replica.read(['a'], NEVER)).rejects.toMatchObject(STORE_ERROR);
      await expect(replica.readLedger(NEVER)).rejects.toMatchObject(STORE_ERROR);
    },
  );

  it('a key that no request can hold exactly is never asked for', async () => {
    const { replica, peer } = await start(() => passed());
    const unreadable = { kind: 'unknown', reason: 'unreadable' };
    expect(await replica.read(['\ud800'], NEVER)).toEqual(new Map([['\ud800', unreadable]]));
    expect(await replica.proveAbsent(['\ud800'], NEVER)).toEqual(new Set());
    expect(peer.requests).toHaveLength(0);
  });

  it('S9: an answer beyond the bound is asked for in halves, and a single key beyond it is unreadable', async () => {
    const huge = 'x'.repeat(9 * 1024 * 1024);
    const { replica } = await start((request) => {
      const keys = operationsOf(request).map(({ Key }) => Key);
      return keys.includes('config/huge') ? { body: huge } : passed(...keys.map((key) => entry(key)));
    });
    const readings = await replica.read(['a', 'huge', 'c'], NEVER);
    expect(readings.get('a')?.kind).toBe('present');
    expect(readings.get('huge')).toEqual({ kind: 'unknown', reason: 'unreadable' });
    expect(readings.get('c')?.kind).toBe('present');
  });

  it('S9: values beyond the bound of one call are left for the next', async () => {
    const value = 'x'.repeat(3 * 1024 * 1024);
    const answerAll: Script = (request) =>
      passed(...operationsOf(request).map(({ Key }) => entry(Key, value)));
    const { replica } = await start(answerAll, { operationsPerTransaction: 1 });
    const readings = await replica.read(
      Array.from({ length: 24 }, (_, i) => `k${i}`),
      NEVER,
    );
    const present = [...readings.values()].filter(({ kind }) => kind === 'present').length;
    expect(present).toBeGreaterThan(4);
    expect(present).toBeLessThan(12);
    expect(readings.get('k23')).toEqual({ kind: 'unknown', reason: 'not-read' });
  });

  it('a ledger that may not be read is denied, not missing', async () => {
    const { replica } = await start(() => passed());
    await expect(replica.readLedger(NEVER)).rejects.toMatchObject({ code: 'STORE_DENIED', retriable: false });
  });

  it('the position is the index of the whole prefix, told by the leader', async () => {
    const { replica, peer } = await start(() => listed(['config/'], 4711));
    expect(await replica.position(NEVER)).toBe(4711n);
    expect(peer.requests[0]?.path).toBe('/v1/kv/config');
    expect(peer.requests[0]?.query.has('consistent')).toBe(true);
    expect(peer.requests[0]?.query.get('separator')).toBe('/');
  });
});

describe('proving absence', () => {
  it.each(NO_ANSWERS)('S4: %s proves nothing', async (_name, answer) => {
    const { replica } = await start(() => answer);
    await expect(replica.proveAbsent(['a'], NEVER)).rejects.toMatchObject(STORE_ERROR);
  });

  it('S4: a key counts as absent only in a transaction that passed as a whole', async () => {
    // A server that names the first failure alone must not make the second look absent.
    const { replica, peer } = await start((request) => {
      const keys = operationsOf(request).map(({ Key }) => Key);
      const exists = keys.findIndex((key) => key !== 'config/gone');
      return exists < 0 ? passed() : failed([exists, `key "${keys[exists] ?? ''}" exists`]);
    });
    expect(await replica.proveAbsent(['a', 'gone', 'b'], NEVER)).toEqual(new Set(['gone']));
    expect(peer.requests).toHaveLength(3);
  });

  it('S4: where permission to write is missing, only a 404 of the leader itself proves absence', async () => {
    const leader = { 'x-consul-index': '9', 'x-consul-knownleader': 'true' };
    const answers: Record<string, ScriptedAnswer> = {
      '/v1/kv/config/gone': { status: 404, headers: leader },
      '/v1/kv/config/here': { headers: leader, body: '[]' },
      '/v1/kv/config/secret': { status: 403, body: 'Permission denied' },
      '/v1/kv/config/proxy': { status: 404, body: 'no such page' },
      '/v1/kv/config/leaderless': { status: 404, headers: { ...leader, 'x-consul-knownleader': 'false' } },
    };
    const { replica, peer } = await start((request) => {
      const operations = request.method === 'PUT' ? operationsOf(request) : [];
      if (operations.length > 0)
        return failed(...operations.map((_, i) => [i, 'Permission denied'] as const));
      return answers[request.path] ?? { status: 500 };
    });
    const keys = ['gone', 'here', 'secret', 'proxy', 'leaderless', 'not//in/a/url'];
    expect(await replica.proveAbsent(keys, NEVER)).toEqual(new Set(['gone']));
    expect(peer.requests.map(({ path }) => path)).not.toContain('/v1/kv/config/not//in/a/url');
  });
});

describe('scanning', () => {
  async function scan(replica: ConsulReplica, known: ReadonlyMap<string, bigint> = new Map()) {
    const entries: ScannedEntry[] = [];
    const knownVersion = (key: string) => {
      const modified = known.get(key);
      return modified === undefined ? undefined : { modified, created: 5n, revision: 0 };
    };
    for await (const page of replica.scan(knownVersion, NEVER)) entries.push(...page);
    return entries;
  }

  it.each([
    ['a 404 without an index', { status: 404 }],
    ['a list without an index', { body: '["config/a"]' }],
    ['something else than a list', { headers: { 'x-consul-index': '9' }, body: '{"a":1}' }],
    [
      'a list that breaks off',
      { truncated: '["config/a"]', afterBytes: 3, headers: { 'x-consul-index': '9' } },
    ],
    ['a missing leader', { status: 500, body: 'No cluster leader' }],
  ] as [string, ScriptedAnswer][])('S5: %s fails the scan', async (_name, answer) => {
    const { replica } = await start(() => answer);
    await expect(scan(replica)).rejects.toMatchObject(STORE_ERROR);
  });

  it('S5: a failure in the middle fails the scan instead of ending it', async () => {
    const keys = Array.from({ length: 300 }, (_, i) => `config/k${String(i).padStart(3, '0')}`);
    const { replica } = await start((request) => {
      if (request.method === 'GET') return listed(keys);
      const asked = operationsOf(request).map(({ Key }) => Key);
      return asked.includes('config/k150') ? { status: 500 } : passed(...asked.map((key) => entry(key)));
    });
    await expect(scan(replica)).rejects.toMatchObject(STORE_ERROR);
  });

  it('S4: a 404 of Consul itself is a walk without entries', async () => {
    const { replica } = await start(() => listed([]));
    expect(await scan(replica)).toEqual([]);
  });

  it('known versions are checked without their values, and only what moved is read', async () => {
    const { replica, peer } = await start((request) => {
      if (request.method === 'GET') return listed(['config/a', 'config/b', 'config/c', 'config/gone']);
      const operations = operationsOf(request);
      const stale = operations.findIndex(({ Verb, Key }) => Verb === 'check-index' && Key === 'config/b');
      const gone = operations.findIndex(({ Key }) => Key === 'config/gone');
      if (stale >= 0) {
        const what = 'failed index check for key "config/b", current modify index 8 != 7';
        return failed([stale, what], [gone, 'failed to check index, key "config/gone" doesn\'t exist']);
      }
      if (gone >= 0) return failed([gone, 'key "config/gone" doesn\'t exist']);
      return passed(...operations.map(({ Key, Index }) => entry(Key, '', Index ?? 8)));
    });
    const known = new Map(['a', 'b', 'c', 'gone'].map((key) => [key, 7n]));
    const scanned = await scan(replica, known);
    expect(scanned.map(({ reading, ...entry }) => ({ ...entry, isRead: reading !== undefined }))).toEqual([
      {
        key: 'a',
        version: { modified: 7n, created: 5n, revision: 0 },
        empty: undefined,
        children: 0,
        isRead: false,
      },
      {
        key: 'b',
        version: { modified: 8n, created: 5n, revision: 0 },
        empty: true,
        children: 0,
        isRead: true,
      },
      {
        key: 'c',
        version: { modified: 7n, created: 5n, revision: 0 },
        empty: undefined,
        children: 0,
        isRead: false,
      },
    ]);
    const last = peer.requests.at(-1);
    expect(last && operationsOf(last).map(({ Verb }) => Verb)).toEqual(['check-index', 'get', 'check-index']);
  });

  it('S5: entries that may not be read are reported, and left out', async () => {
    const { replica, unread } = await start((request) => {
      if (request.method === 'GET') return listed(['config/a', 'config/b', 'config/c']);
      const operations = operationsOf(request);
      const checked = operations.findIndex(({ Verb }) => Verb === 'check-index');
      return checked >= 0 ? failed([checked, 'Permission denied']) : passed(entry('config/a'));
    });
    const entries = await scan(replica, new Map([['b', 7n]]));
    expect(entries.map(({ key }) => key)).toEqual(['a']);
    expect(unread).toEqual(['denied b', 'denied c']);
  });

  it('L2: an entry too large for any answer is reported, and does not keep the others from being scanned', async () => {
    const huge = 'x'.repeat(9 * 1024 * 1024);
    const { replica, unread } = await start((request) => {
      if (request.method === 'GET') return listed(['config/a', 'config/huge', 'config/z']);
      const keys = operationsOf(request).map(({ Key }) => Key);
      return keys.includes('config/huge') ? { body: huge } : passed(...keys.map((key) => entry(key)));
    });
    expect((await scan(replica)).map(({ key }) => key)).toEqual(['a', 'z']);
    expect(unread).toEqual(['unreadable huge']);
  });

  it('S8: keys of siblings and of this program are left out, whatever the list holds', async () => {
    const { replica, peer } = await start((request) =>
      request.method === 'GET'
        ? listed(['config', 'config/a', 'configuration/x', 'zk-consul-sync/test/config'])
        : passed(...operationsOf(request).map(({ Key }) => entry(Key))),
    );
    expect((await scan(replica)).map(({ key }) => key)).toEqual(['a']);
    expect(peer.requests).toHaveLength(2);
  });

  it('S9: a caller that stops early stops the requests', async () => {
    const keys = Array.from({ length: 5_000 }, (_, i) => `config/k${i}`);
    const { replica, peer } = await start((request) =>
      request.method === 'GET' ? listed(keys) : passed(...operationsOf(request).map(({ Key }) => entry(Key))),
    );
    const pages = replica.scan(() => undefined, NEVER)[Symbol.asyncIterator]();
    const first = await pages.next();
    expect(first.done).toBe(false);
    await pages.return?.();
    expect(peer.requests.length).toBeLessThan(10);
  });
});

import { describe, expect, it } from 'vitest';
import { parseExposition } from './exposition.js';
import { canaryStatus, daemonStatus, journalEntry, mappingStatus } from './fake-control.js';
import { runServer } from './running-server.js';

describe('GET /livez', () => {
  it('tells whether the loops turn', async () => {
    const { get, control } = await runServer();
    expect(await get('/livez')).toMatchObject({ status: 200, json: { alive: true } });
    control.isAlive = false;
    expect(await get('/livez')).toMatchObject({ status: 503, json: { alive: false } });
  });
});

describe('GET /readyz', () => {
  const disconnected = (name: 'zookeeper' | 'consul') => {
    const { replicas } = daemonStatus();
    return {
      replicas: { ...replicas, [name]: { ...replicas[name], connected: false, lastError: 'refused' } },
    };
  };

  it('tells of a canary that is late, and is ready nevertheless', async () => {
    const { control, get } = await runServer();
    const { left } = canaryStatus().arrivals;
    const late = { ...left, problem: 'no marker has arrived in Consul since noon' };
    control.current = daemonStatus({ canary: canaryStatus({ arrivals: { left, right: late } }) });
    expect(await get('/readyz')).toMatchObject({
      status: 200,
      json: { ready: true, missing: [], notes: ['canary: no marker has arrived in Consul since noon'] },
    });
  });

  it('is 200 when both stores are connected and every mapping has completed its first reconciliation', async () => {
    const { get } = await runServer();
    expect(await get('/readyz')).toMatchObject({ status: 200, json: { ready: true, missing: [] } });
  });

  it('is 200 for a mapping that is held: a person must decide, and no restart would help', async () => {
    const { get, control } = await runServer();
    control.current = daemonStatus({ mappings: [mappingStatus({ firstCompleted: false, state: 'held' })] });
    expect((await get('/readyz')).status).toBe(200);
    const hold = { reason: 'rolled-back', key: undefined, sinceMs: 0, detail: '' };
    control.current = daemonStatus({
      mappings: [mappingStatus({ firstCompleted: false, state: 'degraded', holds: [hold] })],
    });
    expect((await get('/readyz')).status).toBe(200);
  });

  it('is 503 and names the mapping while its first reconciliation is under way', async () => {
    const { get, control } = await runServer();
    const holds = [{ reason: 'oscillating', key: 'a', sinceMs: 0, detail: '' }];
    control.current = daemonStatus({
      mappings: [
        mappingStatus(),
        mappingStatus({ name: 'flags', firstCompleted: false, state: 'starting', holds }),
      ],
    });
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      json: {
        ready: false,
        missing: ['mapping flags has not completed its first reconciliation; it is starting'],
      },
    });
  });

  it('is 503 and names the store that is not connected', async () => {
    const { get, control } = await runServer();
    control.current = daemonStatus(disconnected('zookeeper'));
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      json: { missing: ['ZooKeeper at zk1:2181 is not connected: refused'] },
    });
    control.current = daemonStatus(disconnected('consul'));
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      json: { missing: ['Consul at http://127.0.0.1:8500 is not connected: refused'] },
    });
  });

  it('is 200 on a standby that could take over, and 503 on one that could not', async () => {
    const { get, control } = await runServer();
    const standby = (firstCompleted: boolean) => [
      mappingStatus({ role: 'standby', firstCompleted, problem: 'it is comparing everything first' }),
    ];
    control.current = daemonStatus({ role: 'standby', mappings: standby(true) });
    expect((await get('/readyz')).status).toBe(200);
    control.current = daemonStatus({ role: 'standby', mappings: standby(false) });
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      json: {
        missing: ['mapping config could not be taken over yet; it is live: it is comparing everything first'],
      },
    });
    control.current = daemonStatus({ role: 'standby', mappings: standby(true), ...disconnected('consul') });
    expect((await get('/readyz')).status).toBe(503);
  });
});

describe('GET /metrics', () => {
  it('answers in the text format, with the counters of the mappings and the status of now', async () => {
    const { get, metrics, control } = await runServer();
    metrics.forMapping('config').write('right', 'create', 'applied', 5);
    control.current = daemonStatus({ mappings: [mappingStatus({ entries: 42 })] });
    const { status, headers, text } = await get('/metrics');
    const { values } = parseExposition(text);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(values.get('zk_consul_sync_entries{mapping="config"}')).toBe(42);
    expect(
      values.get(
        'zk_consul_sync_writes_total{mapping="config",replica="consul",operation="create",result="applied"}',
      ),
    ).toBe(5);
  });
});

describe('GET /api', () => {
  it('says what is running and what can be asked', async () => {
    const { get } = await runServer();
    const { status, headers, text } = await get('/api');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(text).toMatch(/^zk-consul-sync 0\.1\.0, instance default\n/);
    expect(text).toContain('GET  /api/v1/status\n');
    expect(text).toContain('POST /api/v1/mappings/:name/pause\n');
  });
});

describe('GET /api/v1/status', () => {
  it('gives the whole status with ISO times, and null for what never was', async () => {
    const { get, control } = await runServer();
    control.current = daemonStatus({
      mappings: [
        mappingStatus({
          state: 'degraded',
          inSync: false,
          inSyncSinceMs: undefined,
          problem: 'consul refuses to list config/',
          pending: { left: 2, right: 5 },
          holds: [
            { reason: 'mass-deletion', key: undefined, sinceMs: 0, detail: '812 of 1,000' },
            { reason: 'oscillating', key: 'db/host', sinceMs: 1, detail: 'again' },
          ],
          skipped: [{ key: 'huge', reason: 'too-large' }],
          skippedTotal: 120,
          drifted: [{ key: 'theirs', change: 'added' }],
          driftedTotal: 7,
        }),
      ],
    });
    expect((await get('/api/v1/status')).json).toEqual({
      version: '0.1.0',
      instance: 'default',
      role: 'active',
      uptimeSeconds: 86_400,
      replicas: {
        zookeeper: { connected: true, address: 'zk1:2181', server: '3.8.0', lastError: null },
        consul: { connected: true, address: 'http://127.0.0.1:8500', server: null, lastError: null },
      },
      audit: null,
      canary: null,
      mappings: [
        {
          name: 'config',
          role: 'active',
          leader: null,
          state: 'degraded',
          inSync: false,
          inSyncSince: null,
          problem: 'consul refuses to list config/',
          entries: 1_200,
          pending: { toZookeeper: 2, toConsul: 5 },
          conflicts: { open: 0, total: 3 },
          holds: [
            { reason: 'mass-deletion', key: null, since: '1970-01-01T00:00:00.000Z', detail: '812 of 1,000' },
            { reason: 'oscillating', key: 'db/host', since: '1970-01-01T00:00:00.001Z', detail: 'again' },
          ],
          skipped: [{ key: 'huge', reason: 'too-large' }],
          skippedTotal: 120,
          drifted: [{ key: 'theirs', change: 'added' }],
          driftedTotal: 7,
          orders: [],
          ordersTotal: 0,
          lastVerifiedAt: '2026-01-31T11:59:00.000Z',
          cutover: { step: 'both', since: null },
        },
      ],
    });
  });

  it('gives one mapping alone in the same form', async () => {
    const { get } = await runServer();
    const { json: all } = await get('/api/v1/status');
    expect((await get('/api/v1/mappings/config')).json).toEqual((all as { mappings: unknown[] }).mappings[0]);
  });
});

describe('the conflict journal', () => {
  const base = '/api/v1/mappings/config/conflicts';
  const journal = Array.from({ length: 40 }, (_, i) => journalEntry({ id: i + 1, open: i % 4 === 0 }));
  const idsOf = (json: unknown) => (json as { conflicts: { id: number }[] }).conflicts.map(({ id }) => id);

  it('is listed from the newest on, page by page, each entry once', async () => {
    const { get, control } = await runServer();
    control.config.journal = journal;
    const seen: number[] = [];
    for (let next: number | null = Infinity; next !== null;) {
      const before: string = next === Infinity ? '' : `&before=${next}`;
      const { json } = await get(`${base}?limit=15${before}`);
      seen.push(...idsOf(json));
      next = (json as { next: number | null }).next;
    }
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => 40 - i));
  });

  it('is taken into memory a few entries at a time, however many are asked for', async () => {
    const { get, control } = await runServer();
    control.config.journal = journal;
    const { json } = await get(`${base}?limit=500`);
    expect(idsOf(json)).toHaveLength(40);
    expect(json).toMatchObject({ next: null });
    expect(control.config.calls).toEqual([
      ['conflicts', 16],
      ['conflicts', 16],
      ['conflicts', 16],
    ]);
  });

  it('has no next page when the last one is exactly full', async () => {
    const { get, control } = await runServer();
    control.config.journal = journal.slice(0, 15);
    expect((await get(`${base}?limit=15`)).json).toMatchObject({ next: null });
  });

  it('can be narrowed to what is open', async () => {
    const { get, control } = await runServer();
    control.config.journal = journal;
    expect(idsOf((await get(`${base}?open=true`)).json)).toEqual([37, 33, 29, 25, 21, 17, 13, 9, 5, 1]);
  });

  it('shows in lists how large the values are, and not the values', async () => {
    const { get, control } = await runServer();
    control.config.journal = [journalEntry()];
    const { text, json } = await get(base);
    expect(text).not.toContain('db1');
    expect(json).toMatchObject({ conflicts: [{ id: 17, zookeeper: { value: { bytes: 3 } } }] });
  });

  it('shows one conflict with values, versions and times, none of them losing a bit', async () => {
    const { get, control } = await runServer();
    const { left, right } = journalEntry().sides;
    control.config.journal = [
      journalEntry({
        sides: { left: { ...left, flags: 18_446_744_073_709_551_615n }, right },
      }),
    ];
    expect((await get(`${base}/17`)).json).toEqual({
      id: 17,
      at: '2026-01-31T11:00:00.000Z',
      open: false,
      key: 'db/host',
      kind: 'update-update',
      winner: 'zookeeper',
      rule: 'last-writer-wins',
      ambiguous: false,
      zookeeper: {
        value: { bytes: 3, base64: 'ZGIx', utf8: 'db1' },
        flags: '18446744073709551615',
        version: { modified: '4294967310', created: '4294967299', revision: 2 },
        written: { earliest: '2026-01-31T10:00:00.000Z', latest: '2026-01-31T10:30:00.000Z' },
      },
      consul: {
        value: null,
        flags: '0',
        version: null,
        written: { earliest: null, latest: '2026-01-31T10:00:00.000Z' },
      },
    });
  });

  it('shows a value that is not text in base64 only, and keeps the byte order mark of one that is', async () => {
    const { get, control } = await runServer();
    const { left, right } = journalEntry().sides;
    // A view into a larger buffer, as values from a frame are.
    const binary = new Uint8Array([1, 2, 0xff, 0, 0xfe]).subarray(2);
    const marked = new Uint8Array([0xef, 0xbb, 0xbf, 0x61]);
    control.config.journal = [
      journalEntry({
        sides: { left: { ...left, value: binary }, right: { ...right, value: marked } },
      }),
    ];
    expect((await get(`${base}/17`)).json).toMatchObject({
      zookeeper: { value: { bytes: 3, base64: '/wD+', utf8: null } },
      consul: { value: { bytes: 4, base64: '77u/YQ==', utf8: '\ufeffa' } },
    });
  });

  it('calls sides by the names of the stores, also in rules', async () => {
    const { get, control } = await runServer();
    control.config.journal = [
      journalEntry({ id: 1, rule: 'left-wins', winner: 'left' }),
      journalEntry({ id: 2, rule: 'right-wins', winner: 'right' }),
      journalEntry({ id: 3, rule: 'hold', winner: undefined }),
    ];
    expect((await get(base)).json).toMatchObject({
      conflicts: [
        { rule: 'hold', winner: null },
        { rule: 'consul-wins', winner: 'consul' },
        { rule: 'zookeeper-wins', winner: 'zookeeper' },
      ],
    });
  });

  it('answers 404 for a conflict that is not there, and 400 for what can be none', async () => {
    const { get } = await runServer();
    expect(await get(`${base}/99`)).toMatchObject({ status: 404, json: { code: 'UNKNOWN_CONFLICT' } });
    expect(await get(`${base}/abc`)).toMatchObject({ status: 400, json: { code: 'INVALID_REQUEST' } });
  });

  it.each(['limit=0', 'limit=501', 'limit=x', 'before=-1', 'open=yes', 'limti=5', 'limit=1&limit=2'])(
    'answers 400 for ?%s and names the parameter',
    async (query) => {
      const { get } = await runServer();
      const { status, json } = await get(`${base}?${query}`);
      expect(status).toBe(400);
      expect((json as { error: string }).error).toContain(query.split('=')[0]);
    },
  );
});

describe('explain and the preview of a resync', () => {
  it('explain any key, however odd', async () => {
    const { get, control } = await runServer();
    for (const key of ['db/host', '', 'a b/ü?&#%', '/']) {
      const { status, json } = await get(`/api/v1/mappings/config/explain?key=${encodeURIComponent(key)}`);
      expect(status).toBe(200);
      expect(json).toMatchObject({
        key,
        archive: null,
        mark: null,
        lastConflict: { id: 17, winner: 'zookeeper' },
      });
    }
    expect(control.config.calls[0]).toEqual(['explain', 'db/host']);
  });

  it('show what a resync would do', async () => {
    const { get, control } = await runServer();
    const { status, json } = await get('/api/v1/mappings/config/resync?from=consul');
    expect(status).toBe(200);
    expect(json).toMatchObject({
      entries: 2,
      create: { zookeeper: 1, consul: 0 },
      actions: [
        { key: 'a', on: 'zookeeper' },
        { key: 'b', on: null },
      ],
      truncated: false,
    });
    expect(control.config.calls).toEqual([['previewResync', 'consul']]);
  });

  it('answer 400 when a parameter is missing or none of the allowed ones', async () => {
    const { get, control } = await runServer();
    expect((await get('/api/v1/mappings/config/explain')).status).toBe(400);
    expect((await get('/api/v1/mappings/config/resync')).status).toBe(400);
    expect((await get('/api/v1/mappings/config/resync?from=left')).status).toBe(400);
    expect(control.config.calls).toEqual([]);
  });
});

describe('what is not there', () => {
  it.each([
    ['GET', '/api/v1/mappings/nope'],
    ['GET', '/api/v1/mappings/nope/conflicts'],
    ['GET', '/api/v1/mappings/nope/conflicts/1'],
    ['GET', '/api/v1/mappings/nope/explain?key=a'],
    ['GET', '/api/v1/mappings/nope/resync?from=merge'],
    ['POST', '/api/v1/mappings/nope/pause'],
    ['POST', '/api/v1/mappings/nope/release'],
  ])('%s %s answers 404 with the names of the mappings', async (method, path) => {
    const { control, send } = await runServer();
    control.current = daemonStatus({ mappings: [mappingStatus(), mappingStatus({ name: 'flags' })] });
    const headers = { 'content-type': 'application/json' };
    expect(await send(method, path, { headers })).toMatchObject({
      status: 404,
      json: {
        error: 'There is no mapping "nope".',
        code: 'UNKNOWN_MAPPING',
        hint: 'The configured mappings are: config, flags.',
      },
    });
  });

  it.each([
    ['GET', '/nope', 404],
    ['GET', '/api/v1/mappings/config/pause', 404],
    ['DELETE', '/api/v1/mappings/config', 404],
    ['GET', '/api/v1/mappings/%zz', 400],
    ['GET', `/api/v1/mappings/${'x'.repeat(200)}`, 400],
  ])('%s %s answers %i with an error in JSON', async (method, path, expected) => {
    const { send } = await runServer();
    const { status, json } = await send(method, path);
    expect(status).toBe(expected);
    expect(json).toEqual({
      error: expect.any(String) as string,
      code: expect.stringMatching(/^[A-Z_]+$/) as string,
      hint: expect.any(String) as string,
    });
  });
});

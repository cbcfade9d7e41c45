import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { SyncError } from '../../../src/ports/errors.js';
import { journalEntry } from './fake-control.js';
import { begin, runServer } from './running-server.js';

const base = '/api/v1/mappings/config';
const json = { 'content-type': 'application/json' };
const never = () => new Promise<void>(() => undefined);

/** A promise that the test resolves. */
function promised<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((its) => (resolve = its));
  return { promise, resolve };
}

describe('changing requests', () => {
  it.each<[string, unknown, unknown[]]>([
    ['pause', {}, ['pause']],
    ['resume', {}, ['resume']],
    ['approve', {}, ['approve']],
    ['resync', { from: 'merge' }, ['resync', 'merge']],
    ['release', { key: 'db/host', keep: 'consul' }, ['release', 'db/host', 'consul']],
  ])('%s does it, says what was done, and logs it', async (action, body, call) => {
    const { post, control, logger } = await runServer();
    const message = `done: ${call.join(' ')}`;
    expect(await post(`${base}/${action}`, body)).toMatchObject({
      status: 200,
      json: { mapping: 'config', action, message },
    });
    expect(control.config.calls).toEqual([call]);
    expect(logger.lines.at(-1)).toEqual({
      level: 'info',
      fields: { component: 'admin', mapping: 'config', action, remoteAddress: '127.0.0.1' },
      message: `An operator's request was carried out: ${message}`,
    });
  });

  it('resolves a conflict of the journal, and says so where there is none', async () => {
    const { post, control } = await runServer();
    control.config.journal = [journalEntry({ id: 17 })];
    expect(await post(`${base}/conflicts/17/resolve`, { keep: 'consul' })).toMatchObject({
      status: 200,
      json: { mapping: 'config', action: 'resolve', message: 'done: resolve 17 consul' },
    });
    expect(await post(`${base}/conflicts/18/resolve`, { keep: 'consul' })).toMatchObject({
      status: 404,
      json: { code: 'UNKNOWN_CONFLICT' },
    });
    expect(await post(`${base}/conflicts/17/resolve`, { keep: 'both' })).toMatchObject({ status: 400 });
    control.config.refuses = new SyncError('REFUSED', 'it is held: release it');
    expect(await post(`${base}/conflicts/17/resolve`, { keep: 'consul' })).toMatchObject({
      status: 409,
      json: { code: 'REFUSED', error: 'it is held: release it' },
    });
  });

  it('restore from the trash what is named by a key, or by folder and time', async () => {
    const { post, control } = await runServer();
    expect(await post(`${base}/trash/restore`, { key: 'a' })).toMatchObject({
      status: 200,
      json: { action: 'restore', message: 'done: restore', ordered: 2, refusedTotal: 1 },
    });
    await post(`${base}/trash/restore`, { folder: '', since: '2026-01-31T12:00:00Z' });
    const sinceMs = Date.UTC(2026, 0, 31, 12);
    expect(control.config.calls).toEqual([
      ['restore', { key: 'a' }],
      ['restore', { folder: '', sinceMs, untilMs: undefined }],
    ]);
    for (const unfit of [
      {},
      { key: 'a', folder: 'a' },
      { since: '2026-01-31T12:00:00Z' },
      { folder: 'a', since: '1h' },
    ]) {
      expect(await post(`${base}/trash/restore`, unfit), JSON.stringify(unfit)).toMatchObject({
        status: 400,
      });
    }
    expect(control.config.calls).toHaveLength(2);
  });

  it('need no body where nothing is asked in it', async () => {
    const { send, control } = await runServer();
    expect((await send('POST', `${base}/pause`, { headers: json })).status).toBe(200);
    expect(control.config.calls).toEqual([['pause']]);
  });

  it.each<[string, number, string, string]>([
    ['pause', 400, 'for', '{"for": "1h"}'],
    ['pause', 400, 'body', '[]'],
    ['pause', 400, 'JSON', '{'],
    ['pause', 400, 'JSON', '{"__proto__": {}}'],
    ['resync', 400, 'from', '{}'],
    ['resync', 400, 'from', '{"from": "left"}'],
    ['release', 400, 'key', '{"keep": "consul"}'],
    ['release', 400, 'key', '{"key": 5, "keep": "consul"}'],
    ['release', 400, 'keep', '{"key": "a", "keep": "both"}'],
    ['release', 413, 'large', JSON.stringify({ key: 'x'.repeat(70_000), keep: 'consul' })],
  ])(
    '%s with an unfit body is answered %i and names %j, and nothing is done',
    async (action, expected, named, body) => {
      const { send, control } = await runServer();
      const answer = await send('POST', `${base}/${action}`, { headers: json, body });
      expect(answer.status).toBe(expected);
      expect((answer.json as { error: string }).error).toContain(named);
      expect(control.config.calls).toEqual([]);
    },
  );
});

describe('what the daemon answers', () => {
  it.each<[SyncError, number]>([
    [new SyncError('REFUSED', 'entry db/host of mapping config is not held'), 409],
    [new SyncError('STORE_UNREACHABLE', 'Consul at 127.0.0.1:8500 does not answer'), 503],
    [new SyncError('ARCHIVE_FULL', 'the disk is full'), 503],
  ])('on purpose is passed on with its code: %s', async (error, expected) => {
    const { post, control, logger } = await runServer();
    control.config.behaviour = () => Promise.reject(error);
    expect(await post(`${base}/pause`)).toMatchObject({
      status: expected,
      json: { error: error.message, code: error.code },
    });
    expect(logger.lines.at(-1)).toMatchObject({ level: 'warn', fields: { action: 'pause', err: error } });
  });

  it('without having meant to is logged, and nothing of it gets out', async () => {
    const { get, control, logger } = await runServer();
    const fault = new TypeError('cannot read hunter2 of undefined');
    control.config.behaviour = () => Promise.reject(fault);
    const answer = await get(`${base}/explain?key=a`);
    expect(answer).toMatchObject({ status: 500, json: { code: 'INTERNAL' } });
    expect(answer.text).not.toMatch(/hunter2|TypeError|\.ts/);
    expect(logger.lines.at(-1)).toMatchObject({ level: 'error', fields: { err: fault } });
  });
});

describe('a daemon that does not answer', () => {
  it('leaves a change unanswered for a bounded time only, and its late end is logged', async () => {
    const { post, control, logger } = await runServer({ controlTimeoutMs: 50 });
    const { promise, resolve } = promised<undefined>();
    control.config.behaviour = () => promise;
    const answer = await post(`${base}/resync`, { from: 'merge' });
    expect(answer).toMatchObject({
      status: 504,
      json: { code: 'NO_ANSWER', hint: expect.stringContaining('may still take effect') as string },
    });
    resolve(undefined);
    await vi.waitFor(() => expect(logger.lines.at(-1)?.message).toContain('done: resync merge'));
  });

  it('is told to stop reading when its time is up', async () => {
    const { get, control } = await runServer({ controlTimeoutMs: 50 });
    let signal: AbortSignal | undefined;
    control.config.behaviour = (its) => {
      signal = its;
      return never();
    };
    expect((await get(`${base}/resync?from=merge`)).status).toBe(504);
    expect(signal?.aborted).toBe(true);
  });

  it('is told to stop reading when the client goes away', async () => {
    const { url, control } = await runServer();
    const asked = promised<AbortSignal>();
    control.config.behaviour = (signal) => {
      asked.resolve(signal!);
      return never();
    };
    const request = begin(url, 'GET', `${base}/resync?from=merge`);
    request.on('error', () => undefined);
    const signal = await asked.promise;
    expect(signal.aborted).toBe(false);
    const aborted = once(signal, 'abort');
    request.destroy();
    await aborted;
  });

  it('is not told to stop while the client waits and its request was read to the end', async () => {
    const { post, control } = await runServer();
    const { promise, resolve } = promised<undefined>();
    control.config.behaviour = () => promise;
    const answer = post(`${base}/pause`);
    await vi.waitFor(() => expect(control.config.calls).toHaveLength(1));
    resolve(undefined);
    expect((await answer).status).toBe(200);
  });

  it('S9: is asked to read for 8 requests at once, and can be paused nonetheless', async () => {
    const { get, post, control } = await runServer({ controlTimeoutMs: 300 });
    control.config.behaviour = never;
    const waiting = Array.from({ length: 8 }, () => get(`${base}/explain?key=a`));
    await vi.waitFor(() => expect(control.config.calls).toHaveLength(8));
    expect(await get(`${base}/explain?key=a`)).toMatchObject({ status: 429, json: { code: 'BUSY' } });
    control.config.behaviour = () => Promise.resolve();
    expect((await post(`${base}/pause`)).status).toBe(200);
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array(8).fill(504));
  });
});

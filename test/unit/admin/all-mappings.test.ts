import { describe, expect, it, vi } from 'vitest';
import { SyncError } from '../../../src/ports/errors.js';
import { daemonStatus, FakeMapping, mappingStatus } from './fake-control.js';
import { runServer } from './running-server.js';

/** A server whose daemon has so many mappings: `config`, `m1`, `m2`, ... */
async function withMappings(count: number, controlTimeoutMs?: number) {
  const server = await runServer(controlTimeoutMs === undefined ? {} : { controlTimeoutMs });
  const names = ['config', ...Array.from({ length: count - 1 }, (_, number) => `m${number + 1}`)];
  server.control.current = daemonStatus({ mappings: names.map((name) => mappingStatus({ name })) });
  for (const name of names.slice(1)) server.control.others.set(name, new FakeMapping());
  return { ...server, names };
}

describe('the emergency stop', () => {
  it('pauses every mapping by one request, more of them than may change at once, and tells of each', async () => {
    const { post, control, names, logger } = await withMappings(50);
    const answer = await post('/api/v1/pause');
    const mappings = names.map((mapping) => ({ mapping, ok: true, message: 'done: pause' }));
    expect(answer).toMatchObject({ status: 200, json: { action: 'pause', mappings } });
    for (const mapping of [control.config, ...control.others.values()]) {
      expect(mapping.calls).toEqual([['pause']]);
    }
    expect(logger.lines.filter(({ message }) => message.includes('carried out: done: pause'))).toHaveLength(
      50,
    );
  });

  it('pauses the others when one refuses, fails or does not answer, and says which and why', async () => {
    const { post, control } = await withMappings(4, 100);
    control.config.behaviour = () => Promise.reject(new SyncError('REFUSED', 'ask the one at b:9464'));
    control.others.get('m1')!.behaviour = () => new Promise(() => undefined);
    control.others.get('m2')!.behaviour = () => Promise.reject(new TypeError('secret detail'));
    const { status, json, text } = await post('/api/v1/pause');
    expect(status).toBe(409);
    expect(json).toMatchObject({
      code: 'NOT_ALL',
      error: '3 of 4 mappings could not be paused.',
      mappings: [
        { mapping: 'config', ok: false, code: 'REFUSED', error: 'ask the one at b:9464' },
        { mapping: 'm1', ok: false, code: 'NO_ANSWER' },
        { mapping: 'm2', ok: false, code: 'INTERNAL' },
        { mapping: 'm3', ok: true },
      ],
    });
    expect(text).not.toContain('secret detail');
  });

  it('is ended by one request as well', async () => {
    const { post, control } = await withMappings(2);
    expect(await post('/api/v1/resume')).toMatchObject({ status: 200, json: { action: 'resume' } });
    expect(control.others.get('m1')!.calls).toEqual([['resume']]);
  });

  it('is not carried out with a body that asks for something else', async () => {
    const { post, control } = await withMappings(1);
    expect((await post('/api/v1/pause', { mappings: ['config'] })).status).toBe(400);
    expect(control.config.calls).toEqual([]);
  });

  it('counts as one change until the last of it has really ended (S9)', async () => {
    const { post, control } = await withMappings(2, 50);
    const ends: (() => void)[] = [];
    control.config.behaviour = () => new Promise((resolve) => ends.push(resolve));
    for (let round = 0; round < 32; round++) expect((await post('/api/v1/pause')).status).toBe(409);
    expect(await post('/api/v1/pause')).toMatchObject({ status: 429, json: { code: 'BUSY' } });
    for (const end of ends) end();
    control.config.behaviour = () => Promise.resolve();
    await vi.waitFor(async () => expect((await post('/api/v1/pause')).status).toBe(200));
  });
});

describe('what is held back', () => {
  const base = '/api/v1/mappings/config';
  const heldBack = ['a', 'b', 'c'].map((key, at) => ({
    key,
    action: at === 1 ? ('overwrite' as const) : ('delete' as const),
    on: 'consul' as const,
    sinceMs: Date.UTC(2026, 0, 31, 11),
  }));

  it('is counted in full and listed page by page', async () => {
    const { get, control } = await runServer();
    control.config.heldBack = heldBack;
    const since = '2026-01-31T11:00:00.000Z';
    const counts = { deletions: 2, overwrites: 1, digest: 'digest-of-3' };
    expect((await get(`${base}/held?limit=2`)).json).toEqual({
      ...counts,
      entries: [
        { key: 'a', action: 'delete', on: 'consul', since },
        { key: 'b', action: 'overwrite', on: 'consul', since },
      ],
      next: 'b',
    });
    expect((await get(`${base}/held?after=b`)).json).toMatchObject({
      ...counts,
      entries: [{ key: 'c' }],
      next: null,
    });
  });

  it('is listed in a bounded page only (S9)', async () => {
    const { get } = await runServer();
    expect((await get(`${base}/held?limit=1001`)).status).toBe(400);
  });

  it('is approved as it was seen when the request says what that was', async () => {
    const { post, control } = await runServer();
    expect((await post(`${base}/approve`, { held: 'abc' })).status).toBe(200);
    expect(control.config.calls).toEqual([['approve', 'abc']]);
  });
});

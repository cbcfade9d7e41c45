import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { trashEntry } from './fake-control.js';
import { begin, runServer } from './running-server.js';

const nothing = '/api/v1/mappings/config/trash?folder=none';
/** Forty pages, of which each takes a turn of the event loop. */
const DELETED = Array.from({ length: 20_000 }, (_, at) => trashEntry({ id: 20_000 - at }));

describe('a list that has to look through all of a large trash', () => {
  it('S9: is made for 4 clients at once, and others are told so', async () => {
    const { get, control } = await runServer();
    control.config.deleted = DELETED.slice(-3_000);
    const answers = await Promise.all(Array.from({ length: 30 }, () => get(nothing)));
    const codes = answers.map(({ status }) => status);
    expect(codes.filter((status) => status === 200).length).toBeGreaterThanOrEqual(4);
    expect(codes.filter((status) => status === 429).length).toBeGreaterThan(0);
    expect(new Set(codes)).toEqual(new Set([200, 429]));
    expect((await get(nothing)).status).toBe(200);
  });

  it('S9: is given up when its client goes away', async () => {
    const { url, control } = await runServer();
    control.config.deleted = DELETED;
    const request = begin(url, 'GET', nothing);
    const failed = once(request, 'error');
    await vi.waitFor(() => expect(control.config.calls.length).toBeGreaterThan(0), { interval: 1 });
    request.destroy();
    await failed.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const pages = control.config.calls.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(control.config.calls.length).toBe(pages);
    expect(pages).toBeLessThan(DELETED.length / 500);
  });
});

import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { StatusFeed } from '../../../src/admin/status-feed.js';
import { daemonStatus, mappingStatus } from './fake-control.js';
import { begin, runServer } from './running-server.js';

/** A client of the events: what it was told so far, by event. */
async function follow(url: string, headers: Record<string, string> = {}) {
  const request = begin(url, 'GET', '/api/v1/events', { headers });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => (text += chunk));
  response.on('error', () => undefined);
  const told = (event: string): unknown[] =>
    [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)]
      .filter((match) => match[1] === event)
      .map((match) => JSON.parse(match[2] ?? '') as unknown);
  return { request, response, told };
}

describe('GET /api/v1/events', () => {
  it('tells the status at once, and again when it changes', async () => {
    const { url, control } = await runServer();
    const { response, told, request } = await follow(url);
    expect(response.headers['content-type']).toBe('text/event-stream');
    await vi.waitFor(() => expect(told('status')).toMatchObject([{ mappings: [{ state: 'live' }] }]));
    control.current = daemonStatus({ mappings: [mappingStatus({ state: 'paused' })] });
    await vi.waitFor(
      () => expect(told('status').at(-1)).toMatchObject({ mappings: [{ state: 'paused' }] }),
      5_000,
    );
    expect(told('status')).toHaveLength(2);
    request.destroy();
  });

  it('does not take the time that goes by for news', async () => {
    const { url, control } = await runServer();
    const { told, request } = await follow(url);
    await vi.waitFor(() => expect(told('status')).toHaveLength(1));
    control.current = { ...control.current, uptimeSeconds: control.current.uptimeSeconds + 2 };
    const looked = vi.spyOn(control, 'status');
    await vi.waitFor(() => expect(looked.mock.calls.length).toBeGreaterThan(1), 5_000);
    expect(told('status')).toHaveLength(1);
    request.destroy();
  });

  it('says whether this client may change things, and what it lacks', async () => {
    const { url } = await runServer({ host: '0.0.0.0', token: 'right' });
    const stranger = await follow(url);
    await vi.waitFor(() =>
      expect(stranger.told('access')).toMatchObject([{ trusted: false, code: 'TOKEN_MISSING' }]),
    );
    const operator = await follow(url, { authorization: 'Bearer right' });
    await vi.waitFor(() => expect(operator.told('access')).toEqual([{ trusted: true }]));
    stranger.request.destroy();
    operator.request.destroy();
  });

  it('is refused to more than 16 clients at once, and takes new ones when some have gone', async () => {
    const { url, get } = await runServer();
    const clients = await Promise.all(Array.from({ length: 16 }, () => follow(url)));
    expect(await get('/api/v1/events')).toMatchObject({ status: 429, json: { code: 'BUSY' } });
    clients.pop()?.request.destroy();
    await vi.waitFor(async () => clients.push(await vi.waitFor(() => accepted(url))), 5_000);
    for (const { request } of clients) request.destroy();
  });

  it('computes one status for all clients, and none without clients', async () => {
    const { url, control } = await runServer();
    const clients = await Promise.all(Array.from({ length: 8 }, () => follow(url)));
    await vi.waitFor(() => expect(clients.every(({ told }) => told('status').length === 1)).toBe(true));
    const looked = vi.spyOn(control, 'status');
    control.current = daemonStatus({ mappings: [mappingStatus({ entries: 1 })] });
    await vi.waitFor(
      () => expect(clients.every(({ told }) => told('status').length === 2)).toBe(true),
      5_000,
    );
    expect(looked.mock.calls.length).toBeLessThan(4);
    for (const { request } of clients) request.destroy();
  });

  it('ends when the server closes', async () => {
    const { url, server } = await runServer();
    const { response } = await follow(url);
    const ended = once(response, 'end');
    const startedMs = performance.now();
    await server.close();
    await ended;
    expect(performance.now() - startedMs).toBeLessThan(1_500);
  });

  it('answers HEAD without events', async () => {
    const { head } = await runServer();
    expect(await head('/api/v1/events')).toMatchObject({ status: 200, text: '' });
  });
});

describe('a client that reads slowly', () => {
  afterEach(() => vi.useRealTimers());

  it('gets the newest status next, while no more than one waits for it (S9); and is let go at last', () => {
    vi.useFakeTimers();
    let entries = 0;
    const closing = new AbortController();
    const feed = new StatusFeed(
      () => ({ text: String(++entries), essence: String(entries) }),
      closing.signal,
    );
    const stream = feed.open('');
    vi.advanceTimersByTime(10_000);
    expect((stream.read() as Buffer).toString()).toBe('retry: 2000\nevent: status\ndata: 1\n\n');
    vi.advanceTimersByTime(1_000);
    expect((stream.read() as Buffer).toString()).toBe('event: status\ndata: 12\n\n');
    vi.advanceTimersByTime(1_000);
    vi.advanceTimersByTime(32_000);
    expect(stream.destroyed).toBe(true);
  });
});

async function accepted(url: string) {
  const client = await follow(url);
  if (client.response.statusCode !== 200) throw new Error('still refused');
  return client;
}

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { mappingStatus, daemonStatus } from './fake-control.js';
import { runServer, send } from './running-server.js';

const pause = '/api/v1/mappings/config/pause';
const JSON_TYPE = { 'content-type': 'application/json' };
const KIB = 1_024;

function open(url: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  return socket;
}

/** What the server sends until it closes the connection. */
async function answerTo(url: string, text: string): Promise<string> {
  const socket = open(url);
  let answer = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

describe('a body', () => {
  it('above 64 KiB is refused, whether or not its length was told', async () => {
    const { send: request, url, control } = await runServer();
    const body = JSON.stringify({ key: 'x'.repeat(64 * KIB), keep: 'consul' });
    const release = '/api/v1/mappings/config/release';
    const told = await request('POST', release, { headers: JSON_TYPE, body });
    expect(told).toMatchObject({ status: 413, json: { code: 'BODY_TOO_LARGE' } });
    const chunked = await answerTo(
      url,
      `POST ${release} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n` +
        `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    );
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
    expect(control.config.calls).toEqual([]);
  });

  it('that claims to be huge is refused before it is sent', async () => {
    const { url, control } = await runServer();
    const answer = await answerTo(
      url,
      `POST ${pause} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(control.config.calls).toEqual([]);
  });

  it.each([
    '{',
    'null',
    '[]',
    '"x"',
    '{"__proto__": {"x": 1}}',
    '{"constructor": {"prototype": {}}}',
    '{"x": 1}',
  ])('of %s is refused where nothing is asked in it, and reaches nobody', async (body) => {
    const { send: request, control } = await runServer();
    const { status } = await request('POST', pause, { headers: JSON_TYPE, body });
    expect([200, 400]).toContain(status);
    if (body !== 'null') expect(status).toBe(400);
    if (status === 400) expect(control.config.calls).toEqual([]);
  });
});

describe('a request', () => {
  it.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'])(
    'by %s does nothing, and gets no permission for pages of other sites',
    async (method) => {
      const { send: request, control } = await runServer();
      const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
      for (const path of ['/', '/api/v1/status', pause]) {
        const answer = await request(method, path, { headers });
        expect(answer.status, path).toBe(404);
        expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      }
      expect(control.config.calls).toEqual([]);
    },
  );

  it.each([
    '/api/v1/mappings/../status',
    '/api/v1/mappings/..%2f..%2f..%2fetc%2fpasswd',
    '/api/v1/mappings/%2e%2e%2fconfig',
    '/api/v1/mappings/config%00',
    '/api/v1/mappings/config%2fpause',
    '/api/v1/mappings/__proto__',
    '/api/v1/mappings/constructor',
    '/../../etc/passwd',
    '//etc/passwd',
    '/api/v1/mappings/<script>alert(1)</script>',
    '/api/v1/mappings/config;x=1',
  ])('for %s finds no mapping and no file', async (path) => {
    const { url, control } = await runServer();
    const { status, headers } = await send(url, 'GET', path);
    expect([400, 404]).toContain(status);
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'x-content-type-options': 'nosniff',
    });
    const changed = await send(url, 'POST', `${path}/pause`, { headers: JSON_TYPE, body: '{}' });
    expect([400, 404]).toContain(changed.status);
    expect(control.config.calls).toEqual([]);
  });

  it('with headers above 16 KiB is refused', async () => {
    const { url } = await runServer();
    const answer = await answerTo(
      url,
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(17 * KIB)}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  it.each([
    ['two lengths', 'Content-Length: 2\r\nContent-Length: 20\r\n\r\n{}'],
    ['a length and chunks', 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ])('with %s, which a proxy might read otherwise, is refused', async (_, rest) => {
    const { url, control } = await runServer();
    const start = `POST ${pause} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    expect(await answerTo(url, start + rest)).toMatch(/^HTTP\/1\.1 400 /);
    expect(control.config.calls).toEqual([]);
  });

  it('with two hosts goes by the first one at most, and never by one that was rebound', async () => {
    const { url } = await runServer();
    const get = 'GET /api/v1/status HTTP/1.1\r\nConnection: close\r\n';
    expect(await answerTo(url, `${get}Host: evil.example\r\nHost: localhost\r\n\r\n`)).toMatch(/ 40[03] /);
    expect(await answerTo(url, `${get}Host: localhost:1@evil.example\r\n\r\n`)).toMatch(/ 403 /);
    expect(await answerTo(url, `${get}X: y\r\n\r\n`)).toMatch(/ 400 /);
    expect(await answerTo(url, 'GET http://evil.example/api/v1/status HTTP/1.0\r\n\r\n')).not.toMatch(
      / 200 /,
    );
  });
});

describe('S9: connections', () => {
  it('above 256 are closed at once, and the server goes on', async () => {
    const { url, get } = await runServer();
    const sockets = Array.from({ length: 256 }, () => open(url));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    const extra = open(url);
    await once(extra.resume(), 'close');
    expect(extra.bytesRead).toBe(0);
    const [first] = sockets;
    first?.destroy();
    if (first !== undefined && !first.closed) await once(first, 'close');
    const health = async () => (await get('/livez').catch(() => undefined))?.status;
    await expect.poll(health, { timeout: 8_000 }).toBe(200);
    for (const socket of sockets) socket.destroy();
  });
});

describe('hostile text in a status', () => {
  it('is JSON, nothing that a browser would take for a page, nor a terminal for an order', async () => {
    const { get, control } = await runServer();
    const key = '<script>alert(1)</script>\x1b[31m\x9b2J\u202e\ud800"\\\n';
    control.current = daemonStatus({
      mappings: [mappingStatus({ skipped: [{ key, reason: 'denied' }], skippedTotal: 1 })],
    });
    const { headers, text, json } = await get('/api/v1/status');
    expect(text).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(json).toMatchObject({ mappings: [{ skipped: [{ key }] }] });
  });
});

import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DaemonProcess } from '../../kit/daemon/daemon-process.js';

const TOKEN = 'a token of the test';
const PAUSE = '/api/v1/mappings/config/pause';
/** 10 s for a request to arrive, looked at every 2 s, and much for a busy machine. */
const SLOW_TIMEOUT_MS = 40_000;

let onLoopback: DaemonProcess;
let onAllAddresses: DaemonProcess;

const NOWHERE = { zookeeper: '127.0.0.1:1', consul: 'http://127.0.0.1:1' };

beforeAll(async () => {
  onLoopback = await DaemonProcess.start({ ...NOWHERE, config: { admin: { token: TOKEN } } });
  onAllAddresses = await DaemonProcess.start({
    ...NOWHERE,
    listenHost: '0.0.0.0',
    config: { admin: { token: TOKEN } },
  });
});
afterAll(async () => {
  await onLoopback.dispose();
  await onAllAddresses.dispose();
});

/** Not by `fetch`, which sets some of these headers itself. */
async function ask(
  { adminPort: port }: DaemonProcess,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const outgoing = request({ host: '127.0.0.1', port, method, path, headers, agent: false });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  const code = text.startsWith('{') ? ((JSON.parse(text) as { code?: string }).code ?? '') : '';
  return `${response.statusCode} ${code}`.trim();
}

const post = (daemon: DaemonProcess, headers: Record<string, string> = {}, query = '') =>
  ask(daemon, 'POST', PAUSE + query, { 'content-type': 'application/json', ...headers });

const bearer = { authorization: `Bearer ${TOKEN}` };

describe('a changing request to a daemon', () => {
  it('on all addresses needs the token, in its header', async () => {
    expect(await post(onAllAddresses)).toBe('401 TOKEN_MISSING');
    expect(await post(onAllAddresses, { authorization: 'Bearer wrong' })).toBe('401 TOKEN_WRONG');
    expect(await post(onAllAddresses, {}, `?token=${encodeURIComponent(TOKEN)}`)).toBe('401 TOKEN_MISSING');
    expect(await post(onAllAddresses, { cookie: `token=${TOKEN}` })).toBe('401 TOKEN_MISSING');
    const basic = Buffer.from(`admin:${TOKEN}`).toString('base64');
    expect(await post(onAllAddresses, { authorization: `Basic ${basic}` })).toBe('401 TOKEN_MISSING');
    // Let in; a mapping that has never met its stores can't be paused yet, or can.
    expect(await post(onAllAddresses, bearer)).not.toMatch(/^40[13]/);
  });

  it.each<[string, Record<string, string>, string]>([
    ['of another origin', { origin: 'https://evil.example' }, '403 CROSS_SITE'],
    ['of another site', { 'sec-fetch-site': 'cross-site' }, '403 CROSS_SITE'],
    ['under a rebound name', { host: 'evil.example' }, '403 HOST_REFUSED'],
    ['under another address of this machine', { host: '10.0.0.7:9464' }, '403 HOST_REFUSED'],
    ['as a form sends it', { 'content-type': 'text/plain' }, '415 JSON_REQUIRED'],
    ['through a proxy', { 'x-forwarded-for': '10.0.0.7' }, '401 TOKEN_MISSING'],
  ])('on loopback is refused %s', async (_, headers, expected) => {
    expect(await post(onLoopback, headers)).toBe(expected);
  });

  it('changed nothing where it was refused, and no refusal has the token in its log line', async () => {
    expect((await onLoopback.mapping()).state).not.toBe('paused');
    const log = (await onLoopback.log()) + (await onAllAddresses.log());
    expect(log).toContain('A change was refused');
    expect(log).not.toContain(TOKEN);
    expect(log).not.toContain(encodeURIComponent(TOKEN));
  });
});

describe.concurrent('S9: a client that takes its time', () => {
  it.each([
    ['with its headers', `POST ${PAUSE} HTTP/1.1\r\nHost: localhost\r\nX-`],
    [
      'with its body',
      `POST ${PAUSE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`,
    ],
  ])(
    '%s is let go, however busily it drips',
    async (_, start) => {
      const socket = connect(onLoopback.adminPort, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.resume().write(start);
      const drip = setInterval(() => socket.write('x'), 500);
      await once(socket, 'close');
      clearInterval(drip);
      expect(await ask(onLoopback, 'GET', '/livez')).toBe('200');
    },
    SLOW_TIMEOUT_MS,
  );
});

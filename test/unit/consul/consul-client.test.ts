import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConsulClient } from '../../../src/consul/consul-client.js';
import type { ConsulClientOptions, ConsulRequest } from '../../../src/consul/consul-client.js';
import { ConsulError } from '../../../src/consul/consul-errors.js';
import { ScriptedHttpPeer } from '../../kit/scripted-http-peer.js';
import type { Script, ScriptedAnswer } from '../../kit/scripted-http-peer.js';

const NEVER = new AbortController().signal;
const SECRET = '9f3b1c2d-secret';
const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function startPeer(script: Script | ScriptedAnswer): Promise<ScriptedHttpPeer> {
  const peer = await ScriptedHttpPeer.start(typeof script === 'function' ? script : () => script);
  cleanUps.push(() => peer.dispose());
  return peer;
}

function clientOf(address: URL, options: Partial<ConsulClientOptions> = {}): ConsulClient {
  const client = new ConsulClient({ address, requestTimeoutMs: 5_000, ...options });
  cleanUps.push(() => client.close());
  return client;
}

const GET: ConsulRequest = {
  operation: 'read',
  method: 'GET',
  path: '/v1/kv/config/a',
  accepts: [200],
  repeatable: true,
};

const PUT: ConsulRequest = {
  operation: 'write',
  method: 'PUT',
  path: '/v1/txn',
  body: Buffer.from('[]'),
  accepts: [200, 409],
  repeatable: false,
};

async function failureOf(promise: Promise<unknown>): Promise<ConsulError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ConsulError) return error;
  throw new Error('expected a ConsulError', { cause: error });
}

describe('answers that are not there', () => {
  it('S5: an answer that breaks off in the middle is an error at once, not a hang and not a short answer', async () => {
    const peer = await startPeer({ truncated: '["config/a","config/b"]', afterBytes: 10 });
    const error = await failureOf(clientOf(peer.address, { requestTimeoutMs: 60_000 }).request(GET, NEVER));
    expect(error).toMatchObject({ code: 'STORE_UNREACHABLE', retriable: true, notApplied: false });
    expect(error.message).toContain('in the middle of the answer');
  });

  it('S5: silence ends in a timeout that names the address and may have been applied', async () => {
    const peer = await startPeer('silence');
    const error = await failureOf(clientOf(peer.address, { requestTimeoutMs: 50 }).request(PUT, NEVER));
    expect(error).toMatchObject({ code: 'STORE_TIMEOUT', retriable: true, notApplied: false });
    expect(error.message).toContain(`PUT /v1/txn on http://127.0.0.1:${peer.port}`);
  });

  it('a timed-out request gives its connection back, so that later ones are not starved', async () => {
    const peer = await startPeer((_request, position) => (position < 8 ? 'silence' : { body: 'ok' }));
    const client = clientOf(peer.address, { requestTimeoutMs: 50, socketsMax: 2 });
    for (let i = 0; i < 4; i++) {
      const errors = await Promise.all([
        failureOf(client.request(GET, NEVER)),
        failureOf(client.request(GET, NEVER)),
      ]);
      expect(errors.map(({ code }) => code)).toEqual(['STORE_TIMEOUT', 'STORE_TIMEOUT']);
    }
    expect((await client.request(GET, NEVER)).body.toString()).toBe('ok');
  });

  it('a write whose connection is closed instead of answered may have been applied', async () => {
    const peer = await startPeer('hang-up');
    const error = await failureOf(clientOf(peer.address).request(PUT, NEVER));
    expect(error).toMatchObject({ code: 'STORE_UNREACHABLE', retriable: true, notApplied: false });
  });

  it('a request to a closed port was certainly not applied', async () => {
    const peer = await ScriptedHttpPeer.start(() => 'silence');
    const { address } = peer;
    await peer.dispose();
    const error = await failureOf(clientOf(address).request(PUT, NEVER));
    expect(error).toMatchObject({ code: 'STORE_UNREACHABLE', retriable: true, notApplied: true });
    expect(error.message).toContain('ECONNREFUSED');
  });

  it('a request that never got a connection was certainly not applied', async () => {
    const peer = await startPeer('silence');
    const client = clientOf(peer.address, { socketsMax: 1, requestTimeoutMs: 100 });
    const first = failureOf(client.request({ ...PUT, timeoutMs: 5_000 }, NEVER));
    const queued = await failureOf(client.request(PUT, NEVER));
    expect(queued).toMatchObject({ code: 'STORE_TIMEOUT', notApplied: true });
    client.close();
    expect(await first).toMatchObject({ notApplied: false });
  });

  it('S9: an answer longer than its bound is broken off', async () => {
    const peer = await startPeer({ body: 'x'.repeat(1_000_000) });
    const error = await failureOf(clientOf(peer.address).request({ ...GET, answerBytesMax: 1_000 }, NEVER));
    expect(error.message).toContain('longer than 1000 bytes');
  });
});

describe('connections', () => {
  it('requests share kept connections, and no more of them than allowed', async () => {
    const peer = await startPeer({ body: 'ok', delayMs: 5 });
    const client = clientOf(peer.address, { socketsMax: 3 });
    await Promise.all(Array.from({ length: 30 }, () => client.request(GET, NEVER)));
    expect(peer.requests).toHaveLength(30);
    expect(peer.connections).toBe(3);
  });

  it('blocking queries do not take the connections of other requests', async () => {
    const peer = await startPeer((request) => (request.query.has('wait') ? 'silence' : { body: 'ok' }));
    const client = clientOf(peer.address, { socketsMax: 1 });
    const abort = new AbortController();
    const watch = failureOf(
      client.request({ ...GET, query: ['wait=1m'], socketPool: 'watches', timeoutMs: 60_000 }, abort.signal),
    );
    await vi.waitFor(() => expect(peer.requests).toHaveLength(1));
    expect((await client.request(GET, NEVER)).body.toString()).toBe('ok');
    abort.abort();
    expect(await watch).toMatchObject({ code: 'ABORTED' });
  });

  it('a read lost on a connection that was closed while idle is sent again, a write is not', async () => {
    const peer = await startPeer((request, position) =>
      // The second request of a connection finds it closed.
      position > 0 && request.connection === peer.requests[0]?.connection ? 'hang-up' : { body: 'ok' },
    );
    const reading = clientOf(peer.address, { socketsMax: 1 });
    await reading.request(GET, NEVER);
    expect((await reading.request(GET, NEVER)).body.toString()).toBe('ok');

    peer.requests.length = 0;
    const writing = clientOf(peer.address, { socketsMax: 1 });
    await writing.request(PUT, NEVER);
    expect(await failureOf(writing.request(PUT, NEVER))).toMatchObject({ notApplied: false });
    expect(peer.requests).toHaveLength(2);
  });

  it('a closed client breaks off what is under way, sends nothing again and takes nothing new', async () => {
    const peer = await startPeer((_request, position) => (position === 0 ? { body: 'ok' } : 'silence'));
    const client = clientOf(peer.address, { socketsMax: 1 });
    await client.request(GET, NEVER);
    const underWay = failureOf(client.request(GET, NEVER));
    await vi.waitFor(() => expect(peer.requests).toHaveLength(2));
    client.close();
    expect(await underWay).toMatchObject({ code: 'STORE_UNREACHABLE' });
    expect(await failureOf(client.request(PUT, NEVER))).toMatchObject({ code: 'ABORTED', notApplied: true });
    expect(peer.requests).toHaveLength(2);
  });

  it('a read that fails on a new connection is not sent again', async () => {
    const peer = await startPeer('hang-up');
    await failureOf(clientOf(peer.address).request(GET, NEVER));
    expect(peer.requests).toHaveLength(1);
  });

  it('a request aborted beforehand is never sent; one aborted on its way may have been applied', async () => {
    const peer = await startPeer('silence');
    const client = clientOf(peer.address);
    expect(await failureOf(client.request(PUT, AbortSignal.abort()))).toMatchObject({
      code: 'ABORTED',
      notApplied: true,
    });
    expect(peer.requests).toHaveLength(0);

    const abort = new AbortController();
    const pending = failureOf(client.request(PUT, abort.signal));
    await vi.waitFor(() => expect(peer.requests).toHaveLength(1));
    abort.abort();
    expect(await pending).toMatchObject({ code: 'ABORTED', retriable: false, notApplied: false });
  });
});

describe('answers that say no', () => {
  const cases: [number, string, Partial<ConsulError>][] = [
    [403, 'Permission denied', { code: 'STORE_DENIED', retriable: false, notApplied: true }],
    [403, 'ACL not found', { code: 'STORE_AUTH_FAILED', retriable: false, notApplied: true }],
    [401, '', { code: 'STORE_AUTH_FAILED', retriable: false, notApplied: true }],
    [429, 'Too Many Requests', { code: 'STORE_OVERLOADED', retriable: true, notApplied: true }],
    [
      503,
      'rate limit exceeded for operation',
      { code: 'STORE_OVERLOADED', retriable: true, notApplied: true },
    ],
    [503, 'upstream connect error', { code: 'STORE_OVERLOADED', retriable: true, notApplied: false }],
    [500, 'No cluster leader', { code: 'STORE_UNREACHABLE', retriable: true, notApplied: true }],
    [500, 'rpc error making call: node is not the leader', { code: 'STORE_UNREACHABLE', notApplied: true }],
    [
      500,
      'leadership lost while committing log',
      { code: 'STORE_UNREACHABLE', retriable: true, notApplied: false },
    ],
    [500, 'rpc error making call: EOF', { code: 'STORE_UNREACHABLE', retriable: true, notApplied: false }],
    [502, '', { code: 'STORE_UNREACHABLE', retriable: true, notApplied: false }],
    [404, 'not here', { code: 'STORE_PROTOCOL', retriable: false, notApplied: true }],
    [301, '', { code: 'STORE_PROTOCOL', retriable: false, notApplied: true }],
  ];
  it.each(cases)('S5: %i %j is told for what it is', async (status, body, expected) => {
    const peer = await startPeer({ status, body });
    const error = await failureOf(clientOf(peer.address).request(PUT, NEVER));
    expect(error).toMatchObject({ ...expected, status });
    expect(error.message).toContain(String(status));
  });

  it('S5: a web page behind the port is no answer to a transaction', async () => {
    const peer = await startPeer({ body: '<!doctype html><title>Welcome to nginx!</title>' });
    const error = await failureOf(
      clientOf(peer.address).transact(Buffer.from('[]'), { reads: true, operation: 'read' }, NEVER),
    );
    expect(error).toMatchObject({ code: 'STORE_PROTOCOL', retriable: false });
    expect(error.message).toContain(peer.address.origin);
  });

  it.each([
    ['an empty object', '{}'],
    ['a list', '[]'],
    ['a result without a key', '{"Results":[{"KV":{}}],"Errors":null}'],
    [
      'a result with a fraction as index',
      '{"Results":[{"KV":{"Key":"a","Flags":0,"CreateIndex":1.5,"ModifyIndex":1}}]}',
    ],
    ['an error beside success', '{"Results":[],"Errors":[{"OpIndex":0,"What":"no"}]}'],
  ])('S5: %s is no answer to a transaction', async (_name, body) => {
    const peer = await startPeer({ body });
    const pending = clientOf(peer.address).transact(
      Buffer.from('[]'),
      { reads: true, operation: 'read' },
      NEVER,
    );
    expect(await failureOf(pending)).toMatchObject({ code: 'STORE_PROTOCOL' });
  });

  it('a peer that speaks no HTTP is called by its address', async () => {
    const peer = await startPeer({ raw: 'SSH-2.0-OpenSSH_9.2\r\n' });
    const error = await failureOf(clientOf(peer.address).request(GET, NEVER));
    expect(error).toMatchObject({ code: 'STORE_PROTOCOL', retriable: false });
    expect(error.message).toContain(peer.address.origin);
  });

  it('https to a plain port is called a wrong protocol, and was not applied', async () => {
    const peer = await startPeer({ body: 'ok' });
    const error = await failureOf(clientOf(new URL(`https://127.0.0.1:${peer.port}`)).request(PUT, NEVER));
    expect(error).toMatchObject({ code: 'STORE_PROTOCOL', notApplied: true });
  });
});

describe('tokens', () => {
  it('the token is sent as a header, with the datacenter beside it', async () => {
    const peer = await startPeer({ body: 'ok' });
    await clientOf(peer.address, { token: SECRET, datacenter: 'dc 2' }).request(
      { ...GET, query: ['raw'] },
      NEVER,
    );
    expect(peer.requests[0]?.headers['x-consul-token']).toBe(SECRET);
    expect(peer.requests[0]?.query.get('dc')).toBe('dc 2');
    expect(peer.requests[0]?.query.has('raw')).toBe(true);
  });

  it('the token is in no message, even where the server repeats it', async () => {
    const peer = await startPeer({ status: 500, body: `token ${SECRET} is not good` });
    const error = await failureOf(clientOf(peer.address, { token: SECRET }).request(GET, NEVER));
    expect(error.message).toContain('is not good');
    expect(error.message).not.toContain(SECRET);
  });

  it('a token file is read again when it changes, and survives a moment without it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'token-'));
    cleanUps.push(() => rm(folder, { recursive: true }));
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, 'first\n');
    const peer = await startPeer({ body: 'ok' });
    const client = clientOf(peer.address, { tokenFile });
    const sent = async () => {
      await client.request(GET, NEVER);
      return peer.requests.at(-1)?.headers['x-consul-token'];
    };
    expect(await sent()).toBe('first');
    await rename(tokenFile, `${tokenFile}.old`);
    expect(await sent()).toBe('first');
    await writeFile(tokenFile, '');
    await writeFile(`${tokenFile}.new`, 'second');
    await rename(`${tokenFile}.new`, tokenFile);
    await vi.waitFor(async () => expect(await sent()).toBe('second'), { timeout: 5_000, interval: 50 });
  });

  it('a token file that is not there is an error that names it', async () => {
    const peer = await startPeer({ body: 'ok' });
    const client = clientOf(peer.address, { tokenFile: '/no/such/token' });
    await expect(client.request(PUT, NEVER)).rejects.toMatchObject({
      code: 'STORE_AUTH_FAILED',
      notApplied: true,
      message: expect.stringContaining('/no/such/token') as string,
    });
    expect(peer.requests).toHaveLength(0);
  });
});

describe('observation', () => {
  it('every request is told once, with its outcome', async () => {
    const told: string[] = [];
    const peer = await startPeer((_request, position) => (position === 0 ? { body: 'ok' } : { status: 429 }));
    const onRequest = (operation: string, result: string, seconds: number) => {
      expect(seconds).toBeGreaterThanOrEqual(0);
      told.push(`${operation} ${result}`);
    };
    const client = clientOf(peer.address, { onRequest });
    await client.request(GET, NEVER);
    await failureOf(client.request(PUT, NEVER));
    await failureOf(client.request(GET, AbortSignal.abort()));
    expect(told).toEqual(['read ok', 'write STORE_OVERLOADED', 'read ABORTED']);
  });
});

import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Clock } from '../../../src/ports/clock.js';
import { ZooKeeperClient } from '../../../src/zookeeper/client-seam.js';
import { ReconnectBackoff } from '../../../src/zookeeper/reconnect-backoff.js';
import { syncRequest } from '../../../src/zookeeper/requests.js';
import { OP, buffer, int, pathOf, stat } from '../../kit/scripted-zookeeper-peer.js';
import type { PeerConnection, PeerRequest } from '../../kit/scripted-zookeeper-peer.js';
import { CERTIFICATE_PEM, KEY_PEM } from '../config/test-certificate.js';
import { NEVER, sessionTo, startPeer, systemClock } from './session-fixture.js';

const EVENTUALLY_MS = 8_000;

describe('a connection that breaks', () => {
  it('leaves no half frame behind: the next connection is understood from its first byte', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer);
    const first = await peer.session();
    await session.whenConnected(NEVER);
    first.socket.end(Buffer.concat([int(100), Buffer.from('half a frame')]));

    const second = await peer.session();
    await vi.waitFor(() => expect(session.connections).toBe(2), EVENTUALLY_MS);
    const answer = session.exists('/a', NEVER);
    second.reply((await second.request()).xid, { body: stat({ mzxid: 7n }) });
    expect(await answer).toMatchObject({ kind: 'node', node: { mzxid: 7n } });
    expect(session.state).toMatchObject({ kind: 'connected', isNewSession: false });
  });

  it('S5: tells every request at once, and says which of them had been sent', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer, { limits: { inFlightMax: 2 } });
    const connection = await peer.session();
    await session.whenConnected(NEVER);

    const requests = ['/a', '/b', '/c'].map((path) =>
      session.exists(path, NEVER).catch((error: unknown) => error),
    );
    await connection.request();
    await connection.request();
    connection.socket.destroy();

    const [first, second, third] = await Promise.all(requests);
    for (const sent of [first, second])
      expect(sent).toMatchObject({ code: 'STORE_UNREACHABLE', ambiguous: true });
    expect(third).toMatchObject({ code: 'STORE_UNREACHABLE', ambiguous: false });
    expect(String(first)).toContain('exists /a');
    expect(String(first)).toContain(peer.connect);
  });

  it('S5: requests without a connection fail at once, and are not sent later on the next one', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer);
    const early = session.exists('/early', NEVER);
    await expect(early).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      retriable: true,
      ambiguous: false,
    });

    const connection = await peer.session();
    await session.whenConnected(NEVER);
    const answer = session.exists('/late', NEVER);
    const request = await connection.request();
    expect(pathOf(request)).toBe('/late');
    connection.reply(request.xid, { body: stat() });
    await answer;
  });

  it('is not followed by SetWatches, whose one packet ends every connection once there are many watches', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer);
    const first = await peer.session();
    await session.whenConnected(NEVER);
    const watched = session.exists('/watched', NEVER, true);
    first.reply((await first.request()).xid, { body: stat() });
    await watched;
    first.socket.destroy();

    const second = await peer.session();
    await vi.waitFor(() => expect(session.connections).toBe(2), EVENTUALLY_MS);
    const next = session.sync('/', NEVER);
    expect((await second.request()).type).toBe(OP.sync);
    second.reply(1, { zxid: 5n });
    expect(await next).toBe(5n);
  });

  it('S6: a reply without a zxid does not make the client forget what it has seen', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer);
    const first = await peer.session();
    await session.whenConnected(NEVER);
    for (const zxid of [42n, 0n, -1n]) {
      const answer = session.sync('/', NEVER);
      first.reply((await first.request()).xid, { zxid });
      await answer;
    }
    first.socket.destroy();
    const second = await peer.connection();
    expect((await second.handshake()).lastZxidSeen).toBe(42n);
  });
});

describe('a server that falls silent', () => {
  it('is left within its session timeout, though the connection stays open', async () => {
    const peer = await startPeer();
    const { session, states } = sessionTo(peer, { sessionTimeoutMs: 600 });
    const connection = await peer.session({ timeoutMs: 600 });
    connection.answersPings = false;
    await session.whenConnected(NEVER);
    const connectedAtMs = performance.now();

    await connection.closed();
    expect(performance.now() - connectedAtMs).toBeGreaterThanOrEqual(390);
    await vi.waitFor(() => expect(states.at(-1)?.kind).toBe('disconnected'), EVENTUALLY_MS);
    expect(states.at(-1)).toMatchObject({
      cause: { message: expect.stringContaining('nothing came') as string },
    });
  });

  it('is left when it accepts the connection and never answers the handshake', async () => {
    const silent = await startPeer();
    const living = await startPeer();
    const { session } = sessionTo(
      { connect: `${silent.connect},${living.connect}` },
      { sessionTimeoutMs: 500, random: { next: () => 0.99 } },
    );
    const [first] = [await silent.connection()];
    await first.handshake();
    const second = await living.session();
    await session.whenConnected(NEVER);
    expect(session.server).toBe(living.connect);
    expect(second.isClosed).toBe(false);
  });

  it('is pinged while its events arrive: they alone would not keep the session alive', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer, { sessionTimeoutMs: 600 });
    const connection = await peer.session({ timeoutMs: 600 });
    connection.answersPings = false;
    await session.whenConnected(NEVER);
    const chatter = setInterval(() => connection.event(3, '/busy'), 20);
    onTestFinished(() => clearInterval(chatter));

    const pings = [await connection.request(), await connection.request()];
    expect(pings.map(({ type }) => type)).toEqual([OP.ping, OP.ping]);
    expect(connection.isClosed).toBe(false);
  });

  it('S7: a request ends in its own time, is ambiguous, and its late reply disturbs no other', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer, { requestTimeoutMs: 200 });
    const connection = await peer.session();
    await session.whenConnected(NEVER);
    await expect(session.exists('/slow', NEVER)).rejects.toMatchObject({
      code: 'STORE_TIMEOUT',
      ambiguous: true,
    });

    const late = await connection.request();
    const next = session.exists('/next', NEVER);
    connection.reply(late.xid, { body: stat({ mzxid: 1n }) });
    connection.reply((await connection.request()).xid, { body: stat({ mzxid: 2n }) });
    expect(await next).toMatchObject({ node: { mzxid: 2n } });
    expect(session.connections).toBe(1);
  });

  it('does not keep close() waiting', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer);
    const connection = await peer.session();
    connection.answersClose = false;
    await session.whenConnected(NEVER);
    const pending = session.exists('/a', NEVER).catch((error: unknown) => error);
    await connection.request();

    const closing = session.close();
    expect((await connection.request()).type).toBe(OP.closeSession);
    await closing;
    await connection.closed();
    expect(await pending).toMatchObject({ code: 'STORE_UNREACHABLE', ambiguous: true });
    expect(session.state.kind).toBe('closed');
    await expect(session.exists('/a', NEVER)).rejects.toThrow('closed');
  });
});

describe('what the package does not know', () => {
  it('watch events of unknown types are passed on and throw nothing', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer);
    const connection = await peer.session();
    await session.whenConnected(NEVER);
    const events: unknown[] = [];
    session.onEvent((event) => events.push(event));
    for (const type of [7, 99, 2]) connection.event(type, '/a');
    await vi.waitFor(() => expect(events).toHaveLength(3), EVENTUALLY_MS);
    expect(events).toEqual(['other', 'other', 'deleted'].map((type) => ({ type, path: '/a' })));
    expect(session.connections).toBe(1);
  });

  it('replies to newer operations and with newer errors leave the connection alone', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer);
    const connection = await peer.session();
    await session.whenConnected(NEVER);
    const armed = session.addWatch('/a', NEVER);
    const request = await connection.request();
    expect(request.type).toBe(OP.addWatch);
    connection.reply(request.xid, { body: int(0) });
    await armed;

    const throttled = session.exists('/a', NEVER);
    connection.reply((await connection.request()).xid, { error: -127 });
    await expect(throttled).rejects.toMatchObject({
      code: 'STORE_OVERLOADED',
      retriable: true,
      ambiguous: false,
    });
    const unheardOf = session.exists('/a', NEVER);
    connection.reply((await connection.request()).xid, { error: -4711 });
    await expect(unheardOf).rejects.toThrow('error -4711');
    expect(session.connections).toBe(1);
  });

  it('a damaged reply fails its request and nothing else', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer);
    const connection = await peer.session();
    await session.whenConnected(NEVER);
    const damaged = session.getData('/a', NEVER);
    connection.reply((await connection.request()).xid, { body: int(1_000_000) });
    await expect(damaged).rejects.toMatchObject({ code: 'STORE_PROTOCOL', ambiguous: true });

    const next = session.exists('/b', NEVER);
    connection.reply((await connection.request()).xid, { body: stat() });
    expect(await next).toMatchObject({ kind: 'node' });
  });

  it('a reply out of order ends the connection, since nothing after it can be trusted', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer);
    const connection = await peer.session();
    await session.whenConnected(NEVER);
    const answer = session.exists('/a', NEVER);
    connection.reply((await connection.request()).xid + 1, { body: stat() });
    await expect(answer).rejects.toMatchObject({ code: 'STORE_UNREACHABLE', ambiguous: true });
    await connection.closed();
  });

  it('64-bit numbers are exact to the last bit', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer);
    const connection = await peer.session();
    await session.whenConnected(NEVER);
    const answer = session.exists('/a', NEVER);
    const large = 0x7fff_ffff_ffff_fffdn;
    connection.reply((await connection.request()).xid, { body: stat({ czxid: large, mzxid: large - 1n }) });
    expect(await answer).toMatchObject({ node: { czxid: large, mzxid: large - 1n } });
  });
});

describe('a port that is not ZooKeeper', () => {
  it('is told by its first bytes, in a message that says so', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const address = server.address() as { port: number };
    const { states } = sessionTo({ connect: `127.0.0.1:${address.port}` });
    await vi.waitFor(() => expect(states.length).toBeGreaterThan(0), EVENTUALLY_MS);
    expect(states[0]).toMatchObject({
      kind: 'disconnected',
      cause: { message: expect.stringContaining("not ZooKeeper's protocol") as string },
    });
  });

  it('is tried less and less often, also when each connection is accepted at first', async () => {
    const peer = await startPeer();
    const delays: number[] = [];
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, signal) => {
        // The sleep before an attempt; the others are those of timeouts.
        if (ms < 6_000) delays.push(ms);
        return systemClock.sleep(Math.min(ms, 5), signal);
      },
    };
    sessionTo(peer, { clock, sessionTimeoutMs: 60_000, random: { next: () => 0 } });
    for (let i = 0; i < 9; i++) {
      const connection = await peer.connection();
      await connection.handshake();
      connection.acceptSession({ timeoutMs: 60_000 });
      connection.socket.end();
    }
    const waits = delays.filter((ms) => ms !== 0);
    expect(waits.slice(0, 6)).toEqual([50, 100, 200, 400, 800, 1_600]);
  });
});

describe('authentication', () => {
  const auth = { scheme: 'digest', credentials: 'user:secret' };

  it('comes before all requests, on every connection, and nothing is sent until it was accepted', async () => {
    const peer = await startPeer();
    const { session, states } = sessionTo(peer, { auth });
    for (let i = 1; i <= 2; i++) {
      const connection = await peer.session();
      const request = await connection.request();
      expect(request).toMatchObject({ type: OP.auth, xid: -4 });
      expect(request.body.toString('latin1')).toContain('user:secret');
      await expect(session.exists('/a', NEVER)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
      expect(connection.untaken).toEqual([]);
      connection.reply(-4);
      await vi.waitFor(() => expect(session.connections).toBe(i), EVENTUALLY_MS);
      connection.socket.destroy();
      await vi.waitFor(() => expect(states.at(-1)?.kind).toBe('disconnected'), EVENTUALLY_MS);
    }
  });

  it('is sent once per connection, also after connections that never came to it', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer, { auth });
    for (let i = 0; i < 2; i++) {
      const refused = await peer.connection();
      await refused.handshake();
      refused.socket.end();
    }
    const connection = await peer.session();
    expect((await connection.request()).type).toBe(OP.auth);
    connection.reply(-4);
    await session.whenConnected(NEVER);
    const answer = session.sync('/', NEVER);
    const next = await connection.request();
    expect(next.type).toBe(OP.sync);
    connection.reply(next.xid);
    await answer;
  });

  it('refused is final: it is said clearly, without the secret, and not tried again', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer, { auth });
    const connection = await peer.session();
    await connection.request();
    connection.reply(-4, { error: -115 });
    await connection.closed();

    await vi.waitFor(() => expect(session.state.kind).toBe('auth-failed'), EVENTUALLY_MS);
    const error = await session.exists('/a', NEVER).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'STORE_AUTH_FAILED', retriable: false });
    expect(String(error)).toContain('zookeeper.auth');
    expect(String(error)).not.toContain('secret');
    await expect(session.whenConnected(NEVER)).rejects.toMatchObject({ code: 'STORE_AUTH_FAILED' });
    expect(peer.connections).toHaveLength(1);
  });
});

describe('TLS', () => {
  it('carries the session, with the name in the certificate checked', async () => {
    const peer = await startPeer({ cert: CERTIFICATE_PEM, key: KEY_PEM });
    const { session } = sessionTo(peer, { tls: { ca: CERTIFICATE_PEM, serverName: 'test' } });
    const connection = await peer.session();
    await session.whenConnected(NEVER);
    const answer = session.sync('/', NEVER);
    connection.reply((await connection.request()).xid, { zxid: 9n });
    expect(await answer).toBe(9n);
  });

  it.each([
    ['of another name', { ca: CERTIFICATE_PEM, serverName: 'zk.example.org' }],
    ['that nobody vouches for', { serverName: 'test' }],
  ])('does not trust a certificate %s', async (_, tls) => {
    const peer = await startPeer({ cert: CERTIFICATE_PEM, key: KEY_PEM });
    const { session, states } = sessionTo(peer, { tls });
    await vi.waitFor(() => expect(states.length).toBeGreaterThan(0), EVENTUALLY_MS);
    expect(session.connections).toBe(0);
    const code = expect.stringMatching(/ERR_TLS_CERT_ALTNAME_INVALID|DEPTH_ZERO_SELF_SIGNED_CERT/) as string;
    expect(states[0]).toMatchObject({ kind: 'disconnected', cause: { name: 'TlsFailure', cause: { code } } });
  });
});

describe("a client that can't even try", () => {
  it('because its key is no key says so, and tries again later', async () => {
    const peer = await startPeer();
    const { session, states } = sessionTo(peer, { tls: { cert: CERTIFICATE_PEM, key: 'no key' } });
    await vi.waitFor(() => expect(states.length).toBeGreaterThan(2), EVENTUALLY_MS);
    expect(states[0]).toMatchObject({ kind: 'disconnected', cause: expect.any(Error) as Error });
    await expect(session.sync('/', NEVER)).rejects.toThrow(/PEM|DECODER/);
    expect(peer.connections).toHaveLength(0);
  });

  it('because nobody listens says so, with the address', async () => {
    const peer = await startPeer();
    const { connect } = peer;
    await peer.close();
    const { session, states } = sessionTo({ connect });
    await vi.waitFor(() => expect(states.length).toBeGreaterThan(1), EVENTUALLY_MS);
    await expect(session.sync('/', NEVER)).rejects.toThrow(
      `sync / on ${connect}: connect ECONNREFUSED ${connect} (not sent)`,
    );
  });
});

describe('sessions', () => {
  it('one that expired is followed by a new one, made by itself', async () => {
    const peer = await startPeer();
    const { session, states } = sessionTo(peer);
    (await peer.session({ sessionId: 0x11n })).socket.destroy();

    const second = await peer.connection();
    expect((await second.handshake()).sessionId).toBe(0x11n);
    second.acceptSession({ timeoutMs: 0, sessionId: 0n });

    const third = await peer.connection();
    expect(await third.handshake()).toMatchObject({ sessionId: 0n, lastZxidSeen: 0n });
    third.acceptSession({ sessionId: 0x22n });
    await vi.waitFor(() => expect(session.state).toMatchObject({ sessionId: '0x22' }), EVENTUALLY_MS);
    expect(session.state).toMatchObject({ kind: 'connected', isNewSession: true, connection: 2 });
    expect(states.filter(({ kind }) => kind === 'connected')).toHaveLength(2);
  });

  it('an ensemble restored from a backup refuses the old client forever, and gets a fresh one', async () => {
    const peer = await startPeer();
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, signal) => systemClock.sleep(ms > 5_000 ? ms : 1, signal),
    };
    const { session } = sessionTo(peer, { clock, sessionTimeoutMs: 60_000 });
    const first = await peer.session({ timeoutMs: 60_000 });
    await session.whenConnected(NEVER);
    const seen = session.sync('/', NEVER);
    first.reply((await first.request()).xid, { zxid: 0x5_0000_0000n });
    await seen;
    first.socket.destroy();

    // A real server closes the connection when it reads a zxid above its own.
    for (;;) {
      const connection = await peer.connection();
      const { lastZxidSeen, sessionId } = await connection.handshake();
      if (lastZxidSeen === 0n) {
        expect(sessionId).toBe(0n);
        connection.acceptSession({ sessionId: 0x99n });
        break;
      }
      connection.socket.end();
    }
    await vi.waitFor(() => expect(session.state).toMatchObject({ sessionId: '0x99' }), EVENTUALLY_MS);
    expect(peer.connections.length).toBeLessThan(8);
  });

  it('survive a transaction id that has reached its end', async () => {
    const peer = await startPeer();
    const client = new AgedClient(peer.port);
    onTestFinished(() => client.shutDown());
    client.start();
    const connection = await peer.session();
    await client.ready;
    const xids: number[] = [];
    for (let i = 0; i < 4; i++) {
      const answered = new Promise((resolve) => client.send(syncRequest('/'), resolve));
      const { xid } = await connection.request();
      xids.push(xid);
      connection.reply(xid);
      expect(await answered).toMatchObject({ kind: 'reply', xid });
    }
    expect(xids).toEqual([0x7ffe_fffe, 0x7ffe_ffff, 1, 2]);
  });
});

/** A client after two billion requests. */
class AgedClient extends ZooKeeperClient {
  readonly ready: Promise<void>;

  constructor(port: number) {
    const random = { next: () => 0 };
    let becomeReady: () => void = () => undefined;
    super(
      {
        servers: [{ host: '127.0.0.1', port }],
        sessionTimeoutMs: 10_000,
        connectTimeoutMs: 10_000,
        auth: undefined,
        tls: undefined,
        replyBytesMax: 1_000,
        clock: systemClock,
        backoff: new ReconnectBackoff(1, random),
      },
      {
        onReady: () => becomeReady(),
        onLost: () => undefined,
        onEnded: () => undefined,
        onEvent: () => undefined,
      },
    );
    this.ready = new Promise((resolve) => (becomeReady = resolve));
    this.xid = 0x7ffe_fffe;
  }
}

describe('bounds', () => {
  it('S9: no more requests are on their way than allowed, and beyond the queue they are refused at once', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer, { limits: { inFlightMax: 2, queuedMax: 3 } });
    const connection = await peer.session();
    await session.whenConnected(NEVER);
    const answers = Array.from({ length: 6 }, (_, i) => session.exists(`/n${i}`, NEVER));
    await expect(answers[5]).rejects.toMatchObject({ code: 'STORE_OVERLOADED', ambiguous: false });

    for (let i = 0; i < 5; i++) {
      const request = await connection.request();
      expect(pathOf(request)).toBe(`/n${i}`);
      expect(connection.untaken.length).toBeLessThan(2);
      connection.reply(request.xid, { body: stat({ version: i }) });
      expect(await answers[i]).toMatchObject({ node: { version: i } });
    }
  });

  it('S9: a reply above the bound is thrown away as it arrives, and only its own request fails', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer, { replyBytesMax: 1_000 });
    const connection = await peer.session();
    await session.whenConnected(NEVER);
    const [large, small] = [session.getData('/large', NEVER), session.exists('/small', NEVER)];
    const [first, second] = [await connection.request(), await connection.request()];
    connection.reply(first.xid, { body: Buffer.concat([buffer(Buffer.alloc(5_000_000)), stat()]) });
    connection.reply(second.xid, { body: stat({ mzxid: 3n }) });
    await expect(large).rejects.toMatchObject({ code: 'STORE_PROTOCOL', retriable: false });
    expect(await small).toMatchObject({ node: { mzxid: 3n } });
    expect(session.connections).toBe(1);
  });

  it('a request above the packet limit is refused before it is sent: a server drops the connection for it', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer);
    const connection = await peer.session();
    await session.whenConnected(NEVER);
    const data = new Uint8Array(1_048_576);
    await expect(
      session.multi([{ kind: 'setData', path: '/a', data, version: 0 }], NEVER),
    ).rejects.toMatchObject({
      code: 'STORE_PROTOCOL',
      ambiguous: false,
    });
    expect(connection.untaken).toEqual([]);
  });

  it('an aborted request ends at once, saying whether it was sent, and many may share one signal', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer, { limits: { inFlightMax: 20 } });
    const connection = await peer.session();
    await session.whenConnected(NEVER);
    const warnings: unknown[] = [];
    const onWarning = (warning: unknown) => warnings.push(warning);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));

    const abort = new AbortController();
    const answers = Array.from({ length: 30 }, (_, i) =>
      session.exists(`/n${i}`, abort.signal).catch((error: unknown) => error),
    );
    const sent: PeerRequest[] = [];
    for (let i = 0; i < 20; i++) sent.push(await connection.request());
    abort.abort();
    const errors = (await Promise.all(answers)) as { code: string; ambiguous: boolean }[];
    expect(errors.every(({ code }) => code === 'ABORTED')).toBe(true);
    expect(errors.map(({ ambiguous }) => ambiguous)).toEqual([
      ...Array.from({ length: 20 }, () => true),
      ...Array.from({ length: 10 }, () => false),
    ]);
    expect(warnings).toEqual([]);

    for (const { xid } of sent) connection.reply(xid, { body: stat() });
    const next = session.sync('/', NEVER);
    const request = await connection.request();
    expect(request.type).toBe(OP.sync);
    connection.reply(request.xid);
    await next;
  });

  it('every request is counted once, with how it ended', async () => {
    const peer = await startPeer();
    const counted: string[] = [];
    const { session } = sessionTo(peer, {
      requestTimeoutMs: 200,
      onRequest: (operation, result, seconds) => counted.push(`${operation} ${result} ${seconds >= 0}`),
    });
    await expect(session.exists('/early', NEVER)).rejects.toThrow('not sent');
    const connection = await peer.session();
    await session.whenConnected(NEVER);
    const answers = [0, -101, -102].map((error) => {
      const answer = session.exists('/a', NEVER);
      return { error, answer };
    });
    for (const { error, answer } of answers) {
      connection.reply((await connection.request()).xid, {
        error,
        body: error === 0 ? stat() : Buffer.alloc(0),
      });
      await answer;
    }
    await expect(session.getData('/a', AbortSignal.abort())).rejects.toThrow('aborted');
    await expect(session.sync('/', NEVER)).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
    expect(counted).toEqual([
      'exists lost true',
      'exists ok true',
      'exists ok true',
      'exists refused true',
      'getData aborted true',
      'sync timeout true',
    ]);
  });

  it('a hundred thousand small replies in one chunk are taken without recursion', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer);
    const connection: PeerConnection = await peer.session();
    await session.whenConnected(NEVER);
    let events = 0;
    session.onEvent(() => events++);
    const event = buffer(
      Buffer.concat([int(-1), Buffer.alloc(12), int(3), int(3), buffer(Buffer.from('/a'))]),
    );
    connection.socket.write(Buffer.concat(Array.from({ length: 100_000 }, () => event)));
    await vi.waitFor(() => expect(events).toBe(100_000), EVENTUALLY_MS);
  });
});

import { describe, expect, it, vi } from 'vitest';
import type { PresentReading } from '../../../src/core/observation.js';
import type { WriteBatch } from '../../../src/ports/replica.js';
import { NO_CAPABILITIES } from '../../../src/zookeeper/zookeeper-capabilities.js';
import { ZooKeeperReplica } from '../../../src/zookeeper/zookeeper-replica.js';
import type { ZooKeeperSession } from '../../../src/zookeeper/zookeeper-session.js';
import { buffer, int, OP, pathOf, stat } from '../../kit/scripted-zookeeper-peer.js';
import type {
  PeerConnection,
  PeerRequest,
  ScriptedZooKeeperPeer,
} from '../../kit/scripted-zookeeper-peer.js';
import { NEVER, sessionTo, startPeer, systemClock, systemRandom } from './session-fixture.js';

const EVENTUALLY_MS = 8_000;
const UNIMPLEMENTED = -6;
const NO_NODE = -101;

const base: PresentReading = {
  kind: 'present',
  version: { modified: 9n, created: 5n, revision: 3 },
  value: new Uint8Array(),
  digest: '',
  flags: 0n,
  children: 0,
  session: undefined,
  stamp: undefined,
};
const update: WriteBatch = {
  operations: [{ kind: 'update', key: 'a', value: new Uint8Array([1]), base }],
  ledger: { content: 'ledger', expected: { modified: 9n, created: 6n, revision: 4 } },
};

describe('a write to a server that misbehaves', () => {
  it('S7: is unknown when the reply was lost', async () => {
    const { replica, connection } = await connect();
    const outcome = replica.write(update, NEVER);
    await connection.request();
    expect((await connection.request()).type).toBe(OP.multi);
    connection.socket.destroy();
    expect(await outcome).toMatchObject({ kind: 'unknown', cause: { code: 'STORE_UNREACHABLE' } });
  });

  it('S7: is unknown when the reply did not come in time, or was damaged', async () => {
    const { replica, connection } = await connect({ requestTimeoutMs: 300 });
    const late = replica.write(update, NEVER);
    await answerRead(connection);
    const request = await connection.request();
    expect(await late).toMatchObject({ kind: 'unknown', cause: { code: 'STORE_TIMEOUT' } });
    connection.reply(request.xid);

    const damaged = replica.write(update, NEVER);
    await answerRead(connection);
    connection.reply((await connection.request()).xid, { body: int(0) });
    expect(await damaged).toMatchObject({ kind: 'unknown', cause: { code: 'STORE_PROTOCOL' } });
  });

  it('S7: is retriable when it was not sent, or when the server refused it whole', async () => {
    const { replica, connection, session } = await connect();
    const throttled = replica.write(update, NEVER);
    await answerRead(connection);
    connection.reply((await connection.request()).xid, { error: -127 });
    expect(await throttled).toMatchObject({ kind: 'retriable', cause: { code: 'STORE_OVERLOADED' } });

    connection.socket.destroy();
    await vi.waitFor(() => expect(session.state.kind).toBe('disconnected'), EVENTUALLY_MS);
    const unsent = await replica.write(update, NEVER);
    expect(unsent).toMatchObject({ kind: 'retriable', cause: { code: 'STORE_UNREACHABLE' } });
  });

  it('S3: reads every node right in front of the write, in the same flush', async () => {
    const { replica, connection } = await connect();
    void replica.write(update, NEVER);
    const read = await connection.request();
    expect([read.type, pathOf(read)]).toEqual([OP.getData, '/config/a']);
    // Not answered, and the write is there all the same.
    expect((await connection.request()).type).toBe(OP.multi);
  });

  it('S3: hands back what it replaced when the node was another incarnation', async () => {
    const { replica, connection } = await connect();
    const outcome = replica.write(update, NEVER);
    await answerRead(connection, { czxid: 8n, version: 3 }, 'recreated');
    await answerMulti(connection, { czxid: 6n }, { czxid: 8n });
    const applied = await outcome;
    if (applied.kind !== 'applied') throw new Error(applied.kind);
    expect([...applied.overwrittenInRace.keys()]).toEqual(['a']);
    expect(applied.overwrittenInRace.get('a')?.value).toEqual(new Uint8Array(Buffer.from('recreated')));
    expect(applied.versions.get('a')).toMatchObject({ created: 8n, modified: 77n });
  });

  it('S3: is applied as the server says, also when the read in front of it failed', async () => {
    const { replica, connection } = await connect();
    const outcome = replica.write(update, NEVER);
    connection.reply((await connection.request()).xid, { error: -127 });
    await answerMulti(connection, { czxid: 6n }, { czxid: 5n });
    expect(await outcome).toMatchObject({ kind: 'applied', ledger: { modified: 77n } });
  });

  it('S7: is unknown when the ledger turns out to be another one with the same version number', async () => {
    const { replica, connection } = await connect();
    const outcome = replica.write(update, NEVER);
    await answerRead(connection);
    await answerMulti(connection, { czxid: 60n }, { czxid: 5n });
    expect(await outcome).toMatchObject({
      kind: 'unknown',
      cause: { message: expect.stringContaining('made again') as string },
    });
  });
});

describe('a read over a connection that is lost on the way', () => {
  it('S4: proves nothing when the answers came from before and after a reconnect', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer);
    const first = await peer.session();
    await session.whenConnected(NEVER);
    const proof = replicaOver(session)
      .proveAbsent(['a'], NEVER)
      .catch((error: unknown) => error);
    const sync = await first.request();
    expect(sync.type).toBe(OP.sync);
    first.reply(sync.xid);
    const probe = await peer.session({ sessionId: 2n });
    const probing = await probe.request();

    first.socket.destroy();
    const second = await peer.session();
    await vi.waitFor(() => expect(session.connections).toBe(2), EVENTUALLY_MS);
    probe.reply(probing.xid, { error: UNIMPLEMENTED });
    const read = await second.request();
    expect([read.type, pathOf(read)]).toEqual([OP.exists, '/config/a']);
    second.reply(read.xid, { error: NO_NODE });
    expect(await proof).toMatchObject({ code: 'STORE_UNREACHABLE', retriable: true });
  });

  it('S5: a walk that loses its server throws instead of ending', async () => {
    const { replica, connection } = await connect();
    const walk = (async () => {
      let pages = 0;
      for await (const page of replica.scan(() => undefined, NEVER)) pages += page.length;
      return pages;
    })();
    connection.reply((await connection.request()).xid);
    const names = Buffer.concat([int(2), buffer(Buffer.from('a')), buffer(Buffer.from('b'))]);
    connection.reply((await connection.request()).xid, { body: Buffer.concat([names, stat()]) });
    connection.reply((await connection.request()).xid, { body: stat() });
    await connection.request();
    connection.socket.destroy();
    await expect(walk).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
  });
});

describe('asking what a server can do', () => {
  it('happens on a connection of its own, since an older server closes it', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer);
    const main = await peer.session();
    await session.whenConnected(NEVER);
    const capabilities = session.capabilities(NEVER);
    await refuseProbe(peer);
    expect(await capabilities).toEqual(NO_CAPABILITIES);
    expect(await session.capabilities(NEVER)).toEqual(NO_CAPABILITIES);
    expect(main.isClosed).toBe(false);
    expect(peer.connections).toHaveLength(2);
  });

  it('without a clear answer it is asked again, and in the end only the oldest operations are used', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer);
    await peer.session();
    await session.whenConnected(NEVER);
    const capabilities = session.capabilities(NEVER);
    for (let i = 0; i < 3; i++) (await peer.session()).socket.end();
    expect(await capabilities).toEqual(NO_CAPABILITIES);

    const again = session.capabilities(NEVER);
    await passProbe(peer);
    expect(await again).toEqual({ multiRead: true, persistentWatch: true });
  });

  it('a server that turns out not to know an operation is remembered as such', async () => {
    const peer = await startPeer();
    const { session } = sessionTo(peer);
    const main = await peer.session();
    await session.whenConnected(NEVER);
    const capabilities = session.capabilities(NEVER);
    await passProbe(peer);
    expect(await capabilities).toEqual({ multiRead: true, persistentWatch: true });

    const watch = session.addWatch('/a', NEVER).catch((error: unknown) => error);
    main.reply((await main.request()).xid, { error: UNIMPLEMENTED });
    expect(await watch).toMatchObject({ code: 'STORE_PROTOCOL', retriable: false });
    expect(await session.capabilities(NEVER)).toEqual(NO_CAPABILITIES);
  });

  it('is done anew after a new session, when the servers may be newer', async () => {
    const { session, connection, peer } = await connect();
    connection.socket.destroy();
    const expired = await peer.connection();
    await expired.handshake();
    expired.acceptSession({ timeoutMs: 0 });
    await peer.session({ sessionId: 3n });
    await vi.waitFor(() => expect(session.connections).toBe(2), EVENTUALLY_MS);
    const capabilities = session.capabilities(NEVER);
    await passProbe(peer);
    expect(await capabilities).toEqual({ multiRead: true, persistentWatch: true });
  });
});

/** Answers the probing connection as a server of 3.6 or later does. */
async function passProbe(peer: ScriptedZooKeeperPeer): Promise<void> {
  const probe = await peer.session({ sessionId: 2n });
  for (const [type, body] of [
    [OP.multiRead, Buffer.concat([int(-1), Buffer.from([1]), int(-1)])],
    [OP.addWatch, int(0)],
  ] as const) {
    const request = await probe.request();
    expect(request.type).toBe(type);
    probe.reply(request.xid, { body });
  }
}

/** A replica of `/config` over a server that can do what 3.4 does. */
async function connect(options: Parameters<typeof sessionTo>[1] = {}): Promise<{
  replica: ZooKeeperReplica;
  session: ZooKeeperSession;
  peer: ScriptedZooKeeperPeer;
  connection: PeerConnection;
}> {
  const peer = await startPeer();
  const { session } = sessionTo(peer, options);
  const connection = await peer.session();
  await session.whenConnected(NEVER);
  const capabilities = session.capabilities(NEVER);
  await refuseProbe(peer);
  await capabilities;
  return { replica: replicaOver(session), session, peer, connection };
}

function replicaOver(session: ZooKeeperSession): ZooKeeperReplica {
  return new ZooKeeperReplica({
    session,
    root: '/config',
    namespaceRoot: '/ours',
    ledgerPath: '/ours/default/config',
    acl: [{ scheme: 'world', id: 'anyone', permissions: 31 }],
    clock: systemClock,
    random: systemRandom,
    digest: (value) => Buffer.from(value).toString('hex'),
  });
}

/** Answers the probing connection as a server before 3.6 does. */
async function refuseProbe(peer: ScriptedZooKeeperPeer): Promise<void> {
  const probe = await peer.session({ sessionId: 2n });
  const request = await probe.request();
  expect(request.type).toBe(OP.multiRead);
  probe.reply(request.xid, { error: UNIMPLEMENTED });
  probe.socket.end();
}

/** Answers the read in front of a write. */
async function answerRead(
  connection: PeerConnection,
  fields: Parameters<typeof stat>[0] = { czxid: 5n, version: 3 },
  data = 'old',
): Promise<PeerRequest> {
  const request = await connection.request();
  expect(request.type).toBe(OP.getData);
  connection.reply(request.xid, { body: Buffer.concat([buffer(Buffer.from(data)), stat(fields)]) });
  return request;
}

/** Answers a multi of two updates, with the stats of the nodes after it. */
async function answerMulti(connection: PeerConnection, ...stats: { czxid: bigint }[]): Promise<void> {
  const request = await connection.request();
  expect(request.type).toBe(OP.multi);
  const setData = Buffer.concat([int(5), Buffer.from([0]), int(0)]);
  const end = Buffer.concat([int(-1), Buffer.from([1]), int(-1)]);
  const results = stats.flatMap(({ czxid }) => [setData, stat({ czxid, mzxid: 77n, version: 4 })]);
  connection.reply(request.xid, { zxid: 77n, body: Buffer.concat([...results, end]) });
}

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Clock } from '../../../src/ports/clock.js';
import type { ZooKeeperReplica } from '../../../src/zookeeper/zookeeper-replica.js';
import type { ZooKeeperSession } from '../../../src/zookeeper/zookeeper-session.js';
import { bytes, create, mustApply, scanAll, write } from '../../kit/replica-contract.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { startZooKeeper } from '../../kit/servers/zookeeper-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import { NEVER, startSession, systemClock } from '../../unit/zookeeper/session-fixture.js';
import { connectSession, recordHints, replicaOf } from './zookeeper-fixture.js';

const EVENTUALLY_MS = 20_000;

describe.each(['3.8', '3.4'] as const)('a watch on ZooKeeper %s', (flavour) => {
  let server: ZooKeeperServer;
  let session: ZooKeeperSession;
  let replica: ZooKeeperReplica;
  let root: string;

  beforeEach(async () => {
    server = await startZooKeeper({ flavour });
    session = await connectSession(server, { sessionTimeoutMs: 3_000 });
    root = `/mapped-${randomUUID()}`;
    replica = replicaOf(session, { root });
  });

  afterEach(async () => {
    await session.close();
    await server.dispose();
  });

  it('L3: is armed again after the server was killed, and asks for a rescan then', async () => {
    await change('before');
    const hints = recordHints(replica);
    await vi.waitFor(() => expect(hints.rescans).toEqual(['start']), EVENTUALLY_MS);
    await server.kill();
    await vi.waitFor(() => expect(session.state.kind).toBe('disconnected'), EVENTUALLY_MS);
    await expect(replica.read(['before'], NEVER)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    await server.start();
    await vi.waitFor(() => expect(hints.rescans).toEqual(['start', 'reconnect']), EVENTUALLY_MS);

    expect([...(await scanAll(replica)).keys()]).toEqual(['before']);
    await change('after');
    await vi.waitFor(() => expect(hints.changed).toContain('after'), EVENTUALLY_MS);
  });

  it('L3: is armed again in a new session, after the server had stood still for longer than a session lives', async () => {
    const hints = recordHints(replica);
    await vi.waitFor(() => expect(hints.rescans).toEqual(['start']), EVENTUALLY_MS);
    const before = await session.whenConnected(NEVER);
    await server.pause();
    await vi.waitFor(() => expect(session.state.kind).toBe('disconnected'), EVENTUALLY_MS);
    await new Promise((resolve) => setTimeout(resolve, before.sessionTimeoutMs));
    server.resume();

    await vi.waitFor(() => expect(hints.rescans.length).toBeGreaterThan(1), EVENTUALLY_MS);
    await vi.waitFor(() => expect(session.state).toMatchObject({ kind: 'connected' }), EVENTUALLY_MS);
    await change('after');
    await vi.waitFor(() => expect(hints.changed).toContain('after'), EVENTUALLY_MS);
  });

  it('L3: outlives its root, and sees what is put below the next one', async () => {
    await change('first');
    const hints = recordHints(replica);
    await vi.waitFor(() => expect(hints.rescans).toEqual(['start']), EVENTUALLY_MS);
    const raw = await client();
    await raw.removeRecursive(root);
    await vi.waitFor(() => expect(hints.changed).toContain('first'), EVENTUALLY_MS);
    hints.changed.clear();
    await change('deep/second');
    await vi.waitFor(() => expect(hints.changed).toContain('deep/second'), EVENTUALLY_MS);
  });

  it('S6: a server restored from a backup takes a fresh client, and is believed after a while', async () => {
    await change('kept');
    await server.stop();
    const backup = await server.snapshotData();
    await server.start();
    await session.whenConnected(AbortSignal.timeout(EVENTUALLY_MS));
    for (const key of ['lost', 'lost-too']) mustApply(await write(replica, [create(key, '1')]));
    const old = await session.whenConnected(NEVER);
    await server.stop();
    await server.restoreData(backup);
    await server.start();

    await vi.waitFor(
      () => expect(session.state).toMatchObject({ kind: 'connected', isNewSession: true }),
      EVENTUALLY_MS,
    );
    expect(session.state).not.toMatchObject({ sessionId: old.sessionId });
    // It could be a server that was cut off, until it stays behind for longer than a session lives.
    await expect(scanAll(replica)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE', retriable: true });
    await vi.waitFor(
      async () => expect([...(await scanAll(replica)).keys()]).toEqual(['kept']),
      EVENTUALLY_MS,
    );
    expect(await replica.proveAbsent(['kept', 'lost'], NEVER)).toEqual(new Set(['lost']));
  });

  async function client(): Promise<RawZooKeeper> {
    const raw = await RawZooKeeper.connect(server);
    onTestFinished(() => raw.close());
    return raw;
  }

  async function change(key: string): Promise<void> {
    await (await client()).create(`${root}/${key}`, bytes(key));
  }
});

describe('a watch node by node, on servers before 3.6', () => {
  it('S9: covers as many nodes as allowed, says so, and asks for rescans for the rest', async () => {
    const server = await startZooKeeper({ flavour: '3.4' });
    onTestFinished(() => server.dispose());
    const session = await connectSession(server);
    onTestFinished(() => session.close());
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, signal) => systemClock.sleep(ms === 60_000 ? 50 : ms, signal),
    };
    const partial: number[] = [];
    const onPartialWatch = (nodesMax: number) => partial.push(nodesMax);
    const replica = replicaOf(session, { clock, watchedNodesMax: 5, onPartialWatch });
    for (let i = 0; i < 10; i++) mustApply(await write(replica, [create(`n${i}`, '1')]));

    const hints = recordHints(replica);
    await vi.waitFor(
      () => expect(hints.rescans.slice(0, 3)).toEqual(['start', 'overflow', 'overflow']),
      EVENTUALLY_MS,
    );
    expect(partial).toEqual([5]);
    expect(await server.fourLetterCommand('wchs')).toMatch(/watching [1-7] paths/);
  });
});

describe('credentials', () => {
  const auth = { scheme: 'digest', credentials: 'user:secret' };
  const ownersOnly = [{ permissions: 31, scheme: 'auth', id: '' }];
  let server: ZooKeeperServer;

  beforeAll(async () => {
    server = await startZooKeeper();
  });

  afterAll(async () => {
    await server.dispose();
  });

  it('that are right open what is theirs, and those of another see it as denied', async () => {
    const [owner, stranger] = await Promise.all([
      connect({ auth }),
      connect({ auth: { ...auth, credentials: 'user:wrong' } }),
    ]);
    const root = `/mapped-${randomUUID()}`;
    const theirs = replicaOf(owner, { root, acl: ownersOnly });
    mustApply(await write(theirs, [create('a', 'mine')]));
    const raw = await RawZooKeeper.connect(server, { digest: 'user:secret' });
    onTestFinished(() => raw.close());
    expect((await raw.getAcl(`${root}/a`))[0]).toMatchObject({ scheme: 'digest', permissions: 31 });

    expect((await theirs.read(['a'], NEVER)).get('a')).toMatchObject({
      kind: 'present',
      value: bytes('mine'),
    });
    const seen = await replicaOf(stranger, { root }).read(['a', 'gone'], NEVER);
    expect(seen.get('a')).toEqual({ kind: 'unknown', reason: 'denied' });
    expect(await write(replicaOf(stranger, { root }), [create('b', 'theirs')])).toMatchObject({
      kind: 'rejected',
      rejections: [{ key: 'b', reason: 'denied' }],
    });
  });

  it('of a scheme that the server does not have are refused for good', async () => {
    const session = startSession(server, { auth: { scheme: 'no-such-scheme', credentials: 'x' } });
    onTestFinished(() => session.close());
    await expect(session.whenConnected(AbortSignal.timeout(EVENTUALLY_MS))).rejects.toMatchObject({
      code: 'STORE_AUTH_FAILED',
      retriable: false,
    });
    expect(session.state.kind).toBe('auth-failed');
  });

  it('that are missing make `creator-all` fail in words that help', async () => {
    const session = await connect({});
    const outcome = await write(replicaOf(session, { acl: ownersOnly }), [create('a', '1')]);
    expect(outcome).toMatchObject({ kind: 'retriable', cause: { code: 'STORE_PROTOCOL', retriable: false } });
    expect(outcome).toHaveProperty('cause.message', expect.stringContaining('`creator-all` needs `auth`'));
  });

  async function connect(options: Parameters<typeof connectSession>[1]): Promise<ZooKeeperSession> {
    const session = await connectSession(server, options);
    onTestFinished(() => session.close());
    return session;
  }
});

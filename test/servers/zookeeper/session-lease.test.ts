import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { SessionLease } from '../../../src/zookeeper/session-lease.js';
import { ZooKeeperSession } from '../../../src/zookeeper/zookeeper-session.js';
import { FaultProxy } from '../../kit/fault-proxy.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { startZooKeeper, startZooKeeperEnsemble } from '../../kit/servers/zookeeper-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import { systemClock, systemRandom } from '../../unit/zookeeper/session-fixture.js';
import { connectSession, OPEN_ACL } from './zookeeper-fixture.js';

const NEVER = new AbortController().signal;
const LASTING_MS = 4_000;
const PATIENCE_MS = 1_500;
const TIMEOUT_MS = 60_000;

interface Server {
  readonly connect: string;
}

/** A process that may hold the session noted at `path`; it lets go after the test. */
async function holder(
  server: Server,
  path: string,
  lasting: Server = server,
  begins = true,
): Promise<SessionLease> {
  const main = await connectSession(server);
  const timeouts = { sessionTimeoutMs: LASTING_MS, patienceMs: PATIENCE_MS, requestTimeoutMs: PATIENCE_MS };
  const common = { connect: lasting.connect, clock: systemClock, random: systemRandom, ...timeouts };
  const lease = new SessionLease({
    main,
    open: (resumed) => new ZooKeeperSession({ ...common, resumed }),
    path,
    acl: OPEN_ACL,
    namespaceRoot: '/zk-consul-sync',
    begins,
    clock: systemClock,
    waitMs: PATIENCE_MS,
    onTrouble: () => undefined,
    onBound: () => undefined,
  });
  onTestFinished(async () => {
    await letGo(lease);
    await main.close();
  });
  return lease;
}

async function letGo(lease: SessionLease): Promise<void> {
  lease.tend(false);
  await lease.settled();
}

async function hold(lease: SessionLease): Promise<string> {
  lease.tend(true);
  return waitUntil('the session to be held', () => Promise.resolve(lease.bound?.session));
}

/** Makes an ephemeral node, and gives the number of its write. */
async function bind(lease: SessionLease, path: string): Promise<bigint> {
  const create = { kind: 'create', path, data: Buffer.from('x'), acl: OPEN_ACL, mode: 'ephemeral' } as const;
  const { outcome } = await lease.readThenMulti([], [create], NEVER);
  if (outcome.kind !== 'applied') throw new Error(`refused: ${outcome.status}`);
  return outcome.zxid;
}

const newNote = (): string => `/zk-consul-sync/test/.leases/${randomUUID()}`;
const newNode = (): string => `/bound-${randomUUID()}`;

describe.each(['3.4', '3.8'] as const)('a session that is handed on in ZooKeeper %s', (flavour) => {
  let server: ZooKeeperServer;
  let raw: RawZooKeeper;
  beforeAll(async () => {
    server = await startZooKeeper({ flavour });
    raw = await RawZooKeeper.connect(server);
  });
  afterAll(async () => {
    await raw.close();
    await server.dispose();
  });

  const owner = async (node: string): Promise<string | undefined> => {
    const found = (await raw.get(node))?.stat.ephemeralOwner;
    return found === undefined ? undefined : `0x${BigInt.asUintN(64, found).toString(16)}`;
  };

  it(
    'is the same for who takes it up, and lasts with all that is bound to it, until nobody holds it',
    async () => {
      const [note, node] = [newNote(), newNode()];
      const [first, second] = [await holder(server, note), await holder(server, note)];
      const session = await hold(first);
      const zxid = await bind(first, node);
      const since = first.bound?.since;
      expect(since).toBeLessThan(zxid);
      await letGo(first);
      expect(first.bound).toBeUndefined();
      expect(await hold(second)).toBe(session);
      expect(second.bound?.since).toBe(since);
      await sleep(LASTING_MS + 1_000);
      expect(await owner(node)).toBe(session);
      expect((await raw.get(node))?.stat.czxid).toBe(zxid);
      await letGo(second);
      await sleep(LASTING_MS / 2);
      expect(await owner(node)).toBe(session);
      await waitUntil('it to end', async () => (await raw.get(node)) === undefined);
    },
    TIMEOUT_MS,
  );

  it(
    'is another one when it has ended, and what was bound before is told by its number',
    async () => {
      const [note, node] = [newNote(), newNode()];
      const lease = await holder(server, note);
      const session = await hold(lease);
      const zxid = await bind(lease, node);
      const told: (string | undefined)[] = [];
      lease.onBound(() => told.push(lease.bound?.session));
      await letGo(lease);
      await waitUntil('it to end', async () => (await raw.get(node)) === undefined);
      const next = await hold(lease);
      expect(next).not.toBe(session);
      expect(told).toEqual([next]);
      expect(lease.bound?.since).toBeGreaterThan(zxid);
      await bind(lease, node);
      expect(await owner(node)).toBe(next);
    },
    TIMEOUT_MS,
  );

  it(
    'is one, also for two who begin at once, and whoever lost it can not write',
    async () => {
      const [note, node] = [newNote(), newNode()];
      const both = [await holder(server, note), await holder(server, note)] as const;
      await Promise.all(both.map(hold));
      await sleep(1_000);
      await letGo(both[0]);
      const session = await hold(both[1]);
      await bind(both[1], node);
      expect(await owner(node)).toBe(session);
      expect(await hold(both[0])).toBe(session);
      await letGo(both[1]);
      const create = { kind: 'create', path: newNode(), data: Buffer.from(''), acl: OPEN_ACL } as const;
      await expect(both[1].readThenMulti([], [create], NEVER)).rejects.toMatchObject({
        code: 'STORE_UNREACHABLE',
        retriable: true,
        ambiguous: false,
      });
    },
    TIMEOUT_MS,
  );

  it(
    'S5: is not confirmed while its server is silent, nor when it has ended unnoticed',
    async () => {
      const [note, node] = [newNote(), newNode()];
      const proxy = await FaultProxy.start(server);
      onTestFinished(() => proxy.close());
      const lease = await holder(server, note, proxy);
      const session = await hold(lease);
      await bind(lease, node);
      expect(await lease.confirm(NEVER)).toMatchObject({ session });
      await proxy.set({ kind: 'black-hole' });
      expect(await lease.confirm(NEVER)).toBeUndefined();
      await waitUntil('it to end', async () => (await raw.get(node)) === undefined);
      expect(await lease.confirm(NEVER)).toBeUndefined();
      await proxy.lift();
      const next = await waitUntil('another one', () => Promise.resolve(lease.bound?.session));
      expect(next).not.toBe(session);
      expect(await lease.confirm(NEVER)).toMatchObject({ session: next });
    },
    TIMEOUT_MS,
  );

  it(
    'is kept by who begins none until it is needed no more, and is forgotten then',
    async () => {
      const [note, node] = [newNote(), newNode()];
      const [first, former] = [await holder(server, note), await holder(server, note, server, false)];
      const session = await hold(first);
      await bind(first, node);
      await letGo(first);
      expect(await hold(former)).toBe(session);
      await sleep(LASTING_MS + 1_000);
      expect(await owner(node)).toBe(session);
      former.end();
      await former.settled();
      expect(await raw.get(note)).toBeUndefined();
      await waitUntil('it to end', async () => (await raw.get(node)) === undefined);
    },
    TIMEOUT_MS,
  );

  it(
    'is not begun by who only keeps one: neither where none is noted, nor where it has ended',
    async () => {
      const [note, node] = [newNote(), newNode()];
      const [first, former] = [await holder(server, note), await holder(server, note, server, false)];
      former.tend(true);
      await former.settled();
      expect(former.bound).toBeUndefined();
      await hold(first);
      await bind(first, node);
      await letGo(first);
      await waitUntil('it to end', async () => (await raw.get(node)) === undefined);
      const later = await holder(server, note, server, false);
      later.tend(true);
      await later.settled();
      expect(later.bound).toBeUndefined();
      expect(await raw.get(note)).toBeUndefined();
    },
    TIMEOUT_MS,
  );

  it(
    'is kept by who begins none also where it was begun after they had found none, and led no more',
    async () => {
      const [note, node] = [newNote(), newNode()];
      const [first, former] = [await holder(server, note), await holder(server, note, server, false)];
      former.tend(true);
      await former.settled();
      await letGo(former);
      const session = await hold(first);
      await bind(first, node);
      await letGo(first);
      expect(await hold(former)).toBe(session);
      await sleep(LASTING_MS + 1_000);
      expect(await owner(node)).toBe(session);
    },
    TIMEOUT_MS,
  );

  it('is begun anew where the note tells of none', async () => {
    const note = newNote();
    await raw.create(note, '{"session":"0x0","password":"none"}');
    const lease = await holder(server, note);
    const session = await hold(lease);
    expect((await raw.get(note))?.data?.toString()).toContain(session);
  });
});

it(
  'S7: moves from one server of an ensemble to another, and back, with all that is bound to it',
  async () => {
    const members = await startZooKeeperEnsemble(3);
    onTestFinished(async () => {
      await Promise.all(members.map((member) => member.dispose()));
    });
    const [first, second, third] = members as [ZooKeeperServer, ZooKeeperServer, ZooKeeperServer];
    const raw = await RawZooKeeper.connect(third);
    onTestFinished(() => raw.abandon());
    const [note, node] = [newNote(), newNode()];
    const [one, other] = [await holder(first, note), await holder(second, note)];
    const session = await hold(one);
    const zxid = await bind(one, node);
    // As of a daemon that does not know yet that another one leads.
    expect(await hold(other)).toBe(session);
    await bind(other, newNode());
    await sleep(2 * LASTING_MS);
    await letGo(other);
    // Its server did not hear that the session had moved, until it is asked for something.
    await expect(bind(one, newNode())).rejects.toMatchObject({ retriable: true, ambiguous: true });
    expect(await hold(one)).toBe(session);
    await bind(one, newNode());
    await second.kill();
    await sleep(LASTING_MS);
    expect((await raw.get(node))?.stat.czxid).toBe(zxid);
    expect(one.bound?.session).toBe(session);
  },
  2 * TIMEOUT_MS,
);

import { expect, it, vi } from 'vitest';
import { encodeIdentity } from '../../../src/zookeeper/noted-session.js';
import { SessionLease } from '../../../src/zookeeper/session-lease.js';
import { unanswered } from '../../../src/zookeeper/zookeeper-errors.js';
import { ZooKeeperReplica } from '../../../src/zookeeper/zookeeper-replica.js';
import { buffer, int, long, OP, stat } from '../../kit/scripted-zookeeper-peer.js';
import { NEVER, newSession, sessionTo, startPeer, systemClock, systemRandom } from './session-fixture.js';

const NO_NODE = -101;
const ACL = [{ scheme: 'world', id: 'anyone', permissions: 31 }];

/** A process that may hold the session noted at one peer by a connection to the other. */
async function holder(begins: boolean) {
  const [mainPeer, lastingPeer] = [await startPeer(), await startPeer()];
  const { session: main } = sessionTo(mainPeer);
  const lease = new SessionLease({
    main,
    open: (resumed) => newSession(lastingPeer, { resumed }),
    path: '/ours/default/.leases/apps',
    acl: ACL,
    namespaceRoot: '/ours',
    begins,
    clock: systemClock,
    waitMs: 1_000,
    onTrouble: () => undefined,
    onBound: () => undefined,
  });
  const atMain = await mainPeer.session();
  lease.tend(true);
  atMain.reply((await atMain.request()).xid);
  return { lease, atMain, lastingPeer };
}

it('S7: a session whose note may have arrived is left, and not ended: another daemon may have taken it up', async () => {
  const { lease, atMain, lastingPeer } = await holder(true);
  atMain.reply((await atMain.request()).xid, { error: NO_NODE });
  const lasting = await lastingPeer.session();
  lasting.answersClose = false;
  expect((await lasting.request()).type).toBe(OP.multi);
  lease.tend(false);
  await lease.settled();
  await lasting.closed();
  expect(lasting.untaken).toEqual([]);
});

it('S7: a session that is needed no more is left, too: another daemon may have found its note before', async () => {
  const { lease, atMain, lastingPeer } = await holder(false);
  const id = long(0x77n);
  const note = buffer(encodeIdentity({ id, password: Buffer.alloc(16, 7) }));
  atMain.reply((await atMain.request()).xid, { body: Buffer.concat([note, stat()]) });
  const lasting = await lastingPeer.session({ sessionId: 0x77n });
  lasting.answersClose = false;
  await vi.waitFor(() => expect(lease.bound?.session).toBe('0x77'));
  lease.end();
  const erased = await atMain.request();
  expect(erased.type).toBe(OP.multi);
  const deleted = Buffer.concat([int(2), Buffer.from([0]), int(0)]);
  const end = Buffer.concat([int(-1), Buffer.from([1]), int(-1)]);
  atMain.reply(erased.xid, { body: Buffer.concat([deleted, end]) });
  await lease.settled();
  await lasting.closed();
  expect(lasting.untaken).toEqual([]);
});

it('a session that is started twice connects once, and nothing is left of it when it is closed (S9)', async () => {
  const peer = await startPeer();
  // Of two servers, the second is tried without delay.
  const { session } = sessionTo({ connect: `${peer.connect},${peer.connect}` });
  session.start();
  const connection = await peer.session();
  await session.whenConnected(NEVER);
  const closed = session.close();
  await connection.closed();
  await closed;
  expect(peer.connections).toEqual([connection]);
});

it('S7: a copy is bound to the session that is handed on or is not made, also where the lead is lost in between', async () => {
  const peer = await startPeer();
  const { session } = sessionTo(peer);
  const connection = await peer.session();
  await session.whenConnected(NEVER);
  let isTended = true;
  const lost = unanswered('not-connected', 'the session', 'it is not held', false);
  const lease = {
    get isTended() {
      return isTended;
    },
    readThenMulti: () => Promise.reject(lost),
  } as Partial<SessionLease> as SessionLease;
  const replica = new ZooKeeperReplica({
    ...{ session, root: '/services', namespaceRoot: '/ours', ledgerPath: '/ours/default/apps', acl: ACL },
    ...{ clock: systemClock, random: systemRandom, digest: () => '', lease },
  });
  const create = { kind: 'create', key: 'web/1', value: new Uint8Array([1]) } as const;
  const written = replica.write({ operations: [create], ledger: undefined }, NEVER);
  const probe = await peer.session({ sessionId: 2n });
  isTended = false;
  probe.reply((await probe.request()).xid, { error: -6 });
  probe.socket.end();
  const parent = await connection.request();
  expect(parent.type).toBe(OP.exists);
  connection.reply(parent.xid, { body: stat() });
  expect(await Promise.race([written, connection.request()])).toEqual({ kind: 'retriable', cause: lost });
});

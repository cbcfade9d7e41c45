import { expect, it } from 'vitest';
import type { SessionLease } from '../../../src/zookeeper/session-lease.js';
import { unanswered } from '../../../src/zookeeper/zookeeper-errors.js';
import { ZooKeeperReplica } from '../../../src/zookeeper/zookeeper-replica.js';
import { OP, stat } from '../../kit/scripted-zookeeper-peer.js';
import { NEVER, sessionTo, startPeer, systemClock, systemRandom } from './session-fixture.js';

const ACL = [{ scheme: 'world', id: 'anyone', permissions: 31 }];

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

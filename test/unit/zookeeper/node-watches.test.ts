import { expect, it, onTestFinished, vi } from 'vitest';
import { ZooKeeperReplica } from '../../../src/zookeeper/zookeeper-replica.js';
import type { PeerConnection } from '../../kit/scripted-zookeeper-peer.js';
import { buffer, int, OP, pathOf, stat } from '../../kit/scripted-zookeeper-peer.js';
import { NEVER, sessionTo, startPeer, systemClock, systemRandom } from './session-fixture.js';

const UNIMPLEMENTED = -6;
const GET_CHILDREN_2 = 12;
const DATA_CHANGED = 3;
const CHILDREN_CHANGED = 4;

it('L3: a change is told only when the watch of its node is set again, so that nothing falls between (before 3.6)', async () => {
  const { connection, told } = await watchedTree(['a', 'b']);
  // While the watches of one node are being set, those of another have to wait.
  connection.event(DATA_CHANGED, '/config/a');
  const again = await takeArming(connection, '/config/a');
  connection.event(DATA_CHANGED, '/config/b');
  again([]);
  await vi.waitFor(() => expect(told).toEqual(['a']));
  const other = await takeArming(connection, '/config/b');
  expect(told).toEqual(['a']);
  other([]);
  await vi.waitFor(() => expect(told).toEqual(['a', 'b']));
});

it('L3: a new node is told, with its parent, only when it is watched itself (before 3.6)', async () => {
  const { connection, told } = await watchedTree(['a']);
  connection.event(CHILDREN_CHANGED, '/config/a');
  (await takeArming(connection, '/config/a'))(['new']);
  const born = await takeArming(connection, '/config/a/new');
  expect(told).toEqual(['a']);
  born([]);
  await vi.waitFor(() => expect(told).toEqual(['a', 'a/new', 'a']));
});

/** A replica of `/config` that watches a server before 3.6, with these nodes below its root. */
async function watchedTree(
  names: readonly string[],
): Promise<{ connection: PeerConnection; told: string[] }> {
  const peer = await startPeer();
  const { session } = sessionTo(peer);
  const connection = await peer.session();
  await session.whenConnected(NEVER);
  const capabilities = session.capabilities(NEVER);
  const probe = await peer.session({ sessionId: 2n });
  probe.reply((await probe.request()).xid, { error: UNIMPLEMENTED });
  probe.socket.end();
  await capabilities;

  const told: string[] = [];
  const abort = new AbortController();
  let isArmed = false;
  const ended = replicaOver(session).watch(
    {
      changed: (keys) => told.push(...keys),
      stirred: () => undefined,
      saw: () => undefined,
      rescan: () => (isArmed = true),
      lost: () => undefined,
    },
    abort.signal,
  );
  onTestFinished(async () => {
    abort.abort();
    await ended;
  });
  (await takeArming(connection, '/config'))(names);
  const armings = [];
  for (const name of names) armings.push(await takeArming(connection, `/config/${name}`));
  for (const answer of armings) answer([]);
  await vi.waitFor(() => expect(isArmed).toBe(true));
  return { connection, told };
}

/**
 * Takes the two requests that set a node's watches.
 * @returns answers them, with the names of the node's children
 */
async function takeArming(
  connection: PeerConnection,
  path: string,
): Promise<(children: readonly string[]) => void> {
  const [exists, list] = [await connection.request(), await connection.request()];
  expect([exists.type, list.type]).toEqual([OP.exists, GET_CHILDREN_2]);
  expect([pathOf(exists), pathOf(list)]).toEqual([path, path]);
  return (children) => {
    const names = children.map((name) => buffer(Buffer.from(name)));
    connection.reply(exists.xid, { body: stat() });
    connection.reply(list.xid, { body: Buffer.concat([int(names.length), ...names, stat()]) });
  };
}

function replicaOver(
  session: ConstructorParameters<typeof ZooKeeperReplica>[0]['session'],
): ZooKeeperReplica {
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

import { systemClock, systemRandom } from '../../src/daemon/system.js';
import type { AclEntry, MultiOperation } from '../../src/zookeeper/protocol.js';
import { ZooKeeperSession } from '../../src/zookeeper/zookeeper-session.js';
import { startConsul, type ConsulServer } from '../kit/servers/consul-server.js';
import { startZooKeeper, type ZooKeeperServer } from '../kit/servers/zookeeper-server.js';
import { HttpConnection, setOperation } from './contenders/http-connection.js';
import { entriesOf, foldersOf, type Shape } from './entries.js';

/** Where all scenarios have their entries. */
export const ZOOKEEPER_ROOT = '/bench';
export const CONSUL_PREFIX = 'bench/';

const OPEN_ACL: readonly AclEntry[] = [{ permissions: 31, scheme: 'world', id: 'anyone' }];
const CREATES_PER_MULTI = 256;
const MULTIS_IN_FLIGHT = 4;
const SETS_PER_TRANSACTION = 64;

/** A server as in production, which may optimise and use memory, and not the small fast-starting one of the tests. */
export async function startBenchZooKeeper(): Promise<ZooKeeperServer> {
  return startZooKeeper({ javaOptions: ['-Xmx3g', '-XX:TieredStopAtLevel=4', '-Djute.maxbuffer=1048575'] });
}

export async function startBenchConsul(): Promise<ConsulServer> {
  return startConsul({ config: { limits: { http_max_conns_per_client: 200 } } });
}

/** The project's own client, as fast as the server allows, without anything that the daemon does with it. */
export async function connectZooKeeper({ connect }: ZooKeeperServer): Promise<ZooKeeperSession> {
  const session = new ZooKeeperSession({
    ...{ connect, sessionTimeoutMs: 30_000, clock: systemClock, random: systemRandom },
  });
  session.start();
  await session.whenConnected(AbortSignal.timeout(10_000));
  return session;
}

export function createOperation(path: string, data: Uint8Array): MultiOperation {
  return { kind: 'create', path, data, acl: OPEN_ACL };
}

/** All or nothing, or an error. */
export async function multi(session: ZooKeeperSession, operations: readonly MultiOperation[]): Promise<void> {
  const outcome = await session.multi(operations, AbortSignal.timeout(60_000));
  if (outcome.kind === 'failed') throw new Error(`operation ${outcome.index} of a multi: ${outcome.status}`);
}

/** Creates so many entries below the root, their folders before them. */
export async function fillZooKeeper(server: ZooKeeperServer, count: number, shape: Shape): Promise<void> {
  const session = await connectZooKeeper(server);
  const operations = function* (): Generator<MultiOperation> {
    yield createOperation(ZOOKEEPER_ROOT, Buffer.alloc(0));
    for (const folder of foldersOf(count, shape)) {
      yield createOperation(`${ZOOKEEPER_ROOT}/${folder}`, Buffer.alloc(0));
    }
    for (const { key, value } of entriesOf(count, shape)) {
      yield createOperation(`${ZOOKEEPER_ROOT}/${key}`, value);
    }
  };
  await inFlight(grouped(operations(), CREATES_PER_MULTI), MULTIS_IN_FLIGHT, (group) =>
    multi(session, group),
  );
  await session.close();
}

export async function fillConsul(server: ConsulServer, count: number, shape: Shape): Promise<void> {
  const connection = new HttpConnection(server.address);
  const sets = function* (): Generator<string> {
    for (const { key, value } of entriesOf(count, shape)) yield setOperation(CONSUL_PREFIX + key, value);
  };
  for (const group of grouped(sets(), SETS_PER_TRANSACTION)) await connection.transact(group);
  connection.close();
}

export function* grouped<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let group: T[] = [];
  for (const item of items) {
    group.push(item);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** Works on the items in their order, on so many at once. */
export async function inFlight<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

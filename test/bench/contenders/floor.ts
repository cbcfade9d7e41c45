import type { ConsulServer } from '../../kit/servers/consul-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import type { ZooKeeperSession } from '../../../src/zookeeper/zookeeper-session.js';
import { foldersOf, type Shape } from '../entries.js';
import {
  connectZooKeeper,
  CONSUL_PREFIX,
  createOperation,
  grouped,
  inFlight,
  multi,
  ZOOKEEPER_ROOT,
} from '../stores.js';
import { HttpConnection, setOperation } from './http-connection.js';

/** Nodes in one `multiRead`, from which on larger ones are no faster. */
const READS_PER_REQUEST = 512;
const READS_IN_FLIGHT = 4;
/** Where nodes are read one by one. */
const SINGLE_READS_IN_FLIGHT = 256;
const SETS_PER_TRANSACTION = 64;
const CREATES_PER_MULTI = 256;
const MULTIS_IN_FLIGHT = 4;

type Read = (session: ZooKeeperSession, paths: readonly string[]) => Promise<Uint8Array[]>;

/** The fewest requests known for the work, with no bookkeeping: what the stores themselves allow. */
export const readTogether: Read = async (session, paths) => {
  const answers = await session.multiRead(paths, AbortSignal.timeout(60_000));
  return answers.map((answer) => (answer.kind === 'node' ? answer.node.data : new Uint8Array()));
};

/** The same where nodes are read one by one, in a pipeline. */
export const readOneByOne: Read = (session, paths) =>
  Promise.all(
    paths.map(async (path) => {
      const answer = await session.getData(path, AbortSignal.timeout(60_000));
      return answer.kind === 'node' ? answer.node.data : new Uint8Array();
    }),
  );

/** Copies all of ZooKeeper's entries: reads ahead, and writes one full transaction after the other. */
export async function floorToConsul(
  read: Read,
  zookeeper: ZooKeeperServer,
  consul: ConsulServer,
): Promise<void> {
  const session = await connectZooKeeper(zookeeper);
  const connection = new HttpConnection(consul.address);
  const paths = await pathsBelow(session, ZOOKEEPER_ROOT);
  const size = read === readTogether ? READS_PER_REQUEST : SINGLE_READS_IN_FLIGHT;
  const pages = [...grouped(paths, size)].map((page) => ({ page, values: undefined as Values | undefined }));
  const ahead = (index: number): void => {
    for (const next of pages.slice(index, index + READS_IN_FLIGHT)) next.values ??= read(session, next.page);
  };
  let operations: string[] = [];
  for (const [index, one] of pages.entries()) {
    ahead(index);
    const values = (await one.values) ?? [];
    one.values = undefined;
    for (const [at, path] of one.page.entries()) {
      const key = CONSUL_PREFIX + path.slice(ZOOKEEPER_ROOT.length + 1);
      operations.push(setOperation(key, values[at] ?? new Uint8Array()));
      if (operations.length < SETS_PER_TRANSACTION) continue;
      await connection.transact(operations);
      operations = [];
    }
  }
  if (operations.length > 0) await connection.transact(operations);
  connection.close();
  await session.close();
}

type Values = Promise<Uint8Array[]>;

/** Copies all of Consul's entries: one request for them, and full multis, several on their way at once. */
export async function floorToZooKeeper(
  consul: ConsulServer,
  zookeeper: ZooKeeperServer,
  count: number,
  shape: Shape,
): Promise<void> {
  const session = await connectZooKeeper(zookeeper);
  const connection = new HttpConnection(consul.address);
  const { body } = await connection.send('GET', `/v1/kv/${CONSUL_PREFIX}?recurse`);
  const entries = JSON.parse(body.toString()) as { Key: string; Value: string }[];
  const folders = [ZOOKEEPER_ROOT, ...foldersOf(count, shape).map((folder) => `${ZOOKEEPER_ROOT}/${folder}`)];
  for (const group of grouped(folders, CREATES_PER_MULTI)) {
    await multi(
      session,
      group.map((path) => createOperation(path, Buffer.alloc(0))),
    );
  }
  await inFlight(grouped(entries, CREATES_PER_MULTI), MULTIS_IN_FLIGHT, (group) =>
    multi(
      session,
      group.map(({ Key, Value }) => {
        const path = `${ZOOKEEPER_ROOT}/${Key.slice(CONSUL_PREFIX.length)}`;
        return createOperation(path, Buffer.from(Value, 'base64'));
      }),
    ),
  );
  connection.close();
  await session.close();
}

/** The paths of all nodes without children. */
async function pathsBelow(session: ZooKeeperSession, root: string): Promise<string[]> {
  const answer = await session.getChildren(root, AbortSignal.timeout(60_000));
  const first = answer.kind === 'node' ? answer.node.names.map((name) => `${root}/${name}`) : [];
  // A flat folder shows by its first child having none.
  const leaves: string[] = [];
  let level = first;
  while (level.length > 0) {
    const below: string[] = [];
    const [probe = ''] = level;
    const probed = await session.getChildren(probe, AbortSignal.timeout(60_000));
    if (probed.kind === 'node' && probed.node.names.length === 0) return [...leaves, ...level];
    for (const group of grouped(level, READS_PER_REQUEST)) {
      const lists = await session.multiReadChildren(group, AbortSignal.timeout(60_000));
      for (const [at, list] of lists.entries()) {
        if (list.kind === 'node') below.push(...list.node.map((name) => `${group[at] ?? ''}/${name}`));
      }
    }
    level = below;
  }
  return leaves;
}

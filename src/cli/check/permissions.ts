import { randomUUID } from 'node:crypto';
import type { ConsulClient } from '../../consul/consul-client.js';
import { kvPath } from '../../consul/kv-keys.js';
import { encodeTransaction, failureKind } from '../../consul/transaction.js';
import { SyncError } from '../../ports/errors.js';
import { NAMESPACE } from '../../daemon/mapping-context.js';
import { concurrently } from '../../zookeeper/concurrently.js';
import { MappingPaths } from '../../zookeeper/mapping-paths.js';
import { isReadableToAll } from '../../zookeeper/permissions.js';
import type { AclEntry } from '../../zookeeper/protocol.js';
import { showStatus, STATUS } from '../../zookeeper/zookeeper-errors.js';
import type { ZooKeeperSession } from '../../zookeeper/zookeeper-session.js';

/** Whether something would be allowed, found out without doing it; else what the store said. */
export type Permission = { readonly allowed: true } | { readonly allowed: false; readonly answer: string };

const ALLOWED: Permission = { allowed: true };
const NEVER = new AbortController().signal;

/** Stands for any entry that does not exist. */
function unusedName(): string {
  return `zk-consul-sync-check-${randomUUID()}`;
}

/** Whether a znode, and the names of its children, may be read; undefined when there is no such znode. */
export async function mayReadZnode(session: ZooKeeperSession, path: string): Promise<Permission | undefined> {
  const [data, children] = await Promise.all([
    session.getData(path, NEVER),
    session.getChildren(path, NEVER),
  ]);
  if (data.kind === 'no-node' || children.kind === 'no-node') return undefined;
  if (data.kind === 'node' && children.kind === 'node') return ALLOWED;
  return { allowed: false, answer: showStatus(STATUS.noAuth) };
}

/**
 * Whether children of a znode may be created with this ACL, and (unless only that is asked) deleted. Asks by a transaction that can't succeed,
 * because its last operation deletes what does not exist; ZooKeeper applies all of it or nothing, and names the first
 * operation that fails (`PrepRequestProcessor` checks them one after the other).
 */
export async function mayChangeChildren(
  session: ZooKeeperSession,
  parent: string,
  acl: readonly AclEntry[],
  { createOnly = false } = {},
): Promise<Permission> {
  const path = childPath(parent, unusedName());
  const create = { kind: 'create', path, data: new Uint8Array(), acl } as const;
  const remove = { kind: 'delete', path, version: 0 } as const;
  // No child of the one that is made exists; where it may be asked for, no permission stands in the way of saying so.
  const impossible = { kind: 'delete', path: childPath(path, unusedName()), version: 0 } as const;
  const operations = createOnly ? [create, impossible] : [create, remove, remove];
  const outcome = await session.multi(operations, NEVER);
  if (outcome.kind === 'applied') throw new Error('ZooKeeper deleted a znode that does not exist');
  if (outcome.index === operations.length - 1) return ALLOWED;
  const what = outcome.index === 0 ? 'create' : 'delete';
  return { allowed: false, answer: `${what} below ${parent}: ${showStatus(outcome.status)}` };
}

/** Whether an existing znode's data may be replaced. Asks with a version that it does not have. */
export async function mayWriteZnode(
  session: ZooKeeperSession,
  path: string,
  version: number,
): Promise<Permission> {
  const otherVersion = version === 0 ? 1 : version - 1;
  const outcome = await session.multi(
    [
      { kind: 'setData', path, data: new Uint8Array(), version: otherVersion },
      { kind: 'delete', path: `${path}/${unusedName()}`, version: 0 },
    ],
    NEVER,
  );
  if (outcome.kind === 'applied') throw new Error('ZooKeeper deleted a znode that does not exist');
  // Somebody else's write may have led to just that version; then the second operation is the one that fails.
  if (outcome.index === 1 || outcome.status === STATUS.badVersion) return ALLOWED;
  return { allowed: false, answer: `setData ${path}: ${showStatus(outcome.status)}` };
}

function childPath(parent: string, name: string): string {
  return `${parent === '/' ? '' : parent}/${name}`;
}

/** How many entries are looked at one by one. */
const SAMPLE_MAX = 32;

/**
 * What the first znodes below a mapping's root deny; the others are not looked at.
 * @param acl of what would be created there; undefined where nothing is written
 */
export async function deniedBelow(
  session: ZooKeeperSession,
  root: string,
  acl: readonly AclEntry[] | undefined,
): Promise<{ readonly looked: number; readonly denied: readonly string[] }> {
  const children = await session.getChildren(root, NEVER);
  const names = children.kind === 'node' ? children.node.names.slice(0, SAMPLE_MAX) : [];
  const answers = await Promise.all(
    names.map((name) => denialBy(session, root === '/' ? `/${name}` : `${root}/${name}`, acl)),
  );
  return { looked: names.length, denied: answers.filter((answer) => answer !== undefined) };
}

const ACLS_IN_FLIGHT = 64;

/** The znodes of these entries that may be read by some, and not by everybody. */
export async function restrictedAmong(
  session: ZooKeeperSession,
  root: string,
  keys: readonly string[],
): Promise<string[]> {
  const paths = new MappingPaths(root, `/${NAMESPACE}`);
  const restricted = await concurrently(keys, ACLS_IN_FLIGHT, async (key) => {
    const answer = await session.getAcl(paths.pathOf(key), NEVER);
    return answer.kind === 'node' && !isReadableToAll(answer.node.acl) ? [paths.pathOf(key)] : [];
  });
  return restricted.flat();
}

async function denialBy(
  session: ZooKeeperSession,
  path: string,
  acl: readonly AclEntry[] | undefined,
): Promise<string | undefined> {
  const read = await session.getData(path, NEVER);
  if (read.kind === 'denied') return `read ${path}: ${showStatus(STATUS.noAuth)}`;
  if (read.kind === 'no-node' || acl === undefined) return undefined;
  const { version, numChildren } = read.node.stat;
  const asked = [mayWriteZnode(session, path, version)];
  if (numChildren > 0) asked.push(mayChangeChildren(session, path, acl));
  const denied = (await Promise.all(asked)).find((permission) => !permission.allowed);
  return denied?.allowed === false ? denied.answer : undefined;
}

/** The deepest znode on the way to `path` that exists, itself included. */
export async function nearestZnode(session: ZooKeeperSession, path: string): Promise<string> {
  for (let at = path; at !== '/' && at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    if ((await session.exists(at, NEVER)).kind === 'node') return at;
  }
  return '/';
}

/** Whether keys with this prefix may be read. Asks for one that does not exist: 404 where allowed, 403 where not. */
export async function mayReadKeys(client: ConsulClient, prefix: string): Promise<Permission> {
  return unlessDenied(async () => {
    await client.request(
      {
        operation: 'other',
        method: 'GET',
        path: kvPath(prefix + unusedName()),
        query: ['consistent'],
        accepts: [200, 404],
        repeatable: true,
      },
      NEVER,
    );
    return ALLOWED;
  });
}

/** Whether a key may be written. `check-not-exists` asks for permission to write it, and writes nothing. */
export async function mayWriteKey(client: ConsulClient, key: string): Promise<Permission> {
  return unlessDenied(async () => {
    const body = encodeTransaction([{ verb: 'check-not-exists', key }]);
    const answer = await client.transact(body, { reads: true, operation: 'other' }, NEVER);
    if (answer.kind === 'passed') return ALLOWED;
    const what = answer.failures[0]?.what ?? 'failed';
    return failureKind(what) === 'denied' ? { allowed: false, answer: what } : ALLOWED;
  });
}

/** A key that does not exist, for asking about all those with its prefix. */
export function unusedKey(prefix: string): string {
  return prefix + unusedName();
}

async function unlessDenied(ask: () => Promise<Permission>): Promise<Permission> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof SyncError && error.code === 'STORE_DENIED')
      return { allowed: false, answer: error.message };
    throw error;
  }
}

import { createHash, randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { encodeKey } from '../../../src/core/key-codec.js';
import type { EntryKey } from '../../../src/core/observation.js';
import type { HintListener } from '../../../src/ports/replica.js';
import type { ZooKeeperSessionOptions } from '../../../src/zookeeper/reconnecting-client.js';
import type { AclEntry } from '../../../src/zookeeper/protocol.js';
import { ZooKeeperReplica } from '../../../src/zookeeper/zookeeper-replica.js';
import type { ZooKeeperReplicaOptions } from '../../../src/zookeeper/zookeeper-replica.js';
import type { ZooKeeperSession } from '../../../src/zookeeper/zookeeper-session.js';
import type { ClientWriter } from '../../kit/replica-contract.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import type { ZnodeOperation } from '../../kit/servers/raw-zookeeper.js';
import { startSession, systemClock, systemRandom } from '../../unit/zookeeper/session-fixture.js';

export const OPEN_ACL: readonly AclEntry[] = [{ scheme: 'world', id: 'anyone', permissions: 31 }];

export const digest = (value: Uint8Array): string => createHash('sha256').update(value).digest('base64');

export async function connectSession(
  server: { readonly connect: string },
  options: Partial<ZooKeeperSessionOptions> = {},
): Promise<ZooKeeperSession> {
  const session = startSession(server, options);
  await session.whenConnected(AbortSignal.timeout(10_000));
  return session;
}

/** A replica of a subtree of its own, or of the given one. */
export function replicaOf(
  session: ZooKeeperSession,
  options: Partial<ZooKeeperReplicaOptions> = {},
): ZooKeeperReplica {
  const name = randomUUID();
  return new ZooKeeperReplica({
    session,
    root: `/mapped-${name}`,
    namespaceRoot: '/zk-consul-sync',
    ledgerPath: `/zk-consul-sync/test/${name}`,
    acl: OPEN_ACL,
    clock: systemClock,
    random: systemRandom,
    digest,
    ...options,
  });
}

/** An ordinary client of the entries below `root`. */
export function clientOf(
  raw: RawZooKeeper,
  server: { readonly connect: string },
  root: string,
): ClientWriter {
  const pathOf = (key: string) => `${root === '/' ? '' : root}/${encodeKey(key)}`;
  return {
    putTogether: async (entries) => {
      const operations: ZnodeOperation[] = [];
      for (const [key, data] of entries) {
        const path = pathOf(key);
        operations.push({ kind: (await raw.get(path)) === undefined ? 'create' : 'set', path, data });
      }
      await raw.multi(operations);
    },
    bind: async (key, value) => {
      const session = await RawZooKeeper.connect(server);
      await session.create(pathOf(key), value, { mode: 'ephemeral' });
      return () => session.close();
    },
    put: async (key, value) => {
      const path = pathOf(key);
      if ((await raw.get(path)) === undefined) await raw.create(path, value);
      else await raw.set(path, value);
    },
    remove: (key) => raw.remove(pathOf(key)),
    get: async (key) => {
      const node = await raw.get(pathOf(key));
      return node && new Uint8Array(node.data ?? []);
    },
  };
}

/** A watch that writes down what it is told; ended after the test. */
export function recordHints(replica: ZooKeeperReplica): { changed: Set<EntryKey>; rescans: string[] } {
  const changed = new Set<EntryKey>();
  const rescans: string[] = [];
  const abort = new AbortController();
  const listener: HintListener = {
    changed: (keys) => keys.forEach((key) => changed.add(key)),
    stirred: () => undefined,
    saw: () => undefined,
    rescan: (reason) => rescans.push(reason),
    lost: () => undefined,
  };
  const ended = replica.watch(listener, abort.signal);
  onTestFinished(async () => {
    abort.abort();
    await ended;
  });
  return { changed, rescans };
}

import type { ConsulClient } from '../consul/consul-client.js';
import { listEntries } from '../consul/entry-list.js';
import { decodeLedger } from '../core/ledger.js';
import type { Ledger } from '../core/ledger.js';
import { childPath } from '../zookeeper/mapping-paths.js';
import { refusedByServer, STATUS } from '../zookeeper/zookeeper-errors.js';
import type { NodeAnswer, ZooKeeperSession } from '../zookeeper/zookeeper-session.js';
import { CANARY } from './canary-place.js';
import { LEASES } from './copies-lease.js';
import { NAMESPACE } from './mapping-context.js';
import type { Stores } from './stores.js';

/** One record of a deployment in one store, under the version at which it was seen. */
export interface OwnRecord {
  readonly store: 'zookeeper' | 'consul';
  /** Path or key, in full. */
  readonly place: string;
  /** ZooKeeper's `version` or Consul's `ModifyIndex`. */
  readonly version: bigint;
  /** What tells it from one that was deleted and made anew: `czxid` or `CreateIndex`. */
  readonly created: bigint;
  /** `other`: what this program does not know as its own, and leaves alone. */
  readonly kind: 'ledger' | 'queue' | 'lease' | 'canary' | 'folder' | 'other';
  readonly ledger: Ledger | undefined;
}

/** What there is of a deployment in both stores. */
export interface NamespaceSurvey {
  /** In the order in which they can be deleted: what lies below something comes before it. */
  readonly records: readonly OwnRecord[];
  /** Who is there: candidates of an election, and sessions that hold keys. */
  readonly alive: readonly string[];
}

/** A deployment has some nodes for each mapping; what has more is no namespace of this program. */
const RECORDS_MAX = 20_000;
const LIST_BYTES_MAX = 64 * 1024 * 1024;
const LIST_TIMEOUT_MS = 30_000;
const CANDIDATES = '.candidates';

/** @throws ReplicaError where a store can't be asked, or what is there may not be read */
export async function surveyNamespace(
  stores: Stores,
  instance: string,
  signal: AbortSignal,
): Promise<NamespaceSurvey> {
  const [nodes, keys] = await Promise.all([
    surveyZooKeeper(stores.zookeeper, instance, signal),
    surveyConsul(stores.consul, instance, signal),
  ]);
  return { records: [...keys.records, ...nodes.records], alive: [...keys.alive, ...nodes.alive] };
}

async function surveyConsul(
  client: ConsulClient,
  instance: string,
  signal: AbortSignal,
): Promise<NamespaceSurvey> {
  const prefix = `${NAMESPACE}/${instance}/`;
  const limits = {
    operation: 'ledger',
    timeoutMs: LIST_TIMEOUT_MS,
    answerBytesMax: LIST_BYTES_MAX,
  } as const;
  const { entries } = await listEntries(client, prefix, limits, signal);
  const records = entries.map(({ key, value, modifyIndex, createIndex }): OwnRecord => {
    const [first, ...deeper] = key.slice(prefix.length).split('/');
    const ledger = deeper.length === 0 ? decodeLedger(Buffer.from(value).toString('utf8')) : undefined;
    const kind = first === CANARY ? 'canary' : ledger === undefined ? 'other' : 'ledger';
    return { store: 'consul', place: key, version: modifyIndex, created: createIndex, kind, ledger };
  });
  const held = entries.filter(({ session }) => session !== undefined);
  return { records, alive: held.map(({ key, session }) => `session ${session} holds ${key} in Consul`) };
}

async function surveyZooKeeper(
  session: ZooKeeperSession,
  instance: string,
  signal: AbortSignal,
): Promise<NamespaceSurvey> {
  const root = `/${NAMESPACE}/${instance}`;
  await session.sync(root, signal);
  const survey: Walk = { session, root, signal, records: [], alive: [] };
  await walk(survey, root);
  return survey;
}

interface Walk {
  readonly session: ZooKeeperSession;
  readonly root: string;
  readonly signal: AbortSignal;
  readonly records: OwnRecord[];
  readonly alive: string[];
}

/** Children first. */
async function walk(survey: Walk, path: string): Promise<void> {
  const { session, signal, records, alive } = survey;
  const [children, node] = await Promise.all([
    session.getChildren(path, signal),
    session.getData(path, signal),
  ]);
  const listed = found(session, 'getChildren2', path, children);
  const held = found(session, 'getData', path, node);
  if (listed === undefined || held === undefined) return;
  for (const name of [...listed.names].sort()) await walk(survey, childPath(path, name));
  if (held.stat.ephemeralOwner !== 0n) {
    alive.push(`${describeCandidate(held.data)} (${path} in ZooKeeper)`);
    return;
  }
  if (records.length >= RECORDS_MAX) {
    throw refusedByServer(
      `more than ${RECORDS_MAX} nodes below ${survey.root}`,
      session.server,
      STATUS.badArguments,
    );
  }
  const ledger = decodeLedger(held.data.toString('utf8'));
  const kind = kindOf(survey.root, path, ledger);
  const { version, czxid } = held.stat;
  records.push({ store: 'zookeeper', place: path, version: BigInt(version), created: czxid, kind, ledger });
}

function kindOf(root: string, path: string, ledger: Ledger | undefined): OwnRecord['kind'] {
  const [first, second, ...deeper] = path.slice(root.length).split('/').slice(1);
  if (first === undefined) return 'folder';
  if (first === CANDIDATES) return second === undefined ? 'folder' : deeper.length === 0 ? 'queue' : 'other';
  if (first === LEASES) return second === undefined ? 'folder' : deeper.length === 0 ? 'lease' : 'other';
  if (first === CANARY) return second === undefined ? 'folder' : 'canary';
  return second === undefined && ledger !== undefined ? 'ledger' : 'other';
}

function found<T>(
  session: ZooKeeperSession,
  what: string,
  path: string,
  answer: NodeAnswer<T>,
): T | undefined {
  if (answer.kind === 'denied') throw refusedByServer(`${what} ${path}`, session.server, STATUS.noAuth);
  return answer.kind === 'node' ? answer.node : undefined;
}

function describeCandidate(data: Buffer): string {
  try {
    const { host, admin } = JSON.parse(data.toString('utf8')) as Record<string, unknown>;
    const where = typeof admin === 'string' ? `, at ${admin}` : '';
    return `a daemon on ${typeof host === 'string' ? host : 'an unknown host'}${where}`;
  } catch {
    return 'a session';
  }
}

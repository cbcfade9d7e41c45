import { encodeTransaction } from '../consul/transaction.js';
import { showStatus, STATUS } from '../zookeeper/zookeeper-errors.js';
import type { NamespaceSurvey, OwnRecord } from './namespace-survey.js';
import type { Stores } from './stores.js';

/** What a retirement came to. */
export interface Retired {
  readonly deleted: readonly OwnRecord[];
  /** What is still there, and why. */
  readonly left: readonly { readonly record: OwnRecord; readonly why: string }[];
}

const NOT_OURS = 'this program did not make it, or a later version did';
const CHANGED = 'it has changed since it was looked at';

/**
 * Whether a daemon writes here: what was there has changed, is gone, or has company.
 * @returns the places that tell
 */
export function movedBetween(before: NamespaceSurvey, after: NamespaceSurvey): string[] {
  const known = new Map(before.records.map((record) => [nameOf(record), record]));
  const moved = after.records.filter((record) => {
    const then = known.get(nameOf(record));
    known.delete(nameOf(record));
    return then?.version !== record.version || then.created !== record.created;
  });
  return [...moved, ...known.values()].map(nameOf);
}

/** Deletes what the survey knows as the deployment's own, each under the version at which it was seen. */
export async function deleteOwn(
  stores: Stores,
  { records }: NamespaceSurvey,
  signal: AbortSignal,
): Promise<Retired> {
  const deleted: OwnRecord[] = [];
  const left: { record: OwnRecord; why: string }[] = [];
  for (const record of records) {
    const why = record.kind === 'other' ? NOT_OURS : await deleteOne(stores, record, signal);
    if (why === undefined) deleted.push(record);
    else left.push({ record, why });
  }
  return { deleted, left };
}

export function nameOf({ store, place }: OwnRecord): string {
  return `${place} in ${store === 'zookeeper' ? 'ZooKeeper' : 'Consul'}`;
}

/** @returns why it is still there; undefined when it is not */
function deleteOne(stores: Stores, record: OwnRecord, signal: AbortSignal): Promise<string | undefined> {
  return record.store === 'consul' ? deleteKey(stores, record, signal) : deleteNode(stores, record, signal);
}

async function deleteKey(
  { consul }: Stores,
  { place, version }: OwnRecord,
  signal: AbortSignal,
): Promise<string | undefined> {
  const body = encodeTransaction([{ verb: 'delete-cas', key: place, index: version }]);
  const answer = await consul.transact(body, { reads: false, operation: 'ledger' }, signal);
  if (answer.kind === 'passed') return undefined;
  const [failure] = answer.failures;
  const what = failure?.what ?? 'refused';
  return /permission denied/i.test(what) ? `Consul does not allow it: ${what}` : CHANGED;
}

/** The version alone starts again at 0 when a node is made anew: such a one is told apart first. */
async function deleteNode(
  { zookeeper }: Stores,
  { place, version, created }: OwnRecord,
  signal: AbortSignal,
): Promise<string | undefined> {
  const now = await zookeeper.exists(place, signal);
  if (now.kind === 'no-node') return undefined;
  if (now.kind === 'node' && now.node.czxid !== created) return CHANGED;
  const outcome = await zookeeper.multi([{ kind: 'delete', path: place, version: Number(version) }], signal);
  if (outcome.kind === 'applied' || outcome.status === STATUS.noNode) return undefined;
  if (outcome.status === STATUS.badVersion) return CHANGED;
  if (outcome.status === STATUS.notEmpty) return 'something lies below it';
  return `ZooKeeper does not allow it: ${showStatus(outcome.status)}`;
}

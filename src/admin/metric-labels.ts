import type { ErrorCode } from '../ports/errors.js';
import type { ConflictResult, MappingMetrics, WriteResult } from '../ports/metrics.js';
import type { SkipReason } from '../ports/replica.js';
import type { RescanReason } from '../ports/rescan.js';
import type { ReplicaName } from './replica-names.js';

/*
 * Every value that a label can take, `mapping` aside. So series can stand at 0 from the start, and the first event is
 * a rise that `rate()` and alerts see; and they never become more, whatever happens.
 */

export type WriteOperationName = Parameters<MappingMetrics['write']>[1];

/** The keys of `names`; its type has the compiler prove that none is missing. */
function allOf<T extends string>(names: Record<T, true>): readonly T[] {
  return Object.keys(names) as T[];
}

export const WRITE_OPERATIONS = allOf<WriteOperationName>({ create: true, update: true, delete: true });

export const WRITE_RESULTS = allOf<WriteResult>({
  applied: true,
  'condition-failed': true,
  rejected: true,
  retriable: true,
  unknown: true,
});

/** `conflicts_total{result}` by what the core calls it. */
export const CONFLICT_RESULTS: Readonly<Record<ConflictResult, string>> = {
  'left-won': 'zookeeper-won',
  'right-won': 'consul-won',
  held: 'held',
};

export const RESCAN_REASONS = allOf<RescanReason>({
  start: true,
  reconnect: true,
  overflow: true,
  verify: true,
  operator: true,
  retry: true,
});

/** What stands for a label value that is not on its list. */
export const OTHER = 'other';

export const SKIP_REASONS = [
  ...allOf<SkipReason>({
    'too-large': true,
    'illegal-key': true,
    denied: true,
    'ephemeral-parent': true,
    'session-bound': true,
    'read-restricted': true,
    unreadable: true,
  }),
  OTHER,
];

/** What the stores are asked for: ZooKeeper's operations, and what requests to Consul are for. */
export const REQUEST_OPERATIONS: Readonly<Record<ReplicaName, readonly string[]>> = {
  zookeeper: ['exists', 'getData', 'getACL', 'getChildren2', 'sync', 'multi', 'multiRead', 'addWatch'],
  consul: ['watch', 'list', 'read', 'prove-absent', 'write', 'ledger'],
};

/** `replica_requests_total{result}` by what the adapters call it: in their own words, or by the code of an error. */
export const REQUEST_RESULTS: ReadonlyMap<string, string> = new Map<RequestWord | ErrorCode, string>([
  ['ok', 'ok'],
  ['refused', 'refused'],
  ['STORE_DENIED', 'denied'],
  ['STORE_AUTH_FAILED', 'denied'],
  ['overloaded', 'overloaded'],
  ['STORE_OVERLOADED', 'overloaded'],
  ['timeout', 'timeout'],
  ['STORE_TIMEOUT', 'timeout'],
  ['lost', 'unreachable'],
  ['STORE_UNREACHABLE', 'unreachable'],
  ['aborted', 'aborted'],
  ['ABORTED', 'aborted'],
  ['STORE_PROTOCOL', 'protocol'],
]);

type RequestWord = 'ok' | 'refused' | 'overloaded' | 'timeout' | 'lost' | 'aborted';

/** `value` where it is on the list, `other` where not. */
export function bounded(value: string, list: readonly string[]): string {
  return list.includes(value) ? value : OTHER;
}

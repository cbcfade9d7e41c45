import type { Digest, EntryKey } from '../core/observation.js';
import type { Version } from '../core/version.js';
import type { ConsulClient, RequestOperation } from './consul-client.js';
import { ConsulError, protocolError } from './consul-errors.js';
import type { KeySpace } from './kv-keys.js';
import { encodeTransaction } from './transaction.js';
import type { OperationFailure, StoredEntry, TransactionOperation } from './transaction.js';

/** What the reads of one mapping have in common. */
export interface ReadContext {
  readonly client: ConsulClient;
  readonly keys: KeySpace;
  readonly operationsMax: number;
  readonly digest: (value: Uint8Array) => Digest;
  /** Told of entries that a scan had to leave out although they are there. */
  readonly onUnread: (keys: readonly EntryKey[], reason: 'denied' | 'unreadable') => void;
}

/** Requests of one scan, read or proof under way at once. */
export const REQUESTS_AHEAD = 4;
/** A transaction of reads is asked again in halves when its answer is longer. */
const PAGE_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Asks a transaction of reads until it passes whole, each time without the operations that failed, or with others in
 * their place. Only a transaction that passed is evidence for the operations in it: where permissions fail, Consul
 * names those failures alone and evaluates nothing.
 * @param onFailure what to ask instead, which must come closer to an end: a check gives way to a read, a read to nothing
 */
export async function settle(
  context: ReadContext,
  operation: RequestOperation,
  operations: readonly TransactionOperation[],
  onFailure: (operation: TransactionOperation, failure: OperationFailure) => TransactionOperation | undefined,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, StoredEntry>> {
  const options = { reads: true, operation, answerBytesMax: PAGE_BYTES_MAX };
  let asked = operations;
  while (asked.length > 0) {
    const answer = await context.client.transact(encodeTransaction(asked), options, signal);
    if (answer.kind === 'passed') return answer.entries;
    const failures = new Map(answer.failures.map((failure) => [failure.position, failure]));
    if (!asked.some((_one, position) => failures.has(position))) {
      const what = `a transaction of ${asked.length} operations on ${context.client.address}`;
      throw protocolError(what, 'failed, but in none of them');
    }
    asked = asked.flatMap((one, position) => {
      const failure = failures.get(position);
      return failure === undefined ? one : (onFailure(one, failure) ?? []);
    });
  }
  return new Map();
}

/** A read failed in a way that it should not, and may not the next time. */
export function unexpectedFailure(
  context: ReadContext,
  operation: TransactionOperation,
  failure: OperationFailure,
): ConsulError {
  const what = `${operation.verb} of key ${JSON.stringify(operation.key)} in a transaction on ${context.client.address}`;
  return new ConsulError('STORE_UNREACHABLE', `${what} failed: ${failure.what}`, true, true);
}

export function versionOf({ modifyIndex, createIndex }: StoredEntry): Version {
  return { modified: modifyIndex, created: createIndex, revision: 0 };
}

/** The entry of a stored key that was made from one. */
export function entryOf(context: ReadContext, storedKey: string): EntryKey {
  return storedKey.slice(context.keys.prefix.length);
}

export function chunks<T>(items: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let from = 0; from < items.length; from += size) parts.push(items.slice(from, from + size));
  return parts;
}

export function halves<T>(items: readonly T[]): [readonly T[], readonly T[]] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}

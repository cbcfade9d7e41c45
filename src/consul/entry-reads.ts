import type { EntryKey, Reading, UnknownReason } from '../core/observation.js';
import { AnswerTooLargeError } from './consul-errors.js';
import { inOrderAhead } from './in-order-ahead.js';
import { isExact } from './kv-keys.js';
import {
  REQUESTS_AHEAD,
  chunks,
  entryOf,
  halves,
  settle,
  unexpectedFailure,
  versionOf,
} from './settled-reads.js';
import type { ReadContext } from './settled-reads.js';
import { failureKind } from './transaction.js';
import type { StoredEntry } from './transaction.js';

/** Once so many bytes of values are read, no further page is asked for; those under way may add as much again. */
const READ_VALUES_BYTES_MAX = 16 * 1024 * 1024;

/** An entry, or why there is none. */
type Found = StoredEntry | 'absent' | UnknownReason;

/** Reads the named entries, each from the leader, in transactions. */
export async function readEntries(
  context: ReadContext,
  keys: readonly EntryKey[],
  signal: AbortSignal,
): Promise<Map<EntryKey, Reading>> {
  const readings = new Map<EntryKey, Reading>();
  const stored = [...new Set(keys)].map((key) => context.keys.storedKey(key));
  for (const key of stored.filter((candidate) => !isExact(candidate))) {
    readings.set(entryOf(context, key), { kind: 'unknown', reason: 'unreadable' });
  }
  let valueBytes = 0;
  const pages = chunks(stored.filter(isExact), context.operationsMax);
  const readPage = async (page: readonly string[], pageSignal: AbortSignal) =>
    valueBytes > READ_VALUES_BYTES_MAX
      ? new Map(page.map((key): [string, Found] => [key, 'not-read']))
      : findPage(context, page, pageSignal);
  for await (const found of inOrderAhead(pages, REQUESTS_AHEAD, readPage, signal)) {
    for (const [key, one] of found) {
      if (typeof one === 'object') valueBytes += one.value.length;
      readings.set(entryOf(context, key), readingOf(context, one));
    }
  }
  return readings;
}

/**
 * What the leader holds under these keys. A transaction of `get` fails when a key is missing, and names all that are:
 * that is what makes an entry absent. A key without a word of either is one the token may not read: results are filtered
 * after the transaction is evaluated.
 */
export async function findPage(
  context: ReadContext,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, Found>> {
  const found = new Map<string, Found>();
  try {
    const entries = await settle(
      context,
      'read',
      keys.map((key) => ({ verb: 'get', key })),
      (operation, failure) => {
        const kind = failureKind(failure.what);
        if (kind !== 'missing' && kind !== 'denied') throw unexpectedFailure(context, operation, failure);
        found.set(operation.key, kind === 'missing' ? 'absent' : 'denied');
        return undefined;
      },
      signal,
    );
    for (const key of keys) if (!found.has(key)) found.set(key, entries.get(key) ?? 'denied');
  } catch (error) {
    if (!(error instanceof AnswerTooLargeError)) throw error;
    const [first, second] = halves(keys);
    if (second.length === 0) return new Map(first.map((key) => [key, 'unreadable']));
    for (const half of [first, second]) {
      for (const [key, one] of await findPage(context, half, signal)) found.set(key, one);
    }
  }
  return found;
}

function readingOf(context: ReadContext, found: Found): Reading {
  if (found === 'absent') return { kind: 'absent' };
  if (typeof found === 'string') return { kind: 'unknown', reason: found };
  const { value, flags, session } = found;
  return {
    kind: 'present',
    version: versionOf(found),
    value,
    digest: context.digest(value),
    flags,
    children: 0,
    session,
    stamp: undefined,
  };
}

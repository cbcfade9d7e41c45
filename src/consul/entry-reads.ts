import type { EntryKey, PresentReading, Reading, UnknownReason } from '../core/observation.js';
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
export type Found = StoredEntry | 'absent' | UnknownReason;

/** Reads the named entries, each from the leader, in transactions. */
export async function readEntries(
  context: ReadContext,
  keys: readonly EntryKey[],
  signal: AbortSignal,
): Promise<Map<EntryKey, Reading>> {
  const { exact, readings } = sift(context, keys);
  const budget = { bytes: READ_VALUES_BYTES_MAX };
  const pages = chunks(exact, context.operationsMax);
  const find = (page: readonly string[], pageSignal: AbortSignal) =>
    findStored(context, page, budget, pageSignal);
  for await (const found of inOrderAhead(pages, REQUESTS_AHEAD, find, signal)) {
    for (const [key, one] of found) readings.set(entryOf(context, key), readingOf(context, one));
  }
  return readings;
}

/**
 * Reads a few entries, and what the leader holds under another key at the same time or later.
 * @param keys fewer than go into a transaction
 * @param beside one that stands for no entry
 */
export async function readBeside(
  context: ReadContext,
  keys: readonly EntryKey[],
  beside: string,
  signal: AbortSignal,
): Promise<{ readonly readings: ReadonlyMap<EntryKey, Reading>; readonly beside: Found }> {
  const { exact, readings } = sift(context, keys);
  const budget = { bytes: READ_VALUES_BYTES_MAX };
  const found = await findStored(context, [...exact, beside], budget, signal);
  for (const key of exact)
    readings.set(entryOf(context, key), readingOf(context, found.get(key) ?? 'not-read'));
  return { readings, beside: found.get(beside) ?? 'not-read' };
}

/** Stored keys that can be read, and readings that say of the others that they can't. */
function sift(
  context: ReadContext,
  keys: readonly EntryKey[],
): { readonly exact: readonly string[]; readonly readings: Map<EntryKey, Reading> } {
  const stored = [...new Set(keys)].map((key) => context.keys.storedKey(key));
  const unreadable: Reading = { kind: 'unknown', reason: 'unreadable' };
  const inexact = stored.filter((key) => !isExact(key));
  return {
    exact: stored.filter(isExact),
    readings: new Map(inexact.map((key) => [entryOf(context, key), unreadable])),
  };
}

/** What the leader holds under one key. */
export async function findOne(context: ReadContext, key: string, signal: AbortSignal): Promise<Found> {
  const found = await findStored(context, [key], { bytes: READ_VALUES_BYTES_MAX }, signal);
  return found.get(key) ?? 'not-read';
}

/** Reads a page, in halves where its answer would be too long; nothing more once the budget is spent. */
async function findStored(
  context: ReadContext,
  keys: readonly string[],
  budget: { bytes: number },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Found>> {
  if (budget.bytes <= 0) return new Map(keys.map((key) => [key, 'not-read']));
  try {
    const found = await getAll(context, keys, signal);
    for (const one of found.values()) if (typeof one === 'object') budget.bytes -= one.value.length;
    return found;
  } catch (error) {
    if (!(error instanceof AnswerTooLargeError)) throw error;
    const [first, second] = halves(keys);
    if (second.length === 0) return new Map(keys.map((key) => [key, 'unreadable']));
    return new Map([
      ...(await findStored(context, first, budget, signal)),
      ...(await findStored(context, second, budget, signal)),
    ]);
  }
}

/**
 * A transaction of `get` fails when a key is missing, and names all that are: that is what makes an entry absent.
 * A key without a word of either is one the token may not read: results are filtered after the transaction is evaluated.
 */
async function getAll(
  context: ReadContext,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, Found>> {
  const found = new Map<string, Found>();
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
  return found;
}

function readingOf(context: ReadContext, found: Found): Reading {
  if (found === 'absent') return { kind: 'absent' };
  if (typeof found === 'string') return { kind: 'unknown', reason: found };
  return presentReading(context, found);
}

/** What was read of a key, as the core sees it. */
export function presentReading(context: ReadContext, found: StoredEntry): PresentReading {
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

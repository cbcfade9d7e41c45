import type { EntryKey } from '../core/observation.js';
import type { Glance, StoredLedger } from '../ports/replica.js';
import { ConsulError } from './consul-errors.js';
import { listEntries } from './entry-list.js';
import { findOne, readBeside, readEntries } from './entry-reads.js';
import type { Found } from './entry-reads.js';
import { versionOf } from './settled-reads.js';
import type { ReadContext } from './settled-reads.js';
import type { StoredEntry } from './transaction.js';

/** All ledgers of a store, and what else lies beside them. */
const LIST_BYTES_MAX = 64 * 1024 * 1024;
const LIST_TIMEOUT_MS = 60_000;

/** @throws ConsulError `STORE_DENIED` when there is a ledger that the token may not read */
export async function readLedgerAt(
  context: ReadContext,
  ledgerKey: string,
  signal: AbortSignal,
): Promise<StoredLedger | undefined> {
  return ledgerFound(context, ledgerKey, await findOne(context, ledgerKey, signal));
}

/**
 * Reads entries, and the ledger with the last of them or after them.
 * @throws ConsulError `STORE_DENIED` when there is a ledger that the token may not read
 */
export async function glanceAt(
  context: ReadContext,
  keys: readonly EntryKey[],
  ledgerKey: string,
  signal: AbortSignal,
): Promise<Glance> {
  if (keys.length < context.operationsMax) {
    const { readings, beside } = await readBeside(context, keys, ledgerKey, signal);
    if (beside !== 'not-read') return { readings, ledger: ledgerFound(context, ledgerKey, beside) };
    return { readings, ledger: await readLedgerAt(context, ledgerKey, signal) };
  }
  const readings = await readEntries(context, keys, signal);
  return { readings, ledger: await readLedgerAt(context, ledgerKey, signal) };
}

function ledgerFound(context: ReadContext, ledgerKey: string, found: Found): StoredLedger | undefined {
  if (found === 'absent') return undefined;
  if (typeof found === 'object') return ledgerOf(found);
  const what = `the ledger ${ledgerKey} on ${context.client.address}`;
  const advice = "Give the token's policy write access to it";
  throw new ConsulError('STORE_DENIED', `${what} can't be read. ${advice}`, false, true);
}

/** The ledgers below the daemon's namespace: whatever is exactly two levels below it. */
export async function listLedgersIn(
  context: ReadContext,
  signal: AbortSignal,
): Promise<Map<string, StoredLedger>> {
  const { namespacePrefix } = context.keys;
  const limits = { operation: 'ledger', timeoutMs: LIST_TIMEOUT_MS, answerBytesMax: LIST_BYTES_MAX } as const;
  const ledgers = new Map<string, StoredLedger>();
  const { entries } = await listEntries(context.client, namespacePrefix, limits, signal);
  for (const entry of entries) {
    const place = entry.key.slice(namespacePrefix.length);
    if (/^[^/]+\/[^/]+$/.test(place)) ledgers.set(place, ledgerOf(entry));
  }
  return ledgers;
}

function ledgerOf(entry: StoredEntry): StoredLedger {
  return { content: new TextDecoder().decode(entry.value), version: versionOf(entry) };
}

import { compareKeys } from '../core/key-order.js';
import type { EntryKey } from '../core/observation.js';
import type { Version } from '../core/version.js';
import type { KnownVersion, ScannedEntry } from '../ports/replica.js';
import { faultOf } from './consul-client.js';
import type { ConsulRequest } from './consul-client.js';
import { AnswerTooLargeError, protocolError } from './consul-errors.js';
import { inOrderAhead } from './in-order-ahead.js';
import { kvPath } from './kv-keys.js';
import { indexOf, keysOf } from './prefix-watch.js';
import { REQUESTS_AHEAD, entryOf, halves, settle, unexpectedFailure, versionOf } from './settled-reads.js';
import type { ReadContext } from './settled-reads.js';
import { failureKind } from './transaction.js';
import type { StoredEntry, TransactionOperation } from './transaction.js';

/** What the values of one page of a scan should come to. */
const PAGE_VALUES_BYTES = 2 * 1024 * 1024;
/** All keys of a mapping: about two million of them. */
const LIST_BYTES_MAX = 256 * 1024 * 1024;

/** Walks all keys of the mapping: those with a known version are checked to be at it, the others read. */
export async function* scanEntries(
  context: ReadContext,
  known: KnownVersion,
  signal: AbortSignal,
): AsyncGenerator<readonly ScannedEntry[]> {
  const pager = new ScanPager(await listKeys(context, signal), known, context.operationsMax);
  const scan = async (page: readonly EntryKey[], pageSignal: AbortSignal) => {
    const entries = await scanPage(context, page, known, pager, pageSignal);
    return entries.sort((a, b) => compareKeys(a.key, b.key));
  };
  for await (const page of inOrderAhead(pager, REQUESTS_AHEAD, scan, signal)) {
    if (page.length > 0) yield page;
  }
}

/** Cuts the keys of a scan into pages, with as many unknown ones in each as their values have been small so far. */
class ScanPager implements Iterable<readonly EntryKey[]> {
  #readsMax: number;

  constructor(
    readonly keys: readonly EntryKey[],
    readonly known: KnownVersion,
    readonly operationsMax: number,
  ) {
    this.#readsMax = Math.min(8, operationsMax);
  }

  *[Symbol.iterator](): Generator<readonly EntryKey[]> {
    let page: EntryKey[] = [];
    let reads = 0;
    for (const key of this.keys) {
      const isRead = this.known(key) === undefined;
      if (page.length === this.operationsMax || (isRead && reads >= this.#readsMax)) {
        yield page;
        page = [];
        reads = 0;
      }
      page.push(key);
      if (isRead) reads++;
    }
    if (page.length > 0) yield page;
  }

  /** Learns from the values of a page that has been read. */
  learn(entries: readonly StoredEntry[]): void {
    if (entries.length === 0) return;
    const bytes = entries.reduce((sum, entry) => sum + entry.value.length, 0);
    const fitting = Math.floor(PAGE_VALUES_BYTES / Math.max(1, bytes / entries.length));
    this.#readsMax = Math.max(1, Math.min(this.operationsMax, fitting));
  }
}

async function scanPage(
  context: ReadContext,
  page: readonly EntryKey[],
  known: KnownVersion,
  pager: ScanPager,
  signal: AbortSignal,
): Promise<ScannedEntry[]> {
  const checks = new Map<string, Version>();
  const denied = new Set<string>();
  const gone = new Set<string>();
  const operations = page.map((key): TransactionOperation => {
    const stored = context.keys.storedKey(key);
    const version = known(key);
    if (version === undefined) return { verb: 'get', key: stored };
    checks.set(stored, version);
    return { verb: 'check-index', key: stored, index: version.modified };
  });
  try {
    const entries = await settle(
      context,
      'list',
      operations,
      (operation, failure) => {
        const kind = failureKind(failure.what);
        checks.delete(operation.key);
        if (kind === 'stale') return { verb: 'get', key: operation.key };
        if (kind === 'missing') gone.add(operation.key);
        else if (kind === 'denied') denied.add(operation.key);
        else throw unexpectedFailure(context, operation, failure);
        return undefined;
      },
      signal,
    );
    pager.learn([...entries.values()].filter(({ key }) => !checks.has(key)));
    const scanned: ScannedEntry[] = [];
    for (const { key } of operations) {
      const entry = entries.get(key);
      const checked = checks.get(key);
      if (checked !== undefined) scanned.push(scannedEntry(context, key, checked, undefined));
      else if (entry !== undefined) {
        scanned.push(scannedEntry(context, key, versionOf(entry), entry.value.length === 0));
      } else if (!gone.has(key)) denied.add(key);
    }
    if (denied.size > 0) context.onDenied([...denied].map((key) => entryOf(context, key)));
    return scanned;
  } catch (error) {
    if (!(error instanceof AnswerTooLargeError) || page.length === 1) throw error;
    const parts: ScannedEntry[] = [];
    for (const half of halves(page)) parts.push(...(await scanPage(context, half, known, pager, signal)));
    return parts;
  }
}

/** All keys of the mapping that the token may see, in the order of entries. */
async function listKeys(context: ReadContext, signal: AbortSignal): Promise<EntryKey[]> {
  const request: ConsulRequest = {
    operation: 'list',
    method: 'GET',
    path: kvPath(context.keys.prefix),
    query: ['keys', 'consistent'],
    accepts: [200, 404],
    repeatable: true,
    answerBytesMax: LIST_BYTES_MAX,
  };
  const answer = await context.client.request(request, signal);
  try {
    indexOf(answer);
    const listed = keysOf(answer).flatMap((stored) => context.keys.entryKey(stored) ?? []);
    // Keys that are not UTF-8 are all shown alike.
    return [...new Set(listed)].sort(compareKeys);
  } catch (cause) {
    throw protocolError(context.client.describe(request), faultOf(cause), cause);
  }
}

function scannedEntry(
  context: ReadContext,
  storedKey: string,
  version: Version,
  empty: boolean | undefined,
): ScannedEntry {
  return { key: entryOf(context, storedKey), version, empty, children: 0 };
}

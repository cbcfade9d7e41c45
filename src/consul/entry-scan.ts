import { compareKeys } from '../core/key-order.js';
import type { EntryKey } from '../core/observation.js';
import type { Version } from '../core/version.js';
import type { KnownVersion, ScannedEntry } from '../ports/replica.js';
import { faultOf } from './consul-client.js';
import { presentReading } from './entry-reads.js';
import type { ConsulRequest } from './consul-client.js';
import { AnswerTooLargeError, protocolError } from './consul-errors.js';
import { inOrderAhead } from './in-order-ahead.js';
import { isExact, kvPath } from './kv-keys.js';
import { indexOf, keysOf } from './prefix-watch.js';
import { REQUESTS_AHEAD, entryOf, halves, settle, unexpectedFailure, versionOf } from './settled-reads.js';
import type { ReadContext } from './settled-reads.js';
import { failureKind } from './transaction.js';
import type { TransactionOperation } from './transaction.js';

/** What the values of one page of a scan should come to. */
const PAGE_VALUES_BYTES = 2 * 1024 * 1024;
/** Reads in the first pages, while nothing is known of the values' sizes. */
const FIRST_READS_MAX = 8;
/** All keys of a mapping: about two million of them. */
const LIST_BYTES_MAX = 256 * 1024 * 1024;
const LIST_TIMEOUT_MS = 60_000;

/** A key to visit, and the version to check it against, where one is known. */
interface Visit {
  readonly storedKey: string;
  readonly version: Version | undefined;
}

/** Walks all keys of the mapping: those with a known version are checked to be at it, the others read. */
export async function* scanEntries(
  context: ReadContext,
  known: KnownVersion,
  signal: AbortSignal,
): AsyncGenerator<readonly ScannedEntry[]> {
  const pager = new ScanPager(context, await listKeys(context, signal), known);
  const scan = (page: readonly Visit[], pageSignal: AbortSignal) =>
    scanPage(context, page, pager, pageSignal);
  for await (const page of inOrderAhead(pager, REQUESTS_AHEAD, scan, signal)) {
    if (page.length > 0) yield page;
  }
}

/** Cuts the keys of a scan into pages, with as many unknown ones in each as their values have been small so far. */
class ScanPager implements Iterable<readonly Visit[]> {
  readonly #context: ReadContext;
  readonly #keys: readonly EntryKey[];
  readonly #known: KnownVersion;
  #readsMax: number;

  constructor(context: ReadContext, keys: readonly EntryKey[], known: KnownVersion) {
    this.#context = context;
    this.#keys = keys;
    this.#known = known;
    this.#readsMax = Math.min(FIRST_READS_MAX, context.operationsMax);
  }

  *[Symbol.iterator](): Generator<readonly Visit[]> {
    let page: Visit[] = [];
    let reads = 0;
    for (const key of this.#keys) {
      const version = this.#known(key);
      const isRead = version === undefined;
      if (page.length === this.#context.operationsMax || (isRead && reads >= this.#readsMax)) {
        yield page;
        page = [];
        reads = 0;
      }
      page.push({ storedKey: this.#context.keys.storedKey(key), version });
      if (isRead) reads++;
    }
    if (page.length > 0) yield page;
  }

  /** Learns from the values of a page that has been read. */
  learn(values: readonly Uint8Array[]): void {
    if (values.length === 0) return;
    const bytes = values.reduce((sum, value) => sum + value.length, 0);
    const fitting = Math.floor(PAGE_VALUES_BYTES / Math.max(1, bytes / values.length));
    this.#readsMax = Math.max(1, Math.min(this.#context.operationsMax, fitting));
  }
}

/** Visits a page in one transaction, or in halves where its answer would be too long. */
async function scanPage(
  context: ReadContext,
  page: readonly Visit[],
  pager: ScanPager,
  signal: AbortSignal,
): Promise<ScannedEntry[]> {
  try {
    return await visitAll(context, page, pager, signal);
  } catch (error) {
    if (!(error instanceof AnswerTooLargeError)) throw error;
    const [first, second] = halves(page);
    if (second.length === 0) {
      const keys = page.map(({ storedKey }) => entryOf(context, storedKey));
      context.onUnread(keys, 'unreadable');
      return [];
    }
    const scanned = await scanPage(context, first, pager, signal);
    return [...scanned, ...(await scanPage(context, second, pager, signal))];
  }
}

/** Checks and reads in one transaction, in which what has moved is read too, and what has gone is left out. */
async function visitAll(
  context: ReadContext,
  page: readonly Visit[],
  pager: ScanPager,
  signal: AbortSignal,
): Promise<ScannedEntry[]> {
  const checked = new Map<string, Version>();
  for (const { storedKey, version } of page) if (version !== undefined) checked.set(storedKey, version);
  const gone = new Set<string>();
  const settled = await settle(
    context,
    'list',
    page.map(visitOperation),
    (operation, failure) => {
      const kind = failureKind(failure.what);
      checked.delete(operation.key);
      if (kind === 'stale') return { verb: 'get', key: operation.key };
      if (kind === 'missing') gone.add(operation.key);
      else if (kind !== 'denied') throw unexpectedFailure(context, operation, failure);
      return undefined;
    },
    signal,
  );
  const read = new Map([...settled].filter(([key]) => !checked.has(key)));
  pager.learn([...read.values()].map(({ value }) => value));
  const scanned: ScannedEntry[] = [];
  const denied: EntryKey[] = [];
  for (const { storedKey } of page) {
    const key = entryOf(context, storedKey);
    const entry = read.get(storedKey);
    const version = checked.get(storedKey) ?? (entry && versionOf(entry));
    if (version !== undefined) {
      const reading = entry && isExact(storedKey) ? () => presentReading(context, entry) : undefined;
      scanned.push({ key, version, empty: entry && entry.value.length === 0, children: 0, reading });
    } else if (!gone.has(storedKey)) denied.push(key);
  }
  if (denied.length > 0) context.onUnread(denied, 'denied');
  return scanned;
}

function visitOperation({ storedKey, version }: Visit): TransactionOperation {
  if (version === undefined) return { verb: 'get', key: storedKey };
  return { verb: 'check-index', key: storedKey, index: version.modified };
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
    timeoutMs: LIST_TIMEOUT_MS,
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

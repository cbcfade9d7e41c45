import { compareKeys } from '../core/key-order.js';
import type { AskablePrefixes } from './askable-prefixes.js';
import type { EntryKey, KeyPrefix } from '../core/observation.js';
import type { Version } from '../core/version.js';
import type { KnownVersion, ScannedEntry } from '../ports/replica.js';
import { presentReading } from './entry-reads.js';
import { AnswerTooLargeError } from './consul-errors.js';
import { LISTED_BYTES_MAX, listEntries } from './entry-list.js';
import { inOrderAhead } from './in-order-ahead.js';
import { listKeysWithin } from './key-list.js';
import type { KeyList } from './key-list.js';
import { isCertain, isExact } from './kv-keys.js';
import { ScanPager } from './scan-pager.js';
import type { ScanPage, Visit } from './scan-pager.js';
import { REQUESTS_AHEAD, entryOf, halves, settle, unexpectedFailure, versionOf } from './settled-reads.js';
import type { ReadContext } from './settled-reads.js';
import { failureKind } from './transaction.js';
import type { StoredEntry, TransactionOperation } from './transaction.js';
import type { ValueSizes } from './value-sizes.js';

export interface ScanOptions {
  readonly known: KnownVersion;
  /** Only entries whose keys begin so; empty for all. */
  readonly within: KeyPrefix;
  /** What is known of how large values are, and learned. */
  readonly sizes: ValueSizes;
  readonly askable: AskablePrefixes;
  /** Told of all keys before the first page is read. */
  readonly onListed?: (list: KeyList) => void;
}

/**
 * Walks all keys of the mapping. Where values are small, many are listed at once; else those with a known version are
 * checked to be at it, and the others read one by one.
 */
export async function* scanEntries(
  context: ReadContext,
  options: ScanOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly ScannedEntry[]> {
  const list = await listKeysWithin(context.client, context.keys, options.within, options.askable, signal);
  options.onListed?.(list);
  const pager = new ScanPager(context, list.storedKeys, options);
  const scan = (page: ScanPage, pageSignal: AbortSignal) =>
    new PageScan(context, options, pageSignal).scan(page);
  for await (const page of inOrderAhead(pager, REQUESTS_AHEAD, scan, signal)) {
    if (page.length > 0) yield page;
  }
}

/** Reads pages of a scan. */
class PageScan {
  constructor(
    private readonly context: ReadContext,
    private readonly options: ScanOptions,
    private readonly signal: AbortSignal,
  ) {}

  async scan(page: ScanPage): Promise<readonly ScannedEntry[]> {
    if (page.kind === 'visits') return this.visit(page.visits);
    try {
      return await this.list(page.prefix, page.storedKeys);
    } catch (error) {
      if (error instanceof AnswerTooLargeError) {
        this.options.sizes.tooLarge(page.storedKeys.length, LISTED_BYTES_MAX);
      } else if (!this.options.askable.learn(page.prefix, error)) throw error;
      return this.visitAll(page.storedKeys);
    }
  }

  /** Lists what begins with `prefix`; what lacks of `storedKeys` has gone meanwhile, or is not shown. */
  private async list(prefix: string, storedKeys: readonly string[]): Promise<readonly ScannedEntry[]> {
    const { context } = this;
    const limits = { operation: 'list', answerBytesMax: LISTED_BYTES_MAX } as const;
    const { entries: listed } = await listEntries(context.client, prefix, limits, this.signal);
    this.options.sizes.learn(listed);
    const lacking = new Set(storedKeys);
    const scanned: ScannedEntry[] = [];
    for (const entry of listed) {
      if (!isCertain(entry.key) || context.keys.entryKey(entry.key) === undefined) continue;
      lacking.delete(entry.key);
      scanned.push(this.scanned(entry));
    }
    if (lacking.size > 0) scanned.push(...(await this.visitAll([...lacking])));
    return scanned.sort((a, b) => compareKeys(a.key, b.key));
  }

  private async visitAll(storedKeys: readonly string[]): Promise<ScannedEntry[]> {
    const visits = storedKeys.map((storedKey) => {
      return { storedKey, version: this.options.known(entryOf(this.context, storedKey)) };
    });
    const scanned: ScannedEntry[] = [];
    for (let from = 0; from < visits.length; from += this.context.operationsMax) {
      scanned.push(...(await this.visit(visits.slice(from, from + this.context.operationsMax))));
    }
    return scanned;
  }

  /** Visits a page in one transaction, or in halves where its answer would be too long. */
  private async visit(visits: readonly Visit[]): Promise<readonly ScannedEntry[]> {
    try {
      return await this.visitTogether(visits);
    } catch (error) {
      if (!(error instanceof AnswerTooLargeError)) throw error;
      const [first, second] = halves(visits);
      if (second.length === 0) {
        const keys = visits.map(({ storedKey }) => entryOf(this.context, storedKey));
        this.context.onUnread(keys, 'unreadable');
        return [];
      }
      const scanned = await this.visit(first);
      return [...scanned, ...(await this.visit(second))];
    }
  }

  /** Checks and reads in one transaction, in which what has moved is read too, and what has gone is left out. */
  private async visitTogether(visits: readonly Visit[]): Promise<readonly ScannedEntry[]> {
    const { context } = this;
    const checked = new Map<string, Version>();
    for (const { storedKey, version } of visits) if (version !== undefined) checked.set(storedKey, version);
    const gone = new Set<string>();
    const settled = await settle(
      context,
      'list',
      visits.map(visitOperation),
      (operation, failure) => {
        const kind = failureKind(failure.what);
        checked.delete(operation.key);
        if (kind === 'stale') return { verb: 'get', key: operation.key };
        if (kind === 'missing') gone.add(operation.key);
        else if (kind !== 'denied') throw unexpectedFailure(context, operation, failure);
        return undefined;
      },
      this.signal,
    );
    this.options.sizes.learn([...settled.values()].filter(({ key }) => !checked.has(key)));
    const scanned: ScannedEntry[] = [];
    const denied: EntryKey[] = [];
    for (const { storedKey } of visits) {
      const key = entryOf(context, storedKey);
      const version = checked.get(storedKey);
      const entry = settled.get(storedKey);
      if (version !== undefined) {
        scanned.push({ key, version, empty: undefined, children: 0, reading: undefined });
      } else if (entry !== undefined) scanned.push(this.scanned(entry));
      else if (!gone.has(storedKey)) denied.push(key);
    }
    if (denied.length > 0) context.onUnread(denied, 'denied');
    return scanned;
  }

  private scanned(entry: StoredEntry): ScannedEntry {
    const { context } = this;
    return {
      key: entryOf(context, entry.key),
      version: versionOf(entry),
      empty: entry.value.length === 0,
      children: 0,
      reading: isExact(entry.key) ? () => presentReading(context, entry) : undefined,
    };
  }
}

function visitOperation({ storedKey, version }: Visit): TransactionOperation {
  if (version === undefined) return { verb: 'get', key: storedKey };
  return { verb: 'check-index', key: storedKey, index: version.modified };
}

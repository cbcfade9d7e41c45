import type { AskablePrefixes } from './askable-prefixes.js';
import type { Version } from '../core/version.js';
import type { KnownVersion } from '../ports/replica.js';
import { isCertain } from './kv-keys.js';
import { groupByPrefix } from './prefix-groups.js';
import type { PrefixGroup } from './prefix-groups.js';
import { entryOf } from './settled-reads.js';
import type { ReadContext } from './settled-reads.js';
import type { ValueSizes } from './value-sizes.js';

/** A key to visit, and the version to check it against, where one is known. */
export interface Visit {
  readonly storedKey: string;
  readonly version: Version | undefined;
}

/** What a scan asks for at once. */
export type ScanPage =
  /** All that begins with a prefix, whatever version it is known at. */
  | { readonly kind: 'list'; readonly prefix: string; readonly storedKeys: readonly string[] }
  /** Single keys, no more than go into a transaction. */
  | { readonly kind: 'visits'; readonly visits: readonly Visit[] };

/** The most that is listed at once: some 800 KB where values have 200 bytes. */
export const LISTED_KEYS_MAX = 2_048;
/** Fewer are visited one by one, together with their neighbours. */
const LISTED_KEYS_MIN = 16;
/** What the values of one page of visits should come to. */
const PAGE_VALUES_BYTES = 2 * 1024 * 1024;
/** Reads in the first pages, while nothing is known of the values' sizes. */
const FIRST_READS_MAX = 8;

/** Cuts the keys of a scan into pages, in their order, as large as their values have let them be so far. */
export class ScanPager implements Iterable<ScanPage> {
  private readonly groups: readonly PrefixGroup[];
  private visits: Visit[] = [];
  private reads = 0;

  /** @param storedKeys in the order of `compareKeys`, all beginning with the part that is scanned */
  constructor(
    private readonly context: ReadContext,
    private readonly storedKeys: readonly string[],
    private readonly options: {
      readonly known: KnownVersion;
      readonly within: string;
      readonly sizes: ValueSizes;
      readonly askable: AskablePrefixes;
    },
  ) {
    const all = { prefix: context.keys.storedKey(options.within), from: 0, to: storedKeys.length };
    const { groups } = groupByPrefix(storedKeys, all, LISTED_KEYS_MAX, options.askable);
    this.groups = groups.filter(({ from, to }) => to - from >= LISTED_KEYS_MIN);
  }

  *[Symbol.iterator](): Generator<ScanPage> {
    let at = 0;
    for (const group of this.groups) {
      yield* this.visitAll(at, group.from);
      const storedKeys = this.storedKeys.slice(group.from, group.to);
      if (this.isListed(storedKeys)) {
        yield* this.takeVisits();
        yield { kind: 'list', prefix: group.prefix, storedKeys };
      } else yield* this.visitAll(group.from, group.to);
      at = group.to;
    }
    yield* this.visitAll(at, this.storedKeys.length);
    yield* this.takeVisits();
  }

  private isListed(storedKeys: readonly string[]): boolean {
    return this.options.sizes.areSmall && storedKeys.every(isCertain);
  }

  private *visitAll(from: number, to: number): Generator<ScanPage> {
    for (const storedKey of this.storedKeys.slice(from, to)) {
      const version = this.options.known(entryOf(this.context, storedKey));
      const isRead = version === undefined;
      const isFull = this.visits.length === this.context.operationsMax;
      if (isFull || (isRead && this.reads >= this.readsMax())) yield* this.takeVisits();
      this.visits.push({ storedKey, version });
      if (isRead) this.reads++;
    }
  }

  private *takeVisits(): Generator<ScanPage> {
    if (this.visits.length > 0) yield { kind: 'visits', visits: this.visits };
    this.visits = [];
    this.reads = 0;
  }

  private readsMax(): number {
    const { averageBytes } = this.options.sizes;
    const fitting = averageBytes === 0 ? FIRST_READS_MAX : Math.floor(PAGE_VALUES_BYTES / averageBytes);
    return Math.max(1, Math.min(this.context.operationsMax, fitting));
  }
}

import type { ArchiveRecord } from '../core/archive-record.js';
import { compareKeys } from '../core/key-order.js';
import type { EntryKey, KeyPrefix } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import type { Version } from '../core/version.js';
import type { EntryMark } from '../ports/archive.js';
import type { ScannedEntry } from '../ports/replica.js';
import type { MappingContext } from './context.js';
import { needsLook } from './examine.js';
import type { Found } from './found.js';
import type { MappingMemory } from './mapping-memory.js';

const ARCHIVE_PAGE = 1_000;
/** A part may be small, and what is read beyond it is read in vain. */
const ARCHIVE_PAGE_OF_PART = 200;

export interface Sweep {
  /** Entries of what was walked that were there, and are within the mapping's scope. */
  readonly present: number;
}

/**
 * Walks one side and the archive next to each other, in the same order, and reports everything in which they differ.
 * Proves nothing by itself: what a walk lacks is only worth a look (S4). Memory is bounded by two pages of each: one is
 * asked for while the one before is dealt with.
 * @param within the part to walk; all, without
 */
export async function sweepSide(
  context: MappingContext,
  memory: MappingMemory,
  side: Side,
  report: (found: readonly Found[]) => Promise<void>,
  signal: AbortSignal,
  within: KeyPrefix = '',
): Promise<Sweep> {
  const archived = new ArchiveCursor(memory, side, within);
  let present = 0;
  const pages = context.replicas[side].scan((key) => archived.versionOf(key), signal, within);
  for await (const page of oneAhead(pages)) {
    const differing: Found[] = [];
    for (const found of page) {
      if (!context.scope.includes(found.key)) continue;
      present++;
      for (const missing of archived.missingBefore(found.key)) {
        differing.push({ key: missing, reading: undefined });
        if (differing.length >= ARCHIVE_PAGE) await report(differing.splice(0));
      }
      if (archived.differs(found)) differing.push(found);
    }
    await report(differing);
  }
  for (let missing = archived.takeRest(ARCHIVE_PAGE); missing.length > 0;) {
    await report(missing.map((key) => ({ key, reading: undefined })));
    missing = archived.takeRest(ARCHIVE_PAGE);
  }
  return { present };
}

/** Asks for the next item before the one that is given out is done with. */
async function* oneAhead<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  let ahead = iterator.next();
  try {
    for (let step = await ahead; step.done !== true; step = await ahead) {
      ahead = iterator.next();
      // It is waited for in its turn.
      ahead.catch(() => undefined);
      yield step.value;
    }
  } finally {
    await iterator.return?.();
  }
}

/** The archive's records and marks of the walked part in the order of keys, moved along with a walk. */
class ArchiveCursor {
  private readonly records: PagedCursor<ArchiveRecord>;
  private readonly marks: PagedCursor<EntryMark>;

  constructor(
    private readonly memory: MappingMemory,
    private readonly side: Side,
    within: KeyPrefix,
  ) {
    const { archive } = memory;
    const pageSize = within === '' ? ARCHIVE_PAGE : ARCHIVE_PAGE_OF_PART;
    this.records = new PagedCursor(
      within,
      () => archive.record(within),
      (after) => archive.recordsAfter(after, pageSize),
    );
    this.marks = new PagedCursor(
      within,
      () => archive.mark(within),
      (after) => archive.marksAfter(after, pageSize),
    );
  }

  versionOf(key: EntryKey): Version | undefined {
    const record = this.memory.archive.record(key);
    if (record === undefined) return undefined;
    if (record.kind === 'entry') return record.versions[this.side];
    return record.side === this.side ? record.version : undefined;
  }

  /** Keys that the archive has on this side before `key`, and that the walk has passed without finding. */
  *missingBefore(key: EntryKey): Generator<EntryKey> {
    for (let next = this.records.peek(); next !== undefined; next = this.records.peek()) {
      if (compareKeys(next[0], key) >= 0) break;
      this.records.advance();
      if (this.isHere(next[1])) yield next[0];
    }
    for (let next = this.marks.peek(); next !== undefined; next = this.marks.peek()) {
      const order = compareKeys(next[0], key);
      if (order > 0) break;
      this.marks.advance();
      if (order < 0 && this.isNotedHere(next)) yield next[0];
    }
  }

  differs(found: ScannedEntry): boolean {
    const next = this.records.peek();
    if (next?.[0] !== found.key) return true;
    this.records.advance();
    return needsLook(next[1], found, this.side);
  }

  takeRest(limit: number): EntryKey[] {
    const rest: EntryKey[] = [];
    for (let next = this.records.peek(); next !== undefined; next = this.records.peek()) {
      if (rest.length >= limit) return rest;
      this.records.advance();
      if (this.isHere(next[1])) rest.push(next[0]);
    }
    for (let next = this.marks.peek(); next !== undefined; next = this.marks.peek()) {
      if (rest.length >= limit) return rest;
      this.marks.advance();
      if (this.isNotedHere(next)) rest.push(next[0]);
    }
    return rest;
  }

  private isHere(record: ArchiveRecord): boolean {
    return record.kind === 'entry' || record.side === this.side;
  }

  /** An entry that was never agreed on, and that only this side had: its mark is all that is known of it. */
  private isNotedHere([key, mark]: readonly [EntryKey, EntryMark]): boolean {
    const isHere = (mark.kind === 'skip' || mark.kind === 'drift') && mark.at === this.side;
    return isHere && this.memory.archive.record(key) === undefined;
  }
}

/** Goes through one part of something kept in the order of keys, a page at a time, while it may be changed. */
class PagedCursor<T> {
  private page: ReadonlyArray<readonly [EntryKey, T]> = [];
  private index = 0;
  private last: EntryKey | undefined;
  private ended = false;

  /** @param named gives what is kept under the name of the part itself */
  constructor(
    private readonly within: KeyPrefix,
    named: () => T | undefined,
    private readonly fetch: (after: EntryKey | undefined) => ReadonlyArray<readonly [EntryKey, T]>,
  ) {
    if (within === '') return;
    const first = named();
    if (first !== undefined) this.page = [[within, first]];
    this.last = within;
  }

  peek(): readonly [EntryKey, T] | undefined {
    if (this.index >= this.page.length && !this.ended) {
      this.page = this.fetch(this.last);
      this.index = 0;
      this.ended = this.page.length === 0;
    }
    const next = this.page[this.index];
    if (next === undefined || next[0].startsWith(this.within)) return next;
    this.ended = true;
    this.page = [];
    return undefined;
  }

  advance(): void {
    this.last = this.page[this.index]?.[0];
    this.index++;
  }
}

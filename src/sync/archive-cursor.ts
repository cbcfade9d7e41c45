import type { ArchiveRecord } from '../core/archive-record.js';
import { compareKeys } from '../core/key-order.js';
import type { EntryKey, KeyPrefix } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import type { Version } from '../core/version.js';
import type { EntryMark } from '../ports/archive.js';
import { needsLook } from './examine.js';
import type { Met } from './examine.js';
import type { MappingMemory } from './mapping-memory.js';

/** A part may be small, and what is read beyond it is read in vain: pages grow. */
const FIRST_PAGE = 8;
const PAGE_GROWTH = 5;
const PAGE_MAX = 1_000;
/** Behind all that keys are made of. */
const LAST_CHARACTER = '\u{10ffff}';

/** The archive's records and marks of a part in the order of keys, moved along with what is found in a store. */
export class ArchiveCursor {
  private readonly records: PagedCursor<ArchiveRecord>;
  private readonly marks: PagedCursor<EntryMark>;

  constructor(
    private readonly memory: MappingMemory,
    private readonly side: Side,
    within: KeyPrefix,
  ) {
    const { archive } = memory;
    this.records = new PagedCursor(
      within,
      () => archive.record(within),
      (after, count) => archive.recordsAfter(after, count),
    );
    this.marks = new PagedCursor(
      within,
      () => archive.mark(within),
      (after, count) => archive.marksAfter(after, count),
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

  /** Whether what was met of the entry, if anything, is not as the archive has it. */
  differs(key: EntryKey, met: Met | undefined): boolean {
    const next = this.records.peek();
    if (next?.[0] !== key) return true;
    this.records.advance();
    return met === undefined || needsLook(next[1], met, this.side);
  }

  /** Goes on behind all keys that begin with `prefix`. */
  leaveOut(prefix: KeyPrefix): void {
    this.records.leaveOut(prefix);
    this.marks.leaveOut(prefix);
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
  private pageSize = FIRST_PAGE;

  /** @param named gives what is kept under the name of the part itself */
  constructor(
    private readonly within: KeyPrefix,
    named: () => T | undefined,
    private readonly fetch: (
      after: EntryKey | undefined,
      count: number,
    ) => ReadonlyArray<readonly [EntryKey, T]>,
  ) {
    if (within === '') return;
    const first = named();
    if (first !== undefined) this.page = [[within, first]];
    this.last = within;
  }

  peek(): readonly [EntryKey, T] | undefined {
    if (this.index >= this.page.length && !this.ended) {
      this.page = this.fetch(this.last, this.pageSize);
      this.index = 0;
      this.ended = this.page.length === 0;
      this.pageSize = Math.min(PAGE_MAX, PAGE_GROWTH * this.pageSize);
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

  /** @param prefix at or behind which the cursor is */
  leaveOut(prefix: KeyPrefix): void {
    if (this.peek()?.[0].startsWith(prefix) !== true) return;
    this.last = prefix + LAST_CHARACTER;
    this.page = [];
    this.index = 0;
    this.pageSize = FIRST_PAGE;
  }
}

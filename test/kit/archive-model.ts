import { expect } from 'vitest';
import type { ArchiveRecord } from '../../src/core/archive-record.js';
import { compareKeys } from '../../src/core/key-order.js';
import type { MappingState } from '../../src/core/mapping-state.js';
import type { EntryKey } from '../../src/core/observation.js';
import type { Order } from '../../src/core/order.js';
import type { ArchiveChanges, EntryMark, JournalEntry, MappingArchive } from '../../src/ports/archive.js';
import type { NewTrash, TrashEntry, TrashSummary } from '../../src/ports/trash.js';
import { paged } from './paged.js';

/** What a mapping's part of an archive has to be after a number of commits, in the plainest way. */
export class ArchiveModel {
  private state: MappingState | undefined;
  private records = new Map<EntryKey, ArchiveRecord>();
  private marks = new Map<EntryKey, EntryMark>();
  private orders = new Map<EntryKey, Order>();
  private journal: JournalEntry[] = [];
  private trash: readonly TrashEntry[] = [];
  private readonly lastTrash = new Map<EntryKey, TrashEntry>();
  private nextId = 1;
  private nextTrashId = 1;

  apply(changes: ArchiveChanges): void {
    put(this.records, changes.records);
    put(this.marks, changes.marks);
    put(this.orders, changes.orders);
    for (const key of this.orders.keys())
      if (this.marks.get(key)?.kind !== 'ordered') this.orders.delete(key);
    this.state = changes.state ?? this.state;
    for (const [id, winner] of changes.settled ?? []) {
      this.journal = this.journal.map((entry) =>
        entry.id === id ? { ...entry, winner, open: false } : entry,
      );
    }
    const beforeMs = changes.dropSettledBeforeMs ?? -Infinity;
    this.journal = this.journal.filter(({ open, atMs }) => open || atMs >= beforeMs);
    for (const conflict of changes.conflicts ?? []) this.journal.push({ ...conflict, id: this.nextId++ });
    for (const entry of this.trash) if (entry.atMs < beforeMs) this.drop(entry);
    const fresh = (changes.trash ?? []).filter(({ key, side, version }) => {
      const last = this.lastTrash.get(key);
      return last?.side !== side || last.version.modified !== version.modified;
    });
    for (const one of changes.trash ?? []) {
      const last = this.lastTrash.get(one.key);
      if (fresh.includes(one) || last === undefined) continue;
      const entry = { ...last, atMs: one.atMs };
      this.trash = this.trash.map((other) => (other === last ? entry : other));
      this.lastTrash.set(entry.key, entry);
    }
    for (const one of fresh) this.keep(one);
  }

  private keep(one: NewTrash): void {
    const last = this.lastTrash.get(one.key);
    const isFailed =
      last?.side === one.side && last.version.created === one.version.created && !last.inner && !one.inner;
    if (isFailed) this.drop(last);
    const entry = { ...one, id: this.nextTrashId++ };
    this.trash = [...this.trash, entry];
    this.lastTrash.set(entry.key, entry);
  }

  private drop(entry: TrashEntry): void {
    this.trash = this.trash.filter((other) => other !== entry);
    if (this.lastTrash.get(entry.key) === entry) this.lastTrash.delete(entry.key);
  }

  reset(next?: MappingState): void {
    this.state = next;
    this.records = new Map();
    this.marks = new Map();
    this.orders = new Map();
  }

  /** Compares everything that `mapping` can be asked for, and pages through it, `limit` at a time. */
  expectSameAs(mapping: MappingArchive, limit: number): void {
    expect(mapping.state()).toStrictEqual(this.state);
    expect(paged((last) => mapping.recordsAfter(last, limit))).toStrictEqual(inOrder(this.records));
    expect(paged((last) => mapping.marksAfter(last, limit))).toStrictEqual(inOrder(this.marks));
    for (const [key, record] of this.records) expect(mapping.record(key)).toStrictEqual(record);
    for (const [key, mark] of this.marks) expect(mapping.mark(key)).toStrictEqual(mark);
    expect(mapping.counts()).toStrictEqual(this.counts());
    expect(new Map(mapping.markCounts())).toStrictEqual(this.markCounts());
    for (const key of [...this.marks.keys(), 'a']) {
      expect(mapping.order(key)).toStrictEqual(this.orders.get(key));
    }
    this.expectSameJournal(mapping, limit);
    this.expectSameTrash(mapping, limit);
  }

  private expectSameTrash(mapping: MappingArchive, limit: number): void {
    const newestFirst = this.trash.toSorted((a, b) => b.atMs - a.atMs || b.id - a.id);
    const found = pagedTrash(mapping, limit);
    expect(found.map(({ id }) => id)).toStrictEqual(newestFirst.map(({ id }) => id));
    for (const [at, { value, ...rest }] of newestFirst.entries()) {
      expect(found[at]).toStrictEqual({ ...rest, valueBytes: value.length });
      expect(mapping.trashed(rest.id)).toStrictEqual({ value, ...rest });
      expect(mapping.lastTrashOf(rest.key)).toStrictEqual(this.lastTrash.get(rest.key));
    }
    expect(mapping.trashed(this.nextTrashId)).toBeUndefined();
  }

  private expectSameJournal(mapping: MappingArchive, limit: number): void {
    const newestFirst = this.journal.toReversed();
    const open = newestFirst.filter((entry) => entry.open);
    expect(pagedJournal(mapping, limit, false)).toStrictEqual(newestFirst);
    expect(pagedJournal(mapping, limit, true)).toStrictEqual(open);
    expect(mapping.conflictCounts()).toStrictEqual({ open: open.length, total: newestFirst.length });
    for (const entry of newestFirst) expect(mapping.conflict(entry.id)).toStrictEqual(entry);
    expect(mapping.conflict(this.nextId)).toBeUndefined();
  }

  private counts(): Record<string, number> {
    const counts = { entries: 0, sessionBound: 0, structure: 0 };
    for (const record of this.records.values()) {
      if (record.kind === 'structure') counts.structure++;
      else if (record.session === undefined) counts.entries++;
      else counts.sessionBound++;
    }
    return counts;
  }

  private markCounts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const mark of this.marks.values()) {
      const label = labelOf(mark);
      counts.set(label, (counts.get(label) ?? 0) + 1);
    }
    return counts;
  }
}

function labelOf(mark: EntryMark): string {
  if (mark.kind === 'drift') return `drift:${mark.drift}`;
  if (mark.kind === 'held-deletion' || mark.kind === 'held-overwrite') {
    return mark.approved ? `${mark.kind}:approved` : mark.kind;
  }
  return mark.kind === 'ordered' ? mark.kind : `${mark.kind}:${mark.reason}`;
}

function pagedJournal(mapping: MappingArchive, limit: number, openOnly: boolean): JournalEntry[] {
  const found: JournalEntry[] = [];
  let page = mapping.conflicts({ limit, openOnly });
  while (page.length > 0) {
    found.push(...page);
    page = mapping.conflicts({ limit, openOnly, beforeId: found.at(-1)?.id ?? 0 });
  }
  return found;
}

function pagedTrash(mapping: MappingArchive, limit: number): TrashSummary[] {
  const found: TrashSummary[] = [];
  for (let page = mapping.trash({ limit }); page.length > 0;) {
    found.push(...page);
    page = mapping.trash({ limit, beforeId: found.at(-1)?.id });
  }
  return found;
}

function inOrder<T>(map: ReadonlyMap<EntryKey, T>): [EntryKey, T][] {
  return [...map].sort(([a], [b]) => compareKeys(a, b));
}

function put<T>(map: Map<EntryKey, T>, changes: ReadonlyMap<EntryKey, T | undefined> | undefined): void {
  for (const [key, value] of changes ?? []) {
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  }
}

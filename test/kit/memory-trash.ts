import type { EntryKey } from '../../src/core/observation.js';
import type { NewTrash, TrashEntry, TrashSummary, TrashWanted } from '../../src/ports/trash.js';

const OVERHEAD_BYTES = 100;

/** Something that may be dropped to make room for what is newer. */
export interface Droppable {
  readonly atMs: number;
  readonly bytes: number;
  /** What it is. */
  readonly entry: object;
  readonly drop: () => void;
}

/** The deleted values of one mapping, in memory. */
export class MemoryTrash {
  /** In the order of their ids. */
  private readonly entries = new Map<number, TrashEntry>();
  private readonly last = new Map<EntryKey, TrashEntry>();
  private nextId = 1;

  get bytes(): number {
    return [...this.entries.values()].reduce((bytes, entry) => bytes + trashBytes(entry), 0);
  }

  list({ limit, beforeId, sinceMs = -Infinity, untilMs = Infinity }: TrashWanted): TrashSummary[] {
    const newestFirst = [...this.entries.values()].sort((a, b) => b.atMs - a.atMs || b.id - a.id);
    const from = beforeId === undefined ? 0 : 1 + newestFirst.findIndex(({ id }) => id === beforeId);
    if (beforeId !== undefined && from === 0) return [];
    const wanted = newestFirst.slice(from).filter(({ atMs }) => atMs >= sinceMs && atMs < untilMs);
    return wanted.slice(0, limit).map(({ value, ...rest }) => ({ ...rest, valueBytes: value.length }));
  }

  entry(id: number): TrashEntry | undefined {
    return this.entries.get(id);
  }

  lastOf(key: EntryKey): TrashEntry | undefined {
    return this.last.get(key);
  }

  fresh(trash: readonly NewTrash[]): readonly NewTrash[] {
    return trash.filter(({ key, side, version }) => {
      const last = this.last.get(key);
      return last?.side !== side || last.version.modified !== version.modified;
    });
  }

  /** What is tried again is deleted now, and not when it was tried first. */
  renew(trash: readonly NewTrash[]): void {
    const fresh = new Set(this.fresh(trash));
    for (const one of trash) {
      const last = this.last.get(one.key);
      if (fresh.has(one) || last === undefined) continue;
      const entry = { ...last, atMs: one.atMs };
      this.entries.set(entry.id, entry);
      this.last.set(entry.key, entry);
    }
  }

  keep(one: NewTrash): TrashEntry {
    const last = this.last.get(one.key);
    const isFailed =
      last?.side === one.side && last.version.created === one.version.created && !last.inner && !one.inner;
    if (isFailed) this.drop(last);
    const entry = { ...one, id: this.nextId++ };
    this.entries.set(entry.id, entry);
    this.last.set(entry.key, entry);
    return entry;
  }

  droppable(): Droppable[] {
    return [...this.entries.values()].map((entry) => ({
      atMs: entry.atMs,
      bytes: trashBytes(entry),
      entry,
      drop: () => this.drop(entry),
    }));
  }

  copyTo(copy: MemoryTrash): void {
    for (const [id, entry] of this.entries) copy.entries.set(id, entry);
    for (const [key, entry] of this.last) copy.last.set(key, entry);
    copy.nextId = this.nextId;
  }

  private drop(entry: TrashEntry): void {
    this.entries.delete(entry.id);
    if (this.last.get(entry.key) === entry) this.last.delete(entry.key);
  }
}

export function trashBytes({ value }: NewTrash): number {
  return OVERHEAD_BYTES + value.length;
}

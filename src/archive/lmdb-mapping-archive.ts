import type { ArchiveRecord } from '../core/archive-record.js';
import type { MappingState } from '../core/mapping-state.js';
import type { EntryKey } from '../core/observation.js';
import type { Order } from '../core/order.js';
import { pairOf } from '../core/pair.js';
import type {
  ArchiveChanges,
  EntryMark,
  JournalEntry,
  MappingArchive,
  RecordCounts,
} from '../ports/archive.js';
import type { ClientChanges } from '../ports/client-changes.js';
import type { TrashEntry, TrashSummary, TrashWanted } from '../ports/trash.js';
import { fitsArchive } from './entry-key-bytes.js';
import type { ArchiveIndex } from './archive-index.js';
import { readClientChanges } from './client-change-rows.js';
import type { CommitQueue } from './commit-queue.js';
import { successorOf } from './lmdb-store.js';
import type { LmdbStore, Range } from './lmdb-store.js';
import type { Maintenance } from './maintenance.js';
import type { MappingSlot } from './mapping-slot.js';
import { decodeMark, decodeRecord, prepareCommit } from './prepared-commit.js';
import { decodeConflict, journalEntry } from './stored-conflict.js';
import { readTrash, readTrashList } from './trash-reads.js';
import { conflictValueKey, entryKey, entryKeyOf, idKey, idOf, numberKey, wholeRange } from './tables.js';
import { EMPTY_JOURNAL, EMPTY_PART, hasMarks } from './tallies.js';
import { decodeValue, encodeValue } from './value-codec.js';

/** A list of conflicts ends early where their values together take more memory than this. */
const LISTED_BYTES_MAX = 0x100_0000;

/** What all mappings of an archive work with. */
export interface ArchiveWorks {
  readonly store: LmdbStore;
  readonly index: ArchiveIndex;
  readonly queue: CommitQueue;
  readonly maintenance: Maintenance;
  readonly journalKeepMs: number;
}

export class LmdbMappingArchive implements MappingArchive {
  /** Commits under way that put marks: these show in the store before they are counted. */
  private marking = 0;

  constructor(
    private readonly works: ArchiveWorks,
    private readonly slot: MappingSlot,
  ) {}

  state(): MappingState | undefined {
    const bytes = this.get((part) => numberKey('state', part));
    return bytes && (decodeValue(bytes) as MappingState);
  }

  record(key: EntryKey): ArchiveRecord | undefined {
    const bytes = fitsArchive(key) ? this.get((part) => entryKey('record', part, key)) : undefined;
    return bytes && decodeRecord(bytes);
  }

  recordsAfter(key: EntryKey | undefined, limit: number): (readonly [EntryKey, ArchiveRecord])[] {
    return this.entriesAfter('record', key, limit, decodeRecord);
  }

  counts(): RecordCounts {
    return (this.slot.head?.tally ?? EMPTY_PART).records;
  }

  mark(key: EntryKey): EntryMark | undefined {
    // Mostly there are none at all, and a first copy asks for the mark of each entry.
    if (this.marking === 0 && !hasMarks(this.slot.head?.tally ?? EMPTY_PART)) return undefined;
    const bytes = fitsArchive(key) ? this.get((part) => entryKey('mark', part, key)) : undefined;
    return bytes && decodeMark(bytes);
  }

  marksAfter(key: EntryKey | undefined, limit: number): (readonly [EntryKey, EntryMark])[] {
    return this.entriesAfter('mark', key, limit, decodeMark);
  }

  markCounts(): ReadonlyMap<string, number> {
    return new Map(Object.entries((this.slot.head?.tally ?? EMPTY_PART).marks));
  }

  conflicts(options: { beforeId?: number; limit: number; openOnly?: boolean }): readonly JournalEntry[] {
    const { beforeId, limit, openOnly = false } = options;
    if (this.slot.head === undefined) return [];
    const table = openOnly ? 'openConflict' : 'conflict';
    const { number } = this.slot.head;
    const whole = wholeRange(table, number);
    const to = beforeId === undefined ? whole.to : idKey(table, number, beforeId);
    const entries: JournalEntry[] = [];
    let bytes = 0;
    for (const key of this.works.store.keys({ from: whole.from, to, limit, reverse: true })) {
      const entry = this.conflict(idOf(key));
      if (entry === undefined) continue;
      bytes += (entry.sides.left.value?.length ?? 0) + (entry.sides.right.value?.length ?? 0);
      if (bytes > LISTED_BYTES_MAX && entries.length > 0) break;
      entries.push(entry);
    }
    return entries;
  }

  conflict(id: number): JournalEntry | undefined {
    if (this.slot.head === undefined) return undefined;
    const { number } = this.slot.head;
    const bytes = this.works.store.get(idKey('conflict', number, id));
    if (bytes === undefined) return undefined;
    const values = pairOf((side) => this.works.store.get(conflictValueKey(number, id, side)));
    return journalEntry(id, decodeConflict(bytes), values);
  }

  conflictCounts(): { readonly open: number; readonly total: number } {
    const { open, total } = this.slot.head?.journal ?? EMPTY_JOURNAL;
    return { open, total };
  }

  trash(wanted: TrashWanted): readonly TrashSummary[] {
    const { head } = this.slot;
    return head === undefined ? [] : readTrashList(this.works.store, head.number, wanted);
  }

  trashed(id: number): TrashEntry | undefined {
    const { head } = this.slot;
    return head && readTrash(this.works.store, head.number, id);
  }

  lastTrashOf(key: EntryKey): TrashEntry | undefined {
    const { head } = this.slot;
    if (head === undefined || !fitsArchive(key)) return undefined;
    const id = this.works.store.get(entryKey('trashOf', head.number, key));
    return id && this.trashed(decodeValue(id) as number);
  }

  order(key: EntryKey): Order | undefined {
    const bytes = fitsArchive(key) ? this.get((part) => entryKey('order', part, key)) : undefined;
    return bytes && (decodeValue(bytes) as Order);
  }

  clientChanges(sinceHour: number): readonly ClientChanges[] {
    const { head } = this.slot;
    return head === undefined ? [] : readClientChanges(this.works.store, head.number, sinceHour);
  }

  async commit(changes: ArchiveChanges): Promise<void> {
    const prepared = prepareCommit(changes, this.works.journalKeepMs);
    const marks = prepared.marks.some(({ put }) => put !== undefined) ? 1 : 0;
    this.marking += marks;
    try {
      await this.works.queue.submit((plan) => plan.commit(this.slot, prepared));
    } finally {
      this.marking -= marks;
    }
  }

  async reset(next?: MappingState): Promise<void> {
    const state = next && encodeValue(next);
    await this.works.queue.submit((plan) => plan.reset(this.slot, state));
    this.works.maintenance.begin();
  }

  private get(keyIn: (part: number) => Buffer): Buffer | undefined {
    const { head } = this.slot;
    return head && this.works.store.get(keyIn(head.part));
  }

  private entriesAfter<T>(
    table: 'record' | 'mark',
    key: EntryKey | undefined,
    limit: number,
    decode: (bytes: Buffer) => T,
  ): (readonly [EntryKey, T])[] {
    if (this.slot.head === undefined) return [];
    const { part } = this.slot.head;
    const whole = wholeRange(table, part);
    const from = key === undefined ? whole.from : successorOf(entryKey(table, part, key));
    const range: Range = { from, to: whole.to, limit };
    return this.works.store.range(range).map((found) => [entryKeyOf(found.key), decode(found.value)]);
  }
}

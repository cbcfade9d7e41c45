import type { ArchiveRecord } from '../../src/core/archive-record.js';
import { journalReserveBytes } from '../../src/archive/journal-plan.js';
import { compareKeys } from '../../src/core/key-order.js';
import type { MappingState } from '../../src/core/mapping-state.js';
import type { EntryKey } from '../../src/core/observation.js';
import type { Order } from '../../src/core/order.js';
import type { Pair } from '../../src/core/pair.js';
import type {
  Archive,
  ArchiveChanges,
  EntryMark,
  JournalEntry,
  MappingArchive,
  NewConflict,
  RecordCounts,
} from '../../src/ports/archive.js';
import type { ClientChanges } from '../../src/ports/client-changes.js';
import { SyncError } from '../../src/ports/errors.js';
import type { NewTrash, TrashEntry, TrashSummary, TrashWanted } from '../../src/ports/trash.js';
import { MemoryClientChanges } from './memory-client-changes.js';
import { MemoryTrash, trashBytes } from './memory-trash.js';
import type { Droppable } from './memory-trash.js';

export interface MemoryArchiveOptions {
  readonly journal: { readonly keepMs: number; readonly maxBytes: number };
  /** How long the disk takes for a commit. Commits that come meanwhile wait. Fails as the disk does. */
  readonly sync?: () => Promise<void>;
  readonly listener?: DiskListener;
}

/** Told of what became durable, by whoever checks a daemon. */
export interface DiskListener {
  journaled(entry: JournalEntry): void;
  trashed(entry: TrashEntry): void;
  ordered(key: EntryKey): void;
  recorded(key: EntryKey, record: ArchiveRecord): void;
  /** Everything that was agreed on is forgotten. */
  reset(): void;
}

/** As the real archive's: see entry-key-bytes.ts. */
const KEY_BYTES_MAX = 2_000;
const OVERHEAD_BYTES = 100;

interface PendingCommit {
  /** Applies it as a whole, or throws and applies nothing. */
  readonly apply: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The disk under simulated archives: what was committed stays here when the process that wrote it crashes. Commits wait
 * in a queue for the disk, become visible and durable together, and only then resolve.
 */
export class MemoryArchiveDisk {
  private readonly mappings = new Map<string, MemoryMapping>();
  private holder: MemoryArchive | undefined;

  constructor(readonly options: MemoryArchiveOptions) {}

  async open(): Promise<Archive> {
    await Promise.resolve();
    if (this.holder !== undefined) throw new SyncError('ARCHIVE_LOCKED', 'The archive is in use.');
    this.holder = new MemoryArchive(this);
    return this.holder;
  }

  /**
   * Ends the process that has the archive. Of the commits that it had not seen resolved, the disk keeps the first ones.
   * @param survivors how many of `pending` commits those are
   */
  crash(survivors: (pending: number) => number): void {
    this.holder?.die(survivors);
    this.holder = undefined;
  }

  /** For `MemoryArchive` only. */
  letGo(): void {
    this.holder = undefined;
  }

  /** Another disk with the same on it, as if the archive's directory had been copied. */
  copy(options: MemoryArchiveOptions = this.options): MemoryArchiveDisk {
    const copy = new MemoryArchiveDisk(options);
    for (const [name, mapping] of this.mappings) copy.mappings.set(name, mapping.copyTo(copy));
    return copy;
  }

  mapping(places: Pair<string>): MemoryMapping {
    const name = JSON.stringify([places.left, places.right]);
    const mapping = this.mappings.get(name) ?? new MemoryMapping(this);
    this.mappings.set(name, mapping);
    return mapping;
  }

  journalBytes(): number {
    return [...this.mappings.values()].reduce((bytes, mapping) => bytes + mapping.journalBytes(), 0);
  }

  /** Drops what is settled and oldest, of any mapping, until all has room. Drops nothing when that can't be. */
  makeRoom(
    conflicts: readonly NewConflict[],
    trash: readonly NewTrash[],
    spared: ReadonlySet<object | undefined>,
  ): void {
    const { maxBytes } = this.options.journal;
    const forConflicts = conflicts.reduce((bytes, conflict) => bytes + bytesOf(conflict), 0);
    const needed = trash.reduce((bytes, one) => bytes + trashBytes(one), forConflicts);
    const settled = [...this.mappings.values()]
      .flatMap((mapping) => mapping.droppable())
      .filter(({ entry }) => !spared.has(entry));
    const droppable = settled.reduce((sum, { bytes }) => sum + bytes, 0);
    const isTooLateToHold = conflicts.every(({ kind }) => kind === 'overwritten-in-race');
    const limit = isTooLateToHold ? maxBytes : maxBytes - journalReserveBytes(maxBytes);
    const excess = this.journalBytes() + needed - maxBytes;
    const isFull = forConflicts > 0 && this.journalBytes() + forConflicts - limit > droppable;
    if (isFull || (needed > 0 && excess > droppable))
      throw new SyncError('ARCHIVE_FULL', 'The conflict journal is full.');
    settled.sort((a, b) => a.atMs - b.atMs);
    for (let freed = 0; freed < excess;) {
      const oldest = settled.shift();
      if (oldest === undefined) return;
      oldest.drop();
      freed += oldest.bytes;
    }
  }
}

/** An archive as one process has it. */
class MemoryArchive implements Archive {
  private pending: PendingCommit[] = [];
  private isWriting = false;
  private isOpen = true;

  constructor(private readonly disk: MemoryArchiveDisk) {}

  mapping(places: Pair<string>): MappingArchive {
    this.assertOpen();
    return new MemoryMappingArchive(this, this.disk.mapping(places));
  }

  journalBytes(): number {
    this.assertOpen();
    return this.disk.journalBytes();
  }

  async close(): Promise<void> {
    while (this.pending.length > 0) await this.disk.options.sync?.();
    this.isOpen = false;
    this.disk.letGo();
  }

  submit(apply: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.assertOpen();
      this.pending.push({ apply, resolve, reject });
      if (!this.isWriting) void this.write();
    });
  }

  die(survivors: (pending: number) => number): void {
    for (const commit of this.pending.slice(0, survivors(this.pending.length))) attempt(commit);
    this.pending = [];
    this.isOpen = false;
  }

  assertOpen(): void {
    if (!this.isOpen) throw new Error('the archive was closed');
  }

  private async write(): Promise<void> {
    this.isWriting = true;
    while (this.pending.length > 0) {
      const together = this.pending.length;
      const broken = await this.sync();
      for (const commit of this.pending.splice(0, together)) {
        const failure = broken ?? attempt(commit);
        if (failure === undefined) commit.resolve();
        else commit.reject(failure.error);
      }
    }
    this.isWriting = false;
  }

  private async sync(): Promise<{ error: unknown } | undefined> {
    try {
      await this.disk.options.sync?.();
      return undefined;
    } catch (error) {
      return { error };
    }
  }
}

function attempt(commit: PendingCommit): { error: unknown } | undefined {
  try {
    commit.apply();
    return undefined;
  } catch (error) {
    return { error };
  }
}

/** What is in the collections is never changed in place; they themselves may be. */
function copyOf(changes: ArchiveChanges): ArchiveChanges {
  const { records, marks, orders, conflicts, trash, settled } = changes;
  return {
    ...changes,
    ...(records && { records: new Map(records) }),
    ...(marks && { marks: new Map(marks) }),
    ...(orders && { orders: new Map(orders) }),
    ...(conflicts && { conflicts: [...conflicts] }),
    ...(trash && { trash: [...trash] }),
    ...(settled && { settled: new Map(settled) }),
    ...(changes.clientChanges && { clientChanges: [...changes.clientChanges] }),
  };
}

class MemoryMappingArchive implements MappingArchive {
  constructor(
    private readonly archive: MemoryArchive,
    private readonly mapping: MemoryMapping,
  ) {}

  state(): MappingState | undefined {
    return this.read().state;
  }

  record(key: EntryKey): ArchiveRecord | undefined {
    return this.read().records.get(key);
  }

  recordsAfter(key: EntryKey | undefined, limit: number): (readonly [EntryKey, ArchiveRecord])[] {
    return this.read().records.after(key, limit);
  }

  counts(): RecordCounts {
    return this.read().counts();
  }

  mark(key: EntryKey): EntryMark | undefined {
    return this.read().marks.get(key);
  }

  marksAfter(key: EntryKey | undefined, limit: number): (readonly [EntryKey, EntryMark])[] {
    return this.read().marks.after(key, limit);
  }

  markCounts(): ReadonlyMap<string, number> {
    return this.read().markCounts();
  }

  conflicts(options: { beforeId?: number; limit: number; openOnly?: boolean }): readonly JournalEntry[] {
    const { beforeId = Infinity, limit, openOnly = false } = options;
    const wanted = [...this.read().journal.values()].filter(
      ({ id, open }) => id < beforeId && (open || !openOnly),
    );
    return wanted.reverse().slice(0, limit);
  }

  conflict(id: number): JournalEntry | undefined {
    return this.read().journal.get(id);
  }

  conflictCounts(): { readonly open: number; readonly total: number } {
    const entries = [...this.read().journal.values()];
    return { open: entries.filter(({ open }) => open).length, total: entries.length };
  }

  trash(wanted: TrashWanted): readonly TrashSummary[] {
    return this.read().trash.list(wanted);
  }

  trashed(id: number): TrashEntry | undefined {
    return this.read().trash.entry(id);
  }

  lastTrashOf(key: EntryKey): TrashEntry | undefined {
    return this.read().trash.lastOf(key);
  }

  order(key: EntryKey): Order | undefined {
    return this.read().orders.get(key);
  }

  clientChanges(sinceHour: number): readonly ClientChanges[] {
    return this.read().clientChanges.since(sinceHour);
  }

  async commit(changes: ArchiveChanges): Promise<void> {
    for (const key of [...(changes.records?.keys() ?? []), ...(changes.marks?.keys() ?? [])]) {
      if (Buffer.byteLength(key) > KEY_BYTES_MAX) throw new RangeError('the key is too long for the archive');
    }
    const copy = copyOf(changes);
    await this.archive.submit(() => this.mapping.apply(copy));
  }

  async reset(next?: MappingState): Promise<void> {
    const copy = structuredClone(next);
    await this.archive.submit(() => this.mapping.reset(copy));
  }

  private read(): MemoryMapping {
    this.archive.assertOpen();
    return this.mapping;
  }
}

/** What the disk has of one mapping. */
class MemoryMapping {
  state: MappingState | undefined;
  records = new SortedMap<ArchiveRecord>();
  marks = new SortedMap<EntryMark>();
  /** In the order of their ids. */
  readonly journal = new Map<number, JournalEntry>();
  readonly trash = new MemoryTrash();
  /** Of entries that carry the mark of it. */
  orders = new Map<EntryKey, Order>();
  readonly clientChanges = new MemoryClientChanges();
  private nextId = 1;
  private recordCounts: RecordCounts | undefined;
  private countsOfMarks: ReadonlyMap<string, number> | undefined;

  constructor(private readonly disk: MemoryArchiveDisk) {}

  counts(): RecordCounts {
    return (this.recordCounts ??= countRecords(this.records.values()));
  }

  markCounts(): ReadonlyMap<string, number> {
    return (this.countsOfMarks ??= countMarks(this.marks.values()));
  }

  copyTo(disk: MemoryArchiveDisk): MemoryMapping {
    const copy = new MemoryMapping(disk);
    copy.state = this.state;
    for (const [key, record] of this.records.after(undefined, Infinity)) copy.records.set(key, record);
    for (const [key, mark] of this.marks.after(undefined, Infinity)) copy.marks.set(key, mark);
    for (const [id, entry] of this.journal) copy.journal.set(id, entry);
    copy.nextId = this.nextId;
    this.trash.copyTo(copy.trash);
    copy.orders = new Map(this.orders);
    this.clientChanges.copyTo(copy.clientChanges);
    return copy;
  }

  apply(changes: ArchiveChanges): void {
    const { conflicts = [] } = changes;
    const { trash = [] } = changes;
    const fresh = this.trash.fresh(trash);
    const kept = trash.filter((one) => !fresh.includes(one)).map(({ key }) => this.trash.lastOf(key));
    this.disk.makeRoom(conflicts, fresh, new Set(kept));
    for (const [key, record] of changes.records ?? []) {
      this.records.set(key, record);
      if (record !== undefined) this.disk.options.listener?.recorded(key, record);
    }
    for (const [key, mark] of changes.marks ?? []) {
      this.marks.set(key, mark);
      if (mark?.kind !== 'ordered') this.orders.delete(key);
    }
    for (const [key, order] of changes.orders ?? []) {
      this.orders.set(key, order);
      this.disk.options.listener?.ordered(key);
    }
    if (changes.records !== undefined) this.recordCounts = undefined;
    if (changes.marks !== undefined) this.countsOfMarks = undefined;
    if (changes.state !== undefined) this.state = changes.state;
    for (const [id, winner] of changes.settled ?? []) {
      const entry = this.journal.get(id);
      if (entry !== undefined) this.journal.set(id, { ...entry, winner, open: false });
    }
    this.clientChanges.add(changes.clientChanges ?? []);
    this.dropOld(changes);
    this.trash.renew(trash);
    for (const conflict of conflicts) {
      const entry = { ...conflict, id: this.nextId++ };
      this.journal.set(entry.id, entry);
      this.disk.options.listener?.journaled(entry);
    }
    // What was too old, and is deleted now, is kept anew.
    for (const one of this.trash.fresh(trash)) {
      const entry = this.trash.keep(one);
      this.disk.options.listener?.trashed(entry);
    }
  }

  reset(next: MappingState | undefined): void {
    this.state = next;
    this.records = new SortedMap();
    this.marks = new SortedMap();
    this.orders = new Map();
    this.recordCounts = undefined;
    this.countsOfMarks = undefined;
    this.disk.options.listener?.reset();
  }

  /** What may be dropped to make room. */
  droppable(): Droppable[] {
    const settled = [...this.journal.values()].filter(({ open }) => !open);
    return [
      ...settled.map((entry) => ({
        atMs: entry.atMs,
        bytes: bytesOf(entry),
        entry,
        drop: () => void this.journal.delete(entry.id),
      })),
      ...this.trash.droppable(),
    ];
  }

  journalBytes(): number {
    return [...this.journal.values()].reduce((bytes, entry) => bytes + bytesOf(entry), this.trash.bytes);
  }

  private dropOld({ conflicts = [], trash = [], dropSettledBeforeMs = -Infinity }: ArchiveChanges): void {
    const newestMs = Math.max(-Infinity, ...[...conflicts, ...trash].map(({ atMs }) => atMs));
    const beforeMs = Math.max(dropSettledBeforeMs, newestMs - this.disk.options.journal.keepMs);
    for (const { atMs, drop } of this.droppable()) if (atMs < beforeMs) drop();
  }
}

function bytesOf({ sides }: NewConflict): number {
  return OVERHEAD_BYTES + (sides.left.value?.length ?? 0) + (sides.right.value?.length ?? 0);
}

function countRecords(records: Iterable<ArchiveRecord>): RecordCounts {
  const counts = { entries: 0, sessionBound: 0, structure: 0 };
  for (const record of records) {
    if (record.kind === 'structure') counts.structure++;
    else if (record.session === undefined) counts.entries++;
    else counts.sessionBound++;
  }
  return counts;
}

function countMarks(marks: Iterable<EntryMark>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const mark of marks) {
    const label = labelOf(mark);
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return counts;
}

function labelOf(mark: EntryMark): string {
  switch (mark.kind) {
    case 'hold':
    case 'skip':
      return `${mark.kind}:${mark.reason}`;
    case 'drift':
      return `drift:${mark.drift}`;
    case 'ordered':
      return mark.kind;
    case 'held-deletion':
    case 'held-overwrite':
      return mark.approved ? `${mark.kind}:approved` : mark.kind;
  }
}

/** A map in the order of `compareKeys`. */
class SortedMap<T> {
  private readonly byKey = new Map<EntryKey, T>();
  private readonly keys: EntryKey[] = [];

  get(key: EntryKey): T | undefined {
    return this.byKey.get(key);
  }

  /** Undefined removes. */
  set(key: EntryKey, value: T | undefined): void {
    const isThere = this.byKey.has(key);
    const place = this.placeOf(key);
    if (value === undefined) {
      if (isThere) this.keys.splice(place, 1);
      this.byKey.delete(key);
    } else {
      if (!isThere) this.keys.splice(place, 0, key);
      this.byKey.set(key, value);
    }
  }

  values(): IterableIterator<T> {
    return this.byKey.values();
  }

  after(key: EntryKey | undefined, limit: number): (readonly [EntryKey, T])[] {
    const found: (readonly [EntryKey, T])[] = [];
    let place = key === undefined ? 0 : this.placeOf(key);
    if (key !== undefined && this.keys[place] === key) place++;
    for (const next of this.keys.slice(place, place + limit)) {
      const value = this.byKey.get(next);
      if (value !== undefined) found.push([next, value]);
    }
    return found;
  }

  /** Where the key is, or where it belongs. */
  private placeOf(key: EntryKey): number {
    let [low, high] = [0, this.keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareKeys(this.keys[middle] ?? '', key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

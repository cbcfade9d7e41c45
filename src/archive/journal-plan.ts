import type { Side } from '../core/pair.js';
import { SyncError } from '../ports/errors.js';
import { sumJournals } from './archive-index.js';
import type { ArchiveIndex } from './archive-index.js';
import type { MappingSlot } from './mapping-slot.js';
import type { PlannedHeads } from './planned-heads.js';
import type { PreparedCommit } from './prepared-commit.js';
import type { Staging } from './staging.js';
import { decodeConflict, encodeConflict, sidesWithValue } from './stored-conflict.js';
import type { PreparedConflict, StoredConflict } from './stored-conflict.js';
import { conflictValueKey, idKey, idOf, timeKey, timeOf, wholeRange } from './tables.js';
import type { JournalTally } from './tallies.js';
import { TrashPlan } from './trash-plan.js';

/** Settled entries older than asked for are dropped with the commits, this many with each. */
const DROPPED_MAX = 1_000;

/** A journal that is far too large, since its limit was lowered, is trimmed in pieces of this size. */
const TRIMMED_BYTES_MAX = 0x100_0000;

/**
 * Of a journal's room, this much is left for conflicts that were found when it was too late to hold them, and for what is
 * deleted: open conflicts never take all of it.
 */
export function journalReserveBytes(maxBytes: number): number {
  return Math.min(Math.floor(maxBytes / 8), RESERVE_BYTES_MAX);
}

const RESERVE_BYTES_MAX = 0x100_0000;

const NOTHING = Buffer.alloc(0);

/** The tables of what may be dropped to make room, each by time. */
const DROPPABLE = ['settledConflict', 'trashTime'] as const;

/** What must not be dropped, whatever the clock says of its age. */
type Spares = (slot: MappingSlot, table: (typeof DROPPABLE)[number], id: number) => boolean;

/** The part of a `CommitPlan` that is about the journals. */
export class JournalPlan {
  private readonly trash: TrashPlan;

  constructor(
    private readonly staging: Staging,
    private readonly heads: PlannedHeads,
    private readonly index: ArchiveIndex,
  ) {
    this.trash = new TrashPlan(staging, heads);
  }

  /** @throws SyncError `ARCHIVE_FULL` when there would be no room for a commit even without anything that is settled */
  checkRoomFor(slot: MappingSlot, commit: PreparedCommit): void {
    const { conflicts } = commit;
    const isTooLateToHold = conflicts.every(({ stored }) => stored.kind === 'overwritten-in-race');
    const forConflicts = bytesOf(conflicts);
    const { fresh, kept } = this.trash.sort(slot, commit.trash);
    const keptBytes = bytesOf(kept);
    if (!isTooLateToHold)
      this.mustHaveRoom(forConflicts, keptBytes, journalReserveBytes(this.index.journalMaxBytes));
    this.mustHaveRoom(forConflicts + bytesOf(fresh), keptBytes, 0);
  }

  /** @param kept the bytes of what must not be dropped to make it */
  private mustHaveRoom(needed: number, kept: number, reserve: number): void {
    if (needed === 0) return;
    const { bytes, openBytes } = this.allJournals();
    const { journalMaxBytes } = this.index;
    const droppable = Math.min(bytes - openBytes - kept, needed + TRIMMED_BYTES_MAX);
    if (bytes + needed - (journalMaxBytes - reserve) > droppable)
      throw fullError(needed, bytes, openBytes, journalMaxBytes);
  }

  /** Adds the journal's part of a commit, for which there has to be room. */
  add(slot: MappingSlot, commit: PreparedCommit): void {
    for (const [id, winner] of commit.settled) this.settle(slot, id, winner);
    this.dropOlderThan(slot, commit.dropBeforeMs);
    const { fresh, kept } = this.trash.sort(slot, commit.trash);
    for (const one of kept) this.trash.renew(slot, one);
    const needed = bytesOf(commit.conflicts) + bytesOf(fresh);
    if (needed === 0) return;
    const spared = new Set(kept.map(({ id }) => id));
    const isSpared: Spares = (of, table, id) => of === slot && table === 'trashTime' && spared.has(id);
    this.dropOldest(this.allJournals().bytes + needed - this.index.journalMaxBytes, isSpared);
    for (const conflict of commit.conflicts) this.append(slot, conflict);
    for (const one of fresh) this.trash.keep(slot, one);
  }

  /** Drops settled entries, as long as the journals are above their limit, but not too many at once. */
  trim(): void {
    this.dropOldest(Math.min(this.allJournals().bytes - this.index.journalMaxBytes, TRIMMED_BYTES_MAX));
  }

  private append(slot: MappingSlot, { stored, values }: PreparedConflict): void {
    const { number, journal } = this.heads.of(slot);
    const id = journal.nextId;
    this.staging.put(idKey('conflict', number, id), encodeConflict(stored));
    for (const side of sidesWithValue(stored)) {
      this.staging.put(conflictValueKey(number, id, side), values[side] ?? NOTHING);
    }
    this.list(number, id, stored);
    this.heads.count(slot, {
      ...journal,
      nextId: id + 1,
      total: journal.total + 1,
      bytes: journal.bytes + stored.bytes,
      open: journal.open + (stored.open ? 1 : 0),
      openBytes: journal.openBytes + (stored.open ? stored.bytes : 0),
    });
  }

  /** An entry that was dropped in the meantime is passed over. */
  private settle(slot: MappingSlot, id: number, winner: Side): void {
    const { number, journal } = this.heads.of(slot);
    const before = this.stored(number, id);
    if (before === undefined) return;
    const after = { ...before, winner, open: false };
    this.staging.put(idKey('conflict', number, id), encodeConflict(after));
    if (!before.open) return;
    this.staging.remove(idKey('openConflict', number, id));
    this.list(number, id, after);
    this.heads.count(slot, {
      ...journal,
      open: journal.open - 1,
      openBytes: journal.openBytes - before.bytes,
    });
  }

  private dropOlderThan(slot: MappingSlot, beforeMs: number): void {
    const { number, journal } = this.heads.of(slot);
    if (journal.bytes === journal.openBytes || beforeMs <= 0) return;
    let dropped = 0;
    for (const table of DROPPABLE) {
      const { from } = wholeRange(table, number);
      for (const key of this.staging.keys({ from, to: timeKey(table, number, beforeMs, 0) })) {
        this.dropOne(slot, table, idOf(key));
        if (++dropped === DROPPED_MAX) return;
      }
    }
  }

  /** Drops settled entries and trash of any mapping, the oldest first, until `excess` bytes are free or none is left. */
  private dropOldest(excess: number, isSpared: Spares = () => false): void {
    let freed = 0;
    if (excess <= 0) return;
    for (const { slot, table, id } of this.droppableOldestFirst()) {
      if (isSpared(slot, table, id)) continue;
      freed += this.dropOne(slot, table, id);
      if (freed >= excess) return;
    }
  }

  private dropOne(slot: MappingSlot, table: (typeof DROPPABLE)[number], id: number): number {
    return table === 'trashTime' ? this.trash.drop(slot, id) : this.drop(slot, id);
  }

  /** @returns the bytes that are free now */
  private drop(slot: MappingSlot, id: number): number {
    const { number, journal } = this.heads.of(slot);
    const stored = this.stored(number, id);
    if (stored === undefined) return 0;
    this.staging.remove(idKey('conflict', number, id));
    this.staging.remove(timeKey('settledConflict', number, stored.atMs, id));
    for (const side of sidesWithValue(stored)) this.staging.remove(conflictValueKey(number, id, side));
    this.heads.count(slot, { ...journal, total: journal.total - 1, bytes: journal.bytes - stored.bytes });
    return stored.bytes;
  }

  private *droppableOldestFirst(): Generator<Pick<OldestFirst, 'slot' | 'table'> & { id: number }> {
    const walks: OldestFirst[] = [];
    for (const slot of this.index.slots()) {
      const head = this.heads.find(slot);
      if (head === undefined) continue;
      for (const table of DROPPABLE) walks.push(new OldestFirst(slot, table, head.number, this.staging));
    }
    for (;;) {
      let oldest: OldestFirst | undefined;
      for (const walk of walks) if (walk.atMs < (oldest?.atMs ?? Infinity)) oldest = walk;
      if (oldest?.key === undefined) return;
      yield { slot: oldest.slot, table: oldest.table, id: idOf(oldest.key) };
      oldest.advance();
    }
  }

  /** Puts an entry on the list it belongs to now. */
  private list(number: number, id: number, { open, atMs }: StoredConflict): void {
    const key = open ? idKey('openConflict', number, id) : timeKey('settledConflict', number, atMs, id);
    this.staging.put(key, NOTHING);
  }

  private stored(number: number, id: number): StoredConflict | undefined {
    const bytes = this.staging.get(idKey('conflict', number, id));
    return bytes && decodeConflict(bytes);
  }

  private allJournals(): Pick<JournalTally, 'bytes' | 'openBytes'> {
    return sumJournals(this.index.slots().map((slot) => this.heads.find(slot)));
  }
}

/** What may be dropped of one mapping's conflicts or trash, the oldest first. */
class OldestFirst {
  key: Buffer | undefined;
  private readonly keys: Iterator<Buffer>;

  constructor(
    readonly slot: MappingSlot,
    readonly table: (typeof DROPPABLE)[number],
    number: number,
    staging: Staging,
  ) {
    this.keys = staging.keys(wholeRange(table, number));
    this.advance();
  }

  get atMs(): number {
    return this.key === undefined ? Infinity : timeOf(this.key);
  }

  advance(): void {
    const next = this.keys.next();
    this.key = next.done === true ? undefined : next.value;
  }
}

function bytesOf(entries: readonly { readonly stored: { readonly bytes: number } }[]): number {
  return entries.reduce((bytes, { stored }) => bytes + stored.bytes, 0);
}

function fullError(needed: number, bytes: number, openBytes: number, maxBytes: number): SyncError {
  return new SyncError(
    'ARCHIVE_FULL',
    `The conflict journal has no room for ${needed} bytes: ${bytes} of ${maxBytes} bytes are taken (journal.maxBytes), ${openBytes} of them by open conflicts, which are never dropped. Settle some (conflicts list, conflicts resolve) or raise the limit. Until then, further conflicts and deletions are held.`,
  );
}

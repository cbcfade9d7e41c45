import type { Side } from '../core/pair.js';
import { SyncError } from '../ports/errors.js';
import { sumJournals } from './archive-index.js';
import type { ArchiveIndex } from './archive-index.js';
import type { MappingHead, MappingSlot } from './mapping-slot.js';
import type { PreparedCommit } from './prepared-commit.js';
import type { Staging } from './staging.js';
import { decodeConflict, encodeConflict, sidesWithValue } from './stored-conflict.js';
import type { PreparedConflict, StoredConflict } from './stored-conflict.js';
import {
  conflictIdOf,
  conflictKey,
  conflictValueKey,
  settledAtOf,
  settledConflictKey,
  wholeRange,
} from './tables.js';
import type { JournalTally } from './tallies.js';

/** Settled entries older than asked for are dropped with the commits, this many with each. */
const DROPPED_MAX = 1_000;

/** A journal that is far too large, since its limit was lowered, is trimmed in pieces of this size. */
const TRIMMED_BYTES_MAX = 0x100_0000;

/** Of a journal's room, this much is left for conflicts that were found when it was too late to hold them. */
export function journalReserveBytes(maxBytes: number): number {
  return Math.min(Math.floor(maxBytes / 8), RESERVE_BYTES_MAX);
}

const RESERVE_BYTES_MAX = 0x100_0000;

const NOTHING = Buffer.alloc(0);

/** The part of a `CommitPlan` that is about the journals. */
export class JournalPlan {
  constructor(
    private readonly staging: Staging,
    private readonly heads: Map<MappingSlot, MappingHead>,
    private readonly index: ArchiveIndex,
  ) {}

  /** @throws SyncError `ARCHIVE_FULL` when there would be no room for a commit even without anything that is settled */
  checkRoomFor(commit: PreparedCommit): void {
    if (commit.conflicts.length === 0) return;
    const needed = bytesOf(commit.conflicts);
    const { bytes, openBytes } = this.allJournals();
    const { journalMaxBytes } = this.index;
    const isTooLateToHold = commit.conflicts.every(({ stored }) => stored.kind === 'overwritten-in-race');
    const limit = isTooLateToHold ? journalMaxBytes : journalMaxBytes - journalReserveBytes(journalMaxBytes);
    const droppable = Math.min(bytes - openBytes, needed + TRIMMED_BYTES_MAX);
    if (bytes + needed - limit > droppable)
      throw fullError(needed, bytes, openBytes, this.index.journalMaxBytes);
  }

  /** Adds the journal's part of a commit, for which there has to be room. */
  add(slot: MappingSlot, commit: PreparedCommit): void {
    for (const [id, winner] of commit.settled) this.settle(slot, id, winner);
    this.dropOlderThan(slot, commit.dropBeforeMs);
    if (commit.conflicts.length === 0) return;
    this.dropOldest(this.allJournals().bytes + bytesOf(commit.conflicts) - this.index.journalMaxBytes);
    for (const conflict of commit.conflicts) this.append(slot, conflict);
  }

  /** Drops settled entries, as long as the journals are above their limit, but not too many at once. */
  trim(): void {
    this.dropOldest(Math.min(this.allJournals().bytes - this.index.journalMaxBytes, TRIMMED_BYTES_MAX));
  }

  private append(slot: MappingSlot, { stored, values }: PreparedConflict): void {
    const { number, journal } = this.headOf(slot);
    const id = journal.nextId;
    this.staging.put(conflictKey('conflict', number, id), encodeConflict(stored));
    for (const side of sidesWithValue(stored)) {
      this.staging.put(conflictValueKey(number, id, side), values[side] ?? NOTHING);
    }
    this.list(number, id, stored);
    this.count(slot, {
      nextId: id + 1,
      total: journal.total + 1,
      bytes: journal.bytes + stored.bytes,
      open: journal.open + (stored.open ? 1 : 0),
      openBytes: journal.openBytes + (stored.open ? stored.bytes : 0),
    });
  }

  /** An entry that was dropped in the meantime is passed over. */
  private settle(slot: MappingSlot, id: number, winner: Side): void {
    const { number, journal } = this.headOf(slot);
    const before = this.stored(number, id);
    if (before === undefined) return;
    const after = { ...before, winner, open: false };
    this.staging.put(conflictKey('conflict', number, id), encodeConflict(after));
    if (!before.open) return;
    this.staging.remove(conflictKey('openConflict', number, id));
    this.list(number, id, after);
    this.count(slot, { ...journal, open: journal.open - 1, openBytes: journal.openBytes - before.bytes });
  }

  private dropOlderThan(slot: MappingSlot, beforeMs: number): void {
    const { number, journal } = this.headOf(slot);
    if (journal.total === journal.open || beforeMs <= 0) return;
    const { from } = wholeRange('settledConflict', number);
    const to = settledConflictKey(number, beforeMs, 0);
    let dropped = 0;
    for (const key of this.staging.keys({ from, to })) {
      this.drop(slot, conflictIdOf(key));
      if (++dropped === DROPPED_MAX) return;
    }
  }

  /** Drops settled entries of any mapping, the oldest first, until `excess` bytes are free or none is left. */
  private dropOldest(excess: number): void {
    let freed = 0;
    if (excess <= 0) return;
    for (const { slot, id } of this.settledOldestFirst()) {
      freed += this.drop(slot, id);
      if (freed >= excess) return;
    }
  }

  /** @returns the bytes that are free now */
  private drop(slot: MappingSlot, id: number): number {
    const { number, journal } = this.headOf(slot);
    const stored = this.stored(number, id);
    if (stored === undefined) return 0;
    this.staging.remove(conflictKey('conflict', number, id));
    this.staging.remove(settledConflictKey(number, stored.atMs, id));
    for (const side of sidesWithValue(stored)) this.staging.remove(conflictValueKey(number, id, side));
    this.count(slot, { ...journal, total: journal.total - 1, bytes: journal.bytes - stored.bytes });
    return stored.bytes;
  }

  private *settledOldestFirst(): Generator<{ slot: MappingSlot; id: number }> {
    const walks: SettledWalk[] = [];
    for (const slot of this.index.slots()) {
      const head = this.heads.get(slot) ?? slot.head;
      if (head !== undefined) walks.push(new SettledWalk(slot, head.number, this.staging));
    }
    for (;;) {
      let oldest: SettledWalk | undefined;
      for (const walk of walks) if (walk.atMs < (oldest?.atMs ?? Infinity)) oldest = walk;
      if (oldest?.key === undefined) return;
      yield { slot: oldest.slot, id: conflictIdOf(oldest.key) };
      oldest.advance();
    }
  }

  /** Puts an entry on the list it belongs to now. */
  private list(number: number, id: number, { open, atMs }: StoredConflict): void {
    const key = open ? conflictKey('openConflict', number, id) : settledConflictKey(number, atMs, id);
    this.staging.put(key, NOTHING);
  }

  private stored(number: number, id: number): StoredConflict | undefined {
    const bytes = this.staging.get(conflictKey('conflict', number, id));
    return bytes && decodeConflict(bytes);
  }

  private count(slot: MappingSlot, journal: JournalTally): void {
    this.heads.set(slot, { ...this.headOf(slot), journal });
  }

  private headOf(slot: MappingSlot): MappingHead {
    const head = this.heads.get(slot) ?? slot.head;
    if (head === undefined) throw new Error('the mapping has no head');
    return head;
  }

  private allJournals(): Pick<JournalTally, 'bytes' | 'openBytes'> {
    return sumJournals(this.index.slots().map((slot) => this.heads.get(slot) ?? slot.head));
  }
}

/** One mapping's settled entries, the oldest first. */
class SettledWalk {
  key: Buffer | undefined;
  private readonly keys: Iterator<Buffer>;

  constructor(
    readonly slot: MappingSlot,
    number: number,
    staging: Staging,
  ) {
    this.keys = staging.keys(wholeRange('settledConflict', number));
    this.advance();
  }

  get atMs(): number {
    return this.key === undefined ? Infinity : settledAtOf(this.key);
  }

  advance(): void {
    const next = this.keys.next();
    this.key = next.done === true ? undefined : next.value;
  }
}

function bytesOf(conflicts: readonly PreparedConflict[]): number {
  return conflicts.reduce((bytes, { stored }) => bytes + stored.bytes, 0);
}

function fullError(needed: number, bytes: number, openBytes: number, maxBytes: number): SyncError {
  return new SyncError(
    'ARCHIVE_FULL',
    `The conflict journal has no room for ${needed} bytes: ${bytes} of ${maxBytes} bytes are taken (journal.maxBytes), ${openBytes} of them by open conflicts, which are never dropped. Settle some (conflicts list, conflicts resolve) or raise the limit. Until then, further conflicts are held.`,
  );
}

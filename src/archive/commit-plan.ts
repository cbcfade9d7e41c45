import type { PreparedCommit } from './prepared-commit.js';
import { decodeMark, storedRecordKind } from './prepared-commit.js';
import type { ArchiveIndex } from './archive-index.js';
import { addClientChanges } from './client-change-rows.js';
import { JournalPlan } from './journal-plan.js';
import type { Change, LmdbStore } from './lmdb-store.js';
import { newHead } from './mapping-slot.js';
import type { MappingHead, MappingSlot } from './mapping-slot.js';
import { PlannedHeads } from './planned-heads.js';
import { Staging } from './staging.js';
import { entryKey, numberKey, tableKey } from './tables.js';
import { EMPTY_PART, ORDERED, countMark, countRecord, hasMarks, markLabel } from './tallies.js';
import { encodeValue } from './value-codec.js';

/**
 * What goes into one transaction: commits of any number of mappings, one after the other. Nothing of it shows outside
 * before `publish`, which is called when all of it is on the disk.
 */
export class CommitPlan {
  private readonly staging: Staging;
  private readonly heads = new PlannedHeads();
  private readonly journal: JournalPlan;
  private readonly garbage: Set<number>;
  private nextNumber: number;

  constructor(
    store: LmdbStore,
    private readonly index: ArchiveIndex,
  ) {
    this.staging = new Staging(store);
    this.journal = new JournalPlan(this.staging, this.heads, index);
    this.garbage = new Set(index.garbage);
    this.nextNumber = index.nextNumber;
  }

  /**
   * Adds a commit.
   * @throws SyncError `ARCHIVE_FULL` when its conflicts don't fit into the journal; nothing was added then
   */
  commit(slot: MappingSlot, commit: PreparedCommit): void {
    const before = this.headOf(slot);
    this.journal.checkRoomFor(slot, commit);
    let { tally } = before;
    for (const { key, put } of commit.records) {
      const at = entryKey('record', before.part, key);
      tally = countRecord(tally, storedRecordKind(this.staging.get(at)), put?.label);
      this.stage(at, put?.value);
    }
    for (const { key, put } of commit.marks) {
      // Nearly every commit says of its entries that they have none, where there mostly are none at all.
      if (put === undefined && !hasMarks(tally)) continue;
      const at = entryKey('mark', before.part, key);
      const replaced = this.staging.get(at);
      if (put === undefined && replaced === undefined) continue;
      tally = countMark(tally, replaced && markLabel(decodeMark(replaced)), put?.label);
      this.stage(at, put?.value);
      // An order stands as long as its mark.
      if (replaced !== undefined && put?.label !== ORDERED)
        this.staging.remove(entryKey('order', before.part, key));
    }
    for (const { key, value } of commit.orders) this.staging.put(entryKey('order', before.part, key), value);
    if (commit.state !== undefined) this.staging.put(numberKey('state', before.part), commit.state);
    addClientChanges(this.staging, before.number, commit.clientChanges);
    this.heads.set(slot, { ...before, tally });
    this.journal.add(slot, commit);
  }

  /**
   * Gives the mapping a new part with nothing but `state`, and leaves the old one to be removed later, in pieces.
   */
  reset(slot: MappingSlot, state: Buffer | undefined): void {
    const before = this.heads.find(slot);
    if (before === undefined && state === undefined) return;
    if (before !== undefined) {
      this.garbage.add(before.part);
      this.staging.put(numberKey('garbage', before.part), Buffer.alloc(0));
    }
    const part = this.takeNumber();
    const head =
      before === undefined ? newHead(this.takeNumber(), part) : { ...before, part, tally: EMPTY_PART };
    this.heads.set(slot, head);
    this.stage(numberKey('state', part), state);
  }

  /** Removes some of what is left of a part that is garbage: `keys`, or the part itself when there are none. */
  removeGarbage(part: number, keys: readonly Buffer[]): void {
    for (const key of keys) this.staging.remove(key);
    if (keys.length > 0) return;
    this.garbage.delete(part);
    this.staging.remove(numberKey('garbage', part));
  }

  /** Makes room in the journals, as far as that can be done without losing anything that is open. */
  trimJournals(): void {
    this.journal.trim();
  }

  changes(): Change[] {
    for (const [{ places }, { number, part, tally, journal }] of this.heads.changes()) {
      this.staging.put(numberKey('mapping', number), encodeValue({ places, part, journal }));
      this.staging.put(numberKey('tally', part), encodeValue(tally));
    }
    if (this.nextNumber !== this.index.nextNumber)
      this.staging.put(tableKey('numbers'), encodeValue(this.nextNumber));
    return this.staging.changes();
  }

  publish(): void {
    for (const [slot, head] of this.heads.changes()) slot.head = head;
    this.index.garbage = this.garbage;
    this.index.nextNumber = this.nextNumber;
  }

  private headOf(slot: MappingSlot): MappingHead {
    return this.heads.find(slot) ?? newHead(this.takeNumber(), this.takeNumber());
  }

  private takeNumber(): number {
    return this.nextNumber++;
  }

  private stage(key: Buffer, value: Buffer | undefined): void {
    if (value === undefined) this.staging.remove(key);
    else this.staging.put(key, value);
  }
}

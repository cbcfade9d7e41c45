import type { MappingSlot } from './mapping-slot.js';
import type { PlannedHeads } from './planned-heads.js';
import type { Staging } from './staging.js';
import { decodeTrash, encodeTrash } from './stored-trash.js';
import type { PreparedTrash, StoredTrash } from './stored-trash.js';
import { entryKey, idKey, timeKey } from './tables.js';
import { decodeValue, encodeValue } from './value-codec.js';

const NOTHING = Buffer.alloc(0);

/** The part of a `JournalPlan` that is about deleted values. */
export class TrashPlan {
  constructor(
    private readonly staging: Staging,
    private readonly heads: PlannedHeads,
  ) {}

  /** Those of which the very same is not kept yet: a deletion that fails is tried again. */
  fresh(slot: MappingSlot, trash: readonly PreparedTrash[]): readonly PreparedTrash[] {
    if (trash.length === 0 || this.heads.find(slot) === undefined) return trash;
    return trash.filter(({ stored }) => {
      const last = this.lastOf(slot, stored.key)?.stored;
      return !(last?.side === stored.side && last.version.modified === stored.version.modified);
    });
  }

  keep(slot: MappingSlot, { stored, value }: PreparedTrash): void {
    const last = this.lastOf(slot, stored.key);
    if (last !== undefined && isSameIncarnation(last.stored, stored)) this.drop(slot, last.id);
    const { number, journal } = this.heads.of(slot);
    const id = journal.nextTrashId;
    this.staging.put(idKey('trash', number, id), encodeTrash(stored));
    this.staging.put(idKey('trashValue', number, id), value);
    this.staging.put(timeKey('trashTime', number, stored.atMs, id), NOTHING);
    this.staging.put(entryKey('trashOf', number, stored.key), encodeValue(id));
    this.heads.count(slot, {
      ...journal,
      bytes: journal.bytes + stored.bytes,
      trash: journal.trash + 1,
      nextTrashId: id + 1,
    });
  }

  /** @returns the bytes that are free now */
  drop(slot: MappingSlot, id: number): number {
    const { number, journal } = this.heads.of(slot);
    const stored = this.stored(number, id);
    if (stored === undefined) return 0;
    this.staging.remove(idKey('trash', number, id));
    this.staging.remove(idKey('trashValue', number, id));
    this.staging.remove(timeKey('trashTime', number, stored.atMs, id));
    if (this.lastIdOf(number, stored.key) === id)
      this.staging.remove(entryKey('trashOf', number, stored.key));
    const { bytes, trash } = journal;
    this.heads.count(slot, { ...journal, bytes: bytes - stored.bytes, trash: trash - 1 });
    return stored.bytes;
  }

  private lastOf(slot: MappingSlot, key: string): { id: number; stored: StoredTrash } | undefined {
    const { number } = this.heads.of(slot);
    const id = this.lastIdOf(number, key);
    const stored = id === undefined ? undefined : this.stored(number, id);
    return id === undefined || stored === undefined ? undefined : { id, stored };
  }

  private lastIdOf(number: number, key: string): number | undefined {
    const bytes = this.staging.get(entryKey('trashOf', number, key));
    return bytes && (decodeValue(bytes) as number);
  }

  private stored(number: number, id: number): StoredTrash | undefined {
    const bytes = this.staging.get(idKey('trash', number, id));
    return bytes && decodeTrash(bytes);
  }
}

/** Deleted once at most: the earlier attempt has failed. The value of an inner node may be cleared more often. */
function isSameIncarnation(a: StoredTrash, b: StoredTrash): boolean {
  return a.side === b.side && a.version.created === b.version.created && !a.inner && !b.inner;
}

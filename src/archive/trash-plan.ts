import type { MappingSlot } from './mapping-slot.js';
import type { PlannedHeads } from './planned-heads.js';
import type { Staging } from './staging.js';
import { decodeTrash, encodeTrash } from './stored-trash.js';
import type { PreparedTrash, StoredTrash } from './stored-trash.js';
import { entryKey, idKey, timeKey } from './tables.js';
import { decodeValue, encodeValue } from './value-codec.js';

const NOTHING = Buffer.alloc(0);

/** What is kept already of something that is about to be deleted once more. */
interface KeptTrash {
  readonly id: number;
  readonly stored: StoredTrash;
  /** When it is tried this time. */
  readonly atMs: number;
}

interface SortedTrash {
  readonly fresh: readonly PreparedTrash[];
  readonly kept: readonly KeptTrash[];
}

/** The part of a `JournalPlan` that is about deleted values. */
export class TrashPlan {
  constructor(
    private readonly staging: Staging,
    private readonly heads: PlannedHeads,
  ) {}

  /**
   * Parts what is about to be deleted: a deletion that failed is tried again, and of that the very same value is kept
   * already.
   */
  sort(slot: MappingSlot, trash: readonly PreparedTrash[]): SortedTrash {
    const sorted = { fresh: [] as PreparedTrash[], kept: [] as KeptTrash[] };
    const isEmpty = this.heads.find(slot) === undefined;
    for (const one of trash) {
      const last = isEmpty ? undefined : this.lastOf(slot, one.stored.key);
      if (last !== undefined && isSameVersion(last.stored, one.stored))
        sorted.kept.push({ ...last, atMs: one.stored.atMs });
      else sorted.fresh.push(one);
    }
    return sorted;
  }

  /** It is deleted now, and not when that was tried first: what is older makes room before it. */
  renew(slot: MappingSlot, { id, stored, atMs }: KeptTrash): void {
    const { number } = this.heads.of(slot);
    this.staging.remove(timeKey('trashTime', number, stored.atMs, id));
    this.staging.put(timeKey('trashTime', number, atMs, id), NOTHING);
    this.staging.put(idKey('trash', number, id), encodeTrash({ ...stored, atMs }));
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

function isSameVersion(a: StoredTrash, b: StoredTrash): boolean {
  return a.side === b.side && a.version.modified === b.version.modified;
}

/** Deleted once at most: the earlier attempt has failed. The value of an inner node may be cleared more often. */
function isSameIncarnation(a: StoredTrash, b: StoredTrash): boolean {
  return a.side === b.side && a.version.created === b.version.created && !a.inner && !b.inner;
}

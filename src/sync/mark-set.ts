import type { EntryKey, PresentReading } from '../core/observation.js';
import type { Side } from '../core/pair.js';

/** An entry worth a look. */
export interface Mark {
  readonly key: EntryKey;
  /** Where something was noticed; undefined when both sides are to be looked at. */
  readonly at: Side | undefined;
  /** Monotonic milliseconds of when it was first noticed: what propagation is measured from. */
  readonly noticedMs: number;
  /** What a walk has just read there, so that it need not be read again. Nothing was noticed there since. */
  readonly walked?: Walked | undefined;
}

export interface Walked {
  readonly side: Side;
  readonly reading: PresentReading;
}

/**
 * The entries worth a look, each once however often it was noticed, oldest first. Bounded: when it is full it says so,
 * and the caller walks everything instead (S9).
 */
export class MarkSet {
  private readonly marks = new Map<EntryKey, Mark>();
  private walkedCount = 0;

  constructor(private readonly limit: number) {}

  get size(): number {
    return this.marks.size;
  }

  has(key: EntryKey): boolean {
    return this.marks.has(key);
  }

  /** @returns false when the set is full and the mark was not taken. */
  add(mark: Mark): boolean {
    const known = this.marks.get(mark.key);
    if (known !== undefined) {
      const at = known.at === mark.at ? known.at : undefined;
      // Noticed twice: what was read may be from in between.
      if (at !== known.at || known.walked !== undefined) {
        this.marks.set(mark.key, { key: mark.key, at, noticedMs: known.noticedMs });
        this.walkedCount -= Number(known.walked !== undefined);
      }
      return true;
    }
    if (this.marks.size >= this.limit) return false;
    this.marks.set(mark.key, mark);
    this.walkedCount += Number(mark.walked !== undefined);
    return true;
  }

  /** How many of them a walk has read. */
  get walked(): number {
    return this.walkedCount;
  }

  /** Takes up to `count` of the oldest marks out. */
  take(count: number, isWanted: (mark: Mark) => boolean = () => true): Mark[] {
    const taken: Mark[] = [];
    for (const mark of this.marks.values()) {
      if (taken.length >= count) break;
      if (isWanted(mark)) taken.push(mark);
    }
    for (const mark of taken) {
      this.marks.delete(mark.key);
      this.walkedCount -= Number(mark.walked !== undefined);
    }
    return taken;
  }

  delete(key: EntryKey): void {
    if (this.marks.get(key)?.walked !== undefined) this.walkedCount--;
    this.marks.delete(key);
  }

  clear(): void {
    this.marks.clear();
    this.walkedCount = 0;
  }
}

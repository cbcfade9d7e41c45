import type { EntryKey } from '../core/observation.js';
import type { Side } from '../core/pair.js';

/** An entry worth a look. */
export interface Mark {
  readonly key: EntryKey;
  /** Where something was noticed; undefined when both sides are to be looked at. */
  readonly at: Side | undefined;
  /** Monotonic milliseconds of when it was first noticed: what propagation is measured from. */
  readonly noticedMs: number;
}

/**
 * The entries worth a look, each once however often it was noticed, oldest first. Bounded: when it is full it says so,
 * and the caller walks everything instead (S9).
 */
export class MarkSet {
  private readonly marks = new Map<EntryKey, Mark>();

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
      if (known.at !== mark.at && known.at !== undefined)
        this.marks.set(mark.key, { ...known, at: undefined });
      return true;
    }
    if (this.marks.size >= this.limit) return false;
    this.marks.set(mark.key, mark);
    return true;
  }

  /** Takes up to `count` of the oldest marks out. */
  take(count: number): Mark[] {
    const taken: Mark[] = [];
    for (const mark of this.marks.values()) {
      if (taken.length >= count) break;
      taken.push(mark);
    }
    for (const mark of taken) this.marks.delete(mark.key);
    return taken;
  }

  clear(): void {
    this.marks.clear();
  }
}

import type { EntryKey } from '../core/observation.js';
import type { Mark } from './mark-set.js';

/** How many are remembered; more are as good as these to an operator. */
const REMEMBERED_MAX = 1_000;
const UTF8_BYTES_PER_UNIT_MAX = 3;

/**
 * Entries whose keys are too long for the archive, which could not even keep a note of them: they are left out, and
 * listed for as long as this process runs.
 */
export class UnrecordableKeys {
  private readonly seen = new Set<EntryKey>();
  private readonly encoder = new TextEncoder();

  constructor(private readonly keyBytesMax: number) {}

  /** The marks that can be dealt with; the others are remembered as left out. */
  sift(marks: readonly Mark[]): Mark[] {
    return marks.filter(({ key }) => {
      if (this.fits(key)) return true;
      if (this.seen.size < REMEMBERED_MAX) this.seen.add(key);
      return false;
    });
  }

  get keys(): readonly EntryKey[] {
    return [...this.seen];
  }

  private fits(key: EntryKey): boolean {
    if (key.length * UTF8_BYTES_PER_UNIT_MAX <= this.keyBytesMax) return true;
    return this.encoder.encode(key).length <= this.keyBytesMax;
  }
}

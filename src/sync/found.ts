import type { EntryKey } from '../core/observation.js';
import type { ScannedEntry } from '../ports/replica.js';

/** An entry that a walk found to be other than the archive has it; without a reading where it is missing. */
export interface Found {
  readonly key: EntryKey;
  readonly reading: ScannedEntry['reading'];
}

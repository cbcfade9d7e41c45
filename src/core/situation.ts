import type { ArchiveRecord } from './archive-record.js';
import type { Agreement, State } from './classify.js';
import type { EntryKey, Reading } from './observation.js';
import type { Pair } from './pair.js';
import type { Interval } from './write-interval.js';

/** Everything a decision about one entry may depend on. */
export interface Situation {
  readonly key: EntryKey;
  readonly record: ArchiveRecord | undefined;
  readonly readings: Pair<Reading>;
  /** Whether the reading's version is that of a ledger write, which makes it the daemon's own. */
  readonly ours: Pair<boolean>;
  /** When each side's present state can have come about. */
  readonly written: Pair<Interval>;
  /** The entry was last seen drifted on the target of a one-way mapping. */
  readonly drifted: boolean;
}

/** A situation with what was concluded from it. */
export interface Judged extends Situation {
  readonly agreement: Agreement;
  readonly states: Pair<State>;
}

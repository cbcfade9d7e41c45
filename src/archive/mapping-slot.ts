import type { Pair } from '../core/pair.js';
import { EMPTY_JOURNAL, EMPTY_PART } from './tallies.js';
import type { JournalTally, PartTally } from './tallies.js';

/** What is known of a mapping without a look into its tables. */
export interface MappingHead {
  /** The numbers of the mapping and of its present part: see tables.ts. */
  readonly number: number;
  readonly part: number;
  readonly tally: PartTally;
  readonly journal: JournalTally;
}

/** A mapping that was asked for or is in the archive, and its head as it was committed last. */
export interface MappingSlot {
  readonly places: Pair<string>;
  /** Undefined as long as nothing was committed. */
  head: MappingHead | undefined;
}

export function newHead(number: number, part: number): MappingHead {
  return { number, part, tally: EMPTY_PART, journal: EMPTY_JOURNAL };
}

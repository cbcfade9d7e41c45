import type { CutoverMoves } from './cutover.js';
import type { ClockOffset, SightingLog } from './write-interval.js';
import type { OverwriteHistory, SizeHistory } from './deletion-budget.js';
import type { Departed } from './departures.js';
import type { KeyPrints } from './key-prints.js';
import type { Digest, EntryKey } from './observation.js';
import type { Pair, Side } from './pair.js';
import type { Version } from './version.js';

/** A mapping's small durable state: everything of the archive that is not about a single entry. */
export interface MappingState {
  /** Names the pair of ledgers that belong together with this archive. */
  readonly pairId: string;
  /**
   * `observing`: made by a mapping that only observes, without ledgers; discarded before the first write.
   * `pairing` until both ledgers are known to be in place.
   */
  readonly phase: 'observing' | 'pairing' | 'paired';
  /**
   * How this archive came to where its ledgers are. `led`: by the writes of its own daemon, so that whatever is missing in
   * it was written after those. `followed`: by watching another daemon's, so that what was open then has to be
   * compared again.
   */
  readonly kept: 'led' | 'followed';
  /**
   * What this archive's daemon calls itself in the ledgers since it was last to write them: its own writes that were never
   * recorded are told from another daemon's by that. Undefined in archives from before this was noted.
   */
  readonly writer?: string | undefined;
  /** What the daemon last knew of its ledger in each store; undefined before the first write, and for a read-only side. */
  readonly ledgers: Pair<LedgerMirror | undefined>;
  /**
   * The daemon's own writes of which this archive may lack the records, by the stores' numbers, until everything was
   * walked after they were found. A ledger lists its latest writes only: there, they would be forgotten before the
   * entries are looked at.
   */
  readonly unrecorded: Pair<readonly bigint[]>;
  /**
   * Where the ledgers were when this archive was found to be an older copy, until everything was walked after that: what
   * clients wrote before may have been agreed on since the copy. Undefined where the archive is the newest.
   */
  readonly agreedUnseenUpTo?: Pair<bigint> | undefined;
  /** Sides on which the daemon may not write its namespace, and goes without a ledger (sources of one-way mappings). */
  readonly ledgerless: readonly Side[];
  readonly holds: readonly MappingHold[];
  readonly paused: boolean;
  /** The steps of a cutover that operators took; undefined where there are none. */
  readonly cutover?: CutoverMoves | undefined;
  /**
   * How entries that were never agreed on are decided until the first reconciliation is complete, where an operator
   * said so (`resync`); undefined: by the mapping's own rule.
   */
  readonly resyncFrom: 'merge' | Side | undefined;
  /** When the last complete walk of each side began, wall-clock milliseconds: everything agreed then was there. */
  readonly lastSweptAtMs: Pair<number | undefined>;
  /** Patterns in force when the records were made: entries that leave the scope leave the archive. */
  readonly scope: string;
  /**
   * The ledgers' numbers when those patterns came into force. What was written up to then may since have been out of
   * scope, where nobody kept it equal: of an entry without a record it proves nothing.
   */
  readonly scopeSince: Pair<bigint>;
  /** Whether the first reconciliation of everything was completed, wall-clock milliseconds of it. */
  readonly firstCompletedAtMs: number | undefined;
  readonly lastVerifiedAtMs: number | undefined;
  readonly sizes: SizeHistory;
  readonly overwrites: OverwriteHistory;
  /** Of a mapping whose copies go by their own rules; undefined before the first that went. */
  readonly departed?: Departed | undefined;
  readonly sightings: Pair<SightingLog>;
  readonly clockOffsets: Pair<ClockOffset | undefined>;
  /** Batches of deletions, and writes outside a batch, that were sent and may still happen. */
  readonly intents: readonly WriteIntent[];
}

/** The newest known state of this mapping's ledger in one store. */
export interface LedgerMirror {
  readonly version: Version;
  readonly generation: number;
  /** Store-wide numbers of the newest writes that went with the ledger, oldest first; bounded. */
  readonly recent: readonly bigint[];
  /** The process that wrote it; undefined where that was not noted (archives of format 1). */
  readonly writer: string | undefined;
  /** Whether it tells that the mapping is paused. */
  readonly paused: boolean;
  /** The entries that batches have written last; undefined where that was not noted. */
  readonly copied: KeyPrints | undefined;
  /** The steps of a cutover that it tells of; undefined where there are none. */
  readonly cutover?: CutoverMoves | undefined;
}

/** Why all or some writes of a mapping are stopped. */
export type MappingHoldReason =
  'mass-deletion' | 'mass-conflict' | 'identity-changed' | 'mapped-twice' | 'rolled-back' | 'archive-lost';

export interface MappingHold {
  readonly reason: MappingHoldReason;
  /** Wall-clock milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly detail: string;
  /** The side that gave rise to it, where it is one. */
  readonly side: Side | undefined;
}

export type WriteIntent =
  /** Deletions that go with ledger generation `generation`: if the ledger is found there, the daemon removed them. */
  | {
      readonly kind: 'deletions';
      readonly side: Side;
      readonly generation: number;
      /** The process that sent them; undefined where that was not noted (archives of format 1). */
      readonly writer: string | undefined;
      readonly keys: readonly EntryKey[];
    }
  /** A single value too large for a batch, on top of version `base`: see write-intent.ts. */
  | {
      readonly kind: 'single';
      readonly side: Side;
      readonly key: EntryKey;
      readonly digest: Digest;
      /** The store's number of the version that it replaces; undefined when there must be none. */
      readonly base: bigint | undefined;
    };

import type { EntryKey } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import type { Version } from '../core/version.js';

/** A value that the daemon deletes at one side, because it was deleted at the other: as it is there. */
export interface NewTrash {
  readonly key: EntryKey;
  /** Where it is deleted. */
  readonly side: Side;
  readonly value: Uint8Array;
  /** 0 where the store has none. */
  readonly flags: bigint;
  /** Who may do what with it, as text of the store's own; undefined where the store has no such thing, or won't tell. */
  readonly access: string | undefined;
  readonly version: Version;
  /** It had entries below it: then its value may be cleared, and the same incarnation get another one. */
  readonly inner: boolean;
  /** When the store says that the value was written, milliseconds since the epoch; undefined where it keeps no clock. */
  readonly writtenAtMs: number | undefined;
  /** When it was given up, wall-clock milliseconds since the epoch. */
  readonly atMs: number;
}

export interface TrashEntry extends NewTrash {
  /** Rises by one with each that is kept of this mapping, never used again. */
  readonly id: number;
}

export interface TrashSummary extends Omit<TrashEntry, 'value'> {
  readonly valueBytes: number;
}

export interface TrashWanted {
  readonly limit: number;
  /** Only what is older than this one. */
  readonly beforeId?: number | undefined;
  /** Deleted no earlier. */
  readonly sinceMs?: number | undefined;
  /** Deleted earlier. */
  readonly untilMs?: number | undefined;
}

import type { Side } from '../core/pair.js';

/** How often clients have changed entries of one folder on one side, within one hour. */
export interface ClientChanges {
  /** Whole hours since the epoch, by the daemon's wall clock, of when the changes were noticed. */
  readonly hour: number;
  readonly side: Side;
  /** The first segment of the keys; empty for entries in no folder; undefined for folders that are not told apart. */
  readonly folder: string | undefined;
  readonly count: number;
  /** When the last of them was noticed, wall-clock milliseconds since the epoch. */
  readonly lastAtMs: number;
  /** The store's number of the newest of them, as far as it has one: a deletion has none. */
  readonly upTo: bigint;
}

export const HOUR_MS = 3_600_000;
/** A week, and the hour that has begun. */
export const CLIENT_CHANGES_KEPT_HOURS = 7 * 24 + 1;

/** The same changes counted together. */
export function sumOf(a: ClientChanges, b: ClientChanges): ClientChanges {
  return {
    ...a,
    count: a.count + b.count,
    lastAtMs: Math.max(a.lastAtMs, b.lastAtMs),
    upTo: a.upTo > b.upTo ? a.upTo : b.upTo,
  };
}

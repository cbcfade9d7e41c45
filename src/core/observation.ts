import type { Version } from './version.js';
import type { StoreStamp } from './write-interval.js';

/**
 * An entry's key relative to its mapping: segments joined by `/`, any string, the empty one included.
 * Replicas translate it to and from their own names.
 */
export type EntryKey = string;

/**
 * Stands for all entries whose keys begin with this string, which need not end where a segment does; empty for all.
 * They follow each other in the order of `compareKeys`, an entry of that very name first.
 */
export type KeyPrefix = string;

/** A content hash; equal digests mean equal content. Made by the caller, opaque to the core. */
export type Digest = string;

/** What was just read of an entry at one replica. */
export type Reading = PresentReading | AbsentReading | UnknownReading;

/** The entry was there, and this is what the store said of it. */
export interface PresentReading {
  readonly kind: 'present';
  readonly version: Version;
  /** Null and empty values are equal everywhere, and read as zero bytes. */
  readonly value: Uint8Array;
  readonly digest: Digest;
  /** The 64-bit user flags that some stores keep beside a value (Consul); 0 elsewhere. Survive an update unchanged. */
  readonly flags: bigint;
  /** How many direct children the entry has, where the store has real inner nodes (ZooKeeper); 0 elsewhere. */
  readonly children: number;
  /** The session that owns the entry (ephemeral node, locked key), or undefined for an ordinary entry. */
  readonly session: string | undefined;
  /** Says of itself that it is a mirror of what lives at the other side, and nothing without it. Only where a replica can tell. */
  readonly isMirror?: boolean;
  /** No entry can be there, only what lies below it, whether or not something does. Only where a replica can tell. */
  readonly isInner?: boolean;
  /** A mirror that would not go, or stay, together with the other mirrors: it is to be made anew, whatever it holds. */
  readonly isMisbound?: boolean;
  /** Not everybody who reaches the store may read it. Only where that was asked for; undefined where it was not. */
  readonly restricted?: boolean;
  /** When the store itself says the entry was written, where it keeps a clock (ZooKeeper `mtime`). */
  readonly stamp: StoreStamp | undefined;
}

/** An authoritative read of this very key found nothing. Never made from a list that lacks the key. */
export interface AbsentReading {
  readonly kind: 'absent';
  /**
   * Mirrors that were made up to this number of the store have gone with the session that they were bound to, and were
   * deleted by nobody. Only where mirrors are bound to one.
   */
  readonly lapsedUpTo?: bigint;
}

/** Nothing is known: unreachable, denied, throttled, truncated, or stale. Never treated as absence. */
export interface UnknownReading {
  readonly kind: 'unknown';
  readonly reason: UnknownReason;
}

export type UnknownReason =
  /** The store could not be asked or did not answer in time. */
  | 'unreachable'
  /** Permission to read this entry was refused or silently filtered. */
  | 'denied'
  /** The answer was left out because it would not fit a bound; ask again for fewer. */
  | 'not-read'
  /** The entry is there, but has no exact reading (too large for a request, not exactly representable). */
  | 'unreadable';

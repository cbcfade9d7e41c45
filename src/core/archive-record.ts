import type { Digest } from './observation.js';
import type { Pair, Side } from './pair.js';
import type { Version } from './version.js';

/** What the archive remembers of one key. */
export type ArchiveRecord = EntryRecord | StructureRecord;

/** Both replicas were known to agree on this content, at these versions. */
export interface EntryRecord {
  readonly kind: 'entry';
  readonly digest: Digest;
  /** Whether the agreed content has no bytes. */
  readonly empty: boolean;
  /** The version vector: the last versions at which both replicas were known to agree. */
  readonly versions: Pair<Version>;
  /** The side whose copy the daemon itself created and no client has written since; undefined when there is none. */
  readonly copy: Side | undefined;
  /** The side on which a session owns the entry; the other side holds a mirror of it. */
  readonly session: Side | undefined;
  /** How often a client's write to a session-bound entry's mirror was put back in a row. */
  readonly mirrorRewrites: number;
  /** Rounds in which a foreign write on one side restored what the daemon had just replaced there. */
  readonly oscillation: OscillationRecord | undefined;
}

/** See oscillation.ts. */
export interface OscillationRecord {
  /** Where the daemon wrote last. */
  readonly side: Side;
  /** The content that this write replaced; undefined where there was none, in a one-way mapping. */
  readonly replaced: Digest | undefined;
  readonly rounds: number;
  /** Wall-clock time of the last round, milliseconds since the epoch. */
  readonly lastAtMs: number;
}

/** An inner node without data: it stands on one side only, and agrees with "absent" and with "empty" on the other. */
export interface StructureRecord {
  readonly kind: 'structure';
  readonly side: Side;
  readonly version: Version;
  /** The daemon's own structure is removed when its last child goes; a client's is left alone. */
  readonly owner: 'daemon' | 'client';
}

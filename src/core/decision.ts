import type { ArchiveRecord, EntryRecord, OscillationRecord } from './archive-record.js';
import type { Conflict } from './conflict.js';
import type { Digest, PresentReading } from './observation.js';
import type { Side } from './pair.js';
import type { Version } from './version.js';

/** What to do with one entry. */
export type Decision =
  /** Nothing can be concluded now; look again later. */
  | { readonly do: 'wait' }
  /** In step. */
  | { readonly do: 'nothing' }
  /** Both sides are in step, the archive is not: record this (or that nothing is there any more). */
  | { readonly do: 'record'; readonly record: ArchiveRecord | undefined }
  | WriteDecision
  /** An operator must decide; until then nothing of this entry is written. */
  | {
      readonly do: 'hold';
      readonly reason: 'conflict' | 'copy-modified';
      readonly conflict: Conflict | undefined;
    }
  /** Left out, by policy or because it has no counterpart. */
  | { readonly do: 'skip'; readonly reason: 'session-bound' | 'read-restricted'; readonly detail: string }
  /** A foreign change on the target of a one-way mapping that is reported and left alone. */
  | { readonly do: 'drift'; readonly drift: 'added' | 'changed' | 'deleted' };

export type WriteDecision = CopyDecision | RemoveDecision;

/** Write the content of the other side to `on`. */
export interface CopyDecision {
  readonly do: 'copy';
  readonly on: Side;
  /** What is to be written, as read on the other side. */
  readonly source: PresentReading;
  /** What it replaces on `on`; undefined when it is created there. */
  readonly base: PresentReading | undefined;
  /** What was decided against, for the journal; undefined when nobody loses. */
  readonly conflict: Conflict | undefined;
  readonly copy: Side | undefined;
  readonly session: Side | undefined;
  readonly mirrorRewrites: number;
  readonly ordered?: OrderedCopy;
}

/** A person has ordered a write: see carry-out-order.ts. */
export interface Ordered {
  /** The other side is as it was ordered already: with this write, both are in step. */
  readonly isLast: boolean;
}

export interface OrderedCopy extends Ordered {
  /** For an entry that is made anew; see order.ts. */
  readonly flags: bigint;
  readonly access: string | undefined;
}

/** Remove the entry on `on`. */
export interface RemoveDecision {
  readonly do: 'remove';
  readonly on: Side;
  readonly base: PresentReading;
  readonly cause: RemoveCause;
  readonly conflict: Conflict | undefined;
  readonly ordered?: Ordered;
}

export type RemoveCause =
  /** It was deleted on the other side: needs proof and counts against the deletion guard (S4). */
  | 'deleted'
  /** The original of a session-bound mirror is gone: needs proof, counted apart. */
  | 'session-ended'
  /** The daemon's own empty copy of what turned out to be structure. */
  | 'retracted'
  /** The daemon's own structure lost its last child. */
  | 'pruned';

/** The record of an entry after a copy was applied and `on` has version `version`. */
export function recordAfterCopy(decision: CopyDecision, version: Version): EntryRecord {
  const { source, on } = decision;
  return {
    kind: 'entry',
    digest: source.digest,
    empty: source.value.length === 0,
    versions:
      on === 'left' ? { left: version, right: source.version } : { left: source.version, right: version },
    copy: decision.copy,
    session: decision.session,
    mirrorRewrites: decision.mirrorRewrites,
    oscillation: undefined,
  };
}

export function recordAgreed(agreed: {
  digest: Digest;
  empty: boolean;
  left: Version;
  right: Version;
  copy: Side | undefined;
  session: Side | undefined;
  mirrorRewrites: number;
  oscillation?: OscillationRecord | undefined;
}): EntryRecord {
  return {
    kind: 'entry',
    digest: agreed.digest,
    empty: agreed.empty,
    versions: { left: agreed.left, right: agreed.right },
    copy: agreed.copy,
    session: agreed.session,
    mirrorRewrites: agreed.mirrorRewrites,
    oscillation: agreed.oscillation,
  };
}

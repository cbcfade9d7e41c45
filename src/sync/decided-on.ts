import type { ArchiveRecord } from '../core/archive-record.js';
import type { Digest, EntryKey, Reading } from '../core/observation.js';
import type { Pair, Side } from '../core/pair.js';
import { pairOf } from '../core/pair.js';
import type { Version } from '../core/version.js';
import type { Examined } from './examine.js';
import { actionOfDecision } from './plan.js';

/** A write that was decided on, and all that it was decided on: two of them are compared, never interpreted. */
export interface DecidedOn {
  readonly key: EntryKey;
  readonly action: 'create' | 'update' | 'delete' | 'conflict';
  readonly on: Side;
  /** Of the content that is to be written; undefined for a deletion. */
  readonly digest: Digest | undefined;
  /** What each side has: a version, `absent` or `unknown`. */
  readonly seen: Pair<string>;
  /** What the archive has of it: the versions that were agreed on, structure, or `none`. */
  readonly archived: string;
}

/** Undefined where nothing is to be written. */
export function decidedOn({ mark, situation, decision }: Examined): DecidedOn | undefined {
  if (decision.do !== 'copy' && decision.do !== 'remove') return undefined;
  const action = actionOfDecision(decision);
  if (action !== 'create' && action !== 'update' && action !== 'delete' && action !== 'conflict')
    return undefined;
  return {
    key: mark.key,
    action,
    on: decision.on,
    digest: decision.do === 'copy' ? decision.source.digest : undefined,
    seen: pairOf((side) => seenText(situation.readings[side])),
    archived: archivedText(situation.record),
  };
}

/** In what an entry is no longer as it was when a write was decided on; undefined where it is. */
export function changedSince(
  before: DecidedOn,
  examined: Examined,
  sideNames: Pair<string>,
): string | undefined {
  const { readings, record } = examined.situation;
  for (const side of ['left', 'right'] as const) {
    const seen = seenText(readings[side]);
    if (seen !== before.seen[side]) return `${sideNames[side]} has ${seen}, and had ${before.seen[side]}`;
  }
  const archived = archivedText(record);
  if (archived !== before.archived) return `the archive has ${archived}, and had ${before.archived}`;
  const now = decidedOn(examined);
  const isSame = now?.action === before.action && now.on === before.on && now.digest === before.digest;
  if (isSame) return undefined;
  return `it would now be decided otherwise: ${now === undefined ? examined.decision.do : `${now.action} in ${sideNames[now.on]}`}`;
}

function seenText(reading: Reading): string {
  return reading.kind === 'present' ? versionText(reading.version) : reading.kind;
}

function archivedText(record: ArchiveRecord | undefined): string {
  if (record === undefined) return 'none';
  if (record.kind === 'structure') return `structure ${versionText(record.version)}`;
  return `${versionText(record.versions.left)} ${versionText(record.versions.right)}`;
}

function versionText({ modified, created, revision }: Version): string {
  return `${modified}.${created}.${revision}`;
}

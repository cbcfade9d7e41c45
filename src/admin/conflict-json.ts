import { isUtf8 } from 'node:buffer';
import type { ConflictRule, ConflictSide } from '../core/conflict.js';
import type { Pair } from '../core/pair.js';
import type { Version } from '../core/version.js';
import type { JournalEntry } from '../ports/archive.js';
import { isoTime } from './iso-time.js';
import { REPLICA_NAMES } from './replica-names.js';

/** One entry of the conflict journal in a list: how large the values are, but not the values. */
export type ConflictSummaryJson = ReturnType<typeof conflictSummaryJson>;

export function conflictSummaryJson(entry: JournalEntry) {
  return { ...commonJson(entry), ...replicasJson(entry.sides, (value) => ({ bytes: value.length })) };
}

/** The body of `GET /api/v1/mappings/NAME/conflicts/ID`: with both values, so that the loser can be restored. */
export function conflictJson(entry: JournalEntry) {
  return { ...commonJson(entry), ...replicasJson(entry.sides, valueJson) };
}

function commonJson(entry: JournalEntry) {
  return {
    id: entry.id,
    at: isoTime(entry.atMs),
    open: entry.open,
    key: entry.key,
    kind: entry.kind,
    winner: entry.winner === undefined ? null : REPLICA_NAMES[entry.winner],
    rule: ruleName(entry.rule),
    ambiguous: entry.ambiguous,
  };
}

function replicasJson<T>(sides: Pair<ConflictSide>, show: (value: Uint8Array) => T) {
  return { zookeeper: sideJson(sides.left, show), consul: sideJson(sides.right, show) };
}

function sideJson<T>(side: ConflictSide, show: (value: Uint8Array) => T) {
  return {
    /** null where the entry had been deleted. */
    value: side.value === undefined ? null : show(side.value),
    // 64-bit numbers go as text: JSON's lose bits above 2^53.
    flags: side.flags.toString(),
    version: side.version === undefined ? null : versionJson(side.version),
    /** The write happened some time between these; null where nothing is known of the beginning. */
    written: { earliest: isoTime(side.written.earliestMs), latest: isoTime(side.written.latestMs) },
  };
}

export function versionJson({ modified, created, revision }: Version) {
  return { modified: modified.toString(), created: created.toString(), revision };
}

export function valueJson(value: Uint8Array) {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return {
    bytes: bytes.length,
    base64: bytes.toString('base64'),
    /** null where the value is not text. */
    utf8: isUtf8(bytes) ? bytes.toString('utf8') : null,
  };
}

/** The rules that are called by a side in the core go by the replica's name here, as in the configuration. */
function ruleName(rule: ConflictRule): string {
  if (rule === 'left-wins') return 'zookeeper-wins';
  return rule === 'right-wins' ? 'consul-wins' : rule;
}

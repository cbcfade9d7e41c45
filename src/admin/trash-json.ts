import type { TrashEntry, TrashSummary } from '../ports/trash.js';
import { valueJson, versionJson } from './conflict-json.js';
import { isoTime } from './iso-time.js';
import { REPLICA_NAMES } from './replica-names.js';

/** A deleted value in a list: how large it is, but not the value. */
export function trashSummaryJson(entry: TrashSummary) {
  return { ...commonJson(entry), value: { bytes: entry.valueBytes } };
}

/** The body of `GET /api/v1/mappings/NAME/trash/ID`. Access is told here only: its ids may hold hashes of passwords. */
export function trashJson(entry: TrashEntry) {
  return { ...commonJson(entry), access: entry.access ?? null, value: valueJson(entry.value) };
}

function commonJson({ id, atMs, key, side, flags, version, writtenAtMs }: Omit<TrashEntry, 'value'>) {
  return {
    id,
    at: isoTime(atMs),
    key,
    /** Where it was deleted by the daemon, as it had been deleted at the other one. */
    deletedIn: REPLICA_NAMES[side],
    // 64-bit numbers go as text: JSON's lose bits above 2^53.
    flags: flags.toString(),
    version: versionJson(version),
    /** null where the store keeps no clock. */
    writtenAt: writtenAtMs === undefined ? null : isoTime(writtenAtMs),
  };
}

import type { MappingState } from '../core/mapping-state.js';
import type { Archive, MappingArchive } from '../ports/archive.js';

/** An archive that was never written, for looking at a mapping as if it had none. */
export const NO_ARCHIVE: Archive = {
  mapping: () => NOTHING_ARCHIVED,
  journalBytes: () => 0,
  close: () => Promise.resolve(),
};

const NOTHING_ARCHIVED: MappingArchive = {
  state: () => undefined,
  record: () => undefined,
  recordsAfter: () => [],
  counts: () => ({ entries: 0, sessionBound: 0, structure: 0 }),
  mark: () => undefined,
  marksAfter: () => [],
  markCounts: () => new Map(),
  conflicts: () => [],
  conflict: () => undefined,
  conflictCounts: () => ({ open: 0, total: 0 }),
  trash: () => [],
  trashed: () => undefined,
  lastTrashOf: () => undefined,
  order: () => undefined,
  clientChanges: () => [],
  commit: refuse,
  reset: refuse,
};

/** The same part of an archive with another state, and closed for writing. */
export function readOnlyArchive(archive: MappingArchive, state: MappingState | undefined): MappingArchive {
  return {
    state: () => state,
    record: (key) => archive.record(key),
    recordsAfter: (key, limit) => archive.recordsAfter(key, limit),
    counts: () => archive.counts(),
    mark: (key) => archive.mark(key),
    marksAfter: (key, limit) => archive.marksAfter(key, limit),
    markCounts: () => archive.markCounts(),
    conflicts: (options) => archive.conflicts(options),
    conflict: (id) => archive.conflict(id),
    conflictCounts: () => archive.conflictCounts(),
    trash: (wanted) => archive.trash(wanted),
    trashed: (id) => archive.trashed(id),
    lastTrashOf: (key) => archive.lastTrashOf(key),
    order: (key) => archive.order(key),
    clientChanges: (sinceHour) => archive.clientChanges(sinceHour),
    commit: refuse,
    reset: refuse,
  };
}

function refuse(): Promise<never> {
  return Promise.reject(new Error('this archive is only looked at'));
}

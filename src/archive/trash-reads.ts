import type { TrashEntry, TrashSummary, TrashWanted } from '../ports/trash.js';
import type { LmdbStore } from './lmdb-store.js';
import { decodeTrash, trashEntry, trashSummary } from './stored-trash.js';
import { idKey, idOf, timeKey, wholeRange } from './tables.js';

/** One deleted value of the mapping with this number. */
export function readTrash(store: LmdbStore, number: number, id: number): TrashEntry | undefined {
  const bytes = store.get(idKey('trash', number, id));
  return bytes && trashEntry(id, decodeTrash(bytes), store.get(idKey('trashValue', number, id)));
}

/** What is wanted of a mapping's trash, the newest first. */
export function readTrashList(store: LmdbStore, number: number, wanted: TrashWanted): TrashSummary[] {
  const { beforeId, sinceMs = -Infinity, untilMs, limit } = wanted;
  const whole = wholeRange('trashTime', number);
  const from = sinceMs > 0 ? timeKey('trashTime', number, Math.ceil(sinceMs), 0) : whole.from;
  let to = untilMs === undefined ? whole.to : timeKey('trashTime', number, Math.ceil(untilMs), 0);
  if (beforeId !== undefined) {
    const before = store.get(idKey('trash', number, beforeId));
    // Dropped meanwhile, and so is all that was older.
    if (before === undefined) return [];
    const at = timeKey('trashTime', number, decodeTrash(before).atMs, beforeId);
    if (at.compare(to) < 0) to = at;
  }
  if (from.compare(to) >= 0) return [];
  const keys = store.keys({ from, to, limit, reverse: true });
  return keys.flatMap((key) => {
    const bytes = store.get(idKey('trash', number, idOf(key)));
    return bytes === undefined ? [] : trashSummary(idOf(key), decodeTrash(bytes));
  });
}

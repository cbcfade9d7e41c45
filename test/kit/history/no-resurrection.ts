import type { ClientWrite, History, Key, StoreName, Value, Violation } from './history.js';
import { byKey, otherStore, show, STORES, surelyFollows } from './history.js';

const CHECKER = 'no resurrection';

/**
 * No value stands in the end that a client deleted: none whose every write was over before an acknowledged deletion of
 * the key began.
 *
 * What is allowed besides, and why:
 * - the deletion tells that it took the place of another value: that one is gone, and this one, written before it at
 *   the other store, had not been carried over;
 * - the journal tells of a conflict that the value won against a deletion: the deletion met an older value, since the
 *   newer one had not been carried over yet, and the times of the two overlapped, or the policy said so;
 * - agreement began anew after the deletion (a resync, a lost archive that was merged): it deletes nothing, so what
 *   only one side still has comes into being on the other;
 * - a store was restored from a backup after the deletion: it brought the value back by itself;
 * - the deletion was done on the target of a one-way mapping, where it is drift;
 * - the entry is listed as held, left out or drifted, or the mapping is held.
 */
export function checkNoResurrection(history: History): Violation[] {
  if (history.ending.mappingHolds.length > 0) return [];
  const violations: Violation[] = [];
  const written = byKey(history.writes);
  for (const store of STORES) {
    for (const [key, value] of history.finals[store]) {
      if (value === '' || history.ending.setAside.has(key)) continue;
      const deletion = deletionSince(history, written.get(key) ?? [], value);
      if (deletion === undefined || hasWonAgainstDeletion(history, key, value)) continue;
      violations.push({ checker: CHECKER, key, explanation: explain(store, value, deletion) });
    }
  }
  return violations;
}

function deletionSince(
  history: History,
  writes: readonly ClientWrite[],
  value: Value,
): ClientWrite | undefined {
  const puts = writes.filter((write) => write.value === value && write.outcome !== 'refused');
  return writes.find(
    (write) =>
      write.value === undefined &&
      write.outcome === 'acknowledged' &&
      (write.replaced === undefined || write.replaced.value === value) &&
      puts.every((put) => surelyFollows(write, put)) &&
      !isExcused(history, write),
  );
}

function isExcused(history: History, { store, invokedMs }: ClientWrite): boolean {
  const { source, restartsOfAgreement, replacements } = history;
  if (source !== undefined && store === otherStore(source)) return true;
  return [...restartsOfAgreement, ...replacements].some(({ atMs }) => atMs >= invokedMs);
}

function hasWonAgainstDeletion({ journal }: History, key: Key, value: Value): boolean {
  return journal.some(({ key: journaled, values, winner }) => {
    if (journaled !== key || winner === undefined) return false;
    return values[winner] === value && values[otherStore(winner)] === undefined;
  });
}

function explain(store: StoreName, value: Value, deletion: ClientWrite): string {
  const { invokedMs, endedMs } = deletion;
  return (
    `${store} has ${show(value)}, although a client deleted the key at ${deletion.store} (${invokedMs} to ${endedMs} ` +
    'ms) after it was written, and no journal tells of a conflict that it won'
  );
}

import type { ClientWrite, History, StoreName, Value, Violation } from './history.js';
import { byKey, mayFollow, otherStore, show, STORES, surelyFollows } from './history.js';

const CHECKER = 'no resurrection';

/**
 * No value stands in the end that a client deleted: none whose every write was over before an acknowledged deletion
 * began that took away this very value. Where what a deletion took away is not known, it is taken to be any value that
 * was written at the same store; a value that was written at the other one may not have got there yet.
 *
 * What is allowed besides, and why:
 * - clients wrote the same value at both stores: one of the two may have been deleted before the other one was seen;
 * - the journal tells of a conflict that the value won, against the deletion or against what was written in its place
 *   afterwards: the times of the writes overlapped, or the policy said so;
 * - an operator had something put back there, from the trash or from the journal;
 * - the deletion took away a copy that no daemon knew of: it died, or got no answer, before it could note that it had
 *   made one, so there is nothing by which the deletion could be told from a copy that was never made;
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
  const ordered = new Set(history.orders?.map(({ key }) => key));
  for (const store of STORES) {
    for (const [key, value] of history.finals[store]) {
      if (value === '' || history.ending.setAside.has(key) || ordered.has(key)) continue;
      const writes = written.get(key) ?? [];
      const deletion = deletionSince(history, writes, value);
      if (deletion === undefined || hasWonConflict(history, writes, value, deletion)) continue;
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
      puts.every((put) => surelyFollows(write, put) && put.store === puts[0]?.store) &&
      tookAway(write, value, puts) &&
      !isExcused(history, write),
  );
}

function tookAway(deletion: ClientWrite, value: Value, puts: readonly ClientWrite[]): boolean {
  if (deletion.replaced !== undefined) return deletion.replaced.value === value;
  return puts.every(({ store }) => store === deletion.store);
}

function isExcused(history: History, { store, invokedMs, removedUnknownCopy }: ClientWrite): boolean {
  if (removedUnknownCopy === true) return true;
  const { source, restartsOfAgreement, replacements } = history;
  if (source !== undefined && store === otherStore(source)) return true;
  return [...restartsOfAgreement, ...replacements].some(({ atMs }) => atMs >= invokedMs);
}

function hasWonConflict(
  { journal }: History,
  writes: readonly ClientWrite[],
  value: Value,
  deletion: ClientWrite,
): boolean {
  return journal.some(({ key, values, winner }) => {
    if (key !== deletion.key || winner === undefined || values[winner] !== value) return false;
    const loser = values[otherStore(winner)];
    const wrote = writes.filter((write) => write.value === loser);
    // What no client wrote is the node that a daemon made in place of the deleted one, for what is below it.
    return loser === undefined || wrote.length === 0 || wrote.some((write) => mayFollow(write, deletion));
  });
}

function explain(store: StoreName, value: Value, deletion: ClientWrite): string {
  const { invokedMs, endedMs } = deletion;
  return (
    `${store} has ${show(value)}, although a client deleted the key at ${deletion.store} (${invokedMs} to ${endedMs} ` +
    'ms) after it was written, and no journal tells of a conflict that it won'
  );
}

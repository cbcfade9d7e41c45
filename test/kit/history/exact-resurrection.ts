import type { ClientWrite, History, Key, Value, Violation } from './history.js';
import { byKey, otherStore, show, STORES, surelyFollows } from './history.js';

const CHECKER = 'exact resurrection';

/**
 * S4 where clients' writes have conditions, at every moment at which a client looked: what a client deleted in a store
 * never stands there again, neither in the end nor for another client, whose later write tells that it took its place.
 * (A client never writes a value twice.)
 *
 * What is allowed besides, and why:
 * - the journal tells of a conflict that the value won against a deletion;
 * - agreement began anew, or a store was replaced, after the deletion;
 * - the entry is listed as held, left out or drifted, or the mapping is held.
 */
export function checkExactResurrection(history: History): Violation[] {
  const { ending, restartsOfAgreement, replacements } = history;
  if (ending.mappingHolds.length > 0) return [];
  const violations: Violation[] = [];
  for (const [key, writes] of byKey(history.writes)) {
    if (ending.setAside.has(key)) continue;
    for (const deletion of writes) {
      const value = deletedValue(deletion);
      if (value === undefined || hasWonAgainstDeletion(history, key, value)) continue;
      if ([...restartsOfAgreement, ...replacements].some(({ atMs }) => atMs >= deletion.invokedMs)) continue;
      const found = whereFound(history, writes, deletion, value);
      if (found === undefined) continue;
      violations.push({ checker: CHECKER, key, explanation: explain(deletion, value, found) });
    }
  }
  return violations;
}

/** What a deletion certainly took away. Empty values come and go with the children of a znode. */
function deletedValue({ value, outcome, replaced }: ClientWrite): Value | undefined {
  if (value !== undefined || outcome !== 'acknowledged') return undefined;
  return replaced?.value === '' ? undefined : replaced?.value;
}

function whereFound(
  { finals }: History,
  writes: readonly ClientWrite[],
  deletion: ClientWrite,
  value: Value,
): string | undefined {
  const { store, key } = deletion;
  if (finals[store].get(key) === value) return 'in the end';
  const later = writes.find(
    (write) =>
      write.store === store &&
      write.outcome === 'acknowledged' &&
      write.replaced?.value === value &&
      surelyFollows(write, deletion),
  );
  return later && `by a client whose write (${time(later)}) took its place`;
}

function hasWonAgainstDeletion({ journal }: History, key: Key, value: Value): boolean {
  return journal.some((conflict) => {
    if (conflict.key !== key) return false;
    return STORES.some(
      (store) => conflict.values[store] === value && conflict.values[otherStore(store)] === undefined,
    );
  });
}

function explain(deletion: ClientWrite, value: Value, found: string): string {
  return (
    `a client deleted ${show(value)} at ${deletion.store} (${time(deletion)}), but it was found there again ${found}, ` +
    'and no journal tells of a conflict with the deletion'
  );
}

function time({ invokedMs, endedMs }: ClientWrite): string {
  return `${Math.round(invokedMs)} to ${Math.round(endedMs)} ms`;
}

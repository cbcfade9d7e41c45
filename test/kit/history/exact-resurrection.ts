import type { ClientWrite, History, JournaledConflict, Value, Violation } from './history.js';
import { byKey, mayFollow, otherStore, show, STORES, surelyFollows } from './history.js';

const CHECKER = 'exact resurrection';

/**
 * S4 where clients' writes have conditions, at every moment at which a client looked: what a client deleted in a store
 * never stands there again, neither in the end nor for another client, whose later write tells that it took its place.
 * (A client never writes a value twice.)
 *
 * What is allowed besides, and why:
 * - the journal tells of a conflict that the value won against a deletion, or against what a client wrote in that store
 *   between the deletion and the finding: whoever decided had seen neither, and then saw the latter;
 * - agreement began anew, or a store was replaced, after the deletion;
 * - the entry is listed as held, left out or drifted, or the mapping is held.
 */
export function checkExactResurrection(history: History): Violation[] {
  const { ending, restartsOfAgreement, replacements } = history;
  if (ending.mappingHolds.length > 0) return [];
  const violations: Violation[] = [];
  const journaled = byKey(history.journal);
  const lastRestartMs = Math.max(
    -Infinity,
    ...[...restartsOfAgreement, ...replacements].map(({ atMs }) => atMs),
  );
  for (const [key, writes] of byKey(history.writes)) {
    if (ending.setAside.has(key)) continue;
    const conflicts = journaled.get(key) ?? [];
    const winners = winnersAgainstDeletion(conflicts);
    const tookPlace = byReplacedValue(writes);
    for (const deletion of writes) {
      const value = deletedValue(deletion);
      if (value === undefined || winners.has(value) || lastRestartMs >= deletion.invokedMs) continue;
      const found = whereFound(history, tookPlace.get(value) ?? [], deletion, value);
      if (found === undefined || wonLater(conflicts, writes, deletion, value, found)) continue;
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

/**
 * @param tookPlace the acknowledged writes that took the place of the value
 * @returns the write of the client that found it
 */
function whereFound(
  { finals }: History,
  tookPlace: readonly ClientWrite[],
  deletion: ClientWrite,
  value: Value,
): ClientWrite | 'in the end' | undefined {
  const { store, key } = deletion;
  if (finals[store].get(key) === value) return 'in the end';
  return tookPlace.find((write) => write.store === store && surelyFollows(write, deletion));
}

/** Acknowledged writes by the value that they took the place of. */
function byReplacedValue(writes: readonly ClientWrite[]): ReadonlyMap<Value, readonly ClientWrite[]> {
  const found = new Map<Value, ClientWrite[]>();
  for (const write of writes) {
    const value = write.replaced?.value;
    if (value === undefined || write.outcome !== 'acknowledged') continue;
    const known = found.get(value);
    if (known === undefined) found.set(value, [write]);
    else known.push(write);
  }
  return found;
}

/** The values that a key had on one side while it was absent on the other, according to its conflicts. */
function winnersAgainstDeletion(conflicts: readonly JournaledConflict[]): ReadonlySet<Value> {
  const winners = new Set<Value>();
  for (const { values } of conflicts) {
    for (const store of STORES) {
      const value = values[store];
      if (value !== undefined && values[otherStore(store)] === undefined) winners.add(value);
    }
  }
  return winners;
}

function wonLater(
  conflicts: readonly JournaledConflict[],
  writes: readonly ClientWrite[],
  deletion: ClientWrite,
  value: Value,
  found: ClientWrite | 'in the end',
): boolean {
  const { store } = deletion;
  const isBetween = (write: ClientWrite): boolean =>
    mayFollow(write, deletion) && (found === 'in the end' || surelyFollows(found, write));
  return conflicts.some(({ values, winner }) => {
    const loser = values[store];
    if (winner !== otherStore(store) || values[winner] !== value || loser === undefined) return false;
    return writes.some((write) => write.store === store && write.value === loser && isBetween(write));
  });
}

function explain(deletion: ClientWrite, value: Value, found: ClientWrite | 'in the end'): string {
  const where = found === 'in the end' ? found : `by a client whose write (${time(found)}) took its place`;
  return (
    `a client deleted ${show(value)} at ${deletion.store} (${time(deletion)}), but it was found there again ${where}, ` +
    'and no journal tells of a conflict with the deletion'
  );
}

function time({ invokedMs, endedMs }: ClientWrite): string {
  return `${Math.round(invokedMs)} to ${Math.round(endedMs)} ms`;
}

import type { ClientWrite, History, Key, Value, Violation } from './history.js';
import { byKey, isLostInRace, show } from './history.js';

const CHECKER = 'exact loss';

/**
 * S1 where clients' writes have conditions, so that each tells which value it took the place of: every value that was
 * acknowledged stands on both sides in the end, or is the very one that some client's write replaced, on whichever
 * side, or is in a journal or in the trash. That two writes came at about the same time excuses nothing.
 *
 * What is allowed besides, and why:
 * - a write of unknown outcome counts as one that replaced what it was to replace, as long as its own value has turned
 *   up anywhere. If it has not, it was not done; or it was, and its own value is what got lost. Of a deletion nobody
 *   can tell;
 * - a value that a client wrote to a recreated znode the moment before, where that is known: the exception of S3;
 * - an empty value: a znode without data and no key are the same;
 * - any write of the same key that does not tell what it replaced;
 * - an entry that is listed as held, left out or drifted, or a mapping that is held, may stand on either side only;
 * - a store that was wiped or restored from a backup after a write of the value has lost it by itself: what a client
 *   wrote there then took the place of what the backup had.
 */
export function checkExactLoss(history: History): Violation[] {
  const violations: Violation[] = [];
  const journaled = byKey(history.journal);
  const trashed = byKey(history.trash ?? []);
  for (const [key, writes] of byKey(history.writes)) {
    const possible = writes.filter(({ outcome }) => outcome !== 'refused');
    if (possible.some(({ replaced }) => replaced === undefined)) continue;
    const kept = new Set<Value | undefined>();
    for (const { values } of journaled.get(key) ?? []) kept.add(values.zookeeper).add(values.consul);
    for (const value of standing(history, key)) kept.add(value);
    for (const { value } of trashed.get(key) ?? []) kept.add(value);
    const replaced = replacedValues(possible, kept);
    for (const { value, outcome, ...write } of possible) {
      if (value === undefined || value === '' || outcome !== 'acknowledged') continue;
      if (kept.has(value) || replaced.has(value)) continue;
      if (possible.some((one) => one.value === value && isLostByItsStore(history, one))) continue;
      if (isLostInRace(history, { value, outcome, ...write })) continue;
      violations.push({ checker: CHECKER, key, explanation: explain(history, { value, outcome, ...write }) });
    }
  }
  return violations;
}

function isLostByItsStore({ replacements }: History, { store, invokedMs }: ClientWrite): boolean {
  return replacements.some((replacement) => replacement.store === store && replacement.atMs >= invokedMs);
}

/** What stands in the end: on both sides, or on either where that is excused. */
function standing({ finals, ending }: History, key: Key): readonly (Value | undefined)[] {
  const [zookeeper, consul] = [finals.zookeeper.get(key), finals.consul.get(key)];
  const isExcused = ending.mappingHolds.length > 0 || ending.setAside.has(key);
  return isExcused || zookeeper === consul ? [zookeeper, consul] : [];
}

/** The values that clients replaced. One of unknown outcome counts if its value has turned up. */
function replacedValues(
  writes: readonly ClientWrite[],
  kept: ReadonlySet<Value | undefined>,
): ReadonlySet<Value | undefined> {
  const found = new Set(kept);
  for (const { replaced } of writes) if (replaced !== undefined) found.add(replaced.value);
  const effective = writes.filter(
    ({ outcome, value }) => outcome === 'acknowledged' || value === undefined || found.has(value),
  );
  return new Set(effective.map(({ replaced }) => replaced?.value));
}

function explain({ finals }: History, { key, store, value, invokedMs, endedMs }: ClientWrite): string {
  return (
    `${show(value)} was acknowledged by ${store} (${Math.round(invokedMs)} to ${Math.round(endedMs)} ms), and no ` +
    `client replaced it; but ZooKeeper has ${show(finals.zookeeper.get(key))}, Consul ` +
    `${show(finals.consul.get(key))}, and no journal has it`
  );
}

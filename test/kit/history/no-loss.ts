import type { ClientWrite, History, Key, PerStore, Value, Violation } from './history.js';
import { byKey, isLostInRace, otherStore, show } from './history.js';

const CHECKER = 'no loss';

/**
 * S1: every value whose write was acknowledged stands on both sides in the end, or may have been superseded by a
 * client's write that came later or at the same time, or is in a journal or in the trash.
 *
 * What is allowed besides, and why:
 * - an entry that is listed as held, left out or drifted, and a mapping that is held, may stand on its own side only;
 * - a store that was wiped or restored from a backup after the write has lost it by itself;
 * - what replaced the same value at the other store replaces it here, too: a value has no owner;
 * - a value that a client wrote to a recreated znode the moment before, where that is known: the exception of S3;
 * - any write of the same key that may have come later excuses, on whichever side: which of two writes at about the
 *   same time comes later, only the stores know. (Where they tell, `justified-writes` is stricter.)
 */
export function checkNoLoss(history: History): Violation[] {
  const journaled = keptValues(history);
  const violations: Violation[] = [];
  for (const [key, writes] of byKey(history.writes)) {
    const ends = new LastEnds(writes);
    const firstInvoked = firstInvocations(writes);
    for (const write of writes) {
      if (write.value === undefined || write.value === '' || write.outcome !== 'acknowledged') continue;
      if (stands(history, write) || journaled.get(key)?.has(write.value) === true) continue;
      const elsewhereMs = firstInvoked[otherStore(write.store)].get(write.value) ?? Infinity;
      // Any other value that may have come later than this one, or than the same one at the other store.
      if (ends.ofOtherThan(write.value) >= Math.min(write.invokedMs, elsewhereMs)) continue;
      if (wasLostByItsStore(history, write) || isLostInRace(history, write)) continue;
      violations.push({ checker: CHECKER, key, explanation: explain(history, write) });
    }
  }
  return violations;
}

/** When, at the latest, something else than a value was written. For histories of many thousand writes to a key. */
class LastEnds {
  readonly #last: { readonly value: Value | undefined; readonly endedMs: number } | undefined;
  /** The last of all that wrote something else than the last one did. */
  readonly #lastOfOthersMs = -Infinity;

  constructor(writes: readonly ClientWrite[]) {
    for (const { value, outcome, endedMs } of writes) {
      if (outcome === 'refused') continue;
      if (this.#last === undefined || endedMs > this.#last.endedMs) {
        if (this.#last !== undefined && this.#last.value !== value) {
          this.#lastOfOthersMs = this.#last.endedMs;
        }
        this.#last = { value, endedMs };
      } else if (value !== this.#last.value) {
        this.#lastOfOthersMs = Math.max(this.#lastOfOthersMs, endedMs);
      }
    }
  }

  ofOtherThan(value: Value): number {
    if (this.#last === undefined) return -Infinity;
    return this.#last.value === value ? this.#lastOfOthersMs : this.#last.endedMs;
  }
}

/** When each value was first asked to be written, at each store; refused writes may excuse others as well. */
function firstInvocations(writes: readonly ClientWrite[]): PerStore<ReadonlyMap<Value, number>> {
  const first = { zookeeper: new Map<Value, number>(), consul: new Map<Value, number>() };
  for (const { store, value, invokedMs } of writes) {
    if (value === undefined) continue;
    first[store].set(value, Math.min(invokedMs, first[store].get(value) ?? Infinity));
  }
  return first;
}

function stands({ finals, ending }: History, { key, store, value }: ClientWrite): boolean {
  if (finals[store].get(key) !== value) return false;
  const isExcused = ending.mappingHolds.length > 0 || ending.setAside.has(key);
  return isExcused || finals[otherStore(store)].get(key) === value;
}

function wasLostByItsStore({ replacements }: History, write: ClientWrite): boolean {
  return replacements.some(({ store, atMs }) => store === write.store && atMs >= write.invokedMs);
}

function keptValues({ journal, trash = [] }: History): ReadonlyMap<Key, ReadonlySet<Value>> {
  const values = new Map<Key, Set<Value>>();
  for (const { key, values: both } of journal) {
    const known = values.get(key) ?? new Set();
    for (const value of [both.zookeeper, both.consul]) if (value !== undefined) known.add(value);
    values.set(key, known);
  }
  for (const { key, value } of trash) values.set(key, (values.get(key) ?? new Set()).add(value));
  return values;
}

function explain({ finals }: History, { key, store, value, invokedMs, endedMs }: ClientWrite): string {
  return (
    `${show(value)} was acknowledged by ${store} (${invokedMs} to ${endedMs} ms) and not written over by any client ` +
    `since, but ZooKeeper has ${show(finals.zookeeper.get(key))}, Consul ${show(finals.consul.get(key))}, and no ` +
    'journal has it'
  );
}

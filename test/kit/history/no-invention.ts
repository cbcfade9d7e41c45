import type { History, Key, Value, Violation } from './history.js';
import { byKey, show, STORES } from './history.js';

const CHECKER = 'no invention';

/**
 * Every value that stands anywhere in the end, or is in a journal or in the trash, was written by a client to that very key, by a write
 * that was not refused. Empty values are allowed everywhere: an inner znode has no data, whoever made it.
 */
export function checkNoInvention(history: History): Violation[] {
  const written = new Map<Key, ReadonlySet<Value | undefined>>();
  for (const [key, writes] of byKey(history.writes)) {
    written.set(key, new Set(writes.filter(isPossible).map(({ value }) => value)));
  }
  const violations: Violation[] = [];
  const check = (key: Key, value: Value | undefined, where: string): void => {
    if (value === undefined || value === '' || written.get(key)?.has(value) === true) return;
    violations.push({ checker: CHECKER, key, explanation: `${where} ${show(value)}, which no client wrote` });
  };
  for (const store of STORES) {
    for (const [key, value] of history.finals[store]) check(key, value, `${store} has`);
  }
  for (const { key, values, daemon } of history.journal) {
    for (const store of STORES) check(key, values[store], `the journal of ${daemon} has for ${store}`);
  }
  for (const { key, value } of history.trash ?? []) check(key, value, 'the trash has');
  return violations;
}

function isPossible({ outcome }: { readonly outcome: string }): boolean {
  return outcome !== 'refused';
}

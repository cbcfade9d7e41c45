import type { Side } from '../core/pair.js';
import type { ClientChanges } from '../ports/client-changes.js';
import { CLIENT_CHANGES_KEPT_HOURS, sumOf } from '../ports/client-changes.js';
import type { LmdbStore } from './lmdb-store.js';
import type { Staging } from './staging.js';
import { changesKey, changesOf, changesRange } from './tables.js';
import { decodeValue, encodeValue } from './value-codec.js';

/** Rows that are too old go with the commits, so many with each: more than it adds. */
const DROPPED_MAX = 500;
const PAGE = 1_000;

type Row = readonly [count: number, lastAtMs: number, upTo: bigint];

/** Adds to what was counted of the same hours and folders, and lets go of what is older than a week by then. */
export function addClientChanges(staging: Staging, mapping: number, counted: readonly ClientChanges[]): void {
  if (counted.length === 0) return;
  for (const one of counted) {
    const key = changesKey(mapping, one);
    const known = staging.get(key);
    const { count, lastAtMs, upTo } = known === undefined ? one : sumOf(rowOf(key, known), one);
    staging.put(key, encodeValue([count, lastAtMs, upTo] satisfies Row));
  }
  const newest = counted.reduce((hour, one) => Math.max(hour, one.hour), 0);
  let dropped = 0;
  for (const key of staging.keys(changesRange(mapping, 0, newest - CLIENT_CHANGES_KEPT_HOURS))) {
    if (++dropped > DROPPED_MAX) return;
    staging.remove(key);
  }
}

/** What was counted since an hour, in the order of hours. */
export function readClientChanges(
  store: LmdbStore,
  mapping: number,
  sinceHour: number,
): readonly ClientChanges[] {
  const found: ClientChanges[] = [];
  const { from, to } = changesRange(mapping, sinceHour);
  let page = store.range({ from, to, limit: PAGE });
  while (page.length > 0) {
    for (const { key, value } of page) found.push(rowOf(key, value));
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) break;
    page = store.range({ from: Buffer.concat([last.key, Buffer.of(0)]), to, limit: PAGE });
  }
  return found;
}

function rowOf(key: Buffer, value: Buffer): ClientChanges {
  const [count, lastAtMs, upTo] = decodeValue(value) as Row;
  const { hour, side, folder } = changesOf(key);
  return { hour, side: side satisfies Side, folder, count, lastAtMs, upTo };
}

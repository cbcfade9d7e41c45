import type { EntryKey, Reading } from '../../../src/core/observation.js';

/** How much a replica holds at a time. */
export interface ReadBounds {
  /** Entries in one page of a scan. */
  readonly pageEntries: number;
  /** Bytes of values in one answer; one value at least is always read. */
  readonly readBytesMax: number;
}

/**
 * Reads entries until their values would not fit into the answer; the others are `not-read`.
 * @param answered how many are answered at all
 */
export function readBounded(
  keys: readonly EntryKey[],
  { readBytesMax }: ReadBounds,
  readOne: (key: EntryKey) => Reading,
  answered = keys.length,
): ReadonlyMap<EntryKey, Reading> {
  const readings = new Map<EntryKey, Reading>();
  let bytes = 0;
  for (const [index, key] of keys.entries()) {
    if (index >= answered) {
      readings.set(key, { kind: 'unknown', reason: 'not-read' });
      continue;
    }
    const reading = readOne(key);
    const size = reading.kind === 'present' ? reading.value.length : 0;
    const isFull = size > 0 && bytes > 0 && bytes + size > readBytesMax;
    readings.set(key, isFull ? { kind: 'unknown', reason: 'not-read' } : reading);
    if (!isFull) bytes += size;
  }
  return readings;
}

/** The next items of an iterator, up to `count`. */
export function take<T>(items: Iterator<T>, count: number): T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const next = items.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}

import type { Pair } from '../core/pair.js';
import type { LmdbStore } from './lmdb-store.js';
import type { MappingHead, MappingSlot } from './mapping-slot.js';
import { numberKey, numberOf, tableKey, wholeRange } from './tables.js';
import type { JournalTally, PartTally } from './tallies.js';
import { decodeValue } from './value-codec.js';

/** The archive's mappings, few enough to be kept in memory, and its other small numbers. As they were committed last. */
export class ArchiveIndex {
  /** Parts that nothing belongs to any more, and that are still to be removed. */
  garbage: ReadonlySet<number>;
  /** See tables.ts. */
  nextNumber: number;
  private readonly byPlaces = new Map<string, MappingSlot>();

  constructor(
    store: LmdbStore,
    /** What the journals of all mappings may take together. */
    readonly journalMaxBytes: number,
  ) {
    const numbers = store.get(tableKey('numbers'));
    this.nextNumber = numbers === undefined ? 1 : (decodeValue(numbers) as number);
    this.garbage = new Set(Array.from(store.allKeys(wholeRange('garbage')), numberOf));
    for (const key of store.allKeys(wholeRange('mapping'))) this.load(store, numberOf(key));
  }

  slots(): MappingSlot[] {
    return [...this.byPlaces.values()];
  }

  /** What the journals of all mappings take together, and the open entries of it. */
  journals(): Pick<JournalTally, 'bytes' | 'openBytes'> {
    return sumJournals(this.slots().map(({ head }) => head));
  }

  /** The mapping of two places; an empty one where there is none. */
  slot(places: Pair<string>): MappingSlot {
    const name = JSON.stringify([places.left, places.right]);
    const known = this.byPlaces.get(name);
    if (known !== undefined) return known;
    const slot: MappingSlot = { places: { left: places.left, right: places.right }, head: undefined };
    this.byPlaces.set(name, slot);
    return slot;
  }

  private load(store: LmdbStore, number: number): void {
    const mapping = decodeStored<{ places: Pair<string>; part: number; journal: JournalTally }>(
      store.get(numberKey('mapping', number)),
    );
    const { places, part, journal } = mapping;
    const tally = decodeStored<PartTally>(store.get(numberKey('tally', part)));
    this.slot(places).head = { number, part, tally, journal };
  }
}

function decodeStored<T>(bytes: Buffer | undefined): T {
  if (bytes === undefined) throw new RangeError('a record that another one refers to is missing');
  return decodeValue(bytes) as T;
}

export function sumJournals(
  heads: readonly (MappingHead | undefined)[],
): Pick<JournalTally, 'bytes' | 'openBytes'> {
  let [bytes, openBytes] = [0, 0];
  for (const head of heads) {
    bytes += head?.journal.bytes ?? 0;
    openBytes += head?.journal.openBytes ?? 0;
  }
  return { bytes, openBytes };
}

import type { Conflict, ConflictSide } from '../core/conflict.js';
import { SIDES, pairOf } from '../core/pair.js';
import type { Pair, Side } from '../core/pair.js';
import type { JournalEntry, NewConflict } from '../ports/archive.js';
import { decodeValue, encodeValue } from './value-codec.js';

/** A journal entry but its values, which are stored apart: a settled one is written again without them. */
export interface StoredConflict extends Omit<Conflict, 'sides'> {
  readonly atMs: number;
  readonly open: boolean;
  readonly sides: Pair<StoredSide>;
  /** What the entry takes of the journal. */
  readonly bytes: number;
}

type StoredSide = Omit<ConflictSide, 'value'> & {
  /** The length of the value, undefined where there is none. */
  readonly valueBytes: number | undefined;
};

/** A new entry, ready to be stored. */
export interface PreparedConflict {
  readonly stored: StoredConflict;
  readonly values: Pair<Buffer | undefined>;
}

/** The keys of an entry in three tables, and what LMDB adds to each. */
const OVERHEAD_BYTES = 100;

/** @throws TypeError for what can't be stored exactly */
export function prepareConflict(conflict: NewConflict): PreparedConflict {
  const { sides, ...rest } = conflict;
  const values = pairOf((side) => bufferOf(sides[side].value));
  const stored = { ...rest, sides: pairOf((side) => storedSide(sides[side])), bytes: 0 };
  const valueBytes = (values.left?.length ?? 0) + (values.right?.length ?? 0);
  return { stored: { ...stored, bytes: encodeValue(stored).length + valueBytes + OVERHEAD_BYTES }, values };
}

export function encodeConflict(stored: StoredConflict): Buffer {
  return encodeValue(stored);
}

export function decodeConflict(bytes: Buffer): StoredConflict {
  return decodeValue(bytes) as StoredConflict;
}

/** The sides of an entry that have a value. */
export function sidesWithValue(stored: StoredConflict): Side[] {
  return SIDES.filter((side) => stored.sides[side].valueBytes !== undefined);
}

/** @throws RangeError when a value is not there, or is not as long as it was: an empty one is not the same as none */
export function journalEntry(
  id: number,
  stored: StoredConflict,
  values: Pair<Buffer | undefined>,
): JournalEntry {
  const { bytes: _, sides, ...rest } = stored;
  const whole = pairOf((side): ConflictSide => {
    const { valueBytes, ...known } = sides[side];
    const value = values[side];
    if (value?.length !== valueBytes) throw new RangeError(`the value of conflict ${id} is not whole`);
    return { ...known, value: value && new Uint8Array(value.buffer, value.byteOffset, value.length) };
  });
  return { ...rest, id, sides: whole };
}

function storedSide({ value, ...rest }: ConflictSide): StoredSide {
  return { ...rest, valueBytes: value?.length };
}

function bufferOf(value: Uint8Array | undefined): Buffer | undefined {
  return value && Buffer.from(value.buffer, value.byteOffset, value.length);
}

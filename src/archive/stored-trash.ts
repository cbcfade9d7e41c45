import type { NewTrash, TrashEntry, TrashSummary } from '../ports/trash.js';
import { decodeValue, encodeValue } from './value-codec.js';

/** A deleted value's circumstances. The value itself is stored apart, so that lists need not read it. */
export interface StoredTrash extends Omit<TrashSummary, 'id'> {
  /** What it takes of the journal. */
  readonly bytes: number;
}

/** Ready to be stored. */
export interface PreparedTrash {
  readonly stored: StoredTrash;
  readonly value: Buffer;
}

/** The keys in its tables, one of them twice, and what LMDB adds to each. */
const OVERHEAD_BYTES = 120;

/** @throws TypeError for what can't be stored exactly */
export function prepareTrash({ value, ...rest }: NewTrash): PreparedTrash {
  const stored = { ...rest, valueBytes: value.length, bytes: 0 };
  const keyBytes = Buffer.byteLength(rest.key);
  const bytes = encodeValue(stored).length + value.length + keyBytes + OVERHEAD_BYTES;
  return {
    stored: { ...stored, bytes },
    value: Buffer.from(value.buffer, value.byteOffset, value.length),
  };
}

export function encodeTrash(stored: StoredTrash): Buffer {
  return encodeValue(stored);
}

export function decodeTrash(bytes: Buffer): StoredTrash {
  return decodeValue(bytes) as StoredTrash;
}

export function trashSummary(id: number, { bytes: _, ...rest }: StoredTrash): TrashSummary {
  return { ...rest, id };
}

/** @throws RangeError when the value is not there, or is not as long as it was */
export function trashEntry(id: number, stored: StoredTrash, value: Buffer | undefined): TrashEntry {
  const { valueBytes, ...rest } = trashSummary(id, stored);
  if (value?.length !== valueBytes) throw new RangeError(`the value of trash ${id} is not whole`);
  return { ...rest, value: new Uint8Array(value.buffer, value.byteOffset, value.length) };
}

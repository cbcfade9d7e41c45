import type { EntryKey } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import type { ClientChanges } from '../ports/client-changes.js';
import { archiveKeyBytesMax, readEntryKey, writeEntryKey } from './entry-key-bytes.js';
import type { Range } from './lmdb-store.js';

/**
 * Where everything is in the data file. A key is a byte for the table, then numbers, the most significant byte first,
 * then what is particular to the table.
 *
 * A mapping has a number of its own, under which its journal is, and the number of its present part, under which
 * everything else is: to forget a mapping is to give it a new part. No number is ever used again.
 */
const TABLES = {
  /** What made this file, and in which format. */
  format: 1,
  /** Who writes this archive: one record, put there by the process that opened it last. */
  seat: 2,
  /** The next number to give to a mapping or a part. */
  numbers: 3,
  /** mapping: its two places, its part and the tally of its journal. */
  mapping: 4,
  /** part: how many records and marks of each kind there are. */
  tally: 5,
  /** part: the mapping's state. */
  state: 6,
  /** part, entry key: what is remembered of the entry. */
  record: 7,
  /** part, entry key: the entry's mark. */
  mark: 8,
  /** mapping, id: an entry of the journal but its values. */
  conflict: 9,
  /** mapping, id, side: the value at that side, as it is. */
  conflictValue: 10,
  /** mapping, id: the journal's open entries. */
  openConflict: 11,
  /** mapping, time, id: the journal's settled entries. */
  settledConflict: 12,
  /** part: no longer any mapping's; what is left of it has to be removed. */
  garbage: 13,
  /** mapping, id: a deleted value's circumstances. */
  trash: 14,
  /** mapping, id: the deleted value, as it is. */
  trashValue: 15,
  /** mapping, time, id: what is in the trash. */
  trashTime: 16,
  /** mapping, entry key: the id of the newest that is kept of the entry. */
  trashOf: 17,
  /** part, entry key: what a person has ordered for an entry that is marked so. */
  order: 18,
  /** mapping, hour, side, folder: how often clients changed entries there. */
  clientChanges: 19,
} as const;

type Table = keyof typeof TABLES;

const NUMBER_MAX = 0xffff_ffff;
/** A table, and a mapping or part. */
const PREFIX_BYTES = 5;
/** Times in milliseconds and ids fit into 48 bits for the next 8,000 years. */
const WIDE_BYTES = 6;
const WIDE_MAX = 2 ** 48 - 1;

/** Tables that are keyed by a part, where garbage can be. */
export const PART_TABLES = ['tally', 'state', 'record', 'mark', 'order'] as const satisfies readonly Table[];

export function tableKey(table: 'format' | 'seat' | 'numbers'): Buffer {
  return Buffer.of(TABLES[table]);
}

export function seatKey(token: Uint8Array): Buffer {
  return Buffer.concat([tableKey('seat'), token]);
}

export function numberKey(table: 'mapping' | 'tally' | 'state' | 'garbage', number: number): Buffer {
  return prefix(table, number);
}

/** @param number of the part, or of the mapping in `trashOf` */
export function entryKey(
  table: 'record' | 'mark' | 'order' | 'trashOf',
  number: number,
  key: EntryKey,
): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + Math.min(2 * archiveKeyBytesMax, 3 * key.length));
  writePrefix(bytes, table, number);
  return bytes.subarray(0, writeEntryKey(key, bytes, PREFIX_BYTES));
}

export function entryKeyOf(key: Buffer): EntryKey {
  return readEntryKey(key, PREFIX_BYTES);
}

export function idKey(
  table: 'conflict' | 'openConflict' | 'trash' | 'trashValue',
  mapping: number,
  id: number,
): Buffer {
  return Buffer.concat([prefix(table, mapping), wide(id)]);
}

export function conflictValueKey(mapping: number, id: number, side: Side): Buffer {
  return Buffer.concat([prefix('conflictValue', mapping), wide(id), Buffer.of(side === 'left' ? 0 : 1)]);
}

export function timeKey(
  table: 'settledConflict' | 'trashTime',
  mapping: number,
  atMs: number,
  id: number,
): Buffer {
  return Buffer.concat([prefix(table, mapping), wide(atMs), wide(id)]);
}

/** The id at the end of a key of the journal's tables, but for those of the conflicts' values. */
export function idOf(key: Buffer): number {
  return key.readUIntBE(key.length - WIDE_BYTES, WIDE_BYTES);
}

export function timeOf(key: Buffer): number {
  return key.readUIntBE(PREFIX_BYTES, WIDE_BYTES);
}

/** The mapping or part of a key. */
export function numberOf(key: Buffer): number {
  return key.readUInt32BE(1);
}

export function changesKey(
  mapping: number,
  { hour, side, folder }: Pick<ClientChanges, 'hour' | 'side' | 'folder'>,
): Buffer {
  const sideByte = side === 'left' ? 0 : 1;
  const isNamed = folder === undefined ? 0 : 1;
  const name = Buffer.from(folder ?? '');
  return Buffer.concat([prefix('clientChanges', mapping), wide(hour), Buffer.of(sideByte, isNamed), name]);
}

export function changesOf(key: Buffer): Pick<ClientChanges, 'hour' | 'side' | 'folder'> {
  const at = PREFIX_BYTES + WIDE_BYTES;
  const folder = key[at + 1] === 0 ? undefined : key.toString('utf8', at + 2);
  return {
    hour: key.readUIntBE(PREFIX_BYTES, WIDE_BYTES),
    side: key[at] === 0 ? 'left' : 'right',
    folder,
  };
}

/** What was counted from one hour on, and before another. */
export function changesRange(
  mapping: number,
  fromHour: number,
  beforeHour = WIDE_MAX,
): Pick<Range, 'from' | 'to'> {
  const at = (hour: number): Buffer => Buffer.concat([prefix('clientChanges', mapping), wide(hour)]);
  return { from: at(fromHour), to: at(beforeHour) };
}

/** Everything in a table, or everything in it of one mapping or part. */
export function wholeRange(table: Table, number?: number): Pick<Range, 'from' | 'to'> {
  if (number === undefined) return { from: Buffer.of(TABLES[table]), to: Buffer.of(TABLES[table] + 1) };
  return { from: prefix(table, number), to: prefix(table, number + 1) };
}

function prefix(table: Table, number: number): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES);
  writePrefix(bytes, table, number);
  return bytes;
}

function writePrefix(bytes: Buffer, table: Table, number: number): void {
  if (number > NUMBER_MAX) throw new RangeError('the archive has used up its numbers');
  bytes[0] = TABLES[table];
  bytes.writeUInt32BE(number, 1);
}

/** Clamped: a wall clock can show anything. */
function wide(value: number): Buffer {
  const bytes = Buffer.alloc(WIDE_BYTES);
  bytes.writeUIntBE(Math.min(Math.max(Math.trunc(value), 0), WIDE_MAX), 0, WIDE_BYTES);
  return bytes;
}

import type { ArchiveRecord } from '../core/archive-record.js';
import type { EntryKey } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import type { ClientChanges } from '../ports/client-changes.js';
import type { ArchiveChanges, EntryMark, RecordCounts } from '../ports/archive.js';
import { archiveKeyBytesMax, fitsArchive } from './entry-key-bytes.js';
import { prepareConflict } from './stored-conflict.js';
import type { PreparedConflict } from './stored-conflict.js';
import { prepareTrash } from './stored-trash.js';
import type { PreparedTrash } from './stored-trash.js';
import { markLabel, recordKind } from './tallies.js';
import { decodeValue, encodeValue } from './value-codec.js';

/** A commit as bytes. Whatever is wrong with it shows while it is made, before anything is in a transaction. */
export interface PreparedCommit {
  readonly records: readonly PreparedPut<keyof RecordCounts>[];
  readonly marks: readonly PreparedPut<string>[];
  readonly orders: readonly { readonly key: EntryKey; readonly value: Buffer }[];
  readonly conflicts: readonly PreparedConflict[];
  readonly trash: readonly PreparedTrash[];
  readonly settled: ReadonlyMap<number, Side>;
  /** Settled journal entries older than this go. */
  readonly dropBeforeMs: number;
  readonly state: Buffer | undefined;
  readonly clientChanges: readonly ClientChanges[];
}

/** A record or mark to put, counted under `label`; none to be removed. */
export interface PreparedPut<Label> {
  readonly key: EntryKey;
  readonly put: { readonly value: Buffer; readonly label: Label } | undefined;
}

/**
 * @throws RangeError when a key is longer than `archiveKeyBytesMax`
 * @throws TypeError for what can't be stored exactly
 */
export function prepareCommit(changes: ArchiveChanges, journalKeepMs: number): PreparedCommit {
  const { records, marks, conflicts = [], trash = [], settled = new Map<number, Side>(), state } = changes;
  // The archive has no clock; when there is a new entry, that is the time.
  const newest = [...conflicts, ...trash].reduce((latest, { atMs }) => Math.max(latest, atMs), -Infinity);
  for (const { key } of trash) checkLength(key);
  return {
    records: prepareAll(records, (record) => ({ value: encodeRecord(record), label: recordKind(record) })),
    marks: prepareAll(marks, (mark) => ({ value: encodeValue(mark), label: markLabel(mark) })),
    orders: Array.from(changes.orders ?? [], ([key, order]) => ({ key, value: encodeValue(order) })),
    conflicts: conflicts.map(prepareConflict),
    trash: trash.map(prepareTrash),
    settled: new Map(settled),
    dropBeforeMs: Math.max(changes.dropSettledBeforeMs ?? -Infinity, newest - journalKeepMs),
    state: state && encodeValue(state),
    clientChanges: [...(changes.clientChanges ?? [])],
  };
}

function prepareAll<T, Label>(
  puts: ReadonlyMap<EntryKey, T | undefined> | undefined,
  prepare: (value: T) => { value: Buffer; label: Label },
): PreparedPut<Label>[] {
  return Array.from(puts ?? [], ([key, value]) => {
    checkLength(key);
    return { key, put: value === undefined ? undefined : prepare(value) };
  });
}

function checkLength(key: EntryKey): void {
  if (fitsArchive(key)) return;
  const bytes = Buffer.byteLength(key);
  throw new RangeError(
    `The archive can't hold a key of ${bytes} bytes (${archiveKeyBytesMax} at most): ${key.slice(0, 100)}…`,
  );
}

/** Kinds of records as stored in front of each, so that one that is replaced is counted without being decoded. */
const KINDS = ['entries', 'sessionBound', 'structure'] as const satisfies readonly (keyof RecordCounts)[];

function encodeRecord(record: ArchiveRecord): Buffer {
  return encodeValue(record, KINDS.indexOf(recordKind(record)));
}

export function decodeRecord(bytes: Buffer): ArchiveRecord {
  return decodeValue(bytes.subarray(1)) as ArchiveRecord;
}

export function storedRecordKind(bytes: Buffer | undefined): keyof RecordCounts | undefined {
  return bytes && KINDS[bytes.readUInt8()];
}

export function decodeMark(bytes: Buffer): EntryMark {
  return decodeValue(bytes) as EntryMark;
}

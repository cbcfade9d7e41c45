/**
 * The JSON of `/v1/txn`, exact to the last bit: Consul's flags and indexes are 64-bit, JavaScript's JSON numbers are not.
 * Bodies are therefore put together by hand, and long numbers in answers are made strings before they are parsed.
 */

/** Operations of a transaction, by Consul's names (agent/consul/state/txn.go). */
export type TransactionOperation =
  /** The entry with its value. */
  | { readonly verb: 'get'; readonly key: string }
  /** Fails unless the key is at this ModifyIndex; sends no value. Needs permission to read the key. */
  | { readonly verb: 'check-index'; readonly key: string; readonly index: bigint }
  /** Fails if the key exists. Needs permission to write the key. */
  | { readonly verb: 'check-not-exists'; readonly key: string }
  /** Sets the key if it is still at this ModifyIndex, or, with 0, if it does not exist. */
  | {
      readonly verb: 'cas';
      readonly key: string;
      readonly value: Uint8Array;
      readonly flags: bigint;
      readonly index: bigint;
    }
  /** Deletes the key if it is still at this ModifyIndex. Passes if it is gone already. */
  | { readonly verb: 'delete-cas'; readonly key: string; readonly index: bigint };

/** A key as Consul holds it. */
export interface StoredEntry {
  readonly key: string;
  /** Empty in the results of all verbs but `get`. */
  readonly value: Uint8Array;
  readonly flags: bigint;
  readonly createIndex: bigint;
  readonly modifyIndex: bigint;
  /** The session that holds the key's lock. */
  readonly session: string | undefined;
}

export interface OperationFailure {
  /** Position of the operation in its transaction. */
  readonly position: number;
  readonly what: string;
}

export type TransactionAnswer =
  /** All operations passed. Entries the token may not read are left out, without a word. */
  | { readonly kind: 'passed'; readonly entries: ReadonlyMap<string, StoredEntry> }
  /** Nothing was applied. Names every operation that failed; where permissions failed, only those. */
  | { readonly kind: 'failed'; readonly failures: readonly OperationFailure[] };

export function encodeTransaction(operations: readonly TransactionOperation[]): Buffer {
  return Buffer.from(`[${operations.map(encodeOperation).join(',')}]`);
}

/** One operation of a transaction's body. */
export function encodeOperation(operation: TransactionOperation): string {
  const head = `{"KV":{"Verb":"${operation.verb}","Key":${JSON.stringify(operation.key)}`;
  switch (operation.verb) {
    case 'get':
    case 'check-not-exists':
      return `${head}}}`;
    case 'check-index':
    case 'delete-cas':
      return `${head},"Index":${operation.index}}}`;
    case 'cas':
      return `${head},"Index":${operation.index},"Flags":${operation.flags},"Value":"${base64(operation.value)}"}}`;
  }
}

/** The most that a write with this key and value takes of a transaction's body, besides its two brackets. */
export function encodedWriteBytes(key: string, valueBytes: number): number {
  return WRITE_FRAME_BYTES + Buffer.byteLength(JSON.stringify(key)) + 4 * Math.ceil(valueBytes / 3);
}

/** Of 64 bits. */
const LONGEST_NUMBER = 18446744073709551615n;
const LONGEST_WRITE = {
  verb: 'cas',
  key: '',
  value: new Uint8Array(),
  flags: LONGEST_NUMBER,
  index: LONGEST_NUMBER,
} as const;
/** All of a write but its value and its quoted key, and the comma before the next. */
const WRITE_FRAME_BYTES = encodeOperation(LONGEST_WRITE).length - '""'.length + ','.length;

/**
 * @param passed whether the answer's status was 200 (else 409)
 * @throws Error with the fault when this is not the answer to a transaction
 */
export function decodeTransaction(body: Buffer, passed: boolean): TransactionAnswer {
  const answer = parseExact(body);
  if (!isRecord(answer)) throw new Error('the answer to a transaction is not an object');
  const failures = listOf(answer['Errors']).map(decodeFailure);
  if (!passed) {
    if (failures.length === 0) throw new Error('a failed transaction names no failed operation');
    return { kind: 'failed', failures };
  }
  if (failures.length > 0) throw new Error('a transaction passed and failed at once');
  if (!('Results' in answer)) throw new Error('the answer to a transaction has no results');
  const entries = new Map<string, StoredEntry>();
  for (const result of listOf(answer['Results'])) {
    const entry = decodeEntry(isRecord(result) ? result['KV'] : undefined);
    entries.set(entry.key, entry);
  }
  return { kind: 'passed', entries };
}

/**
 * The entries of an answer to `GET /v1/kv/...`.
 * @param body is changed
 * @param pieceBytes about how much is parsed at once
 */
export function decodeEntries(body: Buffer, pieceBytes: number = PIECE_BYTES): StoredEntry[] {
  return parseFlatObjects(body, pieceBytes).map(decodeEntry);
}

/** Numbers that may not fit a JavaScript number. A JSON string can hold no unescaped quote, so this matches members only. */
const LONG_NUMBER = /"(Flags|CreateIndex|ModifyIndex|LockIndex)":\s*(\d{16,})/g;

/** Parses JSON, with the 64-bit numbers of at least 16 digits as strings. */
export function parseExact(body: Buffer): unknown {
  return JSON.parse(body.toString('utf8').replace(LONG_NUMBER, '"$1":"$2"'));
}

/**
 * Parses a list of objects with no objects in them. A long one is parsed in pieces, since V8 puts every string of more than
 * 128 KiB into memory of its own: that took four times what parsing took (measured).
 */
function parseFlatObjects(body: Buffer, pieceBytes: number): readonly unknown[] {
  if (body[0] !== OPENING_BRACKET) return listOf(parseExact(body));
  const items: unknown[] = [];
  for (const piece of piecesOf(body, pieceBytes)) items.push(...listOf(parseExact(piece)));
  return items;
}

/** Well below 128 KiB with an item that is a little longer than others. */
const PIECE_BYTES = 96 * 1024;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const BETWEEN_OBJECTS = Buffer.from('},{"');

/** Lists that are together the list in `body`, which is changed: commas between its objects become brackets, one at a time. */
function* piecesOf(body: Buffer, pieceBytes: number): Generator<Buffer> {
  let start = 0;
  for (;;) {
    const comma = commaAfter(body, start + pieceBytes);
    if (comma === undefined) break;
    body[comma] = CLOSING_BRACKET;
    yield body.subarray(start, comma + 1);
    body[comma] = OPENING_BRACKET;
    start = comma;
  }
  yield body.subarray(start);
}

/** A quote that a letter follows opens a string, so that the braces and the comma before it are in none. */
function commaAfter(body: Buffer, from: number): number | undefined {
  for (let at = body.indexOf(BETWEEN_OBJECTS, from); at !== -1; at = body.indexOf(BETWEEN_OBJECTS, at + 1)) {
    if (isLetter(body[at + BETWEEN_OBJECTS.length] ?? 0)) return at + 1;
  }
  return undefined;
}

function isLetter(byte: number): boolean {
  const upper = byte & 0xdf;
  return upper >= 0x41 && upper <= 0x5a;
}

/** @throws Error with the fault */
export function decodeEntry(value: unknown): StoredEntry {
  if (!isRecord(value) || typeof value['Key'] !== 'string') throw new Error('an entry has no key');
  const encoded = value['Value'];
  if (typeof encoded !== 'string' && encoded !== null && encoded !== undefined) {
    throw new Error('the value of an entry is not text');
  }
  const session = value['Session'];
  return {
    key: value['Key'],
    value: unbase64(encoded ?? ''),
    flags: exactNumber(value['Flags'], 'Flags'),
    createIndex: exactNumber(value['CreateIndex'], 'CreateIndex'),
    modifyIndex: exactNumber(value['ModifyIndex'], 'ModifyIndex'),
    session: typeof session === 'string' && session !== '' ? session : undefined,
  };
}

/** @throws Error with the fault */
export function decodeFailure(value: unknown): OperationFailure {
  if (!isRecord(value) || typeof value['OpIndex'] !== 'number' || typeof value['What'] !== 'string') {
    throw new Error('a failed operation is not told as one');
  }
  return { position: value['OpIndex'], what: value['What'] };
}

/** @throws Error where it is none */
export function exactNumber(value: unknown, name: string): bigint {
  if (typeof value === 'string' || Number.isSafeInteger(value)) return BigInt(value as string | number);
  throw new Error(`${name} is not a whole number`);
}

/** Consul writes an empty list as null. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw new Error('a list is expected');
  return value;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function base64(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
}

/** A plain array, since callers compare and keep values as such. */
function unbase64(text: string): Uint8Array {
  const { buffer, byteOffset, byteLength } = Buffer.from(text, 'base64');
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** What Consul says of a failed operation, as far as it matters. */
export type FailureKind =
  | 'missing'
  | 'exists'
  /** Not at the index that the operation names. */
  | 'stale'
  | 'denied'
  /** The server's own failure, such as `failed kvs lookup`. */
  | 'broken'
  /** Anything else is taken for an objection to the operation, such as `Must provide key`. */
  | 'refused';

/** Reads the text of a failed operation; the key in it is quoted, so only its two ends are trusted. */
export function failureKind(what: string): FailureKind {
  if (what.startsWith('Permission denied')) return 'denied';
  if (/^(key|service|node|check) ".*" doesn't exist$/su.test(what)) return 'missing';
  if (what.startsWith('key "') && what.endsWith('" exists')) return 'exists';
  if (/^failed to (set|delete) (key|service|node) ".*", index is stale$/su.test(what)) return 'stale';
  if (what.startsWith('failed index check for key ') || what.startsWith('failed to check index, key '))
    return 'stale';
  return what.startsWith('failed ') ? 'broken' : 'refused';
}

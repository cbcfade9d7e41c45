import type { EntryKey } from '../core/observation.js';

/**
 * Entry keys as bytes whose order is that of `compareKeys`, so that a range of the data file is a walk in key order.
 *
 * Each UTF-16 code unit becomes one code of its own, no code is the beginning of another, and the codes are in the
 * order that `compareKeys` gives to the units: `/` is the lowest byte, surrogates are above everything else. Any string
 * has an encoding, a lone surrogate too, and no two have the same.
 */

/**
 * The longest key that the archive can hold, in bytes of UTF-8. An entry with a longer one can't be mirrored.
 * No code is longer than twice the UTF-8 of its unit, so that twice this still fits into a key of the data file.
 */
export const archiveKeyBytesMax = 2_000;

const SLASH = 0x2f;
const SEPARATOR = 0x00;
/** In front of U+0000 and U+0001, whose own bytes are taken. What follows tells them apart. */
const ESCAPE = 0x01;
const ESCAPED_NUL = 0x01;
const ESCAPED_ONE = 0x02;
/** In front of a surrogate's eleven bits. Above the first byte of every other code. */
const SURROGATE = 0xf0;

export function fitsArchive(key: EntryKey): boolean {
  return key.length <= archiveKeyBytesMax && Buffer.byteLength(key) <= archiveKeyBytesMax;
}

/**
 * Writes the bytes of `key` into `target`, from `at` on.
 * @returns the position behind the last one
 * @throws RangeError when the key is longer than `archiveKeyBytesMax`
 */
export function writeEntryKey(key: EntryKey, target: Uint8Array, at: number): number {
  if (!fitsArchive(key))
    throw new RangeError(`a key of ${Buffer.byteLength(key)} bytes; ${archiveKeyBytesMax} is the most`);
  let end = at;
  for (let i = 0; i < key.length; i++) end = writeUnit(key.charCodeAt(i), target, end);
  return end;
}

function writeUnit(unit: number, target: Uint8Array, at: number): number {
  let end = at;
  if (unit === SLASH) {
    target[end++] = SEPARATOR;
  } else if (unit < 0x02) {
    target[end++] = ESCAPE;
    target[end++] = unit === 0 ? ESCAPED_NUL : ESCAPED_ONE;
  } else if (unit < 0x80) {
    target[end++] = unit;
  } else if (unit < 0x800) {
    target[end++] = 0xc0 | (unit >> 6);
    target[end++] = 0x80 | (unit & 0x3f);
  } else {
    const isSurrogate = unit >= 0xd800 && unit <= 0xdfff;
    const bits = isSurrogate ? unit - 0xd800 : unit;
    target[end++] = isSurrogate ? SURROGATE : 0xe0 | (bits >> 12);
    target[end++] = 0x80 | ((bits >> 6) & 0x3f);
    target[end++] = 0x80 | (bits & 0x3f);
  }
  return end;
}

/** The key that `writeEntryKey` made `bytes` of, from `start` to their end. */
export function readEntryKey(bytes: Buffer, start: number): EntryKey {
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte >= 0x80 || byte === ESCAPE) return readUnits(bytes, start);
  }
  return bytes.toString('latin1', start).replaceAll('\0', '/');
}

function readUnits(bytes: Buffer, start: number): EntryKey {
  let key = '';
  for (let i = start; i < bytes.length;) {
    const [first = 0, second = 0, third = 0] = [bytes[i], bytes[i + 1], bytes[i + 2]];
    const [unit, length] = readUnit(first, second & 0x3f, third & 0x3f);
    key += String.fromCharCode(unit);
    i += length;
  }
  return key;
}

function readUnit(first: number, second: number, third: number): [unit: number, length: number] {
  if (first === SEPARATOR) return [SLASH, 1];
  if (first === ESCAPE) return [second === ESCAPED_NUL ? 0 : 1, 2];
  if (first < 0x80) return [first, 1];
  if (first < 0xe0) return [((first & 0x1f) << 6) | second, 2];
  if (first === SURROGATE) return [0xd800 + ((second << 6) | third), 3];
  return [((first & 0x0f) << 12) | (second << 6) | third, 3];
}

/**
 * Values as bytes: anything made of plain objects, arrays, strings, numbers, bigints of up to 64 bits, booleans,
 * undefined, null and byte arrays. What is read equals what was written exactly: a property that is undefined is not
 * the same as one that is missing, -0, NaN and the infinities are numbers, and a lone surrogate is a character.
 *
 * The first byte tells what follows. Strings that occur in nearly every record take one byte (`WORDS`).
 */

const UNDEFINED = 0x00;
const NULL = 0x01;
const FALSE = 0x02;
const TRUE = 0x03;
/** A safe integer from 0 up, as a varint. */
const INTEGER = 0x04;
/** A safe integer below 0: the varint of `-1 - n`. */
const NEGATIVE_INTEGER = 0x05;
const DOUBLE = 0x06;
/** A bigint in the range of `INTEGER`, as a varint. */
const SMALL_BIGINT = 0x07;
const UNSIGNED_BIGINT = 0x08;
const SIGNED_BIGINT = 0x09;
const UTF8 = 0x0a;
/** A string that is not well-formed, which UTF-8 could not carry. */
const UTF16 = 0x0b;
const BYTES = 0x0c;
const ARRAY = 0x0d;
const OBJECT = 0x0e;
/** From here on, the byte is an integer from 0 to 63 itself. */
const TINY_INTEGER = 0x40;
const TINY_INTEGERS = 0x40;
/** From here on, the byte is the place of a string in `WORDS`. */
const WORD = 0x80;

/** Only ever appended to, and never longer than 128: the place of a word is in every archive. */
const WORDS: readonly string[] = [
  ...['kind', 'entry', 'structure', 'digest', 'empty', 'versions', 'left', 'right', 'modified', 'created'],
  ...[
    'revision',
    'copy',
    'session',
    'mirrorRewrites',
    'oscillation',
    'side',
    'replaced',
    'rounds',
    'lastAtMs',
  ],
  ...[
    'version',
    'owner',
    'daemon',
    'client',
    'hold',
    'skip',
    'drift',
    'held-deletion',
    'held-overwrite',
    'reason',
  ],
  ...[
    'sinceMs',
    'detail',
    'on',
    'approved',
    'added',
    'changed',
    'deleted',
    'key',
    'winner',
    'rule',
    'ambiguous',
  ],
  ...[
    'sides',
    'value',
    'flags',
    'written',
    'earliestMs',
    'latestMs',
    'atMs',
    'open',
    'id',
    'generation',
    'recent',
  ],
  ...['access', 'inner', 'writtenAtMs', 'valueBytes', 'bytes', 'content', 'replaces', 'origin', 'ordered'],
];
const PLACES: ReadonlyMap<string, number> = new Map(WORDS.map((word, place) => [word, place]));

/** Up to here, numbers can be shifted. */
const INT32_MAX = 0x7fff_ffff;

/** Deeper than anything that is stored, and shallow enough for the stack. */
const DEPTH_MAX = 100;

/**
 * @param before bytes to put in front of what `decodeValue` is to be given
 * @throws TypeError for what can't be stored exactly
 */
export function encodeValue(value: unknown, ...before: readonly number[]): Buffer {
  const writer = new Writer();
  for (const byte of before) writer.byte(byte);
  writer.value(value, 0);
  return writer.take();
}

/** @throws RangeError when `bytes` is not what `encodeValue` made */
export function decodeValue(bytes: Buffer): unknown {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (!reader.isAtEnd()) throw new RangeError('the value is followed by something else');
  return value;
}

/** Shared by all writers, which are done before another one begins. Given up for a new one when a value outgrows it. */
let scratch = Buffer.allocUnsafeSlow(0x4000);
const SCRATCH_KEPT_MAX = 0x40000;

class Writer {
  private buffer = scratch;
  private end = 0;

  take(): Buffer {
    scratch = this.buffer.length <= SCRATCH_KEPT_MAX ? this.buffer : scratch;
    const bytes = Buffer.allocUnsafe(this.end);
    this.buffer.copy(bytes, 0, 0, this.end);
    return bytes;
  }

  value(value: unknown, depth: number): void {
    if (depth > DEPTH_MAX) throw new TypeError('a value nested too deeply, or in itself, can not be stored');
    if (typeof value === 'string') this.string(value);
    else if (typeof value === 'number') this.number(value);
    else if (typeof value === 'bigint') this.bigint(value);
    else if (typeof value === 'boolean') this.byte(value ? TRUE : FALSE);
    else if (value === undefined) this.byte(UNDEFINED);
    else if (value === null) this.byte(NULL);
    else if (value instanceof Uint8Array) this.bytes(BYTES, value);
    else if (Array.isArray(value)) this.array(value, depth);
    else if (typeof value === 'object' && isPlain(value)) this.object(value, depth);
    else throw new TypeError(`${Object.prototype.toString.call(value)} can not be stored`);
  }

  private array(values: readonly unknown[], depth: number): void {
    this.byte(ARRAY);
    this.varint(values.length);
    for (const value of values) this.value(value, depth + 1);
  }

  private object(object: object, depth: number): void {
    const names = Object.keys(object);
    this.byte(OBJECT);
    this.varint(names.length);
    for (const name of names) {
      this.string(name);
      this.value((object as Readonly<Record<string, unknown>>)[name], depth + 1);
    }
  }

  private string(text: string): void {
    const place = PLACES.get(text);
    if (place !== undefined) this.byte(WORD + place);
    else if (!text.isWellFormed()) this.bytes(UTF16, Buffer.from(text, 'utf16le'));
    else this.utf8(text);
  }

  private utf8(text: string): void {
    const length = Buffer.byteLength(text);
    this.byte(UTF8);
    this.varint(length);
    this.end += this.room(length).write(text, this.end, length);
  }

  private number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this.byte(DOUBLE);
      this.end = this.room(8).writeDoubleLE(value, this.end);
    } else if (value >= 0 && value < TINY_INTEGERS) {
      this.byte(TINY_INTEGER + value);
    } else {
      this.byte(value >= 0 ? INTEGER : NEGATIVE_INTEGER);
      this.varint(value >= 0 ? value : -1 - value);
    }
  }

  private bigint(value: bigint): void {
    const number = Number(value);
    // What is beyond the safe integers stays there when it is rounded.
    if (number >= 0 && Number.isSafeInteger(number)) {
      this.byte(SMALL_BIGINT);
      this.varint(number);
    } else if (BigInt.asUintN(64, value) === value) {
      this.byte(UNSIGNED_BIGINT);
      this.end = this.room(8).writeBigUInt64LE(value, this.end);
    } else if (BigInt.asIntN(64, value) === value) {
      this.byte(SIGNED_BIGINT);
      this.end = this.room(8).writeBigInt64LE(value, this.end);
    } else {
      throw new TypeError('a bigint of more than 64 bits can not be stored');
    }
  }

  private bytes(type: number, bytes: Uint8Array): void {
    this.byte(type);
    this.varint(bytes.length);
    this.room(bytes.length).set(bytes, this.end);
    this.end += bytes.length;
  }

  byte(byte: number): void {
    this.room(1)[this.end++] = byte;
  }

  private varint(value: number): void {
    let rest = value;
    for (; rest > INT32_MAX; rest = Math.floor(rest / 0x80)) this.byte((rest % 0x80) | 0x80);
    for (; rest >= 0x80; rest >>= 7) this.byte((rest & 0x7f) | 0x80);
    this.byte(rest);
  }

  private room(length: number): Buffer {
    if (this.end + length > this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(2 * (this.end + length));
      larger.set(this.buffer.subarray(0, this.end));
      this.buffer = larger;
    }
    return this.buffer;
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

class Reader {
  private at = 0;

  constructor(private readonly buffer: Buffer) {}

  isAtEnd(): boolean {
    return this.at === this.buffer.length;
  }

  value(depth: number): unknown {
    const type = this.byte();
    if (type >= WORD) return this.word(type - WORD);
    if (type >= TINY_INTEGER) return type - TINY_INTEGER;
    switch (type) {
      case UNDEFINED:
        return undefined;
      case NULL:
        return null;
      case FALSE:
        return false;
      case TRUE:
        return true;
      case INTEGER:
        return this.varint();
      case NEGATIVE_INTEGER:
        return -1 - this.varint();
      case DOUBLE:
        return this.buffer.readDoubleLE(this.advance(8));
      case SMALL_BIGINT:
        return BigInt(this.varint());
      case UNSIGNED_BIGINT:
        return this.buffer.readBigUInt64LE(this.advance(8));
      case SIGNED_BIGINT:
        return this.buffer.readBigInt64LE(this.advance(8));
      case UTF8:
        return this.bytes().toString();
      case UTF16:
        return this.bytes().toString('utf16le');
      case BYTES:
        return new Uint8Array(this.bytes());
      case ARRAY:
        return this.array(depth);
      case OBJECT:
        return this.object(depth);
      default:
        throw new RangeError(`no value begins with the byte ${type}`);
    }
  }

  private array(depth: number): unknown[] {
    if (depth > DEPTH_MAX) throw new RangeError('values nested too deeply');
    const values: unknown[] = [];
    for (let left = this.varint(); left > 0; left--) values.push(this.value(depth + 1));
    return values;
  }

  private object(depth: number): Record<string, unknown> {
    if (depth > DEPTH_MAX) throw new RangeError('values nested too deeply');
    const object: Record<string, unknown> = {};
    for (let left = this.varint(); left > 0; left--) {
      const name = this.name(depth + 1);
      const value = this.value(depth + 1);
      if (name !== '__proto__') object[name] = value;
      else
        Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
    }
    return object;
  }

  private name(depth: number): string {
    const name = this.value(depth);
    if (typeof name !== 'string') throw new RangeError('a property without a name');
    return name;
  }

  private word(place: number): string {
    const word = WORDS[place];
    if (word === undefined) throw new RangeError(`no word number ${place}`);
    return word;
  }

  private bytes(): Buffer {
    const length = this.varint();
    const start = this.advance(length);
    return this.buffer.subarray(start, start + length);
  }

  private varint(): number {
    let value = 0;
    for (let scale = 1; scale <= Number.MAX_SAFE_INTEGER; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number without an end');
  }

  private byte(): number {
    const byte = this.buffer[this.at++];
    if (byte === undefined) throw new RangeError('the value is cut off');
    return byte;
  }

  /** Where the next `length` bytes begin. */
  private advance(length: number): number {
    const start = this.at;
    if (start + length > this.buffer.length) throw new RangeError('the value is cut off');
    this.at += length;
    return start;
  }
}

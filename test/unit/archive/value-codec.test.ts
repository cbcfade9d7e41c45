import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeValue, encodeValue } from '../../../src/archive/value-codec.js';
import { entryRecord } from '../../kit/archive-samples.js';

/** Anything that can be stored, named after words of the codec's own now and then. */
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(
      undefined,
      null,
      true,
      false,
      -0,
      NaN,
      Infinity,
      -Infinity,
      2 ** 53,
      -(2 ** 53),
      63,
      64,
      127,
      128,
    ),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.constantFrom(2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, -1n, -(2n ** 63n)),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('kind', 'left', '\ud800', 'a\udc00b'),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('kind', '1', '')), tie('value'), {
      maxKeys: 5,
      noNullPrototype: true,
    }),
  ),
}));

describe('the value codec', () => {
  it('reads back exactly what was written: types, undefined properties, signs of zero', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(decodeValue(encodeValue(value))).toStrictEqual(value);
      }),
      { numRuns: 1_000 },
    );
  });

  it('tells a property that is undefined from one that is missing', () => {
    expect(Object.keys(decodeValue(encodeValue({ copy: undefined })) as object)).toEqual(['copy']);
    expect(Object.keys(decodeValue(encodeValue({})) as object)).toEqual([]);
  });

  it('takes a property named __proto__ for a property', () => {
    const read = decodeValue(encodeValue(JSON.parse('{"__proto__":{"polluted":1}}'))) as object;
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect(Object.keys(read)).toEqual(['__proto__']);
  });

  it("gives byte arrays that are nobody else's", () => {
    const bytes = encodeValue({ value: Buffer.from('abc') });
    const { value } = decodeValue(bytes) as { value: Uint8Array };
    bytes.fill(0);
    expect(value).toStrictEqual(new Uint8Array([0x61, 0x62, 0x63]));
  });

  it('refuses what it could not give back', () => {
    const circular: unknown[] = [];
    circular.push(circular);
    for (const value of [
      2n ** 64n,
      -(2n ** 63n) - 1n,
      new Map(),
      new Date(0),
      () => 1,
      Symbol('s'),
      circular,
    ]) {
      expect(() => encodeValue({ value })).toThrow(TypeError);
    }
  });

  it('throws on anything that it did not write itself, and never reads on', () => {
    fc.assert(
      fc.property(anyValue, fc.nat(), fc.nat(255), (value, place, byte) => {
        const bytes = encodeValue(value);
        const cut = bytes.subarray(0, place % bytes.length);
        expect(() => decodeValue(cut)).toThrow(RangeError);
        expect(() => decodeValue(Buffer.concat([bytes, Buffer.of(byte)]))).toThrow(RangeError);
        const changed = Buffer.from(bytes);
        changed[place % bytes.length] = byte;
        try {
          decodeValue(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('stores a record in little more than its own content', () => {
    const digest = 'd'.repeat(43);
    expect(encodeValue(entryRecord(1_000_000, { digest })).length).toBeLessThan(43 + 60);
  });

  it('S7: reads what every earlier version wrote', () => {
    const oscillation = { side: 'left', replaced: 'ä', rounds: -2, lastAtMs: 1.5 } as const;
    const written =
      '0e088081830a0a6469676573742d3330308402850e02860e038807ac82808050890780808080508a04ac02' +
      '870e038807ac028907018a408b008c008d408e0e048f86900a02c3a49105019206000000000000f83f';
    expect(decodeValue(Buffer.from(written, 'hex'))).toStrictEqual(entryRecord(300, { oscillation }));
  });
});

import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  decodeKey,
  decodeSegment,
  encodeKey,
  encodeSegment,
  isLegalSegment,
} from '../../../src/core/key-codec.js';

/** Any sequence of UTF-16 code units, lone surrogates included. */
const anyUnits = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd7fe, max: 0xe001 })), {
    maxLength: 12,
  })
  .map((units) => String.fromCharCode(...units));

/** Pieces of escapes, so that names that look like encodings, and shifted ones, come up all the time. */
const lookalikes = fc
  .array(
    fc.constantFrom(
      '%',
      '%',
      '.',
      '2',
      '5',
      '0',
      '9',
      'E',
      'empty',
      'u',
      'D8',
      '%2E',
      '%09',
      '%25',
      '\t',
      '\ud800',
      '😀',
      'a',
    ),
    {
      maxLength: 8,
    },
  )
  .map((pieces) => pieces.join(''));

const anyText = fc.oneof(
  anyUnits,
  lookalikes,
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
);
const segments = anyText.map((text) => text.replaceAll('/', ''));
/** Legal names, many of them encodings of something. */
const legalNames = fc.oneof(segments.filter(isLegalSegment), segments.map(encodeSegment));
const keys = fc.oneof(
  fc.array(segments, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
  fc.string({ unit: fc.constantFrom('/', '.', '%', '2', 'E', 'a'), maxLength: 10 }),
);
const runs = { numRuns: 5_000 };

describe('the key codec is a bijection', () => {
  it('brings every segment back', () => {
    fc.assert(
      fc.property(segments, (raw) => {
        expect(decodeSegment(encodeSegment(raw))).toBe(raw);
      }),
      runs,
    );
  });

  it('brings every legal name back, so no two names share a segment', () => {
    fc.assert(
      fc.property(legalNames, (name) => {
        expect(encodeSegment(decodeSegment(name))).toBe(name);
      }),
      runs,
    );
  });

  it('makes only names that a strict store accepts', () => {
    fc.assert(
      fc.property(segments, (raw) => {
        expect(isLegalSegment(encodeSegment(raw))).toBe(true);
      }),
      runs,
    );
  });

  it('brings whole keys back, with as many segments as they have', () => {
    fc.assert(
      fc.property(keys, (key) => {
        const path = encodeKey(key);
        expect(decodeKey(path)).toBe(key);
        expect(path.split('/')).toHaveLength(key.split('/').length);
      }),
      runs,
    );
  });

  it('holds for every short string over the signs that escapes are made of', () => {
    const alphabet = ['%', '.', '2', '5', '0', '9', 'E', '\t'];
    const seen = new Set<string>();
    let words = [''];
    for (let length = 0; length <= 5; length++) {
      for (const word of words) {
        const name = encodeSegment(word);
        expect(seen.has(name), `${JSON.stringify(word)} shares ${name}`).toBe(false);
        seen.add(name);
        if (isLegalSegment(word)) expect(encodeSegment(decodeSegment(word))).toBe(word);
      }
      words = words.flatMap((word) => alphabet.map((sign) => word + sign));
    }
  });
});

describe('what is legal stays readable', () => {
  test.each([
    'hello world',
    '100%',
    'a%20b',
    'a%2Fb',
    '%2e',
    '%EMPTY',
    '%%',
    '...',
    'ä',
    '中文',
    '%ud800',
    '%C3%A4',
    'a%25b',
  ])('%j is stored as itself', (name) => {
    expect(encodeSegment(name)).toBe(name);
    expect(decodeSegment(name)).toBe(name);
  });

  it('leaves every legal segment without a percent sign alone', () => {
    fc.assert(
      fc.property(legalNames, (name) => {
        fc.pre(!name.includes('%'));
        expect(encodeSegment(name)).toBe(name);
      }),
      runs,
    );
  });
});

describe('what is illegal is percent-encoded', () => {
  test.each([
    ['', '%empty'],
    ['.', '%2E'],
    ['..', '%2E%2E'],
    ['a\tb', 'a%09b'],
    ['\u0000', '%00'],
    ['\u007f\u009f', '%7F%C2%9F'],
    ['50%\n', '50%25%0A'],
    ['😀', '%F0%9F%98%80'],
    ['\ud83d', '%uD83D'],
    ['\ude00\ud83d', '%uDE00%uD83D'],
    ['\ue000\uf8ff', '%EE%80%80%EF%A3%BF'],
    ['\ufff0\uffff', '%EF%BF%B0%EF%BF%BF'],
  ])('%j is stored as %s', (raw, name) => {
    expect(encodeSegment(raw)).toBe(name);
    expect(decodeSegment(name)).toBe(raw);
  });

  test.each([
    ['%empty', '%%empty'],
    ['%%empty', '%%%empty'],
    ['%2E%2E', '%%2E%2E'],
    ['a%09b', 'a%%09b'],
    ['25%09', '25%%09'],
    ['%25%09', '%%25%09'],
    ['%uD83D', '%%uD83D'],
  ])('%j, whose name an encoding took, moves on to %s', (raw, name) => {
    expect(encodeSegment(raw)).toBe(name);
    expect(decodeSegment(name)).toBe(raw);
  });

  it('encodes the segments of a key each by itself', () => {
    expect(encodeKey('')).toBe('%empty');
    expect(encodeKey('a//b/')).toBe('a/%empty/b/%empty');
    expect(encodeKey('../a/./😀')).toBe('%2E%2E/a/%2E/%F0%9F%98%80');
  });
});

describe('the rule of legal segments', () => {
  test.each([
    [0x00, 0x1f],
    [0x7f, 0x9f],
    [0xd800, 0xf8ff],
    [0xfff0, 0xffff],
  ])('forbids the code units from %i to %i, and not their neighbours', (first, last) => {
    for (let unit = first; unit <= last; unit++)
      expect(isLegalSegment(`a${String.fromCharCode(unit)}`)).toBe(false);
    if (first > 0) expect(isLegalSegment(String.fromCharCode(first - 1))).toBe(true);
    if (last < 0xffff) expect(isLegalSegment(String.fromCharCode(last + 1))).toBe(true);
  });

  test.each(['', '.', '..', 'a/b', '\t', '😀'])('%j can be no name, so it is not decoded', (name) => {
    expect(isLegalSegment(name)).toBe(false);
    expect(() => decodeSegment(name)).toThrow(RangeError);
  });

  it('takes no slash into a segment', () => {
    expect(() => encodeSegment('a/b')).toThrow(RangeError);
  });
});

it('takes time in proportion to the length of a segment', () => {
  for (const unit of ['%', '%25', '%09', '%uD800', '\t', '%C3', '.']) {
    const raw = unit.repeat(200_000);
    expect(decodeSegment(encodeSegment(raw)) === raw, unit).toBe(true);
  }
});

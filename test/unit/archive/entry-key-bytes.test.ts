import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { archiveKeyBytesMax, readEntryKey, writeEntryKey } from '../../../src/archive/entry-key-bytes.js';
import { compareKeys } from '../../../src/core/key-order.js';
import { anyKey } from '../../kit/archive-arbitraries.js';

const PREFIX = 3;

function encoded(key: string): Buffer {
  const bytes = Buffer.alloc(PREFIX + 2 * archiveKeyBytesMax);
  return bytes.subarray(0, writeEntryKey(key, bytes, PREFIX));
}

describe('entry keys as bytes', () => {
  it('are in the order of compareKeys, for any two keys', () => {
    const pair = fc.oneof(
      fc.tuple(anyKey, anyKey),
      fc.tuple(anyKey, anyKey, anyKey).map(([a, b, c]) => [a + b, a + c] as const),
    );
    fc.assert(
      fc.property(pair, ([a, b]) => {
        expect(encoded(a).compare(encoded(b))).toBe(Math.sign(compareKeys(a, b)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('are in the order of compareKeys around every character where the encoding changes', () => {
    const edges = [
      '',
      '/',
      '\0',
      '\u0001',
      '\u0002',
      '.',
      '0',
      '\x7f',
      '\x80',
      '\u07ff',
      '\u0800',
      '\ud7ff',
      '\ue000',
      '\uffff',
      '\ud800',
      '\udbff',
      '\udc00',
      '\udfff',
      '😀',
    ];
    const keys = edges.flatMap((a) => edges.map((b) => a + b));
    const pairs = keys.flatMap((a) => keys.map((b) => [a, b] as const));
    const wrong = pairs.filter(([a, b]) => encoded(a).compare(encoded(b)) !== Math.sign(compareKeys(a, b)));
    expect(wrong).toEqual([]);
  });

  it('are read back as they were, lone surrogates too', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        expect(readEntryKey(encoded(key), PREFIX)).toBe(key);
      }),
      { numRuns: 2_000 },
    );
  });

  it('have twice the room they need for a key of the longest length, of whatever it is made', () => {
    for (const unit of ['\0', '/', 'a', 'ä', '€', '😀', '\ud800']) {
      const key = unit.repeat(Math.floor(archiveKeyBytesMax / Buffer.byteLength(unit)));
      expect(encoded(key).length).toBeLessThanOrEqual(PREFIX + 2 * archiveKeyBytesMax);
      expect(() => encoded(`${key}${unit}`)).toThrow(/2000 is the most/);
    }
  });
});

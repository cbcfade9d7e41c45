import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { areKeyPrints, mayBeNoted, withoutPrints, withPrints } from '../../../src/core/key-prints.js';

const keys = fc.array(fc.string({ unit: 'binary' }), { maxLength: 100 });

describe('prints of keys', () => {
  it('tell of each of the latest 512 keys that it was noted', () => {
    const many = Array.from({ length: 600 }, (_, number) => `key ${number}`);
    const noted = withPrints('', many);
    expect(many.filter((key) => mayBeNoted(noted, key))).toEqual(many.slice(-512));
    expect(withPrints(withPrints('', many.slice(0, 300)), many.slice(300))).toBe(noted);
  });

  it('tell of hardly any other key', () => {
    const noted = withPrints(
      '',
      Array.from({ length: 512 }, (_, number) => `config/team/setting-${number}`),
    );
    const others = Array.from({ length: 20_000 }, (_, number) => `config/team/other-${number}`);
    expect(others.filter((key) => mayBeNoted(noted, key)).length).toBeLessThan(10);
  });

  it('are taken out again, all of them, and no other one', () => {
    fc.assert(
      fc.property(keys, keys, (kept, gone) => {
        const noted = withPrints('', [...kept, ...gone, ...kept]);
        const left = withoutPrints(noted, gone);
        expect(gone.some((key) => mayBeNoted(left, key))).toBe(false);
        for (const key of kept) {
          if (!gone.some((other) => mayBeNoted(withPrints('', [other]), key)))
            expect(mayBeNoted(left, key)).toBe(true);
        }
        expect(areKeyPrints(noted) && areKeyPrints(left)).toBe(true);
      }),
    );
  });

  it('are nothing else that may stand in their place', () => {
    for (const text of [undefined, 7, 'abc', 'abc/', 'a'.repeat(4 * 513)])
      expect(areKeyPrints(text)).toBe(false);
  });
});

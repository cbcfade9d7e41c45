import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leavesTooFew } from '../../../src/core/departures.js';

const limits = { removeAfterMs: 10_000, minHealthyPercent: 50 };

describe('copies whose originals are gone', () => {
  it('may go as long as enough of their group stay, those that went just now counted', () => {
    expect(leavesTooFew({ copies: 4, leaving: 2, left: 0 }, limits)).toBe(false);
    expect(leavesTooFew({ copies: 4, leaving: 3, left: 0 }, limits)).toBe(true);
    expect(leavesTooFew({ copies: 3, leaving: 1, left: 1 }, limits)).toBe(false);
    expect(leavesTooFew({ copies: 2, leaving: 1, left: 2 }, limits)).toBe(true);
  });

  it('one that is alone may go', () => {
    expect(leavesTooFew({ copies: 1, leaving: 1, left: 0 }, limits)).toBe(false);
    expect(leavesTooFew({ copies: 2, leaving: 2, left: 0 }, limits)).toBe(true);
  });

  it('with a floor of 0 all may go, with one of 100 none', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 1_000 }), fc.nat(1_000), fc.nat(1_000), (copies, some, left) => {
        const leaving = Math.min(copies, some + 1);
        const group = { copies, leaving, left };
        expect(leavesTooFew(group, { ...limits, minHealthyPercent: 0 })).toBe(false);
        expect(leavesTooFew(group, { ...limits, minHealthyPercent: 100 })).toBe(true);
      }),
    );
  });
});

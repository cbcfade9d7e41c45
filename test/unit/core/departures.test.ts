import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AT_ONCE_MS, leavesTooFew, noteDeparted, stillDeparted } from '../../../src/core/departures.js';

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

describe('copies that went a short while ago', () => {
  const keysOf = (departed: ReturnType<typeof noteDeparted>): string[] => departed.gone.map(({ key }) => key);

  it('are remembered for a minute', () => {
    let departed = noteDeparted(undefined, 1_000, ['a']);
    departed = noteDeparted(departed, 11_000, ['b']);
    departed = stillDeparted(departed, 1_000 + AT_ONCE_MS / 2);
    expect(keysOf(departed)).toEqual(['a', 'b']);
    departed = stillDeparted(departed, 1_000 + AT_ONCE_MS);
    expect(keysOf(departed)).toEqual(['b']);
    expect(keysOf(stillDeparted(departed, 11_000 + AT_ONCE_MS))).toEqual([]);
  });

  it('are not forgotten because the clock jumps, either way, nor over a downtime', () => {
    const departed = noteDeparted(undefined, 1e12, ['a']);
    for (const nowMs of [0, 1e12 - 1, 2e12]) expect(keysOf(stillDeparted(departed, nowMs))).toEqual(['a']);
  });

  it('begin anew when they go again', () => {
    const first = noteDeparted(undefined, 0, ['a', 'b']);
    const again = noteDeparted(first, AT_ONCE_MS / 2, ['a']);
    expect(keysOf(stillDeparted(again, AT_ONCE_MS))).toEqual(['a']);
  });

  it('S9: are but counted beyond the newest thousands', () => {
    let departed = noteDeparted(undefined, 0, []);
    for (let at = 0; at < 20; at++) {
      const keys = Array.from({ length: 1_000 }, (_, number) => `${at}/${number}`);
      departed = noteDeparted(departed, at, keys);
    }
    expect(departed.gone).toHaveLength(5_000);
    expect(departed.more.count).toBe(15_000);
    expect(keysOf(departed).at(-1)).toBe('19/999');
    let later = departed;
    for (let part = 1; part <= 3; part++) later = stillDeparted(later, 20 + (part * AT_ONCE_MS) / 2);
    expect(later).toMatchObject({ gone: [], more: { count: 0 } });
  });
});

import { describe, expect, it } from 'vitest';
import { ExpectedEchoes } from '../../../src/sync/expected-echoes.js';
import { RecentMap } from '../../../src/sync/recent-map.js';

describe('a map of what was set last', () => {
  it('remembers as much as it is to, and forgets what was set longest ago (S9)', () => {
    const map = new RecentMap<number, string>(80);
    for (let number = 0; number < 1_000; number++) {
      map.set(number, `${number}`);
      map.set(0, 'set again and again');
    }
    const known = Array.from({ length: 1_000 }, (_, number) => number).filter((number) => map.get(number));
    expect(known.length).toBeGreaterThanOrEqual(80);
    expect(known.length).toBeLessThanOrEqual(160);
    expect(known[0]).toBe(0);
    expect(known.slice(1)).toEqual(known.slice(1).map((_, at) => 1_001 - known.length + at));
  });

  it('has the value that was set last, however long ago another one was', () => {
    const map = new RecentMap<string, number>(2);
    map.set('a', 1);
    map.set('b', 2);
    map.set('a', 3);
    expect([map.get('a'), map.get('b')]).toEqual([3, 2]);
  });

  it('knows nothing of what was deleted or cleared, however often it was set before', () => {
    const map = new RecentMap<string, number>(2);
    for (const key of ['a', 'b', 'a']) map.set(key, 1);
    map.delete('a');
    expect([map.get('a'), map.get('b')]).toEqual([undefined, 1]);
    map.clear();
    expect(map.get('b')).toBeUndefined();
  });
});

describe('an echo', () => {
  it('is expected on the side that was written, for a moment, until something came', () => {
    let nowMs = 0;
    const echoes = new ExpectedEchoes({ monotonicMs: () => nowMs });
    echoes.wrote('left', ['a', 'b']);
    expect([echoes.has('left', 'a'), echoes.has('right', 'a'), echoes.has('left', 'c')]).toEqual([
      true,
      false,
      false,
    ]);
    echoes.came('left', 'a');
    expect([echoes.has('left', 'a'), echoes.has('left', 'b')]).toEqual([false, true]);
    nowMs = 2_000;
    expect(echoes.has('left', 'b')).toBe(false);
  });
});

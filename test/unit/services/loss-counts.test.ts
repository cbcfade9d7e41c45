import { describe, expect, it } from 'vitest';
import { LossCounts } from '../../../src/services/loss-counts.js';

describe('what copies can’t hold', () => {
  it('is counted by field, each instance once, with an example', () => {
    const counts = new LossCounts();
    const tags = { field: 'tags', why: 'no place' };
    counts.note('web/1', [tags]);
    counts.note('web/1', [tags]);
    counts.note('web/2', [tags, { field: 'meta', why: 'no place either' }]);
    expect(counts.counts).toEqual([
      { field: 'tags', why: 'no place', instances: 2, example: 'web/1' },
      { field: 'meta', why: 'no place either', instances: 1, example: 'web/2' },
    ]);
  });

  it('S9: is bounded, whatever names metadata has', () => {
    const counts = new LossCounts();
    for (let at = 0; at < 1_000; at++) counts.note(`web/${at}`, [{ field: `f-${at}`, why: 'too long' }]);
    expect(counts.counts).toHaveLength(101);
    expect(counts.counts.at(-1)).toMatchObject({ field: 'others', instances: 900 });
  });
});

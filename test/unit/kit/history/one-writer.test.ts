import { describe, expect, it } from 'vitest';
import type { LedgerSighting, StoreName } from '../../../kit/history/history.js';
import { checkOneWriter } from '../../../kit/history/one-writer.js';

/** Versions in the order of the list, one generation after the other. */
function sightings(writers: string, store: StoreName = 'consul'): LedgerSighting[] {
  return [...writers].map((writer, index) => ({
    ...{ store, writer },
    version: BigInt(10 * index),
    generation: index + 1,
  }));
}

describe('one writer at a time', () => {
  it('is content with one writer after the other, in whatever order and how often they were seen', () => {
    const seen = sightings('aabbbc');
    expect(checkOneWriter([...seen, ...seen].reverse())).toEqual([]);
    expect(checkOneWriter([...sightings('ab'), ...sightings('ba', 'zookeeper')])).toEqual([]);
  });

  it('finds one that writes again after another has', () => {
    expect(checkOneWriter(sightings('aba'))).toHaveLength(1);
    expect(checkOneWriter(sightings('abca', 'zookeeper'))[0]?.explanation).toMatch(/^zookeeper: .* of a /);
  });

  it('finds a generation that does not rise', () => {
    const [first, second] = sightings('aa');
    expect(checkOneWriter([first!, { ...second!, generation: 1 }])).toHaveLength(1);
  });
});

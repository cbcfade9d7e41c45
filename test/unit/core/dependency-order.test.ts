import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dependencyOrder } from '../../../src/core/dependency-order.js';

const edges = fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 16 });
const nodes = [0, 1, 2, 3, 4, 5, 6, 7];

function from(pairs: readonly (readonly [number, number])[]): (node: number) => number[] {
  return (node) => pairs.filter(([dependent]) => dependent === node).map(([, dependency]) => dependency);
}

describe('dependency order', () => {
  it('keeps the given order where nothing depends on anything', () => {
    expect(dependencyOrder([3, 1, 2], () => [])).toEqual([[3], [1], [2]]);
  });

  it('pulls a dependency forward to just before the first that needs it', () => {
    expect(dependencyOrder([0, 1, 2, 3], from([[1, 3]]))).toEqual([[0], [3], [1], [2]]);
  });

  it('gives a circle as one group', () => {
    const groups = dependencyOrder(
      [0, 1, 2, 3],
      from([
        [0, 2],
        [2, 3],
        [3, 0],
      ]),
    );
    expect(groups.map((group) => group.sort())).toEqual([[0, 2, 3], [1]]);
  });

  it('gives every node once, none before what it depends on, and only circles together', () => {
    fc.assert(
      fc.property(edges, (pairs) => {
        const groups = dependencyOrder(nodes, from(pairs));
        expect(groups.flat().sort()).toEqual(nodes);

        const position = new Map(
          groups.flatMap((group, index) => group.map((node) => [node, index] as const)),
        );
        const reaches = reachability(pairs);
        for (const a of nodes) {
          for (const b of nodes) {
            if (a === b || !reaches(a, b)) continue;
            const [ofA, ofB] = [position.get(a) ?? -1, position.get(b) ?? -1];
            if (reaches(b, a)) expect(ofA).toBe(ofB);
            else expect(ofA).toBeGreaterThan(ofB);
          }
        }
        for (const group of groups) {
          for (const a of group) for (const b of group) expect(a === b || reaches(a, b)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is not stopped by a chain longer than the call stack', () => {
    const length = 100_000;
    const groups = dependencyOrder([0], (node) => (node < length ? [node + 1] : []));
    expect(groups).toHaveLength(length + 1);
    expect(groups[0]).toEqual([length]);
  });
});

function reachability(pairs: readonly (readonly [number, number])[]): (a: number, b: number) => boolean {
  const reached = new Set(pairs.map(([a, b]) => `${String(a)} ${String(b)}`));
  for (const via of nodes)
    for (const a of nodes)
      for (const b of nodes)
        if (reached.has(`${String(a)} ${String(via)}`) && reached.has(`${String(via)} ${String(b)}`))
          reached.add(`${String(a)} ${String(b)}`);
  return (a, b) => reached.has(`${String(a)} ${String(b)}`);
}

import { describe, expect, it } from 'vitest';
import { catalogWeight } from '../../../src/services/catalog-weight.js';
import { weightOf } from '../../../src/services/formats/format.js';
import type { WeightRule } from '../../../src/services/formats/format.js';
import { vectors } from '../../../src/services/formats/vectors.js';
import type { ServiceRecord } from '../../../src/services/service-record.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** As Finagle's clients read it. */
const VECTOR =
  '{"vector":[{"select":"member=1","weight":1.5,"priority":1},{"select":"inet=10.0.0.3:80","weight":2,"priority":2},' +
  '{"select":"shard=4","weight":3,"priority":3},{"select":"rack=a","weight":7,"priority":4},{"select":"member=2"}]}';

function recordOf(address: string, shard?: number): ServiceRecord {
  const carried = shard === undefined ? {} : { shard: String(shard) };
  return { address, port: 80, tags: [], meta: {}, weight: undefined, carried };
}

describe('the weights of a server set', () => {
  const rules = vectors.parse(bytes(VECTOR)) ?? [];
  const weigh = (id: string, record: ServiceRecord) => weightOf(rules, { service: 'web', id }, record);

  it('are those of all rules that select a member, one on top of the other', () => {
    expect(weigh('member_9', recordOf('10.0.0.9'))).toBe(1);
    expect(weigh('member_1', recordOf('10.0.0.9'))).toBe(1.5);
    expect(weigh('member_9', recordOf('10.0.0.3'))).toBe(2);
    expect(weigh('member_9', recordOf('10.0.0.3', 4))).toBe(6);
    expect(weigh('member_1', recordOf('10.0.0.3', 4))).toBe(9);
  });

  it('come from nodes of their own, and from nothing else', () => {
    expect(vectors.isRules('vector_0000000001')).toBe(true);
    expect(vectors.isRules('member_0000000001')).toBe(false);
    expect(vectors.parse(bytes('{"vector":[{"select":"none","weight":2},7]}'))).toEqual([]);
    for (const data of ['', '{', '{}', '{"vector":7}', '\u0000']) {
      expect(vectors.parse(bytes(data)), data).toBeUndefined();
    }
  });
});

it.each([
  ['a number', ['1e999', '0']],
  ['a product', ['1e308', '1e308', '0']],
])(
  'L2: %s beyond all numbers, together with a weight of nothing, is counted like others',
  (_what, weights) => {
    const texts = weights.map((weight) => `{"select":"member=1","weight":${weight}}`);
    const rules = vectors.parse(bytes(`{"vector":[${texts.join(',')}]}`)) ?? [];
    const weight = weightOf(rules, { service: 'web', id: 'member_1' }, recordOf('10.0.0.9'));
    const counted = catalogWeight(weight, rules);
    expect(counted).toMatchObject({ weight: undefined, losses: [{ field: 'weight' }] });
  },
);

describe('a weight in the catalog', () => {
  const rule = (weight: number): WeightRule => ({ selects: () => true, weight });

  it.each([
    ['whole ones are as they are', 3, [3], 3, false],
    ['what no rule selects has 1', 1, [3], undefined, false],
    ['one that is not whole has all of its service counted in hundredths', 0.5, [0.5, 3], 50, false],
    ['and the others with it', 1, [0.5], 100, false],
    ['products of fractions are as meant', 0.1 * 3, [0.1, 3], 30, false],
    ['finer ones are rounded, and told', 0.333, [0.333], 33, true],
    ['Consul knows no 0', 0, [0], undefined, true],
    ['nor anything below', -1, [-1], undefined, true],
    ['nor anything beyond 65535', 70_000, [70_000], 65_535, true],
    ['nor what is beyond all numbers', Infinity, [Infinity], 65_535, true],
    ['what is beyond all numbers and nothing at once counts as nothing', NaN, [Infinity, 0], undefined, true],
  ])('%s', (_what, weight, of, counted, isLost) => {
    const found = catalogWeight(weight, of.map(rule));
    expect(found.weight).toBe(counted);
    expect(found.losses.map(({ field }) => field)).toEqual(isLost ? ['weight'] : []);
  });
});

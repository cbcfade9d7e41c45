import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys } from '../../../src/core/key-order.js';
import { hasUrl } from '../../../src/consul/kv-keys.js';
import { groupByPrefix } from '../../../src/consul/prefix-groups.js';
import { planWatch, uncoveredKeys } from '../../../src/consul/watch-plan.js';

const segment = fc.oneof(
  fc.constantFrom('', '.', '..', 'a', 'ab', 'abc', 'b', 'ü', '\u{1f600}', '\u{1f601}', 'x\u0000', ' '),
  fc.string({ maxLength: 3 }),
);
const listed = fc
  .uniqueArray(
    fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/')),
    { maxLength: 200 },
  )
  .map((keys) => keys.map((key) => `config/${key}`).sort(compareKeys));

const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, number) => `${name}${String(number).padStart(3, '0')}`);

describe('keys grouped by prefixes', () => {
  it('are each in the one group whose prefix they begin with, or loose', () => {
    fc.assert(
      fc.property(listed, fc.integer({ min: 1, max: 20 }), (keys, groupMax) => {
        const { groups, loose } = groupByPrefix(keys, 'config/', groupMax);
        const grouped = groups.flatMap(({ prefix, from, to }) => {
          expect(hasUrl(prefix)).toBe(true);
          expect(to - from).toBeGreaterThan(0);
          expect(to - from).toBeLessThanOrEqual(groupMax);
          expect(keys.slice(from, to)).toEqual(keys.filter((key) => key.startsWith(prefix)));
          return keys.slice(from, to);
        });
        const others = loose.map((at) => keys[at] ?? '');
        expect([...grouped, ...others].sort(compareKeys)).toEqual(keys);
        for (const { prefix } of groups) expect(others.some((key) => key.startsWith(prefix))).toBe(false);
      }),
    );
  });

  it('are loose where what they begin with is a key of its own, or can be in no URL', () => {
    const keys = ['config/a', 'config/a//b', 'config/a/./c', 'config/ab', 'config/ac'];
    const { groups, loose } = groupByPrefix(keys.sort(compareKeys), 'config/', 1);
    expect(groups.map(({ prefix }) => prefix)).toEqual(['config/ab', 'config/ac']);
    expect(loose.map((at) => keys[at])).toEqual(['config/a', 'config/a//b', 'config/a/./c']);
  });

  it('do not part the halves of a character', () => {
    const keys = numbered('config/\u{1f600}', 3).concat(numbered('config/\u{1f601}', 3));
    const { groups } = groupByPrefix(keys, 'config/', 3);
    expect(groups.map(({ prefix }) => prefix)).toEqual(['config/\u{1f600}', 'config/\u{1f601}']);
  });

  it('need no step for each character that all of them share', () => {
    const keys = numbered(`config/${'deep/'.repeat(150)}`, 900);
    expect(groupByPrefix(keys, 'config/', 100).groups).toHaveLength(9);
  });
});

describe('the plan of a watch', () => {
  const plan = (keys: readonly string[], partsMax: number, partKeysMin = 10) =>
    planWatch({ storedKeys: [...keys].sort(compareKeys), index: 7n }, 'config/', partsMax, partKeysMin);

  it('has no parts where the whole is small', () => {
    expect(plan(numbered('config/k', 10), 64)).toEqual({
      parts: [],
      uncovered: numbered('config/k', 10),
      listedAt: 7n,
    });
  });

  it('parts the largest first, as far as there is room', () => {
    const keys = [
      ...numbered('config/a/x', 200),
      ...numbered('config/b/x', 30),
      ...numbered('config/c/x', 5),
    ];
    expect(plan(keys, 2).parts).toEqual([]);
    expect(plan(keys, 3).parts).toEqual(['config/a', 'config/b', 'config/c']);
    expect(plan(keys, 4).parts).toEqual(['config/a/x0', 'config/a/x1', 'config/b', 'config/c']);
  });

  it('leaves out only keys that begin with none of its parts', () => {
    fc.assert(
      fc.property(listed, fc.integer({ min: 1, max: 30 }), (keys, partsMax) => {
        const { parts, uncovered } = plan(keys, partsMax, 3);
        expect(parts.length).toBeLessThanOrEqual(partsMax);
        expect(parts.length).not.toBe(1);
        for (const part of parts) {
          expect(part.startsWith('config/') && hasUrl(part)).toBe(true);
          expect(parts.filter((other) => part.startsWith(other))).toEqual([part]);
        }
        const isCovered = (key: string): boolean => parts.some((part) => key.startsWith(part));
        expect(uncovered).toEqual(keys.filter((key) => !isCovered(key)));
      }),
    );
  });

  it('covers keys that came up later, where a part begins like them', () => {
    const { parts } = plan(numbered('config/k', 100), 64);
    const later = ['config/k00new', 'config/k999', 'config/other'];
    expect(uncoveredKeys(later, parts)).toEqual(['config/k999', 'config/other']);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys } from '../../../src/core/key-order.js';
import { AskablePrefixes } from '../../../src/consul/askable-prefixes.js';
import { ConsulError } from '../../../src/consul/consul-errors.js';
import { hasUrl } from '../../../src/consul/kv-keys.js';
import { groupByPrefix } from '../../../src/consul/prefix-groups.js';
import { planWatch, uncoveredKeys, UNCOVERED_MAX } from '../../../src/consul/watch-plan.js';

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

const ALL = new AskablePrefixes();

const all = ({ length }: readonly string[]) => ({ prefix: 'config/', from: 0, to: length });

const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, number) => `${name}${String(number).padStart(3, '0')}`);

describe('keys grouped by prefixes', () => {
  it('are each in the one group whose prefix they begin with, or loose', () => {
    fc.assert(
      fc.property(listed, fc.integer({ min: 1, max: 20 }), (keys, groupMax) => {
        const { groups, loose } = groupByPrefix(keys, all(keys), groupMax, ALL);
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
    const { groups, loose } = groupByPrefix(keys.sort(compareKeys), all(keys), 1, ALL);
    expect(groups.map(({ prefix }) => prefix)).toEqual(['config/ab', 'config/ac']);
    expect(loose.map((at) => keys[at])).toEqual(['config/a', 'config/a//b', 'config/a/./c']);
  });

  it('do not part the halves of a character', () => {
    const keys = numbered('config/\u{1f600}', 3).concat(numbered('config/\u{1f601}', 3));
    const { groups } = groupByPrefix(keys, all(keys), 3, ALL);
    expect(groups.map(({ prefix }) => prefix)).toEqual(['config/\u{1f600}', 'config/\u{1f601}']);
  });

  it('need no step for each character that all of them share', () => {
    const keys = numbered(`config/${'deep/'.repeat(150)}`, 900);
    expect(groupByPrefix(keys, all(keys), 100, ALL).groups).toHaveLength(9);
  });

  it('are parted further, or loose, where Consul refuses to list a prefix', () => {
    const askable = new AskablePrefixes();
    const keys = [...numbered('config/a', 3), ...numbered('config/b:', 3)];
    const grouped = (): string[] =>
      groupByPrefix(keys, all(keys), 3, askable).groups.map(({ prefix }) => prefix);
    expect(grouped()).toEqual(['config/a', 'config/b']);
    const refusal = new ConsulError('STORE_PROTOCOL', 'refused', false, true, { status: 400 });
    expect(askable.learn('config/b', refusal)).toBe(true);
    expect(grouped()).toEqual(['config/a', 'config/b:000', 'config/b:001', 'config/b:002']);
    for (let number = 0; number < 32; number++) askable.learn(`config/b:${number}`, refusal);
    expect(grouped()).toEqual(['config/a']);
    expect(askable.has('config/example.com')).toBe(false);
    expect(askable.has('config/example.com/')).toBe(true);
  });

  it('are refused by nothing but an answer that says so', () => {
    const askable = new AskablePrefixes();
    for (const [code, status] of [
      ['STORE_UNREACHABLE', 500],
      ['STORE_AUTH_FAILED', 403],
      ['STORE_OVERLOADED', 429],
    ] as const) {
      expect(askable.learn('config/a', new ConsulError(code, 'no', true, true, { status }))).toBe(false);
    }
    expect(askable.learn('config/a', new Error('other'))).toBe(false);
    expect(askable.has('config/a')).toBe(true);
  });

  it('are in no group whose prefix is longer than a request carries', () => {
    const keys = numbered(`config/${'漢'.repeat(400)}`, 3);
    expect(groupByPrefix(keys, all(keys), 2, ALL).groups).toEqual([]);
  });
});

describe('the plan of a watch', () => {
  const plan = (keys: readonly string[], partsMax: number, partKeysMin = 10) =>
    planWatch({ storedKeys: [...keys].sort(compareKeys), index: 7n }, 'config/', {
      partsMax,
      partKeysMin,
      askable: ALL,
    });

  it('has one part for all where they are few, and none where there are none, or where there is no room', () => {
    expect(plan(numbered('config/k', 10), 64)).toEqual({ parts: ['config/'], listedAt: 7n });
    expect(plan([], 64).parts).toEqual([]);
    expect(plan(numbered('config/k', 10), 0).parts).toEqual([]);
  });

  it('parts the largest first, as far as there is room', () => {
    const keys = [
      ...numbered('config/a/x', 300),
      ...numbered('config/b/x', 299),
      ...numbered('config/c/x', 298),
    ];
    expect(plan(keys, 2).parts).toEqual(['config/']);
    expect(plan(keys, 3).parts).toEqual(['config/a', 'config/b', 'config/c']);
    const four = ['config/a/x0', 'config/a/x1', 'config/a/x2', 'config/b', 'config/c'];
    expect(plan(keys, 5).parts).toEqual(four);
  });

  it('leaves out what is small where there is no room for all parts of a group', () => {
    const keys = [...numbered('config/a', 900), ...numbered('config/b', 900), ...numbered('config/c', 9)];
    expect(plan(keys, 2).parts).toEqual(['config/a', 'config/b']);
  });

  it('goes into a folder that is a key itself, and that all others are in', () => {
    const keys = ['config/app', ...numbered('config/app/k', 500)];
    expect(plan(keys, 64).parts).toHaveLength(50);
  });

  it('goes into names that no URL ends with', () => {
    const keys = [...numbered('config/.d', 500), ...numbered('config/a', 500)];
    const { parts } = plan(keys, 64, 200);
    expect(parts).toContain('config/a4');
    expect(parts).toContain('config/.d4');
  });

  it('has parts of the whole store', () => {
    const keys = [...numbered('a', 30), ...numbered('b', 30)];
    const limits = { partsMax: 2, partKeysMin: 10, askable: ALL };
    expect(planWatch({ storedKeys: keys, index: 7n }, '', limits).parts).toEqual(['a', 'b']);
    const one = planWatch({ storedKeys: keys, index: 7n }, '', { ...limits, partsMax: 1 });
    expect(one.parts).toEqual([]);
  });

  it('leaves out only a few keys, which begin with none of its parts', () => {
    fc.assert(
      fc.property(listed, fc.integer({ min: 1, max: 30 }), (keys, partsMax) => {
        const { parts } = plan(keys, partsMax, 3);
        expect(parts.length).toBeLessThanOrEqual(partsMax);
        for (const part of parts) {
          expect(part.startsWith('config/') && hasUrl(part)).toBe(true);
          expect(parts.filter((other) => part.startsWith(other))).toEqual([part]);
        }
        const isCovered = (key: string): boolean => parts.some((part) => key.startsWith(part));
        const uncovered = uncoveredKeys(keys, parts);
        expect(uncovered).toEqual(keys.filter((key) => !isCovered(key)));
        if (parts.length > 0) expect(uncovered.length).toBeLessThanOrEqual(UNCOVERED_MAX);
      }),
    );
  });

  it('covers keys that came up later, where a part begins like them', () => {
    const { parts } = plan(numbered('config/k', 100), 64);
    const later = ['config/k00new', 'config/k999', 'config/other'];
    expect(uncoveredKeys(later, parts)).toEqual(['config/k999', 'config/other']);
  });
});

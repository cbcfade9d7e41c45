import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys, depthOf, parentKey } from '../../../src/core/key-order.js';

const keys = fc.oneof(
  fc.string({
    unit: fc.constantFrom('/', '!', 'a', 'b', '\u0000', '\ue000', '\uffff', '😀', '\ud800'),
    maxLength: 6,
  }),
  fc.string({ unit: 'binary' }),
);
const wellFormedKeys = fc.string({
  unit: fc.constantFrom('/', '!', 'a', 'ä', '中', '\ue000', '\uffff', '😀'),
  maxLength: 6,
});

describe('the order of keys', () => {
  it('is total: only equal keys compare equal, and swapping turns the sign', () => {
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        expect(compareKeys(a, b) === 0).toBe(a === b);
        expect(Math.sign(compareKeys(a, b)) + Math.sign(compareKeys(b, a))).toBe(0);
      }),
    );
  });

  it('is transitive', () => {
    fc.assert(
      fc.property(keys, keys, keys, (a, b, c) => {
        fc.pre(compareKeys(a, b) <= 0 && compareKeys(b, c) <= 0);
        expect(compareKeys(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it('puts parents before children', () => {
    fc.assert(
      fc.property(keys, keys, (parent, name) => {
        expect(compareKeys(parent, `${parent}/${name}`)).toBeLessThan(0);
      }),
    );
  });

  it('never puts a stranger between an entry and those below it', () => {
    fc.assert(
      fc.property(keys, keys, keys, (top, name, other) => {
        fc.pre(other !== top && !other.startsWith(`${top}/`));
        expect(Math.sign(compareKeys(other, top))).toBe(Math.sign(compareKeys(other, `${top}/${name}`)));
      }),
    );
  });

  it('is the byte order of UTF-8 with the slash below all other bytes', () => {
    const bytes = (key: string) => Buffer.from(key.replaceAll('/', '\u0000'));
    fc.assert(
      fc.property(wellFormedKeys, wellFormedKeys, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(bytes(a), bytes(b)));
      }),
    );
  });

  it('sorts a small tree as a walk would', () => {
    const walk = ['', '/', '/a', 'a', 'a/', 'a/b', 'a/b/c', 'a/b!', 'a!', 'a!/x', 'a0', 'b'];
    expect([...walk].reverse().sort(compareKeys)).toEqual(walk);
  });
});

describe('the place of a key in the tree', () => {
  it('has no parent directly below the root, not even for the empty key', () => {
    expect(parentKey('a')).toBeUndefined();
    expect(parentKey('')).toBeUndefined();
  });

  it('has the key without its last segment as parent, empty segments included', () => {
    expect(parentKey('a/b/c')).toBe('a/b');
    expect(parentKey('a/')).toBe('a');
    expect(parentKey('/a')).toBe('');
  });

  it('is one deeper than its parent', () => {
    fc.assert(
      fc.property(keys, (key) => {
        const parent = parentKey(key);
        expect(depthOf(key)).toBe(parent === undefined ? 1 : depthOf(parent) + 1);
        expect(depthOf(key)).toBe(key.split('/').length);
      }),
    );
  });
});

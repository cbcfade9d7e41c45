import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { entryFilter, matchesGlob, parseGlob } from '../../../src/core/glob.js';

function matches(pattern: string, key: string): boolean {
  const parsed = parseGlob(pattern);
  if (!parsed.ok) throw new Error(`${pattern}: ${parsed.problem}`);
  return matchesGlob(parsed.glob, key);
}

describe('a glob matches whole keys', () => {
  test.each([
    ['**', ['', 'a', 'a/b/c', '.hidden', 'a//b', '/']],
    ['*', ['a', '.hidden', 'with space', '😀', '']],
    ['a', ['a']],
    ['a/b', ['a/b']],
    ['tmp/**', ['tmp', 'tmp/a', 'tmp/a/b', 'tmp/', 'tmp/.x']],
    ['tmp/*/**', ['tmp/a', 'tmp/a/b']],
    ['**/.lock', ['.lock', 'a/.lock', 'a/b/.lock']],
    ['a/**/z', ['a/z', 'a/b/z', 'a/b/c/z', 'a/z/z']],
    ['**/a/**/b/**', ['a/b', 'x/a/y/b/z', 'a/a/b/b']],
    ['app-*/state', ['app-/state', 'app-1/state', 'app-1-2/state']],
    ['*a*b*', ['ab', 'xaybz', 'aab', 'abb']],
    ['node-?', ['node-1', 'node-😀', 'node-é']],
    ['??', ['ab', '😀😀']],
    [String.raw`a\*b`, ['a*b']],
    [String.raw`\[x\]\{y\}\?\\`, ['[x]{y}?\\']],
    ['a//b', ['a//b']],
    ['(x|y)+$^.', ['(x|y)+$^.']],
  ])('%s matches %j', (pattern, keys) => {
    for (const key of keys) expect({ key, matches: matches(pattern, key) }).toEqual({ key, matches: true });
  });

  test.each([
    ['*', ['a/b', '/', 'a/']],
    ['a', ['', 'A', 'a/b', 'aa', 'b/a', 'a/']],
    ['tmp/**', ['tmpx', 'x/tmp', 'tm', 'tmpx/a']],
    ['tmp/*/**', ['tmp', 'x/tmp/a']],
    ['**/.lock', ['a/.lockx', 'x.lock', '.lock/a']],
    ['a/**/z', ['a', 'z', 'a/zz', 'b/a/z', 'a/z/b']],
    ['app-*/state', ['app-1/x/state', 'app-1/state/x', 'app/state']],
    ['node-?', ['node-', 'node-12', 'node-/']],
    [String.raw`a\*b`, ['axb', 'ab', String.raw`a\*b`]],
    ['*a*b*', ['ba', 'a', 'b', '']],
  ])('%s does not match %j', (pattern, keys) => {
    for (const key of keys) expect({ key, matches: matches(pattern, key) }).toEqual({ key, matches: false });
  });
});

describe('a pattern that would quietly match nothing is refused', () => {
  test.each([
    ['', 'empty'],
    ['/tmp', 'without a leading "/"'],
    ['tmp/', 'key/**'],
    ['!tmp', 'include and exclude'],
    ['a**', 'whole segments'],
    ['a/**b/c', 'whole segments'],
    ['***', 'whole segments'],
    ['[a-z]', String.raw`\[`],
    ['{a,b}', String.raw`\{`],
    ['a]', String.raw`\]`],
    ['a\\', 'backslash'],
    [String.raw`a\/b`, 'backslash'],
  ])('%j', (pattern, reason) => {
    const parsed = parseGlob(pattern);
    expect(parsed).toMatchObject({ ok: false });
    expect(parsed.ok ? '' : parsed.problem).toContain(reason);
  });
});

/** The meaning of a pattern, written as differently as possible: by trying everything. */
function matchesByDefinition(pattern: readonly string[], segments: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return segments.length === 0;
  if (first === '**') {
    return Array.from({ length: segments.length + 1 }).some((_, n) =>
      matchesByDefinition(rest, segments.slice(n)),
    );
  }
  const [segment, ...others] = segments;
  return (
    segment !== undefined && charactersMatch([...first], [...segment]) && matchesByDefinition(rest, others)
  );
}

function charactersMatch(pattern: readonly string[], characters: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return characters.length === 0;
  if (first === '*') {
    return Array.from({ length: characters.length + 1 }).some((_, n) =>
      charactersMatch(rest, characters.slice(n)),
    );
  }
  const [character, ...others] = characters;
  return character !== undefined && (first === '?' || first === character) && charactersMatch(rest, others);
}

describe('for any pattern and key', () => {
  const segment = fc.array(fc.constantFrom('a', 'b', '.', '😀'), { maxLength: 4 }).map((it) => it.join(''));
  const segmentPattern = fc
    .array(fc.constantFrom('a', 'b', '.', '😀', '?', '*'), { minLength: 1, maxLength: 5 })
    .map((it) => it.join('').replaceAll(/\*+/g, '*'));
  const key = fc.array(segment, { minLength: 1, maxLength: 5 });
  const pattern = fc.array(fc.oneof(fc.constant('**'), segmentPattern), { minLength: 1, maxLength: 5 });

  it('matching agrees with trying every possibility', () => {
    fc.assert(
      fc.property(pattern, key, (parts, segments) => {
        expect(matches(parts.join('/'), segments.join('/'))).toBe(matchesByDefinition(parts, segments));
      }),
      { numRuns: 2000 },
    );
  });

  it('a key with all its wildcards escaped matches itself and nothing else', () => {
    const anyKey = fc.string({ unit: 'binary', minLength: 1 }).filter((it) => !/^[/!]|\/$/.test(it));
    fc.assert(
      fc.property(anyKey, anyKey, (name, other) => {
        const literal = name.replaceAll(/[*?[\]{}\\]/g, String.raw`\$&`);
        expect(matches(literal, name)).toBe(true);
        expect(matches(literal, other)).toBe(name === other);
      }),
    );
  });
});

describe('S9: hostile patterns', () => {
  it('end at once where a backtracking regular expression would not in a lifetime', () => {
    expect(matches(`${'*a'.repeat(60)}b`, 'a'.repeat(5000))).toBe(false);
    expect(matches(`${'**/*a*/'.repeat(60)}b`, Array.from({ length: 1000 }, () => 'aa').join('/'))).toBe(
      false,
    );
  });
});

describe('the scope of a mapping', () => {
  test.each([
    [['**'], [], { a: true, '': true, 'a/b': true }],
    [['**'], ['tmp/**', '**/.lock'], { a: true, tmp: false, 'tmp/x': false, 'a/.lock': false }],
    [
      ['app/**', 'shared/*'],
      [],
      { app: true, 'app/x/y': true, 'shared/x': true, 'shared/x/y': false, z: false },
    ],
    [['app/**'], ['app/secret'], { 'app/secret': false, 'app/secret/x': true }],
    [['**', 'x'], [], { y: true }],
  ])('include %j without exclude %j', (include, exclude, expected) => {
    const isInScope = entryFilter(include, exclude);
    const found = Object.fromEntries(Object.keys(expected).map((key) => [key, isInScope(key)]));
    expect(found).toEqual(expected);
  });

  it('is not made from a pattern that was not validated', () => {
    expect(() => entryFilter(['{a,b}'], [])).toThrow(RangeError);
  });
});

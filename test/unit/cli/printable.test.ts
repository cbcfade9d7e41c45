import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printableText } from '../../../src/core/printable-text.js';
import { printableKey, shellWord } from '../../../src/cli/printable.js';

/** Any string, with what terminals obey and what JSON escapes more often than chance has it. */
const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\n', '\r', '\t', '\0', '\x1b', '\x7f', '\x9b', '\u2028', '\u202e', '\u200b', '\ufeff'),
    fc.constantFrom('"', "'", '\\', ' ', '\u00a0', '\ud800', '\udc00', '/', 'a', 'é', '漢', '😀'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
});

describe('a key that is printed', () => {
  it('stays as it is when nothing about it is unusual', () => {
    for (const key of ['a/b', 'app/db.host-1_x', 'größe/漢字', 'a//b', '%09', 'a:b{c}[d]']) {
      expect(printableKey(key)).toBe(key);
    }
  });

  it('is quoted when it could be misread', () => {
    expect(printableKey('')).toBe('""');
    expect(printableKey('a b')).toBe('"a b"');
    expect(printableKey('a\nb')).toBe('"a\\nb"');
    expect(printableKey('\x1b[31mred')).toBe('"\\u001b[31mred"');
    expect(printableKey('\u202eevil')).toBe('"\\u202eevil"');
    expect(printableKey('"a"')).toBe('"\\"a\\""');
    expect(printableKey('\ud800')).toBe('"\\ud800"');
  });

  it('never has a character that a terminal obeys, hides or reorders', () => {
    fc.assert(
      fc.property(hostile, (key) => {
        expect(printableKey(key)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it('can be turned back into the key, so that no two keys look alike', () => {
    fc.assert(
      fc.property(hostile, (key) => {
        const shown = printableKey(key);
        expect(shown.startsWith('"') ? JSON.parse(shown) : shown).toBe(key);
      }),
    );
  });
});

describe('text of unknown origin', () => {
  it('comes out on one line, with escapes for what a terminal obeys', () => {
    expect(printableText('no\x1b[2J\r\nway')).toBe('no\\u001b[2J\\u000d\\u000away');
    expect(printableText('a plain message, with spaces')).toBe('a plain message, with spaces');
  });
});

describe('a word of a command to be copied', () => {
  it('is one argument for a shell, whatever is in it', () => {
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 40 }), (words) => {
        // Neither a shell's argument nor a process's can hold a NUL, and lone surrogates become U+FFFD on the way.
        const possible = words.map((word) => word.replaceAll('\0', '').replace(/\p{Surrogate}/gu, '\ufffd'));
        const script = `printf '%s\\0' ${possible.map(shellWord).join(' ')}`;
        const said = execFileSync('bash', ['-c', script], { encoding: 'utf8' });
        expect(said.split('\0').slice(0, -1)).toEqual(possible);
      }),
      { numRuns: 8 },
    );
  });
});

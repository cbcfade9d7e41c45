import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unlistablePrefix } from '../../../src/consul/consul-replica.js';
import { KeySpace, hasUrl, isExact, kvPath } from '../../../src/consul/kv-keys.js';

const keys = new KeySpace('config/', 'zk-consul-sync/');
const whole = new KeySpace('', 'zk-consul-sync/');

describe('keys of a mapping', () => {
  it('S8: a sibling that begins like the prefix is no entry', () => {
    expect(keys.entryKey('config/a/b')).toBe('a/b');
    expect(keys.entryKey('configuration/x')).toBeUndefined();
    expect(keys.entryKey('config')).toBeUndefined();
  });

  it("S8: the daemon's own keys are no entries, and nothing can be written there", () => {
    expect(whole.entryKey('zk-consul-sync/default/config')).toBeUndefined();
    expect(whole.unmappable('zk-consul-sync/default/config')).toContain("program's own");
    expect(whole.entryKey('zk-consul-sync')).toBe('zk-consul-sync');
    expect(keys.unmappable('zk-consul-sync/x')).toBeUndefined();
  });

  it('the key of the mapping itself is an entry, but not the empty key of the store', () => {
    expect(keys.entryKey('config/')).toBe('');
    expect(keys.unmappable('')).toBeUndefined();
    expect(whole.unmappable('')).toContain('empty key');
  });

  it('keys that Consul would silently change are unmappable', () => {
    expect(keys.unmappable('a\ud800b')).toContain('surrogate');
    expect(keys.unmappable('a\ufffdb')).toContain('U+FFFD');
    expect(keys.unmappable('😀/a//b/./\u0000')).toBeUndefined();
    expect(isExact('\udc00')).toBe(false);
    expect(isExact('')).toBe(false);
    expect(isExact('😀')).toBe(true);
  });
});

describe('keys in URLs', () => {
  it.each([
    'a//b',
    '/a',
    './a',
    'a/.',
    'a/..',
    '..',
    '',
    '/',
    'a\tb',
    'a\u0000',
    '\u00a0',
    '\u2028',
    '\uf8ff',
    '\ud800',
  ])('S8: %j has none, since Consul would redirect or refuse it', (key) => {
    expect(hasUrl(key)).toBe(false);
  });

  it.each(['a', 'a/b', 'a/', 'a b', 'a%2Fb', '%', '😀', 'ключ', 'a?b#c', 'a{b}', '...', '"', '\\'])(
    '%j has one',
    (key) => {
      expect(hasUrl(key)).toBe(true);
    },
  );

  it('S8: a key that has a URL arrives as that very key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }).filter(hasUrl), (key) => {
        const { pathname } = new URL(`http://consul${kvPath(key)}?consistent`);
        expect(decodeURIComponent(pathname)).toBe(`/v1/kv/${key}`);
        expect(kvPath(key)).not.toMatch(/[{}]/);
      }),
    );
  });

  it('a prefix that can not be listed is refused', () => {
    expect(unlistablePrefix('')).toBeUndefined();
    expect(unlistablePrefix('a/b c/')).toBeUndefined();
    expect(unlistablePrefix('config')).toContain('slash');
    expect(unlistablePrefix('a//')).toContain("can't be listed");
    expect(unlistablePrefix('../')).toContain("can't be listed");
    expect(unlistablePrefix('/')).toContain("can't be listed");
  });
});

import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { parseByteSize } from '../../../src/config/byte-size.js';
import { formatConnectString, parseConnectString } from '../../../src/config/connect-string.js';
import { parseConsulAddress } from '../../../src/config/consul-address.js';
import { formatDuration, parseDuration } from '../../../src/config/duration.js';
import { covers, parseMappedPath, parseMappedPrefix } from '../../../src/config/mapped-path.js';
import {
  formatHostAndPort,
  isLoopbackHost,
  parseHostAndPort,
  parseListenAddress,
} from '../../../src/config/network-address.js';
import { suggestName } from '../../../src/config/suggestion.js';

describe('a duration', () => {
  test.each([
    ['500ms', 500],
    ['15s', 15_000],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['30d', 2_592_000_000],
    ['0s', 0],
    ['007s', 7000],
  ])('%s is %i ms', (text, value) => {
    expect(parseDuration(text)).toEqual({ ok: true, value });
  });

  test.each([
    '',
    '15',
    's',
    '1.5h',
    '-1s',
    '1h30m',
    '15 s',
    '15S',
    '15sec',
    ' 15s',
    '15s\n',
    '1e3s',
    '1234567890s',
  ])('%j is refused', (text) => {
    expect(parseDuration(text).ok).toBe(false);
  });

  it('comes back from its own text, whatever its length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999 }), (durationMs) => {
        expect(parseDuration(formatDuration(durationMs))).toEqual({ ok: true, value: durationMs });
      }),
    );
  });

  it('never comes out of any other text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('0', '9', '.', '-', 'e', ' ', 'm', 's', 'h', 'd', '\n') }),
        (text) => {
          expect(parseDuration(text).ok).toBe(/^[0-9]{1,9}(ms|s|m|h|d)$/.test(text) && !text.includes('\n'));
        },
      ),
    );
  });
});

describe('a size', () => {
  test.each([
    ['0', 0],
    ['1048576', 1_048_576],
    ['17B', 17],
    ['512KiB', 524_288],
    ['64MiB', 67_108_864],
    ['1GiB', 1_073_741_824],
    ['2TiB', 2_199_023_255_552],
  ])('%s is %i bytes', (text, value) => {
    expect(parseByteSize(text)).toEqual({ ok: true, value });
  });

  test.each(['', 'GiB', '1GB', '1G', '1gib', '1.5GiB', '-1', '1 GiB', '0x10', '1GiB '])(
    '%j is refused',
    (text) => {
      expect(parseByteSize(text).ok).toBe(false);
    },
  );
});

describe('host and port', () => {
  test.each([
    ['127.0.0.1:9464', { host: '127.0.0.1', port: 9464 }],
    ['[::1]:9464', { host: '::1', port: 9464 }],
    ['zk_1.internal:0', { host: 'zk_1.internal', port: 0 }],
    ['0.0.0.0:65535', { host: '0.0.0.0', port: 65_535 }],
  ])('%s is read, and written the same way', (text, value) => {
    expect(parseHostAndPort(text)).toEqual({ ok: true, value });
    expect(formatHostAndPort(value)).toBe(text);
  });

  test.each([
    '',
    'a',
    ':1',
    'a:',
    'a:b',
    'a:65536',
    'a:-1',
    'a:1:2',
    '::1',
    '::1:80',
    '[::1]',
    '[a]:1',
    '[]:1',
    'a b:1',
  ])('%j is refused', (text) => {
    expect(parseHostAndPort(text).ok).toBe(false);
  });

  it('of the admin server may be off', () => {
    expect(parseListenAddress('off')).toEqual({ ok: true, value: undefined });
    expect(parseListenAddress('[::1]:9464')).toEqual({ ok: true, value: { host: '::1', port: 9464 } });
  });

  test.each([
    ['127.0.0.1', true],
    ['127.8.8.8', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['10.0.0.1', false],
    ['localhost.example', false],
    ['127.0.0.1.example', false],
  ])('%s is reachable from this machine only: %s', (host, expected) => {
    expect(isLoopbackHost(host)).toBe(expected);
  });
});

describe('a connect string', () => {
  const zk = (host: string, port = 2181) => ({ host, port });
  test.each([
    ['zk1', [zk('zk1')], ''],
    ['zk1:2181,zk2:2182', [zk('zk1'), zk('zk2', 2182)], ''],
    ['zk1, zk2 ,zk3/app/x/', [zk('zk1'), zk('zk2'), zk('zk3')], '/app/x'],
    ['[::1]:2181,127.0.0.1/', [zk('::1'), zk('127.0.0.1')], ''],
  ])('%s', (text, servers, chroot) => {
    expect(parseConnectString(text)).toEqual({ ok: true, value: { servers, chroot } });
  });

  test.each([
    '',
    ',',
    'a,,b',
    '/app',
    'a/b//c',
    'a:0',
    'a:1/x,b:1/x',
    'a/zookeeper',
    'a/zk-consul-sync/x',
    'http://a',
  ])('%j is refused', (text) => {
    expect(parseConnectString(text).ok).toBe(false);
  });

  it('is written in the form that clients take', () => {
    const servers = [zk('::1'), zk('zk2', 2182)];
    expect(formatConnectString({ servers, chroot: '/app' })).toBe('[::1]:2181,zk2:2182/app');
  });
});

describe('an address of Consul', () => {
  test.each([
    ['127.0.0.1:8500', undefined, '127.0.0.1:8500'],
    ['consul', undefined, 'consul'],
    ['http://consul:8500/', 'http', 'consul:8500'],
    ['HTTPS://consul.example', 'https', 'consul.example'],
    ['[::1]:8500', undefined, '[::1]:8500'],
  ])('%s', (text, scheme, authority) => {
    expect(parseConsulAddress(text)).toEqual({ ok: true, value: { scheme, authority } });
  });

  test.each([
    '',
    'http://',
    'ftp://a',
    'a:b',
    'http://a?x',
    'http://a#x',
    'http://a/b',
    'a@b',
    'http://a b',
    'a:1\n',
  ])('%j is refused', (text) => {
    expect(parseConsulAddress(text).ok).toBe(false);
  });
});

describe('mapped paths and prefixes', () => {
  test.each([
    ['/', '/'],
    ['/config', '/config'],
    ['/config/', '/config'],
    ['/zookeeperx', '/zookeeperx'],
    ['/zk-consul-sync-2/a', '/zk-consul-sync-2/a'],
    ['/a/zookeeper', '/a/zookeeper'],
    ['/a b/ü', '/a b/ü'],
  ])('the path %s becomes %s', (text, value) => {
    expect(parseMappedPath(text)).toEqual({ ok: true, value });
  });

  test.each([
    '',
    'a',
    '//',
    '/a//b',
    '/a//',
    '/.',
    '/a/..',
    '/a\u0000',
    '/\ud83d\ude00',
    '/zookeeper',
    '/zookeeper/quota',
  ])('the path %j is refused', (text) => {
    expect(parseMappedPath(text).ok).toBe(false);
  });

  test.each([
    ['', ''],
    ['config', 'config'],
    ['config/', 'config'],
    ['a b/😀', 'a b/😀'],
    ['zk-consul-sync-2', 'zk-consul-sync-2'],
  ])('the prefix %j becomes %j', (text, value) => {
    expect(parseMappedPrefix(text)).toEqual({ ok: true, value });
  });

  test.each(['/', '/a', 'a//b', 'a//', './a', 'a/..', 'a\tb', 'zk-consul-sync', 'zk-consul-sync/default'])(
    'the prefix %j is refused',
    (text) => {
      expect(parseMappedPrefix(text).ok).toBe(false);
    },
  );

  test.each([
    ['config', 'config', true],
    ['config', 'config/x', true],
    ['config', 'configuration', false],
    ['config/x', 'config', false],
    ['', 'config', true],
    ['/', '/a', true],
    ['/a', '/ab', false],
    ['/a', '/a/b/c', true],
  ])('%j covers %j: %s', (outer, inner, expected) => {
    expect(covers(outer, inner)).toBe(expected);
  });

  it('one covers another exactly if some key could belong to both', () => {
    const prefix = fc
      .array(fc.constantFrom('a', 'b', 'ab'), { maxLength: 3 })
      .map((parts) => parts.join('/'));
    const keysOf = (text: string) => (text === '' ? '' : `${text}/`);
    fc.assert(
      fc.property(prefix, prefix, (a, b) => {
        const overlap = keysOf(a).startsWith(keysOf(b)) || keysOf(b).startsWith(keysOf(a));
        expect(covers(a, b) || covers(b, a)).toBe(overlap);
      }),
    );
  });
});

describe('the name that was probably meant', () => {
  const known = ['direction', 'conflict', 'tieBreak', 'maxDelete', 'maxOverwrite', 'id'];
  test.each([
    ['directon', 'direction'],
    ['dierction', 'direction'],
    ['Direction', 'direction'],
    ['max_delete', 'maxDelete'],
    ['max-deletes', 'maxDelete'],
    ['tiebreak', 'tieBreak'],
    ['ids', 'id'],
    ['colour', undefined],
    ['x'.repeat(100_000), undefined],
  ])('of %.20s is %s', (unknown, expected) => {
    expect(suggestName(unknown, known)).toBe(expected);
  });
});

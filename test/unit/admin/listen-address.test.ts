import { describe, expect, it } from 'vitest';
import { hostOfHeader, isLoopback, showAddress } from '../../../src/admin/listen-address.js';

describe('the addresses of the admin server', () => {
  it.each(['localhost', '127.0.0.1', '127.255.0.9', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1'])(
    '%s can be reached from this machine only',
    (host) => expect(isLoopback(host)).toBe(true),
  );

  it.each([
    '',
    '0.0.0.0',
    '::',
    '10.0.0.7',
    '128.0.0.1',
    '::ffff:10.0.0.7',
    'fe80::1',
    'localhost.evil.example',
  ])('%j may be reached from elsewhere', (host) => expect(isLoopback(host)).toBe(false));

  it('are shown as in a URL', () => {
    expect(showAddress({ host: '127.0.0.1', port: 9464 })).toBe('127.0.0.1:9464');
    expect(showAddress({ host: '::1', port: 9464 })).toBe('[::1]:9464');
    expect(showAddress({ host: 'sync.internal', port: 80 })).toBe('sync.internal:80');
  });

  it.each<[string, string | undefined]>([
    ['localhost', 'localhost'],
    ['LOCALHOST:9464', 'localhost'],
    ['[::1]:9464', '::1'],
    ['[::1]', '::1'],
    ['127.0.0.1:', '127.0.0.1'],
    ['', undefined],
    [':9464', undefined],
    ['::1', undefined],
    ['a:b', undefined],
    ['[::1', undefined],
  ])('the header "Host: %s" names %s', (header, host) => expect(hostOfHeader(header)).toBe(host));
});

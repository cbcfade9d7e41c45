import { describe, expect, it } from 'vitest';
import { parseServerList, showAddress, shuffleServers } from '../../../src/zookeeper/server-list.js';

describe('parseServerList', () => {
  it.each([
    ['zk1', [{ host: 'zk1', port: 2181 }], ''],
    ['zk1:2182', [{ host: 'zk1', port: 2182 }], ''],
    [
      ' zk1:1 , zk2:2,',
      [
        { host: 'zk1', port: 1 },
        { host: 'zk2', port: 2 },
      ],
      '',
    ],
    ['10.0.0.1:2181/', [{ host: '10.0.0.1', port: 2181 }], ''],
    [
      'zk1,zk2/apps/team',
      [
        { host: 'zk1', port: 2181 },
        { host: 'zk2', port: 2181 },
      ],
      '/apps/team',
    ],
    [
      '[2001:db8::1]:2182,[::1]/a/',
      [
        { host: '2001:db8::1', port: 2182 },
        { host: '::1', port: 2181 },
      ],
      '/a',
    ],
  ])('reads %s', (connect, servers, chroot) => {
    expect(parseServerList(connect)).toEqual({ servers, chroot });
  });

  it.each([
    ['', 'no ZooKeeper server'],
    ['/only/a/path', 'no ZooKeeper server'],
    ['zk1:port', '"zk1:port"'],
    ['zk1:0', '1 to 65535'],
    ['zk1:65536', '1 to 65535'],
    ['::1', '[IPv6]:port'],
    ['[zk1]:2181', '[IPv6]:port'],
    ['zk1:2181//a', 'chroot'],
    ['zk1:2181/a/../b', 'chroot'],
  ])('refuses %s, saying why', (connect, reason) => {
    expect(() => parseServerList(connect)).toThrow(reason);
  });

  it('shows an address as it reads one', () => {
    for (const text of ['zk1:2181', '[::1]:2182']) {
      expect(parseServerList(text).servers.map(showAddress)).toEqual([text]);
    }
  });
});

describe('shuffleServers', () => {
  it('keeps every server, and puts each of them first sometimes', () => {
    const servers = ['a', 'b', 'c'].map((host) => ({ host, port: 1 }));
    const firsts = new Set<string | undefined>();
    for (const chance of [0, 0.4, 0.8]) {
      const shuffled = shuffleServers(servers, { next: () => chance });
      expect(shuffled.toSorted((a, b) => a.host.localeCompare(b.host))).toEqual(servers);
      firsts.add(shuffled[0]?.host);
    }
    expect(firsts.size).toBe(3);
  });
});

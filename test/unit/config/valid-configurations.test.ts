import { describe, expect, it, test } from 'vitest';
import { parse, withMapping, withSecondMapping, withSections, withZooKeeper } from './configuration-text.js';

describe('the smallest configuration', () => {
  it('has every default', async () => {
    expect(await parse(withSections(''))).toEqual({
      instance: 'default',
      zookeeper: {
        connect: { servers: [{ host: 'zk1', port: 2181 }], chroot: '' },
        sessionTimeoutMs: 15_000,
        auth: undefined,
        acl: 'open',
        tls: undefined,
      },
      consul: { address: 'http://127.0.0.1:8500', datacenter: undefined, token: undefined, tls: undefined },
      archive: { path: '/var/lib/zk-consul-sync', onLoss: 'hold' },
      journal: { keepMs: 2_592_000_000, maxBytes: 1_073_741_824 },
      limits: { zookeeper: { writesPerSecond: 0 }, consul: { writesPerSecond: 0 } },
      highAvailability: { enabled: false },
      canary: { enabled: false, everyMs: 5_000 },
      mappings: [
        {
          name: 'config',
          zookeeper: '/config',
          consul: 'config',
          direction: 'both',
          conflict: 'last-writer-wins',
          tieBreak: 'zookeeper',
          initial: 'merge',
          include: ['**'],
          exclude: [],
          sessionBound: 'mirror',
          restricted: 'mirror',
          drift: 'report',
          mode: 'sync',
          maxDelete: { percent: 25, atLeast: 20, withinMs: 3_600_000 },
          maxOverwrite: { percent: 25, atLeast: 20, withinMs: 3_600_000 },
          verifyEveryMs: 600_000,
        },
      ],
      admin: { listen: { host: '127.0.0.1', port: 9464 }, token: undefined },
      log: { level: 'info', format: 'json' },
    });
  });
});

describe('settings in their forms', () => {
  it('a section whose settings are all commented out keeps its defaults', async () => {
    const config = await parse(withSections('journal:\n#  keep: 1d\nconsul:\n'));
    expect(config.journal.keepMs).toBe(2_592_000_000);
    expect(config.consul.address).toBe('http://127.0.0.1:8500');
  });

  it('the admin server may be off', async () => {
    expect((await parse(withSections('admin: { listen: off }'))).admin.listen).toBeUndefined();
  });

  it('sizes may be plain numbers of bytes', async () => {
    expect((await parse(withSections('journal: { maxBytes: 1048576 }'))).journal.maxBytes).toBe(1_048_576);
  });

  it('a part of a guard may be set alone', async () => {
    const config = await parse(withMapping('maxDelete: { within: 10m }'));
    expect(config.mappings[0]?.maxDelete).toEqual({ percent: 25, atLeast: 20, withinMs: 600_000 });
  });

  it('an ACL may be spelt out', async () => {
    const config = await parse(
      withZooKeeper(
        "acl:\n  - { scheme: world, id: anyone, permissions: r }\n  - { scheme: auth, id: '', permissions: crwda }",
      ),
    );
    const acl = config.zookeeper.acl;
    if (typeof acl === 'string') throw new Error('expected a list');
    expect(acl.map(({ scheme, id, permissions }) => [scheme, id.reveal(), permissions])).toEqual([
      ['world', 'anyone', 'r'],
      ['auth', '', 'crwda'],
    ]);
  });

  it('an ACL for the creator goes with authentication', async () => {
    const config = await parse(withZooKeeper('acl: creator-all\nauth: { credentials: "u:p" }'));
    expect(config.zookeeper).toMatchObject({ acl: 'creator-all', auth: { scheme: 'digest' } });
  });

  it('anchors and aliases work', async () => {
    const text = withMapping('maxDelete: &guard { percent: 5 }\nmaxOverwrite: *guard');
    expect((await parse(text)).mappings[0]?.maxOverwrite.percent).toBe(5);
  });

  it('a list of patterns takes any that the matcher knows', async () => {
    const config = await parse(withMapping(String.raw`exclude: ['tmp/**', '**/.lock', 'a\*b']`));
    expect(config.mappings[0]?.exclude).toEqual(['tmp/**', '**/.lock', String.raw`a\*b`]);
  });

  test.each([
    ['zookeeper: /configuration\nconsul: configuration', '/configuration', 'configuration'],
    ['zookeeper: /conf/\nconsul: conf/', '/conf', 'conf'],
    ['zookeeper: /a/config\nconsul: a/config', '/a/config', 'a/config'],
  ])('mappings that only begin alike do not overlap: %j', async (places, zookeeper, consul) => {
    const config = await parse(withSecondMapping(`name: other\n${places}`));
    expect(config.mappings[1]).toMatchObject({ zookeeper, consul });
  });

  it('S8: the whole of both stores may be mapped; what is reserved is left out elsewhere', async () => {
    const text = 'zookeeper: { connect: zk1/app }\nmappings: [{ name: all, zookeeper: /, consul: "" }]\n';
    expect(await parse(text)).toMatchObject({
      zookeeper: { connect: { chroot: '/app' } },
      mappings: [{ zookeeper: '/', consul: '' }],
    });
  });
});

describe('the address of Consul', () => {
  test.each([
    ['', {}, 'http://127.0.0.1:8500'],
    ['', { CONSUL_HTTP_ADDR: 'consul:8500' }, 'http://consul:8500'],
    ['', { CONSUL_HTTP_ADDR: 'https://consul:8501' }, 'https://consul:8501'],
    ['', { CONSUL_HTTP_ADDR: 'consul:8501', CONSUL_HTTP_SSL: 'true' }, 'https://consul:8501'],
    ['', { CONSUL_HTTP_ADDR: '' }, 'http://127.0.0.1:8500'],
    ['consul:', { CONSUL_HTTP_ADDR: 'consul:8500' }, 'http://consul:8500'],
    ['consul: { tls: {} }', { CONSUL_HTTP_ADDR: 'consul:8501' }, 'https://consul:8501'],
    ['consul: { tls: {} }', {}, 'https://127.0.0.1:8500'],
    [
      'consul: { address: here:1 }',
      { CONSUL_HTTP_ADDR: 'there:2', CONSUL_HTTP_SSL: 'true' },
      'http://here:1',
    ],
  ])('of %j in the environment %j is %s', async (sections, environment, expected) => {
    expect((await parse(withSections(sections), { environment })).consul.address).toBe(expected);
  });

  it('comes without the token of the environment unless the file asks for it', async () => {
    const environment = { CONSUL_HTTP_TOKEN: 'secret' };
    expect((await parse(withSections(''), { environment })).consul.token).toBeUndefined();
    const asked = await parse(withSections('consul:\n  token: ${CONSUL_HTTP_TOKEN}'), { environment });
    expect(asked.consul.token).toMatchObject({ kind: 'inline' });
  });
});

import { describe, expect, it } from 'vitest';
import { parse } from './configuration-text.js';

const SERVICES =
  'zookeeper: { connect: zk1 }\nservices:\n  - { name: apps, zookeeper: /services, format: curator }\n';

describe('a list of services', () => {
  it('is looked after like a mapping, and needs none beside it', async () => {
    const { mappings } = await parse(SERVICES);
    expect(mappings).toMatchObject([
      {
        name: 'apps',
        zookeeper: '/services',
        direction: 'both',
        services: {
          format: 'curator',
          node: 'zk-consul-sync-default',
          consul: { namePrefix: '', tags: [], onlyPassing: true },
          removeAfterMs: 10_000,
          minHealthy: 50,
        },
      },
    ]);
  });

  it('has copies on a node that is named by the instance, or as it says', async () => {
    const named = await parse(`instance: east\n${SERVICES}`);
    expect(named.mappings[0]?.services?.node).toBe('zk-consul-sync-east');
    const own = await parse(SERVICES.replace('format: curator', 'format: nerve, consul: { node: bridge }'));
    expect(own.mappings[0]?.services?.node).toBe('bridge');
  });

  it.each([
    [
      'a name that a mapping has',
      'mappings: [{ name: apps, zookeeper: /config, consul: config }]',
      'services[0].name',
    ],
    [
      'a path that a mapping has',
      'mappings: [{ name: config, zookeeper: /services/a, consul: config }]',
      'services[0].zookeeper',
    ],
  ])('can not have %s', async (_what, mappings, path) => {
    await expect(parse(`${SERVICES}${mappings}\n`)).rejects.toThrow(path);
  });

  it('can bind its copies in ZooKeeper to a session of daemons, unless there are none', async () => {
    const { mappings } = await parse(SERVICES);
    expect(mappings[0]?.services?.ephemeral).toBe(false);
    const bound = SERVICES.replace('format: curator', 'format: curator, ephemeral: true');
    expect((await parse(bound)).mappings[0]?.services?.ephemeral).toBe(true);
    const oneWay = (direction: string) => bound.replace('curator,', `curator, direction: ${direction},`);
    await expect(parse(oneWay('zookeeper-to-consul'))).rejects.toThrow(
      /services\[0\]\.ephemeral.* there are no copies in ZooKeeper/,
    );
    expect((await parse(oneWay('consul-to-zookeeper'))).mappings).toHaveLength(1);
  });

  it('has one of four formats', async () => {
    await expect(parse(SERVICES.replace('curator', 'eureka'))).rejects.toThrow(
      'curator, serverset, nerve, dubbo',
    );
  });
});

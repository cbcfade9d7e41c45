import { rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { command } from '../cli/command.js';
import { Bridge, curatorInstance, LIST } from './bridged.js';

describe('deregister', () => {
  it('S8: removes all copies on both sides, the node and parents made for them, and nothing else', async () => {
    const bridge = await populated();
    const deregister = (...args: string[]) =>
      command('deregister', ...args, '--config', bridge.daemon.configFile);

    const running = await deregister('--yes');
    expect(running).toMatchObject({ code: 1, stdout: '' });
    expect(running.stderr).toContain('stop it first');
    await bridge.daemon.stop();
    expect(await deregister()).toMatchObject({ code: 2 });

    const { code, stdout } = await deregister('--yes');
    expect(stdout).toContain('apps: 2 copies in Consul, 2 in ZooKeeper');
    expect(stdout).toMatch(/^ {2}consul +web\/1$/m);
    expect(stdout).toMatch(/^ {2}zookeeper +only-consul\/zk-consul-sync:default:host-1:only-1$/m);
    expect(stdout).toContain('apps: removed 4 copies, left 0.');
    expect(stdout).toContain('There is no node zk-consul-sync-default in Consul any more.');
    expect(code).toBe(0);
    await onlyOriginalsAreLeft(bridge);

    const again = await deregister('--yes', '--json');
    expect(JSON.parse(again.stdout)).toEqual({
      instance: 'default',
      lists: [{ name: LIST, found: { zookeeper: 0, consul: 0 }, left: [] }],
      nodes: [{ name: 'zk-consul-sync-default', left: null }],
    });
    expect(again.code).toBe(0);

    // A start shows all of them again.
    await bridge.daemon.start();
    await bridge.consulShows('web', ['10.0.0.1:80', '10.0.0.7:70', '10.0.0.8:70', '10.9.9.9:80']);
    const { conflicts } = await bridge.daemon.inSync(LIST);
    expect(conflicts).toMatchObject({ open: 0, total: 0 });
  });

  it('does so also after the archive was lost, and takes no mapping', async () => {
    const bridge = await populated();
    await bridge.daemon.stop();
    await rm(bridge.daemon.archivePath, { recursive: true });
    const { code, stdout } = await command('deregister', LIST, '-y', '--config', bridge.daemon.configFile);
    expect(stdout).toContain('apps: removed 4 copies, left 0.');
    expect(code).toBe(0);
    expect(await bridge.passing('web')).toEqual(['10.0.0.1:80', '10.9.9.9:80']);
    expect([...(await bridge.nodesBelow('/services/web')).keys()].sort()).toEqual([
      ...['1', '2', 'zk-consul-sync:other:n:1'],
    ]);
    const mapping = await command('deregister', 'config', '-y', '--config', bridge.daemon.configFile);
    expect(mapping).toMatchObject({ code: 2 });
  });

  it('S5, S8: leaves the node where the token may not read all that may be on it, and says what to do', async () => {
    const rules = `
      key_prefix "zk-consul-sync/" { policy = "write" }
      node_prefix "" { policy = "read" }
      node "${NODE}" { policy = "write" }
      service_prefix "web" { policy = "write" }`;
    const bridge = await Bridge.start({}, { consul: { acl: true } }, {}, rules);
    await bridge.registerInZooKeeper('/services/web/1', curatorInstance('web', '1', '10.0.0.7', 70));
    await bridge.consulShows('web', ['10.0.0.7:70']);
    const foreign = {
      id: 'f',
      service: 'foreign',
      address: '10.9.9.9',
      port: 80,
      tags: [],
      meta: {},
      weight: 1,
    };
    await bridge.user.register({ ...foreign, node: NODE });
    await bridge.daemon.inSync(LIST);
    await bridge.daemon.stop();

    const { code, stdout } = await command('deregister', '-y', '--config', bridge.daemon.configFile);
    expect(stdout).toContain('apps: removed 1 copy, left 0.');
    expect(stdout).toContain(`Left node ${NODE} in Consul: it may have services that are not shown`);
    expect(code).toBe(1);
    expect(await bridge.passing('web')).toEqual([]);
    expect(await bridge.user.instances('foreign')).toHaveLength(1);
  });

  it('S8: deregister removes ephemeral copies, and retire what was noted of their session', async () => {
    const bridge = await populated({ ephemeral: true });
    await bridge.daemon.stop();
    const config = ['--config', bridge.daemon.configFile];
    const { code, stdout } = await command('deregister', '--yes', ...config);
    expect(stdout).toContain('apps: removed 4 copies, left 0.');
    expect(code).toBe(0);
    await onlyOriginalsAreLeft(bridge);
    const retired = await command('retire', 'default', '--yes', '--json', ...config);
    expect(JSON.parse(retired.stdout)).toMatchObject({
      deleted: expect.arrayContaining([
        { store: 'zookeeper', place: '/zk-consul-sync/default/.leases/apps', kind: 'lease' },
        { store: 'zookeeper', place: '/zk-consul-sync/default/.leases', kind: 'folder' },
      ]) as unknown,
      left: [],
    });
  });
});

const NODE = 'zk-consul-sync-default';

/** Originals on both sides, their copies, and copies of somebody else's. */
async function populated(services: Record<string, unknown> = {}): Promise<Bridge> {
  const bridge = await Bridge.start(services);
  for (const id of ['1', '2']) {
    const data = curatorInstance('web', id, `10.0.0.${6 + Number(id)}`, 70);
    await bridge.registerInZooKeeper(`/services/web/${id}`, data);
  }
  await bridge.registerInConsul();
  await bridge.registerInConsul({ service: 'only-consul', id: 'only-1', port: 81 });
  const meta = { 'external-source': 'zookeeper', 'zk-consul-sync': 'other/apps' };
  await bridge.registerInConsul({ node: 'other-bridge', id: 'copy', address: '10.9.9.9', meta });
  const foreign = curatorInstance('web', 'x', '10.8.8.8', 1);
  await bridge.staging.zookeeper.create('/services/web/zk-consul-sync:other:n:1', foreign);
  await bridge.consulShows('web', ['10.0.0.1:80', '10.0.0.7:70', '10.0.0.8:70', '10.9.9.9:80']);
  await bridge.zookeeperShows('/services/web', 4);
  await bridge.zookeeperShows('/services/only-consul', 1);
  await bridge.daemon.inSync(LIST);
  return bridge;
}

async function onlyOriginalsAreLeft(bridge: Bridge): Promise<void> {
  expect(await bridge.passing('web')).toEqual(['10.0.0.1:80', '10.9.9.9:80']);
  expect(await bridge.passing('only-consul')).toEqual(['10.0.0.1:81']);
  expect((await bridge.staging.zookeeper.listTree('/services')).sort()).toEqual([
    ...['/services', '/services/web', '/services/web/1', '/services/web/2'],
    '/services/web/zk-consul-sync:other:n:1',
  ]);
  const { text } = await bridge.staging.consul.request('GET', '/v1/catalog/nodes');
  const names = (JSON.parse(text) as { Node: string }[]).map(({ Node }) => Node);
  expect(names).not.toContain('zk-consul-sync-default');
  expect(names).toEqual(expect.arrayContaining(['host-1', 'other-bridge']));
}

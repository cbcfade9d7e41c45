import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';

describe('inner znodes without data', () => {
  let staging: Staging;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    staging = await Staging.start();
    await staging.zookeeper.create('/config/anchor', 'stays');
    daemon = await staging.startDaemon();
    await daemon.inSync();
  });
  afterAll(() => staging.dispose());

  it('leave neither an empty znode nor a key when the last key of a folder from Consul is deleted', async () => {
    await staging.consul.put('config/folder/sub/one', '1');
    await staging.consul.put('config/folder/sub/two', '2');
    await staging.zookeeperHolds('/config/folder/sub/two', '2');
    await staging.consul.delete('config/folder/sub/one');
    await staging.consul.delete('config/folder/sub/two');
    await staging.zookeeperHolds('/config/folder', undefined);
    await daemon.inSync();
    expect(await staging.consul.list('config/folder')).toEqual([]);
  });

  it('leave no empty key behind when a client makes the parent first and its children a moment later', async () => {
    await staging.zookeeper.create('/config/parent', '');
    await staging.consulHolds('config/parent', '');
    await staging.zookeeper.create('/config/parent/child', 'value');
    await staging.consulHolds('config/parent/child', 'value');
    await staging.consulHolds('config/parent', undefined);
    await daemon.inSync();
    expect(await staging.zookeeper.listTree('/config/parent')).toEqual([
      '/config/parent',
      '/config/parent/child',
    ]);
  });

  it('of a client stay when their children go, and bring no key into being', async () => {
    await staging.zookeeper.remove('/config/parent/child');
    await staging.consulHolds('config/parent/child', undefined);
    await daemon.inSync();
    expect(await staging.zookeeper.get('/config/parent')).toBeDefined();
    expect(await staging.consul.list('config/parent')).toEqual([]);
    await staging.zookeeper.set('/config/parent', 'now data');
    await staging.consulHolds('config/parent', 'now data');
  });

  it('are what is left of an entry whose key was deleted in Consul while it had children', async () => {
    await staging.zookeeper.create('/config/inner', 'data');
    await staging.zookeeper.create('/config/inner/child', 'value');
    await staging.consulHolds('config/inner/child', 'value');
    await staging.consulHolds('config/inner', 'data');
    await staging.consul.delete('config/inner');
    await staging.zookeeperHolds('/config/inner', '');
    await daemon.inSync();
    expect((await staging.consul.get('config/inner/child'))?.value.toString()).toBe('value');
    await staging.consul.delete('config/inner/child');
    await staging.zookeeperHolds('/config/inner', undefined);
  });

  it('are not made of the folder markers of the Consul UI', async () => {
    await staging.consul.put('config/marker/', '');
    await staging.consul.put('config/after-marker', 'x');
    await staging.zookeeperHolds('/config/after-marker', 'x');
    await daemon.inSync();
    expect(await staging.zookeeper.get('/config/marker')).toBeUndefined();
  });
});

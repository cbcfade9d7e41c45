import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';

const KIB = 1024;

describe.each(['3.8', '3.4'] as const)('a running daemon between ZooKeeper %s and Consul', (flavour) => {
  let staging: Staging;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    staging = await Staging.start({ zookeeper: { flavour } });
    daemon = await staging.startDaemon();
    await daemon.inSync();
  });
  afterAll(() => staging.dispose());

  it('carries creates, updates and deletes from ZooKeeper to Consul', async () => {
    await staging.zookeeper.create('/config/from-zookeeper', 'one');
    await staging.consulHolds('config/from-zookeeper', 'one');
    await staging.zookeeper.set('/config/from-zookeeper', 'two');
    await staging.consulHolds('config/from-zookeeper', 'two');
    await staging.zookeeper.remove('/config/from-zookeeper');
    await staging.consulHolds('config/from-zookeeper', undefined);
  });

  it('carries creates, updates and deletes from Consul to ZooKeeper', async () => {
    await staging.consul.put('config/stays', 'here');
    await staging.consul.put('config/from-consul', 'one');
    await staging.zookeeperHolds('/config/from-consul', 'one');
    await staging.consul.put('config/from-consul', 'two');
    await staging.zookeeperHolds('/config/from-consul', 'two');
    await staging.consul.delete('config/from-consul');
    await staging.zookeeperHolds('/config/from-consul', undefined);
  });

  it('carries binary values to the last byte, the empty one included', async () => {
    const binary = randomBytes(10 * KIB);
    await staging.consul.put('config/binary', binary);
    await staging.zookeeperHolds('/config/binary', binary);
    await staging.zookeeper.create('/config/empty', '');
    await staging.consulHolds('config/empty', '');
  });

  it('carries deep trees, and makes the parents they need', async () => {
    const deep = Array.from({ length: 20 }, (_, level) => `level-${level}`).join('/');
    await staging.consul.put(`config/${deep}`, 'bottom');
    await staging.zookeeperHolds(`/config/${deep}`, 'bottom');
    await staging.consul.delete(`config/${deep}`);
    await staging.zookeeperHolds('/config/level-0', undefined);
  });

  it('maps keys that are no legal znode names, each to a znode of its own and back', async () => {
    const keys = [
      'with space',
      '100%',
      'ünï/cödé',
      '😀/emoji',
      'a//b',
      './c',
      '../d',
      'ends/',
      '%2E',
      'tab\tin',
    ];
    for (const key of keys) await staging.consul.put(`config/${key}`, `value of ${key}`);
    await waitUntil('all keys to have a znode', async () => {
      const paths = await staging.zookeeper.listTree('/config');
      const values = await Promise.all(paths.map(async (path) => (await staging.zookeeper.get(path))?.data));
      const texts = new Set(values.map((value) => value?.toString()));
      return keys.every((key) => texts.has(`value of ${key}`));
    });
    for (const key of keys) await staging.consul.delete(`config/${key}`);
    await waitUntil('all those znodes to be gone again', async () => {
      const paths = await staging.zookeeper.listTree('/config');
      return !paths.some((path) => /emoji|space|cödé|%empty|%2E/.test(path));
    });
  });

  it('leaves 64-bit flags as they are when the value changes in ZooKeeper', async () => {
    await staging.consul.put('config/flagged', 'before', '18446744073709551615');
    await staging.zookeeperHolds('/config/flagged', 'before');
    await staging.zookeeper.set('/config/flagged', 'after');
    await staging.consulHolds('config/flagged', 'after');
    expect((await staging.consul.get('config/flagged'))?.flags).toBe('18446744073709551615');
  });

  it('leaves the ACL as it is when the value changes in Consul', async () => {
    const acl = [
      { permissions: 31, scheme: 'world', id: 'anyone' },
      { permissions: 1, scheme: 'digest', id: 'reader:x' },
    ];
    await staging.zookeeper.create('/config/guarded', 'before');
    await staging.zookeeper.setAcl('/config/guarded', acl);
    await staging.consulHolds('config/guarded', 'before');
    await staging.consul.put('config/guarded', 'after');
    await staging.zookeeperHolds('/config/guarded', 'after');
    expect(await staging.zookeeper.getAcl('/config/guarded')).toEqual(acl);
  });

  it('does not catch keys that only share the first letters of the prefix (S8)', async () => {
    await staging.consul.put('configuration/x', 'not mine');
    await staging.consul.put('config/x', 'mine');
    await staging.zookeeperHolds('/config/x', 'mine');
    expect(await staging.zookeeper.get('/configuration')).toBeUndefined();
  });

  it('ends in sync, with nothing skipped', async () => {
    const status = await daemon.inSync();
    expect(status).toMatchObject({ state: 'live', skippedTotal: 0, holds: [] });
    expect(await daemon.ready()).toBe(true);
  });
});

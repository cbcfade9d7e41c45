import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';

const ENTRIES = 30;

describe('a store or an archive that is not what it was', () => {
  let staging: Staging;
  let daemon: DaemonProcess;

  beforeEach(async () => {
    staging = await Staging.start();
    for (let number = 0; number < ENTRIES; number++) {
      await staging.zookeeper.create(`/config/entry-${number}`, `value ${number}`);
    }
    daemon = await staging.startDaemon();
    await daemon.inSync();
  });
  afterEach(() => staging.dispose());

  async function inZooKeeper(): Promise<Map<string, string>> {
    const entries = new Map<string, string>();
    for (const path of await staging.zookeeper.listTree('/config')) {
      const data = (await staging.zookeeper.get(path))?.data;
      if (data !== null && data !== undefined && data.length > 0) entries.set(path.slice(8), data.toString());
    }
    return entries;
  }

  async function inConsul(prefix = 'config/'): Promise<Map<string, string>> {
    const list = await staging.consul.list(prefix);
    return new Map(list.map(({ key, value }) => [key.slice(prefix.length), value.toString()]));
  }

  /** Nothing was deleted or overwritten anywhere while it was held; a resync makes both sides equal again. */
  async function expectUntouchedAndHealed(reason: string): Promise<void> {
    const before = { zookeeper: await inZooKeeper(), consul: await inConsul() };
    const held = await daemon.held(reason);
    expect(held.state).toBe('held');
    expect({ zookeeper: await inZooKeeper(), consul: await inConsul() }).toEqual(before);

    await daemon.stop();
    await daemon.start();
    await daemon.held(reason);
    expect({ zookeeper: await inZooKeeper(), consul: await inConsul() }).toEqual(before);

    await daemon.post('resync', { from: 'merge' });
    const status = await daemon.inSync();
    expect(status.state).toBe('live');
    const healed = { zookeeper: await inZooKeeper(), consul: await inConsul() };
    expect(healed.zookeeper).toEqual(healed.consul);
    const wanted = new Set([...before.zookeeper.keys(), ...before.consul.keys()]);
    expect([...healed.zookeeper.keys()].sort()).toEqual([...wanted].sort());
  }

  it('is held identity-changed when Consul was wiped while the daemon runs (S4)', async () => {
    await staging.consulServer.kill();
    await staging.consulServer.wipe();
    await staging.consulServer.start();
    await expectUntouchedAndHealed('identity-changed');
    expect((await inConsul()).size).toBe(ENTRIES);
  });

  it('is held identity-changed when ZooKeeper was wiped while the daemon is down (S4)', async () => {
    await daemon.stop();
    await staging.zookeeperServer.kill();
    await staging.zookeeperServer.wipe();
    await staging.zookeeperServer.start();
    await staging.reconnectZooKeeper();
    await daemon.start();
    await expectUntouchedAndHealed('identity-changed');
    expect((await inZooKeeper()).size).toBe(ENTRIES);
  });

  it('is held rolled-back when Consul was restored from a snapshot while the daemon runs (S6)', async () => {
    const snapshot = await staging.consulServer.saveSnapshot();
    await staging.zookeeper.create('/config/after-snapshot', 'new');
    await staging.zookeeper.set('/config/entry-0', 'changed after the snapshot');
    await staging.consulHolds('config/after-snapshot', 'new');
    await staging.consulHolds('config/entry-0', 'changed after the snapshot');
    await staging.consulServer.restoreSnapshot(snapshot);
    await expectUntouchedAndHealed('rolled-back');
    await staging.consulHolds('config/after-snapshot', 'new');
  });

  it('is held rolled-back when Consul was restored while the daemon was down, and written to since (S6)', async () => {
    const snapshot = await staging.consulServer.saveSnapshot();
    await staging.zookeeper.create('/config/after-snapshot', 'new');
    await staging.consulHolds('config/after-snapshot', 'new');
    await daemon.inSync();
    await daemon.stop();
    await staging.consulServer.restoreSnapshot(snapshot);
    await staging.consul.put('config/entry-1', 'written after the restore');
    await daemon.start();
    await expectUntouchedAndHealed('rolled-back');
  });

  it('is held rolled-back when ZooKeeper was restored from older data (S6)', async () => {
    await daemon.stop();
    await staging.zookeeper.close();
    await staging.zookeeperServer.stop();
    const copy = await staging.zookeeperServer.snapshotData();
    await staging.zookeeperServer.start();
    await staging.reconnectZooKeeper();
    await daemon.start();
    await daemon.inSync();
    await staging.consul.put('config/after-snapshot', 'new');
    await staging.zookeeperHolds('/config/after-snapshot', 'new');
    await staging.zookeeperServer.stop();
    await staging.zookeeperServer.restoreData(copy);
    await staging.zookeeperServer.start();
    await staging.reconnectZooKeeper();
    await expectUntouchedAndHealed('rolled-back');
  });

  it('is held archive-lost when the archive was deleted (S4)', async () => {
    await daemon.stop();
    await rm(daemon.archivePath, { recursive: true });
    await staging.zookeeper.remove('/config/entry-2');
    await daemon.start();
    await expectUntouchedAndHealed('archive-lost');
  });

  it('is a new mapping, and held, when its path was edited (S4)', async () => {
    await daemon.stop();
    await daemon.start({ mappings: [{ consul: 'config-new' }] });
    await daemon.held('archive-lost');
    expect((await inZooKeeper()).size).toBe(ENTRIES);
    expect((await inConsul()).size).toBe(ENTRIES);
    expect((await inConsul('config-new/')).size).toBe(0);

    await daemon.post('resync', { from: 'zookeeper' });
    await daemon.inSync();
    expect((await inConsul('config-new/')).size).toBe(ENTRIES);
    expect((await inConsul()).size).toBe(ENTRIES);
  });

  it('is held mapped-twice for the newcomer of two instances on the same subtree', async () => {
    const newcomer = await staging.startDaemon({
      config: { instance: 'other' },
      mappings: [{ zookeeper: '/config/sub', consul: 'elsewhere' }],
    });
    await newcomer.held('mapped-twice');
    expect((await daemon.mapping()).state).toBe('live');
  });
});

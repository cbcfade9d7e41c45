import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { zkCli } from '../../kit/servers/zookeeper-server.js';

describe('deletions that would take away much of a mapping', () => {
  let staging: Staging;
  let daemon: DaemonProcess;

  beforeEach(async () => {
    staging = await Staging.start();
  });
  afterEach(() => staging.dispose());

  async function filledWith(count: number): Promise<string[]> {
    const names = Array.from({ length: count }, (_, number) => `entry-${String(number).padStart(3, '0')}`);
    await staging.zookeeper.create('/config', '');
    for (const name of names) await staging.zookeeper.create(`/config/${name}`, `value of ${name}`);
    daemon = await staging.startDaemon();
    await daemon.inSync();
    expect(await staging.consul.list('config/')).toHaveLength(count);
    return names;
  }

  /** What is held stays held over a restart, additions go on meanwhile, and approval lets exactly it pass. */
  async function expectHeldUntilApproved(leftInConsul: number): Promise<void> {
    const held = await daemon.held('mass-deletion');
    expect(held.state).toBe('held');
    await staging.zookeeper.create('/config/added-meanwhile', 'new');
    await staging.consulHolds('config/added-meanwhile', 'new');
    expect((await staging.consul.list('config/')).length).toBeGreaterThanOrEqual(leftInConsul + 1);
    const before = await staging.consul.list('config/');

    await daemon.stop();
    await daemon.start();
    await daemon.held('mass-deletion');
    await staging.zookeeper.create('/config/added-later', 'new');
    await staging.consulHolds('config/added-later', 'new');
    expect(await staging.consul.list('config/')).toHaveLength(before.length + 1);

    await daemon.post('approve');
    const status = await daemon.inSync();
    expect(status).toMatchObject({ state: 'live', entries: 2 });
    expect((await staging.consul.list('config/')).map(({ key }) => key)).toEqual([
      'config/added-later',
      'config/added-meanwhile',
    ]);
  }

  it('are held when a mapping of 100 entries is emptied by one recursive delete in Consul', async () => {
    const names = await filledWith(100);
    await staging.consul.deleteTree('config/');
    await daemon.held('mass-deletion');
    expect(await staging.zookeeper.children('/config')).toEqual(names);
    await daemon.post('approve');
    await daemon.inSync();
    expect(await staging.zookeeper.listTree('/config')).toEqual(['/config']);
  });

  it('are held to the last when 1,000 of 1,300 entries, which are watched in parts, are deleted in one transaction', async () => {
    await filledWith(300);
    await staging.zookeeper.create('/config/bulk', '');
    const names = Array.from({ length: 1_000 }, (_, number) => `entry-${String(number).padStart(4, '0')}`);
    for (const name of names) await staging.zookeeper.create(`/config/bulk/${name}`, `value of ${name}`);
    await daemon.inSync();
    await staging.consul.deleteTree('config/bulk/');
    await daemon.held('mass-deletion');
    await waitUntil('all deletions to be held', async () => {
      const { deletions } = await daemon.get<{ deletions: number }>('held?limit=1');
      return deletions === names.length;
    });
    expect(await staging.zookeeper.children('/config/bulk')).toEqual(names);
  });

  it('are held when a mapping of 100 entries is emptied by deleteall in zkCli', async () => {
    await filledWith(100);
    await zkCli(staging.zookeeperServer, ['deleteall', '/config']);
    await staging.zookeeper.create('/config', '');
    await expectHeldUntilApproved(75);
  });

  it('are held when a mapping of 100 entries is emptied by 100 single deletes', async () => {
    const names = await filledWith(100);
    for (const name of names) await staging.zookeeper.remove(`/config/${name}`);
    await expectHeldUntilApproved(75);
  });

  it('are held when a mapping of 10 entries is emptied', async () => {
    const names = await filledWith(10);
    for (const name of names) await staging.zookeeper.remove(`/config/${name}`);
    await expectHeldUntilApproved(1);
  });

  it('are not held when what is deleted comes back', async () => {
    const names = await filledWith(100);
    for (let round = 0; round < 3; round++) {
      for (const name of names.slice(0, 20)) {
        await staging.zookeeper.remove(`/config/${name}`);
        await staging.zookeeper.create(`/config/${name}`, `round ${round}`);
      }
    }
    await staging.consulHolds(`config/${names[19] ?? ''}`, 'round 2');
    const status = await daemon.inSync();
    expect(status).toMatchObject({ state: 'live', entries: 100, holds: [] });
  });
});

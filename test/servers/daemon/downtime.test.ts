import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';

interface JournalAnswer {
  readonly conflicts: ReadonlyArray<{ readonly id: number; readonly key: string; readonly kind: string }>;
}

describe('changes made while the daemon is down', () => {
  let staging: Staging;
  let daemon: DaemonProcess;

  beforeEach(async () => {
    staging = await Staging.start();
    for (let number = 0; number < 30; number++) {
      await staging.zookeeper.create(`/config/entry-${number}`, `value ${number}`);
    }
    daemon = await staging.startDaemon();
    await daemon.inSync();
    await daemon.stop();
  });
  afterEach(() => staging.dispose());

  it('are carried over at its next start, on both sides, and what was deleted stays deleted (S7)', async () => {
    await staging.zookeeper.create('/config/new-in-zookeeper', 'z');
    await staging.consul.put('config/new-in-consul', 'c');
    await staging.zookeeper.set('/config/entry-1', 'changed in zookeeper');
    await staging.consul.put('config/entry-2', 'changed in consul');
    await staging.zookeeper.remove('/config/entry-3');
    await staging.consul.delete('config/entry-4');

    await daemon.start();
    const status = await daemon.inSync();

    expect(status).toMatchObject({ entries: 30, conflicts: { total: 0 } });
    await staging.consulHolds('config/new-in-zookeeper', 'z', 100);
    await staging.zookeeperHolds('/config/new-in-consul', 'c', 100);
    await staging.consulHolds('config/entry-1', 'changed in zookeeper', 100);
    await staging.zookeeperHolds('/config/entry-2', 'changed in consul', 100);
    await staging.consulHolds('config/entry-3', undefined, 100);
    await staging.zookeeperHolds('/config/entry-3', undefined, 100);
    await staging.consulHolds('config/entry-4', undefined, 100);
    await staging.zookeeperHolds('/config/entry-4', undefined, 100);
  });

  it('to the same key on both sides are one conflict, with both values in the journal (S1)', async () => {
    await staging.zookeeper.set('/config/entry-5', 'from zookeeper');
    await staging.consul.put('config/entry-5', 'from consul');

    await daemon.start();
    const status = await daemon.inSync();

    expect(status.conflicts).toEqual({ open: 0, total: 1 });
    const { conflicts } = await daemon.get<JournalAnswer>('conflicts?limit=10');
    expect(conflicts).toMatchObject([{ key: 'entry-5', kind: 'update-update' }]);
    const whole = JSON.stringify(await daemon.get(`conflicts/${conflicts[0]?.id ?? 0}`));
    expect(whole).toContain('from zookeeper');
    expect(whole).toContain('from consul');
    const kept = (await staging.zookeeper.get('/config/entry-5'))?.data?.toString();
    await staging.consulHolds('config/entry-5', kept, 100);
  });

  it('that delete on one side what the other changed lose nothing (S1)', async () => {
    await staging.zookeeper.remove('/config/entry-6');
    await staging.consul.put('config/entry-6', 'still wanted');

    await daemon.start();
    const status = await daemon.inSync();

    expect(status.conflicts.total).toBe(1);
    await staging.zookeeperHolds('/config/entry-6', 'still wanted', 100);
  });

  it('that gave both sides the same new value are no conflict', async () => {
    await staging.zookeeper.set('/config/entry-7', 'agreed');
    await staging.consul.put('config/entry-7', 'agreed');
    await daemon.start();
    expect((await daemon.inSync()).conflicts.total).toBe(0);
  });

  it('are held for a person under conflict: hold, until released with the value to keep', async () => {
    await staging.zookeeper.set('/config/entry-8', 'from zookeeper');
    await staging.consul.put('config/entry-8', 'from consul');

    await daemon.start({ mappings: [{ conflict: 'hold' }] });
    await daemon.held('conflict');

    await staging.zookeeperHolds('/config/entry-8', 'from zookeeper', 100);
    await staging.consulHolds('config/entry-8', 'from consul', 100);
    await daemon.post('release', { key: 'entry-8', keep: 'consul' });
    await staging.zookeeperHolds('/config/entry-8', 'from consul');
    expect((await daemon.inSync()).conflicts.open).toBe(0);
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BlindCopier } from '../../kit/daemon/blind-copier.js';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';

/** A ring may take so many writes until it is held. */
const RING_WRITES_MAX = 30;
const UPDATES_MAX = 20;

describe('a third program that carries Consul to ZooKeeper, blindly and late', () => {
  let staging: Staging;
  let daemon: DaemonProcess;

  beforeEach(async () => {
    staging = await Staging.start();
    for (const key of ['ring', 'other']) await staging.zookeeper.create(`/config/${key}`, 'v0');
    daemon = await staging.startDaemon();
    await daemon.inSync();
  });
  afterEach(() => staging.dispose());

  const writes = (): Promise<number> => daemon.metric('zk_consul_sync_writes_total', { result: 'applied' });

  /** One update that falls between a read and a write of the copier closes the ring; more must not hide it. */
  async function updateUntil(held: AbortSignal): Promise<number> {
    for (let updates = 1; ; updates++) {
      await staging.consul.put('config/ring', `update ${updates}`);
      await sleep(1_300);
      if (held.aborted || updates === UPDATES_MAX) return updates;
    }
  }

  it('is held oscillating after a bounded number of writes while other entries flow, until released', async () => {
    const before = await writes();
    const copier = new BlindCopier(staging, 'config/ring', 1_000);
    const isHeld = new AbortController();
    const updating = updateUntil(isHeld.signal);
    const status = await daemon.held('oscillating', 'config', 90_000);
    isHeld.abort();
    const updates = await updating;
    const held = await writes();

    expect(status.holds).toMatchObject([{ reason: 'oscillating', key: 'ring' }]);
    expect(held - before).toBeLessThanOrEqual(RING_WRITES_MAX + 3 * updates);
    await staging.zookeeper.set('/config/other', 'v1');
    await staging.consulHolds('config/other', 'v1');
    await staging.consul.put('config/ring', 'carried by the copier alone');
    await staging.zookeeperHolds('/config/ring', 'carried by the copier alone');
    expect((await writes()) - held).toBe(1);

    await copier.stop();
    await daemon.post('release', { key: 'ring', keep: 'consul' });
    expect((await daemon.inSync()).holds).toEqual([]);
    await staging.zookeeper.set('/config/ring', 'v3');
    await staging.consulHolds('config/ring', 'v3');
  }, 120_000);

  it.each(['zookeeper', 'consul'] as const)(
    'is not what a client is who switches a flag to and fro in %s',
    async (side) => {
      for (let time = 1; time <= 40; time++) {
        const value = time % 2 === 0 ? 'off' : 'on';
        if (side === 'zookeeper') await staging.zookeeper.set('/config/ring', value);
        else await staging.consul.put('config/ring', value);
        await sleep(100);
      }
      await staging.zookeeperHolds('/config/ring', 'off');
      await staging.consulHolds('config/ring', 'off');
      expect((await daemon.inSync()).holds).toEqual([]);
    },
  );
});

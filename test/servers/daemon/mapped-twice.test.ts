import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';

describe('a second deployment over places that another one syncs', () => {
  let staging: Staging;

  beforeEach(async () => {
    staging = await Staging.start();
    await staging.zookeeper.create('/config/a/b', 'x');
  });
  afterEach(() => staging.dispose());

  const start = (instance: string, mapping: Record<string, unknown>): Promise<DaemonProcess> =>
    staging.startDaemon({ config: { instance }, mappings: [mapping] });

  it.each([
    ['the same places', {}],
    ['places below', { zookeeper: '/config/a', consul: 'config/a' }],
    ['places above', { zookeeper: '/', consul: '' }],
    ['ZooKeeper alone', { zookeeper: '/config/a', consul: 'elsewhere' }],
    ['Consul alone', { zookeeper: '/elsewhere', consul: 'config' }],
  ])('is held mapped-twice when they meet in %s, and writes nothing', async (_, mapping) => {
    const established = await start('first', {});
    await established.inSync();

    const newcomer = await start('second', mapping);
    const status = await newcomer.held('mapped-twice');

    expect(status.state).toBe('held');
    expect(status.holds[0]?.detail).toContain('first/config');
    expect((await staging.consul.list('zk-consul-sync/second')).length).toBe(0);
    await staging.zookeeper.set('/config/a/b', 'y');
    await staging.consulHolds('config/a/b', 'y');
    expect(await newcomer.metric('zk_consul_sync_writes_total')).toBe(0);
    expect((await established.mapping()).holds).toEqual([]);
  });

  it('is not held beside it', async () => {
    await (await start('first', {})).inSync();
    const neighbour = await start('second', { zookeeper: '/configuration', consul: 'configuration' });
    expect((await neighbour.inSync()).holds).toEqual([]);
  });

  it('is held, or holds the other, when both start at once: one goes on', async () => {
    const both = await Promise.all([start('first', {}), start('second', {})]);
    const states = await waitUntil('one to be held and one to be live', async () => {
      const mappings = await Promise.all(both.map((daemon) => daemon.mapping()));
      const found = mappings.map(({ state }) => state).sort();
      return found.join() === 'held,live' && mappings;
    });
    expect(states.flatMap(({ holds }) => holds.map(({ reason }) => reason))).toEqual(['mapped-twice']);
    await staging.consulHolds('config/a/b', 'x');
  });
});

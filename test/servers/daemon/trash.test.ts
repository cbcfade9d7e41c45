import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { command } from '../cli/command.js';

const FLAGS = 2n ** 64n - 1n;
const READ_ONLY = { scheme: 'world', id: 'anyone', permissions: 0b01101 };
const ENTRIES = 1_000;
const SLOW_TEST_MS = 240_000;

interface TrashPage {
  readonly trash: readonly { readonly id: number; readonly key: string; readonly flags: string }[];
}

let staging: Staging;
let daemon: DaemonProcess;

beforeAll(async () => {
  staging = await Staging.start();
  daemon = await staging.startDaemon({
    mappings: [
      {
        name: 'config',
        zookeeper: '/config',
        consul: 'config',
        maxDelete: { percent: 100, atLeast: 1_000_000 },
      },
    ],
  });
  await staging.consul.put('config/stays', 'here');
  await daemon.inSync();
});
afterAll(() => staging.dispose());

const ask = (...args: string[]) => command(...args, '--config', daemon.configFile);

async function goneFromBoth(folder: string): Promise<void> {
  const isGone = async (): Promise<boolean> => {
    const left = await staging.consul.list(`config/${folder}`);
    return left.length === 0 && (await staging.zookeeper.get(`/config/${folder}`)) === undefined;
  };
  await waitUntil('what was deleted to be gone from both stores', isGone, { timeoutMs: 60_000 });
  await daemon.inSync();
}

/** Both stores have the entry, and the daemon knows. */
async function agreed(key: string): Promise<void> {
  const isThere = async (): Promise<boolean> =>
    (await staging.consul.get(`config/${key}`)) !== undefined &&
    (await staging.zookeeper.get(`/config/${key}`)) !== undefined;
  await waitUntil(`${key} to be in both stores`, isThere, { timeoutMs: 30_000 });
  await daemon.inSync();
}

describe('a deleteall in ZooKeeper', () => {
  it('is put back in both stores by one command, with the flags of the keys in Consul', async () => {
    await staging.consul.put('config/app', 'parent');
    await staging.consul.put('config/app/db', Buffer.from([0, 255, 1]), FLAGS);
    await agreed('app/db');
    await staging.zookeeper.removeRecursive('/config/app');
    await goneFromBoth('app');
    expect((await daemon.get<TrashPage>('trash?folder=app')).trash.map(({ key }) => key).sort()).toEqual([
      'app',
      'app/db',
    ]);

    const restored = await ask('trash', 'restore', 'config', '--folder', 'app', '--since', '1h', '--yes');
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    expect(restored.stdout).toContain('2 entries are being put back on both sides');
    await daemon.inSync();
    expect(await staging.consul.get('config/app/db')).toMatchObject({
      value: Buffer.from([0, 255, 1]),
      flags: String(FLAGS),
    });
    expect((await staging.zookeeper.get('/config/app/db'))?.data).toEqual(Buffer.from([0, 255, 1]));
    expect((await staging.zookeeper.get('/config/app'))?.data?.toString()).toBe('parent');

    const again = await ask('trash', 'restore', 'config', 'app/db', '--yes');
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('it is there again, in zookeeper and consul');
  });
});

describe('a recursive delete in Consul', () => {
  it('is put back in both stores, with the ACL that the znode had', async () => {
    await staging.zookeeper.create('/config/acl', 'kept');
    await staging.zookeeper.setAcl('/config/acl', [READ_ONLY]);
    await agreed('acl');
    await staging.consul.delete('config/acl');
    await goneFromBoth('acl');
    await daemon.post('trash/restore', { key: 'acl' });
    await daemon.inSync();
    expect(await staging.zookeeper.getAcl('/config/acl')).toEqual([READ_ONLY]);
    expect((await staging.consul.get('config/acl'))?.value.toString()).toBe('kept');
  });
});

describe('a restore of many entries', () => {
  const finished = async (): Promise<void> => {
    await staging.zookeeper.create('/config/many', '');
    for (let start = 0; start < ENTRIES; start += 100) {
      await staging.zookeeper.multi(
        Array.from({ length: 100 }, (_, i) => ({
          kind: 'create' as const,
          path: `/config/many/k${start + i}`,
          data: `value ${start + i}`,
        })),
      );
    }
    await agreed(`many/k${ENTRIES - 1}`);
    await staging.zookeeper.removeRecursive('/config/many');
    await goneFromBoth('many');
    // Killed at once, and then in the midst of the writing.
    for (const written of [0, 300]) {
      await daemon.post('trash/restore', { folder: 'many' });
      if (written > 0) {
        const isPartlyBack = async (): Promise<boolean> => {
          const back = await staging.zookeeper.get('/config/many');
          return back !== undefined && (await staging.zookeeper.children('/config/many')).length > written;
        };
        await waitUntil('some of it to be back', isPartlyBack, { timeoutMs: 30_000 });
      }
      await daemon.kill();
      await daemon.start();
      await daemon.inSync('config', 120_000);
      const keys = await staging.consul.list('config/many/');
      expect(keys).toHaveLength(ENTRIES);
      expect(await staging.zookeeper.children('/config/many')).toHaveLength(ENTRIES);
      for (const { key, value } of keys.slice(0, 50)) {
        expect(value.toString()).toBe(`value ${key.slice('config/many/k'.length)}`);
      }
      if (written > 0) break;
      await staging.consul.deleteTree('config/many/');
      await goneFromBoth('many');
    }
  };

  it(
    'S7: is finished by the next process when the one that took the order is killed',
    finished,
    SLOW_TEST_MS,
  );
});

describe('a settled conflict', () => {
  it('is resolved the other way, and back, by the numbers of the journal', async () => {
    await staging.consul.put('config/mode', 'agreed');
    await agreed('mode');
    await daemon.stop();
    await staging.zookeeper.set('/config/mode', 'of zookeeper');
    await staging.consul.put('config/mode', 'of consul');
    await daemon.start();
    await daemon.inSync();
    const { conflicts } = await daemon.get<{
      conflicts: readonly { id: number; winner: 'zookeeper' | 'consul' }[];
    }>('conflicts?limit=1');
    const [{ id, winner } = { id: 0, winner: 'zookeeper' }] = conflicts;
    const loser = winner === 'zookeeper' ? 'consul' : 'zookeeper';
    expect(await ask('conflicts', 'resolve', 'config', String(id), '--keep', loser, '--yes')).toMatchObject({
      code: 0,
    });
    await daemon.inSync();
    expect((await staging.zookeeper.get('/config/mode'))?.data?.toString()).toBe(`of ${loser}`);
    expect((await staging.consul.get('config/mode'))?.value.toString()).toBe(`of ${loser}`);
    await daemon.post(`conflicts/${id}/resolve`, { keep: winner });
    await daemon.inSync();
    expect((await staging.consul.get('config/mode'))?.value.toString()).toBe(`of ${winner}`);
  });
});

describe('a restore that can not be written', () => {
  it('is in the status with why, until it can, over a restart too', async () => {
    await staging.consul.put('config/late/a', 'value');
    await agreed('late/a');
    await staging.consul.delete('config/late/a');
    await goneFromBoth('late');
    await daemon.post('pause');
    expect((await ask('trash', 'restore', 'config', 'late/a', '--yes')).code).toBe(0);
    const ordered = { key: 'late/a', why: 'the mapping is paused' };
    expect(await daemon.mapping()).toMatchObject({ ordersTotal: 1, orders: [ordered] });
    await daemon.stop();
    await daemon.start();
    await waitUntil(
      'status to tell of it',
      async () => {
        const { stdout } = await ask('status');
        return /^Ordered, and not written yet .*:\n {2}config: the mapping is paused\n {4}late\/a, \d+ s ago$/m.test(
          stdout,
        );
      },
      { timeoutMs: 40_000 },
    );
    await daemon.post('resume');
    await agreed('late/a');
    expect(await daemon.mapping()).toMatchObject({ ordersTotal: 0, orders: [] });
  });

  it('for what a store does not take says what that is', async () => {
    // A znode below an ephemeral one can't be.
    await staging.zookeeper.create('/config/parent', 'p');
    await agreed('parent');
    await staging.zookeeper.create('/config/parent/child', 'c');
    await agreed('parent/child');
    await staging.zookeeper.removeRecursive('/config/parent');
    await goneFromBoth('parent');
    await daemon.post('pause');
    expect((await ask('trash', 'restore', 'config', 'parent/child', '--yes')).code).toBe(0);
    await staging.zookeeper.create('/config/parent', 'of a session', { mode: 'ephemeral' });
    await daemon.post('resume');
    await waitUntil(
      'the order to say what is in its way',
      async () => {
        const { orders } = await daemon.mapping();
        return orders.some(({ key, why }) => key === 'parent/child' && /ephemeral-parent/.test(why ?? ''));
      },
      { timeoutMs: 40_000 },
    );
    await staging.zookeeper.remove('/config/parent');
    await agreed('parent/child');
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DaemonProcess, MappingAnswer } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { waitForContents, keysBelow, writeKeys, writeZnodes, znodesBelow } from './contents.js';
import type { Contents } from './contents.js';

type Store = 'zookeeper' | 'consul';

const ENTRIES = 20;

let staging: Staging;
let daemon: DaemonProcess;

const contentsOf: Record<Store, () => Promise<Contents>> = {
  zookeeper: () => znodesBelow(staging, '/config'),
  consul: () => keysBelow(staging, 'config/'),
};

const put: Record<Store, (key: string, value: string) => Promise<unknown>> = {
  zookeeper: async (key, value) => {
    const path = `/config/${key}`;
    const isThere = (await staging.zookeeper.get(path)) !== undefined;
    return isThere ? staging.zookeeper.set(path, value) : staging.zookeeper.create(path, value);
  },
  consul: (key, value) => staging.consul.put(`config/${key}`, value),
};

const remove: Record<Store, (key: string) => Promise<void>> = {
  zookeeper: (key) => staging.zookeeper.remove(`/config/${key}`),
  consul: (key) => staging.consul.delete(`config/${key}`),
};

const holds: Record<Store, (key: string, value: string | undefined) => Promise<void>> = {
  zookeeper: (key, value) => staging.zookeeperHolds(`/config/${key}`, value),
  consul: (key, value) => staging.consulHolds(`config/${key}`, value),
};

/** Every version below the mapped path of one side: a write of any kind moves one. */
async function versionsOf(store: Store): Promise<Record<string, unknown>> {
  const versions: Record<string, unknown> = {};
  if (store === 'consul') {
    for (const { key, modifyIndex, lockIndex } of await staging.consul.list('config/')) {
      versions[key] = [modifyIndex, lockIndex];
    }
    return versions;
  }
  for (const path of await staging.zookeeper.listTree('/config')) {
    const stat = (await staging.zookeeper.get(path))?.stat;
    versions[path] = [stat?.mzxid, stat?.pzxid, stat?.aversion];
  }
  return versions;
}

async function drifted(wanted: MappingAnswer['drifted']): Promise<void> {
  await waitUntil('exactly this drift to be listed', async () => {
    const status = await daemon.mapping();
    expect(status.drifted).toEqual(wanted);
    expect(status.driftedTotal).toBe(wanted.length);
    return true;
  });
}

const text = (contents: Contents, key: string): string | undefined => contents.get(key)?.toString();

describe.each([
  ['zookeeper-to-consul', 'zookeeper', 'consul'],
  ['consul-to-zookeeper', 'consul', 'zookeeper'],
] as const)('a mapping %s', (direction, source, target) => {
  const initial = new Map(
    Array.from({ length: ENTRIES }, (_, number) => [`entry-${number}`, Buffer.from(`value ${number}`)]),
  );

  beforeEach(async () => {
    staging = await Staging.start();
    if (source === 'zookeeper') {
      await staging.zookeeper.create('/config');
      await writeZnodes(staging, 'create', '/config', initial);
    } else {
      await writeKeys(staging, 'config/', initial);
    }
  });
  afterEach(() => staging.dispose());

  async function start(mapping: Record<string, unknown> = {}): Promise<void> {
    daemon = await staging.startDaemon({ mappings: [{ direction, ...mapping }] });
    await daemon.inSync();
    await waitForContents(contentsOf[target], initial);
  }

  it('carries creates, updates and deletes of the source', async () => {
    await start();
    await put[source]('new', 'one');
    await holds[target]('new', 'one');
    await put[source]('new', 'two');
    await holds[target]('new', 'two');
    await remove[source]('new');
    await holds[target]('new', undefined);
    expect(await daemon.inSync()).toMatchObject({ driftedTotal: 0, conflicts: { total: 0 } });
  });

  it('reports what clients do to the target as drift, leaves it alone, and never writes to the source', async () => {
    await start();
    const before = await versionsOf(source);
    await put[target]('entry-1', 'changed on the target');
    await remove[target]('entry-2');
    await put[target]('foreign', 'added on the target');
    await drifted([
      { key: 'entry-1', change: 'changed' },
      { key: 'entry-2', change: 'deleted' },
      { key: 'foreign', change: 'added' },
    ]);
    expect(await daemon.metric('zk_consul_sync_drifted_entries', { mapping: 'config' })).toBe(3);
    expect(await daemon.inSync()).toMatchObject({ state: 'live' });

    const found = await contentsOf[target]();
    expect(text(found, 'entry-1')).toBe('changed on the target');
    expect(found.has('entry-2')).toBe(false);
    expect(text(found, 'foreign')).toBe('added on the target');

    await daemon.stop();
    await daemon.start();
    await daemon.inSync();
    expect((await daemon.mapping()).drifted).toHaveLength(3);
    expect(await versionsOf(source)).toEqual(before);
    expect(text(await contentsOf[target](), 'entry-1')).toBe('changed on the target');

    await put[target]('entry-1', 'value 1');
    await put[target]('entry-2', 'value 2');
    await remove[target]('foreign');
    await drifted([]);
    expect(await versionsOf(source)).toEqual(before);
  });

  it('replaces what has drifted when the source changes it, and journals what was there (S1)', async () => {
    await start();
    await put[target]('entry-1', 'changed on the target');
    await drifted([{ key: 'entry-1', change: 'changed' }]);
    await put[source]('entry-1', 'changed at the source');
    await holds[target]('entry-1', 'changed at the source');
    await drifted([]);
    const { conflicts } = await daemon.get<{ conflicts: { id: number; key: string }[] }>('conflicts?limit=5');
    expect(conflicts).toMatchObject([{ key: 'entry-1', winner: source }]);
    const whole = await daemon.get(`conflicts/${conflicts[0]?.id ?? 0}`);
    expect(JSON.stringify(whole)).toContain('changed on the target');
  });

  it('puts back what has drifted under drift: revert, journals it, and deletes nothing that it did not bring', async () => {
    await start({ drift: 'revert' });
    const before = await versionsOf(source);
    await put[target]('entry-1', 'changed on the target');
    await holds[target]('entry-1', 'value 1');
    await remove[target]('entry-2');
    await holds[target]('entry-2', 'value 2');
    await put[target]('foreign', 'added on the target');
    await drifted([{ key: 'foreign', change: 'added' }]);
    await daemon.inSync();

    expect(text(await contentsOf[target](), 'foreign')).toBe('added on the target');
    expect(await versionsOf(source)).toEqual(before);
    const { conflicts } = await daemon.get<{ conflicts: { id: number; key: string }[] }>('conflicts?limit=5');
    expect(conflicts).toMatchObject([{ key: 'entry-1', kind: 'drift', winner: source, rule: 'one-way' }]);
    expect(JSON.stringify(await daemon.get(`conflicts/${conflicts[0]?.id ?? 0}`))).toContain(
      'changed on the target',
    );
  });
});

describe('a mapping consul-to-zookeeper with a token that may only read its prefix', () => {
  beforeAll(async () => {
    staging = await Staging.start({ consul: { acl: true } });
  });
  afterAll(() => staging.dispose());

  it('goes without a ledger in Consul, carries changes and deletes, and holds nothing', async () => {
    for (let number = 0; number < ENTRIES; number++) await put.consul(`entry-${number}`, `value ${number}`);
    const { secret } = await staging.consul.createToken('key_prefix "config/" { policy = "read" }');
    daemon = await staging.startDaemon({
      config: { consul: { token: secret } },
      mappings: [{ direction: 'consul-to-zookeeper' }],
    });
    await daemon.inSync();
    await put.consul('entry-1', 'changed');
    await holds.zookeeper('entry-1', 'changed');
    await remove.consul('entry-2');
    await holds.zookeeper('entry-2', undefined);
    await daemon.stop();
    await remove.consul('entry-3');
    await daemon.start();
    await holds.zookeeper('entry-3', undefined);
    expect(await daemon.inSync()).toMatchObject({ state: 'live', holds: [], skippedTotal: 0 });
    expect(await staging.consul.list('zk-consul-sync/')).toEqual([]);
  });
});

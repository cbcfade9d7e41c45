import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import {
  CONSUL_VALUE_BYTES_MAX,
  expectSameContents,
  inSyncWith,
  keysBelow,
  randomContents,
  writeKeys,
  writeZnodes,
  znodesBelow,
} from './contents.js';

const KIB = 1024;
const VALUES = 500;

describe('values of a running mapping', () => {
  let staging: Staging;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    staging = await Staging.start();
    await staging.zookeeper.create('/config');
    daemon = await staging.startDaemon();
    await daemon.inSync();
  });
  afterAll(() => staging.dispose());

  it(`arrive to the last byte from either side: ${VALUES} random ones of 0 B to 512 KiB each (S1)`, async () => {
    const fromZooKeeper = randomContents(VALUES, CONSUL_VALUE_BYTES_MAX, 'z-');
    const fromConsul = randomContents(VALUES, CONSUL_VALUE_BYTES_MAX, 'c-');
    await Promise.all([
      writeZnodes(staging, 'create', '/config', fromZooKeeper),
      writeKeys(staging, 'config/', fromConsul),
    ]);
    const status = await inSyncWith(daemon, 2 * VALUES);
    expect(status).toMatchObject({ skippedTotal: 0, holds: [], conflicts: { total: 0 } });
    const wanted = new Map([...fromZooKeeper, ...fromConsul]);
    expectSameContents(await znodesBelow(staging, '/config'), wanted);
    expectSameContents(await keysBelow(staging, 'config/'), wanted);
  });

  it('are replaced to the last byte, from either side, whatever their size was before', async () => {
    const sizes = [0, 1, 300 * KIB, CONSUL_VALUE_BYTES_MAX];
    const steps = sizes.flatMap((before) => sizes.map((after) => [before, after] as const));
    const initial = new Map(steps.map(([before, after]) => [`${before}-${after}`, randomBytes(before)]));
    const later = new Map(steps.map(([before, after]) => [`${before}-${after}`, randomBytes(after)]));
    const prefixed = (prefix: string, contents: typeof initial): typeof initial =>
      new Map([...contents].map(([key, value]) => [`${prefix}${key}`, value]));

    await writeZnodes(staging, 'create', '/config', prefixed('rz-', initial));
    await writeKeys(staging, 'config/', prefixed('rc-', initial));
    await inSyncWith(daemon, 2 * VALUES + 2 * steps.length);
    await writeZnodes(staging, 'set', '/config', prefixed('rz-', later));
    await writeKeys(staging, 'config/', prefixed('rc-', later));
    for (const [key, value] of later) {
      await staging.consulHolds(`config/rz-${key}`, value);
      await staging.zookeeperHolds(`/config/rc-${key}`, value);
    }
    expect((await daemon.inSync()).conflicts.total).toBe(0);
  });

  it('above 512 KiB in ZooKeeper are listed as too-large, delay no others, and pass once they shrink (L2)', async () => {
    const tooLarge = ['one-byte-too-large', 'far-too-large'];
    await staging.zookeeper.create(`/config/${tooLarge[0]}`, randomBytes(CONSUL_VALUE_BYTES_MAX + 1));
    await staging.zookeeper.create(`/config/${tooLarge[1]}`, randomBytes(1_000 * KIB));
    await staging.zookeeper.create('/config/grows', 'small');
    await staging.consulHolds('config/grows', 'small');
    await staging.zookeeper.set('/config/grows', randomBytes(CONSUL_VALUE_BYTES_MAX + 1));
    await staging.zookeeper.create('/config/just-right', randomBytes(100));
    await waitUntil('the three to be listed', async () => (await daemon.mapping()).skippedTotal === 3);

    const status = await daemon.inSync();
    const reasons = Object.fromEntries(status.skipped.map(({ key, reason }) => [key, reason]));
    expect(reasons).toEqual({
      'one-byte-too-large': 'too-large',
      'far-too-large': 'too-large',
      grows: 'too-large',
    });
    const labels = { mapping: 'config', reason: 'too-large' };
    expect(await daemon.metric('zk_consul_sync_skipped_entries', labels)).toBe(3);
    expect((await staging.consul.get('config/just-right'))?.value).toHaveLength(100);
    expect(await staging.consul.get('config/far-too-large')).toBeUndefined();
    expect((await staging.consul.get('config/grows'))?.value.toString()).toBe('small');

    for (const key of [...tooLarge, 'grows']) {
      await staging.zookeeper.set(`/config/${key}`, `${key} shrunk`);
      await staging.consulHolds(`config/${key}`, `${key} shrunk`);
    }
    expect(await daemon.inSync()).toMatchObject({ skipped: [], skippedTotal: 0 });
  });
});

const BULK = 10_000;
const BULK_BYTES = 200;

describe(`an initial copy of ${BULK} entries of ${BULK_BYTES} bytes`, () => {
  let staging: Staging;

  beforeAll(async () => {
    staging = await Staging.start();
  });
  afterAll(() => staging.dispose());

  const contents = new Map(
    Array.from({ length: BULK }, (_, number) => [`key-${number}`, randomBytes(BULK_BYTES)] as const),
  );

  it('from ZooKeeper leaves Consul with exactly these (L1)', async ({ annotate }) => {
    await staging.zookeeper.create('/from-zookeeper');
    await writeZnodes(staging, 'create', '/from-zookeeper', contents);
    await copy('from-zookeeper', annotate);
    expectSameContents(await keysBelow(staging, 'from-zookeeper/'), contents);
    expectSameContents(await znodesBelow(staging, '/from-zookeeper'), contents);
  });

  it('from Consul leaves ZooKeeper with exactly these (L1)', async ({ annotate }) => {
    await writeKeys(staging, 'from-consul/', contents);
    await copy('from-consul', annotate);
    expectSameContents(await znodesBelow(staging, '/from-consul'), contents);
    expectSameContents(await keysBelow(staging, 'from-consul/'), contents);
  });

  async function copy(place: string, annotate: (message: string) => Promise<unknown>): Promise<void> {
    const daemon = await staging.startDaemon({
      config: { instance: place },
      mappings: [{ name: place, zookeeper: `/${place}`, consul: place }],
    });
    const startedMs = performance.now();
    const status = await inSyncWith(daemon, BULK, { mapping: place });
    const seconds = (performance.now() - startedMs) / 1000;
    await annotate(`${place}: ${Math.round(BULK / seconds)} entries/s`);
    expect(status).toMatchObject({ state: 'live', skippedTotal: 0, conflicts: { total: 0 } });
    await daemon.stop();
  }
});

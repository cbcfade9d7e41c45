import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DaemonProcess, MappingAnswer } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import type { ZnodeAcl } from '../../kit/servers/raw-zookeeper.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { inSyncWith, keysBelow, waitForContents, writeZnodes } from './contents.js';

/** What is denied is tried again after growing waits. */
const HEAL_MS = 60_000;
const NAMES = Array.from({ length: 40 }, (_, number) => `entry-${String(number).padStart(2, '0')}`);
const CONTENTS = new Map(NAMES.map((name) => [name, Buffer.from(`value of ${name}`)]));

const rule = (policy: 'read' | 'write', prefix: string): string =>
  `key_prefix "${prefix}" { policy = "${policy}" }\n`;

let staging: Staging;
let daemon: DaemonProcess;

/** Waits until exactly these entries are left out, as denied. */
async function denied(names: readonly string[]): Promise<void> {
  await waitUntil(
    `${names.length} entries to be left out as denied`,
    async () => {
      const { skipped, skippedTotal } = await daemon.mapping();
      expect(skipped).toEqual(names.map((key) => ({ key, reason: 'denied' })));
      return skippedTotal === names.length;
    },
    { timeoutMs: 30_000 },
  );
}

/** Waits until the mapping says what is wrong with it, in words that `message` knows. */
async function troubled(message: RegExp): Promise<MappingAnswer> {
  return waitUntil(
    'the mapping to say what is wrong',
    async () => {
      const status = await daemon.mapping();
      expect(status.problem).toMatch(message);
      return !status.inSync && status;
    },
    { timeoutMs: 30_000 },
  );
}

/** Waits until everything is in sync again, with so many entries and nothing left out. */
async function healed(entries: number): Promise<MappingAnswer> {
  return waitUntil(
    'nothing to be left out any more',
    async () => {
      const status = await daemon.mapping();
      return status.inSync && status.skippedTotal === 0 && status.entries === entries && status;
    },
    { timeoutMs: HEAL_MS },
  );
}

describe('a Consul token whose policy changes while the daemon runs', () => {
  const own = rule('write', 'zk-consul-sync/');
  const whole = rule('write', 'config') + own;

  let policyId: string;

  beforeAll(async () => {
    staging = await Staging.start({ consul: { acl: true } });
  });
  afterAll(() => staging.dispose());

  beforeEach(async () => {
    await staging.zookeeper.create('/config');
    await writeZnodes(staging, 'create', '/config', CONTENTS);
    const token = await staging.consul.createToken(whole);
    policyId = token.policyId;
    daemon = await staging.startDaemon({ config: { consul: { token: token.secret } } });
    await inSyncWith(daemon, NAMES.length);
  });
  afterEach(async () => {
    await daemon.stop();
    await staging.zookeeper.removeRecursive('/config');
    await staging.zookeeper.removeRecursive('/zk-consul-sync');
    await staging.consul.deleteTree('config/');
    await staging.consul.deleteTree('zk-consul-sync/');
  });

  /** The daemon looks at everything again, as after any change, and as every `verifyEvery`. */
  async function lookAgain(): Promise<void> {
    await daemon.stop();
    await daemon.start();
  }

  const allow = (rules: string): Promise<void> => staging.consul.updatePolicy(policyId, rules);

  it('to show a part only: what is hidden is listed as denied, and nothing is deleted in ZooKeeper (S4, S5)', async () => {
    await allow(rule('write', 'config/entry-0') + own);
    // A change that it still sees makes the daemon list the prefix, which has silently become shorter.
    await staging.consul.put('config/entry-00', 'seen');
    await staging.zookeeperHolds('/config/entry-00', 'seen', HEAL_MS);
    await denied(NAMES.slice(10));
    expect(await staging.zookeeper.children('/config')).toEqual(NAMES);
    const labels = { mapping: 'config', reason: 'denied' };
    expect(await daemon.metric('zk_consul_sync_skipped_entries', labels)).toBe(30);

    await staging.zookeeper.set('/config/entry-20', 'changed meanwhile');
    await staging.zookeeper.remove('/config/entry-21');
    await staging.consul.put('config/entry-30', 'changed out of sight');
    await staging.consul.put('config/entry-01', 'still carried');
    await staging.zookeeperHolds('/config/entry-01', 'still carried');

    await allow(whole);
    await staging.consulHolds('config/entry-20', 'changed meanwhile', HEAL_MS);
    await staging.consulHolds('config/entry-21', undefined, HEAL_MS);
    await staging.zookeeperHolds('/config/entry-30', 'changed out of sight', HEAL_MS);
    await healed(NAMES.length - 1);
  });

  it('to show nothing, not even its own ledger: nothing is deleted, and the status says what is wrong (S4, S5)', async () => {
    await allow(rule('write', 'elsewhere/'));
    await staging.consul.put('config/entry-00', 'out of sight');
    await staging.zookeeper.set('/config/entry-20', 'changed meanwhile');
    await staging.zookeeper.remove('/config/entry-21');
    await denied(NAMES);

    await lookAgain();
    const { state } = await troubled(/the ledger .* can't be read/);
    expect(state).toBe('starting');
    expect(await daemon.ready()).toBe(false);
    expect(await staging.zookeeper.children('/config')).toHaveLength(NAMES.length - 1);
    expect((await keysBelow(staging, 'config/')).size).toBe(NAMES.length);

    await allow(whole);
    await staging.consulHolds('config/entry-20', 'changed meanwhile', HEAL_MS);
    await staging.consulHolds('config/entry-21', undefined, HEAL_MS);
    await staging.zookeeperHolds('/config/entry-00', 'out of sight', HEAL_MS);
    expect(await healed(NAMES.length - 1)).toMatchObject({ state: 'live', problem: null });
    expect(await daemon.ready()).toBe(true);
  });

  it('to show nothing but its own ledger: an empty list deletes nothing (S4, S5)', async () => {
    await allow(own);
    await lookAgain();
    await denied(NAMES);
    expect(await staging.zookeeper.children('/config')).toEqual(NAMES);

    await allow(whole);
    await staging.consul.put('config/entry-39', 'seen again');
    await staging.zookeeperHolds('/config/entry-39', 'seen again', HEAL_MS);
    await healed(NAMES.length);
  });

  it('to read only: what can not be written is listed as denied, the rest goes on (L2)', async () => {
    await allow(rule('write', 'config/') + rule('read', 'config/entry-0') + own);
    await staging.zookeeper.set('/config/entry-05', 'changed');
    await staging.zookeeper.set('/config/entry-25', 'changed');
    await staging.consulHolds('config/entry-25', 'changed');
    await denied(['entry-05']);
    await staging.consul.put('config/entry-06', 'the other way');
    await staging.zookeeperHolds('/config/entry-06', 'the other way');

    await allow(whole);
    await staging.consulHolds('config/entry-05', 'changed', HEAL_MS);
    await healed(NAMES.length);
  });
});

describe('an ACL in ZooKeeper that shuts the daemon out', () => {
  const OWNER = 'owner:secret';
  const digest = createHash('sha1').update(OWNER).digest('base64');
  const ownerOnly: ZnodeAcl[] = [{ permissions: 31, scheme: 'digest', id: `owner:${digest}` }];
  const everybodyReads: ZnodeAcl[] = [...ownerOnly, { permissions: 1, scheme: 'world', id: 'anyone' }];
  const open: ZnodeAcl[] = [{ permissions: 31, scheme: 'world', id: 'anyone' }];

  let owner: RawZooKeeper;

  beforeAll(async () => {
    staging = await Staging.start();
    owner = await RawZooKeeper.connect(staging.zookeeperServer, { digest: OWNER });
    await staging.zookeeper.create('/config');
    // No event tells of a change that the daemon may not see, nor of a change of permissions.
    daemon = await staging.startDaemon({ mappings: [{ verifyEvery: '2s' }] });
  });
  afterAll(async () => {
    await owner.close();
    await staging.dispose();
  });

  beforeEach(async () => {
    for (const path of await owner.listTree('/config')) await owner.setAcl(path, open);
    const present = new Set(await owner.children('/config'));
    for (const name of present) if (!CONTENTS.has(name)) await owner.removeRecursive(`/config/${name}`);
    const missing = [...CONTENTS].filter(([name]) => !present.has(name));
    await writeZnodes(staging, 'create', '/config', new Map(missing));
    await writeZnodes(staging, 'set', '/config', CONTENTS);
    await waitForContents(() => keysBelow(staging, 'config/'), CONTENTS);
    await healed(NAMES.length);
  });

  it('of a node: it is listed as denied and left alone on both sides, and carried when it may be seen again (S5)', async () => {
    await owner.setAcl('/config/entry-00', ownerOnly);
    await owner.setAcl('/config/entry-01', ownerOnly);
    await owner.setAcl('/config/entry-02', ownerOnly);
    await owner.set('/config/entry-00', 'by its owner');
    await staging.consul.put('config/entry-01', 'by consul');
    await staging.consul.delete('config/entry-02');
    await denied(['entry-00', 'entry-01', 'entry-02']);
    await staging.zookeeper.set('/config/entry-03', 'goes on');
    await staging.consulHolds('config/entry-03', 'goes on');
    expect((await staging.consul.get('config/entry-00'))?.value.toString()).toBe('value of entry-00');
    expect((await owner.get('/config/entry-01'))?.data?.toString()).toBe('value of entry-01');
    expect((await owner.get('/config/entry-02'))?.data?.toString()).toBe('value of entry-02');

    for (const name of ['entry-00', 'entry-01', 'entry-02']) await owner.setAcl(`/config/${name}`, open);
    await staging.consulHolds('config/entry-00', 'by its owner', HEAL_MS);
    await staging.zookeeperHolds('/config/entry-01', 'by consul', HEAL_MS);
    await staging.zookeeperHolds('/config/entry-02', undefined, HEAL_MS);
    await healed(NAMES.length - 1);
    expect((await daemon.mapping()).conflicts.total).toBe(0);
  });

  it('of a node with children: it is listed even if the daemon never saw it, and its key is nothing (S5, L2)', async () => {
    await daemon.stop();
    await owner.create('/config/inner', 'inner');
    await owner.create('/config/inner/leaf', 'leaf');
    await owner.setAcl('/config/inner/leaf', ownerOnly);
    await owner.setAcl('/config/inner', ownerOnly);
    await owner.create('/config/never-seen', 'secret', { acl: ownerOnly });
    await daemon.start();
    await waitUntil('the closed nodes to be listed', async () => {
      const { skipped: listed } = await daemon.mapping();
      const keys = listed.map(({ key }) => key);
      return keys.includes('never-seen') && keys.includes('inner');
    });
    expect(await staging.consul.list('config/inner')).toEqual([]);

    await owner.setAcl('/config/inner', open);
    await owner.setAcl('/config/inner/leaf', open);
    await owner.setAcl('/config/never-seen', open);
    await staging.consulHolds('config/never-seen', 'secret', HEAL_MS);
    await staging.consulHolds('config/inner', 'inner', HEAL_MS);
    await staging.zookeeper.set('/config/inner/leaf', 'leaf again');
    await staging.consulHolds('config/inner/leaf', 'leaf again', HEAL_MS);
    await owner.remove('/config/never-seen');
    await healed(NAMES.length + 2);
  });

  it('of a node for writing: it is listed as denied, and the rest of its batch goes on (L2)', async () => {
    await owner.setAcl('/config/entry-00', everybodyReads);
    await staging.consul.transaction(
      ['entry-00', 'entry-01', 'entry-02'].map((name) => ({
        verb: 'set',
        key: `config/${name}`,
        value: 'from consul',
      })),
    );
    await staging.zookeeperHolds('/config/entry-01', 'from consul');
    await staging.zookeeperHolds('/config/entry-02', 'from consul');
    await denied(['entry-00']);

    await owner.setAcl('/config/entry-00', open);
    await staging.zookeeperHolds('/config/entry-00', 'from consul', HEAL_MS);
    await healed(NAMES.length);
  });

  it('of the mapped root: nothing is deleted, the status says what is wrong, and it heals by itself (S4, S5)', async () => {
    await owner.setAcl('/config', ownerOnly);
    await staging.consul.put('config/new-in-consul', 'has no place');
    await owner.create('/config/new-in-zookeeper', 'seen by name', { acl: open });
    await owner.remove('/config/entry-01');
    await daemon.stop();
    await daemon.start();
    await troubled(/NOAUTH|denied|permission/i);
    expect((await keysBelow(staging, 'config/')).size).toBeGreaterThanOrEqual(NAMES.length - 1);
    expect(await owner.children('/config')).toHaveLength(NAMES.length);

    await owner.setAcl('/config', open);
    await staging.zookeeperHolds('/config/new-in-consul', 'has no place', HEAL_MS);
    await staging.consulHolds('config/new-in-zookeeper', 'seen by name', HEAL_MS);
    await staging.consulHolds('config/entry-01', undefined, HEAL_MS);
    expect(await healed(NAMES.length + 1)).toMatchObject({ state: 'live', problem: null });
  });

  it('of every node and the root: nothing is deleted in Consul (S4, S5)', async () => {
    for (const path of (await owner.listTree('/config')).reverse()) await owner.setAcl(path, ownerOnly);
    await daemon.stop();
    await daemon.start();
    await troubled(/NOAUTH|denied|permission/i);
    await owner.setAcl('/config', open);
    await denied(NAMES);
    expect((await keysBelow(staging, 'config/')).size).toBe(NAMES.length);
    for (const path of await owner.listTree('/config')) await owner.setAcl(path, open);
    await healed(NAMES.length);
  });
});

import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { command } from './command.js';

let staging: Staging;

beforeAll(async () => {
  staging = await Staging.start();
});
afterAll(() => staging.dispose());

interface CutoverAnswer {
  readonly step: string | null;
  readonly history: readonly { readonly step: string; readonly at: string }[];
  readonly comparison: {
    readonly equal: boolean | null;
    readonly zookeeper: string | null;
    readonly consul: string | null;
  };
  readonly changes: Record<
    'zookeeper' | 'consul',
    { readonly week: number; readonly folders: readonly { readonly folder: string; readonly week: number }[] }
  >;
  readonly watchers: {
    readonly total: number;
    readonly sessions: readonly { readonly session: string; readonly address: string | null }[];
    readonly untold: readonly string[];
  };
  readonly missing: readonly { readonly what: string }[];
}

let deployments = 0;

async function startDaemon(options: { readonly ha?: boolean; readonly mapping?: object } = {}) {
  const instance = `cutover${++deployments}`;
  await staging.zookeeper.create(`/${instance}`, '');
  for (const folder of ['app', 'services']) {
    await staging.zookeeper.create(`/${instance}/${folder}`, '');
    await staging.zookeeper.create(`/${instance}/${folder}/a`, 'first');
  }
  const mapping = { zookeeper: `/${instance}`, consul: instance, ...options.mapping };
  const highAvailability = { enabled: options.ha === true };
  const start = { mappings: [mapping], config: { instance, highAvailability } };
  const daemon = await staging.startDaemon(start);
  await daemon.inSync();
  const ask = (...args: string[]) => command(...args, '--config', daemon.configFile);
  return { daemon, instance, start, ask };
}

async function statusOf(daemon: DaemonProcess): Promise<CutoverAnswer> {
  return daemon.get<CutoverAnswer>('cutover');
}

describe('a cutover to Consul', () => {
  it('goes step by step, each refused while something is missing for it, and back', async () => {
    const { daemon, instance, ask } = await startDaemon();
    const first = await ask('cutover', 'config', '--to', 'consul', '--yes');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toContain('Done: mapping config is at the step consul-leads');
    await daemon.inSync();

    // Both are still written, and counted by whom.
    await staging.zookeeper.set(`/${instance}/app/a`, 'of a program that has not moved');
    await staging.consulHolds(`${instance}/app/a`, 'of a program that has not moved');
    await daemon.inSync();
    const refused = await ask('cutover', 'config', '--to', 'consul', '--yes');
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(
      /Missing for the next step, zookeeper-mirror:\n {2}a client changed ZooKeeper at/,
    );
    const { step } = await statusOf(daemon);
    expect(step).toBe('consul-leads');
    // The daemon says the same to whoever does not ask before.
    await expect(daemon.post('cutover', { step: 'zookeeper-mirror' })).rejects.toThrow(
      /409 .*can't go on to zookeeper-mirror yet: a client changed ZooKeeper.*--despite-writers/,
    );

    const last = await ask('cutover', 'config', '--to', 'consul', '--despite-writers', '--yes');
    expect(last.stdout).toContain('Who still writes to ZooKeeper will not be heard any more:');
    expect(last.code).toBe(0);
    await daemon.inSync();
    await staging.zookeeper.set(`/${instance}/app/a`, 'drift');
    await staging.consul.put(`${instance}/services/a`, 'second');
    await staging.zookeeperHolds(`/${instance}/services/a`, 'second');
    await waitUntil('the drift to be seen', async () => (await daemon.mapping()).driftedTotal === 1);
    expect((await staging.consul.get(`${instance}/app/a`))?.value.toString()).toBe(
      'of a program that has not moved',
    );
    const shown = await ask('cutover', 'status', 'config');
    expect(shown.code).toBe(1);
    expect(shown.stdout).toContain('ZooKeeper is still needed:');
    expect(shown.stdout).toContain('1 entry was changed in ZooKeeper by others');

    const back = await ask('cutover', 'config', '--back', '--yes');
    expect(back.stdout).toContain('1 changes that were left alone in ZooKeeper become conflicts');
    expect(back.code).toBe(0);
    await staging.zookeeperHolds(`/${instance}/app/a`, 'of a program that has not moved');
    const { conflicts } = await daemon.get<{ conflicts: { key: string; winner: string }[] }>('conflicts');
    expect(conflicts).toMatchObject([{ key: 'app/a', winner: 'consul' }]);
    const { history } = await statusOf(daemon);
    expect(history.map((one) => one.step)).toEqual(['consul-leads', 'zookeeper-mirror', 'consul-leads']);
    expect(await daemon.log()).toContain('a step of the cutover was taken by an operator');
  });

  it('is shown with equal digests, what clients changed by folder, and who watches', async () => {
    const { daemon, instance } = await startDaemon();
    const watching = await RawZooKeeper.connect(staging.zookeeperServer);
    await watching.watchData(`/${instance}/app/a`);
    await staging.zookeeper.set(`/${instance}/services/a`, 'second');
    await staging.consulHolds(`${instance}/services/a`, 'second');
    await daemon.inSync();
    const found = await statusOf(daemon);
    expect(found.comparison).toMatchObject({ equal: true });
    expect(found.comparison.zookeeper).toMatch(/^[0-9a-f]{64}$/);
    expect(found.comparison.consul).toBe(found.comparison.zookeeper);
    expect(found.changes.zookeeper).toMatchObject({ week: 1, folders: [{ folder: 'services', week: 1 }] });
    expect(found.changes.consul).toMatchObject({ week: 0, folders: [] });
    expect(found.watchers.untold).toEqual([]);
    // The daemon's own watch is none of them.
    expect(found.watchers.total).toBe(1);
    expect(found.watchers.sessions[0]?.address).toMatch(/^127\.0\.0\.1:\d+$/);
    await watching.close();
  });

  it('survives kill -9, and what clients changed is counted over it (S7)', async () => {
    const { daemon, instance, ask } = await startDaemon();
    await staging.zookeeper.set(`/${instance}/app/a`, 'second');
    await staging.consulHolds(`${instance}/app/a`, 'second');
    await daemon.inSync();
    await daemon.post('cutover', { step: 'consul-leads' });
    await daemon.post('cutover', { step: 'both' });
    await daemon.post('cutover', { step: 'consul-leads' });
    await daemon.kill();
    await daemon.start();
    await daemon.inSync();
    const found = await statusOf(daemon);
    expect(found.history.map((one) => one.step)).toEqual(['consul-leads', 'both', 'consul-leads']);
    expect(found.changes.zookeeper.week).toBe(1);
    await daemon.stop();

    // And the commands without a daemon say the same.
    const plan = await ask('plan');
    expect(plan.stdout).toContain('Cutover: at the step consul-leads');
    expect((await ask('diff')).stdout).toContain('Cutover: at the step consul-leads');
    await staging.zookeeper.set(`/${instance}/app/a`, 'of ZooKeeper');
    await staging.consul.put(`${instance}/app/a`, 'of Consul');
    const planned = await ask('plan', '--json');
    const { mappings } = JSON.parse(planned.stdout) as { mappings: { cutover: string; actions: object[] }[] };
    expect(mappings[0]).toMatchObject({
      cutover: 'consul-leads',
      actions: [{ on: 'zookeeper', action: 'conflict' }],
    });
  });

  it('holds on when the configuration is reloaded, and gives way to a direction that is configured', async () => {
    const { daemon } = await startDaemon();
    await daemon.post('cutover', { step: 'consul-leads' });
    const reload = async (settings: object): Promise<void> => {
      const config = parse(await readFile(daemon.configFile, 'utf8')) as { mappings: object[] };
      const mappings = config.mappings.map((one) => ({ ...one, ...settings }));
      await writeFile(daemon.configFile, stringify({ ...config, mappings }));
      daemon.signal('SIGHUP');
    };
    const reaches = (step: string | null): Promise<unknown> =>
      waitUntil(`the step ${step}`, async () => (await statusOf(daemon)).step === step);
    await reload({ conflict: 'zookeeper-wins' });
    await daemon.inSync();
    await reaches('consul-leads');
    await reload({ direction: 'zookeeper-to-consul' });
    await reaches(null);
    await daemon.inSync();
    await expect(daemon.post('cutover', { step: 'consul-leads' })).rejects.toThrow(
      /set direction: both first/,
    );
    await reload({ direction: 'consul-to-zookeeper' });
    await reaches('zookeeper-mirror');
    await daemon.inSync();
    await expect(daemon.post('cutover', { step: 'consul-leads' })).rejects.toThrow(/by its configuration/);
    await reload({ direction: 'both' });
    await reaches('consul-leads');
  });

  it('is refused while the mapping is held or both sides differ, with all that is missing', async () => {
    const { daemon, instance, ask } = await startDaemon({ mapping: { exclude: ['tmp/**'] } });
    const tooLarge = 'x'.repeat(600 * 1024);
    await staging.zookeeper.create(`/${instance}/app/large`, tooLarge);
    await waitUntil('it to be left out', async () => (await daemon.mapping()).skippedTotal === 1);
    await daemon.inSync();
    const refused = await ask('cutover', 'config', '--to', 'consul', '--yes');
    expect(refused.stdout).toMatch(/both sides are not equal: 1 of \d+ keys differ, "app\/large" for one/);
    expect(refused.code).toBe(1);
    await daemon.post('pause');
    expect((await statusOf(daemon)).missing.map(({ what }) => what)).toEqual(['not-in-sync', 'different']);
  });
});

describe('a cutover with two daemons', () => {
  it('holds for the one that takes over after kill -9 (S3, S7)', async () => {
    const { daemon, instance, start } = await startDaemon({ ha: true });
    const second = await staging.startDaemon(start);
    await waitUntil('the second to be ready', () => second.ready(), { timeoutMs: 60_000 });
    const isFirstLeading = (await daemon.mapping()).role === 'active';
    const [active, standby] = isFirstLeading ? [daemon, second] : [second, daemon];
    await waitUntil('neither of the two to count as a program that reads there', async () => {
      const { watchers } = await statusOf(active);
      expect(watchers.untold).toEqual([]);
      return watchers.total === 0;
    });
    await active.post('cutover', { step: 'consul-leads' });
    await active.inSync();
    await active.post('cutover', { step: 'zookeeper-mirror', despiteWriters: true });
    await expect(standby.post('cutover', { step: 'consul-leads' })).rejects.toThrow(/is a standby/);
    await active.kill();
    await waitUntil('the standby to lead', async () => (await standby.mapping()).role === 'active', {
      timeoutMs: 60_000,
    });
    await standby.inSync();
    expect((await statusOf(standby)).history).toHaveLength(2);
    await staging.zookeeper.set(`/${instance}/app/a`, 'drift');
    await waitUntil('the drift to be seen', async () => (await standby.mapping()).driftedTotal === 1);
    expect((await staging.consul.get(`${instance}/app/a`))?.value.toString()).toBe('first');
  });
});

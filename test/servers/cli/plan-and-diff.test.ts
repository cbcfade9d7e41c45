import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import type { CommandResult, Places } from './command.js';
import { command, Configurations } from './command.js';

interface PlanAnswer {
  readonly mappings: readonly MappingPlanAnswer[];
  readonly nothingToDo: boolean;
}

interface MappingPlanAnswer {
  readonly archive: boolean;
  readonly pairing: string;
  readonly holds: readonly { readonly reason: string; readonly stopsAll: boolean }[];
  readonly actions: readonly { readonly key: string; readonly action: string; readonly on: string | null }[];
  readonly create: { readonly zookeeper: number; readonly consul: number };
  readonly delete: { readonly zookeeper: number; readonly consul: number };
  readonly guards: readonly { readonly reason: string; readonly count: number }[];
  readonly nothingToDo: boolean;
}

interface DiffAnswer {
  readonly mappings: readonly {
    readonly differences: readonly {
      readonly key: string;
      readonly kind: string;
      readonly session: string | null;
    }[];
    readonly compared: number;
    readonly equal: boolean;
  }[];
  readonly equal: boolean;
}

let staging: Staging;
let configurations: Configurations;
let places: Places;

beforeEach(async () => {
  staging = await Staging.start();
  configurations = await Configurations.create();
  places = { zookeeper: staging.zookeeperServer.connect, consul: staging.consulServer.address };
});
afterEach(async () => {
  await staging.dispose();
  await configurations.dispose();
});

async function plan(
  file: string,
  ...args: string[]
): Promise<{ code: number | null; plan: MappingPlanAnswer }> {
  const { code, stdout, stderr } = await command('plan', '--json', '--config', file, ...args);
  expect(stderr).toBe('');
  const answer = JSON.parse(stdout) as PlanAnswer;
  expect(answer.nothingToDo).toBe(answer.mappings.every(({ nothingToDo }) => nothingToDo));
  return { code, plan: answer.mappings[0]! };
}

async function diff(file: string): Promise<{ code: number | null; diff: DiffAnswer }> {
  const { code, stdout, stderr } = await command('diff', '--json', '--config', file);
  expect(stderr).toBe('');
  return { code, diff: JSON.parse(stdout) as DiffAnswer };
}

/** Everything in both stores, by name, with the numbers of the writes. */
async function stores(): Promise<unknown> {
  const paths = (await staging.zookeeper.listTree('/')).filter((path) => !path.startsWith('/zookeeper'));
  const znodes = await Promise.all(
    paths.map(async (path) => [path, (await staging.zookeeper.get(path))?.stat.mzxid]),
  );
  const keys = (await staging.consul.list('')).map(({ key, modifyIndex }) => [key, modifyIndex]);
  return { znodes, keys };
}

const HOSTILE = 'config/esc\x1b[31m\u202e "x"\n';

/** Entries of every kind, on both sides. */
async function fill(): Promise<void> {
  await staging.zookeeper.create('/config/app/db', 'db1');
  await staging.zookeeper.create('/config/both', 'same');
  await staging.zookeeper.create('/config/differs', 'zk');
  await staging.zookeeper.create('/config/big', Buffer.alloc(700_000));
  await staging.zookeeper.create('/config/live', 'session', { mode: 'ephemeral' });
  await staging.consul.put('config/both', 'same');
  await staging.consul.put('config/differs', 'consul');
  await staging.consul.put('config/folder/', '');
  await staging.consul.put(HOSTILE, 'hostile');
}

describe('plan on trees that were never synced', () => {
  it('has nothing to do where there is nothing, and makes neither ledgers nor an archive', async () => {
    const before = await stores();
    const { code, plan: found } = await plan(await configurations.write(places));
    expect(found).toMatchObject({
      archive: false,
      pairing: 'new',
      holds: [],
      actions: [],
      nothingToDo: true,
    });
    expect(code).toBe(0);
    expect(await stores()).toEqual(before);
    expect(existsSync(configurations.archivePath)).toBe(false);
  });

  it('tells what a start then does, and writes nothing itself', async () => {
    await fill();
    const before = await stores();
    const { code, plan: found } = await plan(await configurations.write(places));
    expect(await stores()).toEqual(before);
    expect(existsSync(configurations.archivePath)).toBe(false);
    expect(found.actions.map(({ key, action, on }) => [action, on, key])).toEqual([
      ['create', 'consul', 'app/db'],
      ['skip', 'consul', 'big'],
      ['conflict', 'consul', 'differs'],
      ['create', 'consul', 'live'],
      ['create', 'zookeeper', HOSTILE.slice('config/'.length)],
    ]);
    expect(code).toBe(1);

    const daemon = await staging.startDaemon();
    await daemon.inSync();
    await daemon.stop();
    const after = await plan(daemon.configFile);
    expect(after.plan).toMatchObject({ archive: true, pairing: 'paired', nothingToDo: true });
    expect(after.plan.actions.map(({ key, action }) => [action, key])).toEqual([['skip', 'big']]);
    expect(after.code).toBe(0);
  });

  it('lists for a person up to --limit of each kind, the sums first, and no character that a terminal obeys', async () => {
    await fill();
    await staging.zookeeper.create('/config/another', 'x');
    const file = await configurations.write(places);
    const { code, stdout, stderr } = await command('plan', '--limit', '1', '--config', file);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('Mapping config: /config in ZooKeeper, config/ in Consul');
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}create +1 +3$/));
    expect(lines).toContain('  1 conflict, 0 held, 1 left out, 0 drifted, 0 not readable');
    expect(lines).toContain('  create: ... and 3 more (--limit N, --json)');
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const { stdout: all } = await command('plan', '--config', file);
    expect(all).toContain('create    in zookeeper  "esc\\u001b[31m\\u202e \\"x\\"\\n"');
  });

  it('is only of the mappings that are named', async () => {
    await fill();
    const other = { name: 'other', zookeeper: '/other', consul: 'other' };
    const file = await configurations.write(places, {}, [{}, other]);
    const { code, plan: found } = await plan(file, 'other');
    expect(found).toMatchObject({ name: 'other', nothingToDo: true });
    expect(code).toBe(0);
  });
});

describe('plan on what was synced before', () => {
  let daemon: DaemonProcess;

  beforeEach(async () => {
    await staging.zookeeper.create('/config', '');
    for (let i = 0; i < 40; i++) await staging.zookeeper.create(`/config/e${i}`, `v${i}`);
    daemon = await staging.startDaemon();
    await daemon.inSync();
  });

  it('asks for the daemon to be stopped while it has the archive, and tells what it says of itself', async () => {
    const { code, stdout, stderr } = await command('plan', '--config', daemon.configFile);
    expect(stderr).toContain(`in use by process ${daemon.pid}`);
    expect(stderr).toContain(`The daemon at ${daemon.adminUrl} says: config live with 0 entries to write.`);
    expect(stderr).toContain('stop it first');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  it('S4: tells deletions, and that a mass deletion would be held', async () => {
    await daemon.stop();
    await staging.consul.delete('config/e1');
    const one = await plan(daemon.configFile);
    expect(one.plan).toMatchObject({ delete: { zookeeper: 1, consul: 0 }, guards: [] });
    for (let i = 2; i < 30; i++) await staging.consul.delete(`config/e${i}`);
    const many = await plan(daemon.configFile);
    expect(many.plan).toMatchObject({
      delete: { zookeeper: 29, consul: 0 },
      guards: [{ reason: 'mass-deletion', count: 29 }],
    });
    expect(many.code).toBe(1);

    await daemon.start();
    await daemon.held('mass-deletion');
    await daemon.stop();
    const held = await plan(daemon.configFile);
    expect(held.plan).toMatchObject({ holds: [{ reason: 'mass-deletion', stopsAll: false }], guards: [] });
    expect(held.code).toBe(1);
  });

  it('tells that a start would hold what a wiped store brings', async () => {
    await daemon.stop();
    await staging.consul.deleteTree('zk-consul-sync/');
    await staging.consul.deleteTree('config/');
    const { code, plan: found } = await plan(daemon.configFile);
    expect(found).toMatchObject({ pairing: 'held', holds: [{ reason: 'identity-changed', stopsAll: true }] });
    expect(code).toBe(1);
    const { stdout } = await command('plan', '--config', daemon.configFile);
    expect(stdout).toMatch(
      /Held as identity-changed: .* Nothing of this would be written before an operator decides\./,
    );
    const { stdout: checked, code: checkCode } = await command('check', '--config', daemon.configFile);
    expect(checked).toMatch(/^fail +config +a start would hold it as identity-changed:/m);
    expect(checkCode).toBe(1);
  });

  it('tells that a start without the archive would be held, unless archive.onLoss says otherwise', async () => {
    await daemon.stop();
    const lost = await plan(await configurations.write(places));
    expect(lost.plan).toMatchObject({ archive: false, pairing: 'held', holds: [{ reason: 'archive-lost' }] });
    const merging = await plan(await configurations.write(places, { archive: { onLoss: 'merge' } }));
    expect(merging.plan).toMatchObject({ archive: false, pairing: 'new', holds: [], actions: [] });
    expect([lost.code, merging.code]).toEqual([1, 0]);
  });

  it('tells that another deployment syncs the same already', async () => {
    const { code, plan: found } = await plan(await configurations.write(places, { instance: 'other' }));
    expect(found).toMatchObject({ pairing: 'held', holds: [{ reason: 'mapped-twice', stopsAll: true }] });
    expect(code).toBe(1);
  });
});

describe('diff', () => {
  it('tells what differs now, with what a session owns apart, and ends with 1', async () => {
    await fill();
    const before = await stores();
    const { code, diff: found } = await diff(await configurations.write(places));
    expect(found.mappings[0]?.differences).toEqual([
      { key: 'app/db', kind: 'only-in-zookeeper', bytes: 3, session: null },
      { key: 'big', kind: 'only-in-zookeeper', bytes: 700_000, session: null },
      { key: 'differs', kind: 'different', bytes: { zookeeper: 2, consul: 6 }, session: null },
      { key: HOSTILE.slice('config/'.length), kind: 'only-in-consul', bytes: 7, session: null },
      { key: 'live', kind: 'only-in-zookeeper', bytes: 7, session: 'zookeeper' },
    ]);
    expect({ code, equal: found.equal }).toEqual({ code: 1, equal: false });
    expect(await stores()).toEqual(before);
  });

  it('ends with 0 when both are equal, beside the daemon that made them so', async () => {
    await staging.zookeeper.create('/config/a/b', 'value');
    await staging.consul.put('config/c', 'value');
    const daemon = await staging.startDaemon();
    await daemon.inSync();
    const { code, stdout, stderr } = await command('diff', '--config', daemon.configFile);
    expect(stdout).toBe(
      'Mapping config: /config in ZooKeeper, config/ in Consul\n  equal, 3 keys compared\n',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('leaves aside what a session owns where the mapping leaves it out', async () => {
    await staging.zookeeper.create('/config/live', 'session', { mode: 'ephemeral' });
    const skipping = await configurations.write(places, {}, [{ sessionBound: 'skip' }]);
    expect(await diff(skipping)).toMatchObject({ code: 0, diff: { equal: true } });
    expect(await diff(await configurations.write(places))).toMatchObject({ code: 1, diff: { equal: false } });
  });

  it('S5: calls unknown what ZooKeeper does not show, and ends with 1', async () => {
    await staging.zookeeper.create('/config/secret/below', 'x');
    await staging.zookeeper.setAcl('/config/secret', [{ permissions: 2, scheme: 'world', id: 'anyone' }]);
    await staging.consul.put('config/secret/below', 'x');
    const { code, diff: found } = await diff(await configurations.write(places));
    expect(found.mappings[0]?.differences).toEqual([
      { key: 'secret', kind: 'unknown', on: 'zookeeper', reason: 'denied' },
    ]);
    expect(code).toBe(1);
  });

  it('ends with 3, and says why, when a store can not be reached', async () => {
    const nowhere = { ...places, consul: 'http://127.0.0.1:1' };
    for (const name of ['diff', 'plan']) {
      const file = await configurations.write(nowhere);
      const { code, stdout, stderr }: CommandResult = await command(name, '--config', file);
      expect(stderr).toMatch(/^zk-consul-sync: GET .* on http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
      expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    }
  });

  it('S9: compares many entries in bounded memory and little time', async () => {
    const count = 20_000;
    await staging.zookeeper.create('/config', '');
    for (let start = 0; start < count; start += 500) {
      const names = Array.from({ length: 500 }, (_, i) => `n${start + i}`);
      await staging.zookeeper.multi(
        names.map((name) => ({ kind: 'create', path: `/config/${name}`, data: name })),
      );
      for (let at = 0; at < names.length; at += 50) {
        const operations = names
          .slice(at, at + 50)
          .map((name) => ({ verb: 'set', key: `config/${name}`, value: name }));
        await staging.consul.transaction(operations);
      }
    }
    await staging.consul.put('config/n777', 'changed');
    const { code, stdout, tookMs } = await command(
      'diff',
      '--json',
      '--config',
      await configurations.write(places),
    );
    const answer = JSON.parse(stdout) as DiffAnswer;
    expect(answer.mappings[0]).toMatchObject({
      compared: count,
      different: 1,
      differences: [{ key: 'n777' }],
    });
    expect(code).toBe(1);
    expect(tookMs).toBeLessThan(30_000);
  });
});

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Staging } from '../../kit/daemon/staging.js';
import type { Places } from './command.js';
import { command, Configurations } from './command.js';

let staging: Staging;
let configurations: Configurations;
let places: Places;
let file: string;
let backupFile: string;

beforeEach(async () => {
  staging = await Staging.start();
  configurations = await Configurations.create();
  places = { zookeeper: staging.zookeeperServer.connect, consul: staging.consulServer.address };
  file = await configurations.write(places);
  backupFile = join(configurations.directory, 'backup.jsonl');
});
afterEach(async () => {
  await staging.dispose();
  await configurations.dispose();
});

type Line = Readonly<Record<string, unknown>>;

/** The lines of a backup about entries. */
function entriesIn(text: string): Line[] {
  const lines = text.trimEnd().split('\n');
  return lines.slice(1, -1).map((line) => JSON.parse(line) as Line);
}

const backup = (...args: string[]) => command('backup', backupFile, '--config', file, ...args);
const restore = (...args: string[]) => command('restore', backupFile, '--config', file, ...args);

const ONLY_READ = [{ permissions: 1, scheme: 'world', id: 'anyone' }];
const FLAGS = 18_446_744_073_709_551_615n;
const BINARY = Buffer.from([0, 255, 254, 10, 13]);

/** Entries of every kind, on both sides. */
async function fill(): Promise<void> {
  await staging.zookeeper.create('/config/app', 'inner');
  await staging.zookeeper.create('/config/app/db', 'dätabase\n1');
  await staging.zookeeper.create('/config/app/key', BINARY, { acl: ONLY_READ });
  await staging.zookeeper.create('/config/differs', 'zk');
  await staging.zookeeper.create('/config/live', 'session', { mode: 'ephemeral' });
  await staging.zookeeper.create('/config/structure/below', '');
  await staging.consul.put('config/app', 'inner');
  await staging.consul.put('config/app/db', 'dätabase\n1', FLAGS);
  await staging.consul.put('config/app/key', BINARY);
  await staging.consul.put('config/differs', 'consul');
  await staging.consul.put('config/structure/below', '');
  await staging.consul.put('config/esc\x1b[31m "x"', 'hostile \u202e');
}

describe('backup', () => {
  it('keeps what each side holds, exactly, in lines that people can read, with flags and ACLs', async () => {
    await fill();
    const { code, stdout, stderr } = await backup();
    expect(stdout).toContain('7 entries of both sides');
    expect(stdout).toContain('2 of them differ between the sides');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const text = readFileSync(backupFile, 'utf8');
    const open = [{ scheme: 'world', id: 'anyone', permissions: 'crwda' }];
    const mapping = 'config';
    expect(JSON.parse(text.split('\n')[0]!)).toMatchObject({
      backup: 1,
      instance: 'default',
      mappings: [{ name: 'config', zookeeper: '/config', consul: 'config', side: 'both' }],
    });
    expect(entriesIn(text)).toEqual([
      { mapping, key: 'app', side: 'both', text: 'inner', acl: open },
      { mapping, key: 'app/db', side: 'both', text: 'dätabase\n1', flags: String(FLAGS), acl: open },
      {
        mapping,
        key: 'app/key',
        side: 'both',
        base64: BINARY.toString('base64'),
        acl: [{ scheme: 'world', id: 'anyone', permissions: 'r' }],
      },
      { mapping, key: 'differs', side: 'zookeeper', text: 'zk', acl: open },
      { mapping, key: 'differs', side: 'consul', text: 'consul' },
      { mapping, key: 'esc\x1b[31m "x"', side: 'consul', text: 'hostile \u202e' },
      { mapping, key: 'live', side: 'zookeeper', text: 'session', acl: open, session: 'zookeeper' },
      { mapping, key: 'structure/below', side: 'both', text: '', acl: open },
    ]);
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    expect(statSync(backupFile).mode & 0o777).toBe(0o600);
    const left = readdirSync(configurations.directory).filter((name) => name.includes('partial'));
    expect(left).toEqual([]);
  });

  it('keeps one side, and goes to standard output, where asked to', async () => {
    await fill();
    const { code, stdout, stderr } = await command('backup', '-', '--from', 'consul', '--config', file);
    expect(entriesIn(stdout).map(({ key, side }) => [key, side])).toEqual([
      ['app', 'consul'],
      ['app/db', 'consul'],
      ['app/key', 'consul'],
      ['differs', 'consul'],
      ['esc\x1b[31m "x"', 'consul'],
      ['structure/below', 'consul'],
    ]);
    expect(stderr).toContain('6 entries of Consul');
    expect(code).toBe(0);
  });

  it('S5: ends with 1, and names them, where entries may not be read', async () => {
    await staging.zookeeper.create('/config/a', 'x');
    await staging.zookeeper.create('/config/secret', 'x', {
      acl: [{ permissions: 2, scheme: 'world', id: 'anyone' }],
    });
    const { code, stdout } = await backup();
    expect(stdout).toContain('1 could not be read: the backup is not complete');
    expect(entriesIn(readFileSync(backupFile, 'utf8'))).toContainEqual({
      mapping: 'config',
      key: 'secret',
      side: 'zookeeper',
      unread: 'denied',
    });
    expect(code).toBe(1);
    // What the backup does not know is nothing to delete.
    const refused = await restore('--delete-others', 'config', '--yes');
    expect(refused.stderr).toContain('is not complete: 1 entry of config could not be read for it');
    expect(refused.code).toBe(1);
    expect(await staging.zookeeper.children('/config')).toEqual(expect.arrayContaining(['a', 'secret']));
  });

  it('leaves no file, and ends with 3, when a store can not be reached', async () => {
    const nowhere = await configurations.write({ ...places, consul: 'http://127.0.0.1:1' });
    const { code, stderr } = await command('backup', backupFile, '--config', nowhere);
    expect(stderr).toContain('ECONNREFUSED');
    expect(code).toBe(3);
    const names = readdirSync(configurations.directory).filter((name) => name.startsWith('backup'));
    expect(names).toEqual([]);
  });
});

describe('restore', () => {
  it('S3: puts back what is missing or different, with ACL or flags, and leaves alone what is there', async () => {
    await fill();
    await backup();
    await staging.zookeeper.remove('/config/app/key');
    await staging.zookeeper.remove('/config/app/db');
    await staging.zookeeper.set('/config/app', 'changed');
    const untouched = (await staging.zookeeper.get('/config/differs'))?.stat.mzxid;
    const shown = await restore('--dry-run');
    expect(shown.stdout).toContain('2 to create, 1 to update, 0 to delete, 2 as they are to be, 1 left out');
    expect(shown.code).toBe(1);
    expect(await staging.zookeeper.get('/config/app/db')).toBeUndefined();

    const { code, stdout } = await restore('--yes');
    expect(stdout).toContain('config: 2 created, 1 updated, 0 deleted, 2 as they are to be, 1 left out');
    expect(stdout).toContain('live  (session-bound: a session owned it)');
    expect(code).toBe(0);
    expect((await staging.zookeeper.get('/config/app/key'))?.data).toEqual(BINARY);
    expect(await staging.zookeeper.getAcl('/config/app/key')).toEqual(ONLY_READ);
    expect((await staging.zookeeper.get('/config/app'))?.data?.toString()).toBe('inner');
    expect((await staging.zookeeper.get('/config/differs'))?.stat.mzxid).toBe(untouched);

    await staging.consul.delete('config/app/db');
    const toConsul = await restore('--yes', '--to', 'consul', '--json');
    expect(JSON.parse(toConsul.stdout)).toMatchObject({
      mappings: [
        { name: 'config', from: 'consul', to: 'consul', actions: [{ key: 'app/db', action: 'create' }] },
      ],
      written: [{ name: 'config', create: 1, update: 0, delete: 0, same: 5, leftOut: [] }],
    });
    expect(toConsul.code).toBe(0);
    expect((await staging.consul.get('config/app/db'))?.flags).toBe(String(FLAGS));
  });

  it('gives nothing to everybody that not everybody could read, where the mapping has restricted: skip', async () => {
    await staging.zookeeper.create('/config/open', 'x');
    const local = [{ permissions: 31, scheme: 'ip', id: '127.0.0.1' }];
    for (const key of ['gone', 'opened', 'stays'])
      await staging.zookeeper.create(`/config/${key}`, 'secret', { acl: local });
    expect((await backup()).code).toBe(0);
    file = await configurations.write(places, {}, [{ restricted: 'skip' }]);
    const toConsul = await restore('--yes', '--to', 'consul', '--from', 'zookeeper');
    expect(toConsul.stdout).toContain('1 created, 0 updated, 0 deleted, 0 as they are to be, 3 left out');
    expect(toConsul.stdout).toContain(
      'gone  (read-restricted: not everybody could read it in ZooKeeper (restricted: skip))',
    );
    expect(toConsul.code).toBe(1);
    expect((await staging.consul.list('config/')).map(({ key }) => key)).toEqual(['config/open']);

    await staging.zookeeper.remove('/config/gone');
    await staging.zookeeper.remove('/config/opened');
    await staging.zookeeper.create('/config/opened', 'for everybody');
    await staging.zookeeper.set('/config/stays', 'another secret');
    const { code, stdout } = await restore('--yes');
    expect(stdout).toContain('opened  (read-restricted: everybody may read what is there now');
    expect(stdout).toContain('1 created, 1 updated, 0 deleted, 1 as they are to be, 1 left out');
    expect(code).toBe(1);
    expect(await staging.zookeeper.getAcl('/config/gone')).toEqual(local);
    expect((await staging.zookeeper.get('/config/opened'))?.data?.toString()).toBe('for everybody');
    expect((await staging.zookeeper.get('/config/stays'))?.data?.toString()).toBe('secret');
  });

  it('deletes what the backup lacks only with the name of the mapping, children first', async () => {
    await fill();
    await backup();
    await staging.zookeeper.create('/config/new', 'x');
    await staging.zookeeper.create('/config/new/below', 'y');
    const unasked = await restore('--yes');
    expect(unasked.stdout).toContain('0 to delete, 5 as they are to be, 1 left out');
    const wrong = await restore('--yes', '--delete-others', 'other');
    expect(wrong.stderr).toContain('--delete-others has to name the one mapping that is restored (config)');
    expect(wrong.code).toBe(2);
    expect(await staging.zookeeper.get('/config/new/below')).toBeDefined();

    const { stdout } = await restore('--yes', '--delete-others', 'config');
    expect(stdout).toContain('2 deleted');
    expect((await staging.zookeeper.listTree('/config')).sort()).toEqual([
      '/config',
      '/config/app',
      '/config/app/db',
      '/config/app/key',
      '/config/differs',
      '/config/live',
      '/config/structure',
      '/config/structure/below',
    ]);
  });

  it('refuses a file that is cut, and says so before anything is contacted', async () => {
    await staging.zookeeper.create('/config/a', 'x');
    await backup();
    const lines = readFileSync(backupFile, 'utf8').split('\n');
    writeFileSync(backupFile, lines.slice(0, 2).join('\n') + '\n');
    const { code, stdout, stderr } = await restore('--yes');
    expect(stderr).toMatch(/it is cut: there is no last line after line 2/);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  it('asks for --yes where there is no terminal, before anything is contacted', async () => {
    writeFileSync(backupFile, '');
    const { code, stderr } = await restore();
    expect(stderr).toContain('say --yes');
    expect(code).toBe(2);
  });

  it('refuses the target of a one-way mapping, and restores its source', async () => {
    await fill();
    await backup();
    file = await configurations.write(places, {}, [{ direction: 'consul-to-zookeeper' }]);
    const refused = await restore('--yes', '--to', 'zookeeper');
    expect(refused.stderr).toContain(
      'config is one-way (consul-to-zookeeper): restore it to its source, --to consul',
    );
    expect(refused.code).toBe(2);
    await staging.consul.delete('config/app');
    expect((await restore('--yes')).code).toBe(0);
    expect(await staging.consul.get('config/app')).toBeDefined();
  });

  it('goes beside a daemon, which carries it over like any other client’s writes', async () => {
    await fill();
    const daemon = await staging.startDaemon();
    await daemon.inSync();
    file = daemon.configFile;
    expect((await backup()).code).toBe(0);
    await staging.zookeeper.remove('/config/app/db');
    await staging.consul.put('config/differs', 'later');
    await staging.consulHolds('config/app/db', undefined);
    await staging.zookeeperHolds('/config/differs', 'later');
    await restore('--yes');
    await staging.consulHolds('config/app/db', 'dätabase\n1');
    await staging.consulHolds('config/differs', 'zk');
    await daemon.inSync();
    const { code } = await command('diff', '--config', file);
    expect(code).toBe(0);
  });
});

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { begin, beginWith, command, Configurations } from './command.js';

let staging: Staging;

beforeAll(async () => {
  staging = await Staging.start();
});
afterAll(() => staging.dispose());

let deployments = 0;

/** A daemon with an instance and a mapping of its own, so that the tests don't meet. */
async function startDaemon(
  mapping: Readonly<Record<string, unknown>> = {},
): Promise<{ daemon: DaemonProcess; root: string; prefix: string }> {
  const name = `d${++deployments}`;
  const daemon = await staging.startDaemon({
    mappings: [{ zookeeper: `/${name}`, consul: name, ...mapping }],
    config: { instance: name },
  });
  await daemon.inSync();
  return { daemon, root: `/${name}`, prefix: name };
}

/** Replaces text in the configuration as a careful person does: all at once. */
async function edit(daemon: DaemonProcess, from: string | RegExp, to: string): Promise<void> {
  const text = await readFile(daemon.configFile, 'utf8');
  const edited = text.replace(from, to);
  expect(edited).not.toBe(text);
  await writeFile(`${daemon.configFile}.new`, edited);
  await rename(`${daemon.configFile}.new`, daemon.configFile);
}

const logged = (daemon: DaemonProcess, text: string) =>
  waitUntil(`the log to say ${text}`, async () => (await daemon.log()).includes(text), { timeoutMs: 20_000 });

describe('run and status', () => {
  it('tell that all is well: 0, without and with --json', async () => {
    const { daemon } = await startDaemon();
    const human = await command('status', '--config', daemon.configFile);
    expect(human.stdout).toMatch(/^ZooKeeper +connected +127\.0\.0\.1:/m);
    expect(human.stdout).toMatch(/^config +live +for /m);
    const json = await command('status', '--json', '--admin', daemon.adminUrl);
    expect(JSON.parse(json.stdout)).toMatchObject({
      role: 'active',
      mappings: [{ name: 'config', inSync: true }],
    });
    expect([human.code, human.stderr, json.code, json.stderr]).toEqual([0, '', 0, '']);
  });

  it('tell what is held, with a command that ends it: 1 before, 0 afterwards', async () => {
    const { daemon, root, prefix } = await startDaemon();
    for (const name of ['a', 'b', 'c']) await staging.zookeeper.create(`${root}/${name}`, name);
    await waitUntil('the copies', async () => (await staging.consul.list(`${prefix}/`)).length === 3);
    await staging.consul.deleteTree(`${prefix}/`);
    await daemon.held('mass-deletion');
    const { code, stdout } = await command('status', '--config', daemon.configFile);
    expect(code).toBe(1);
    const [, words = ''] = /^ {4}zk-consul-sync (approve .*)$/m.exec(stdout) ?? [];
    expect(await command(...words.split(' '), '--yes')).toMatchObject({ code: 0, stderr: '' });
    await daemon.inSync();
    expect((await command('status', '--config', daemon.configFile)).code).toBe(0);
  });

  it('tell that the daemon is gone: 3', async () => {
    const { daemon } = await startDaemon();
    await daemon.stop();
    const { code, stdout, stderr } = await command('status', '--config', daemon.configFile);
    expect(stderr).toContain(`GET ${daemon.adminUrl}/api/v1/status: connect ECONNREFUSED`);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  });
});

describe('a signal to run', () => {
  it('SIGTERM and SIGINT finish what is in flight and end it with 0', async () => {
    const { daemon, root, prefix } = await startDaemon();
    await staging.zookeeper.create(`${root}/last`, 'value');
    await staging.consulHolds(`${prefix}/last`, 'value');
    expect(await daemon.stop()).toBe(0);
    expect(await daemon.log()).toContain('"msg":"stopped"');

    const again = begin('run', '--config', daemon.configFile);
    await daemon.inSync();
    again.signal('SIGINT');
    const { code, stdout, stderr, tookMs } = await again.result;
    expect(stdout).toContain('"signal":"SIGINT"');
    expect(stdout).toContain('"msg":"stopped"');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(tookMs).toBeLessThan(10_000);
  });

  /** Stops both stores from answering while the daemon is at work, does `work`, and lets them go on. */
  async function whileNobodyAnswers(root: string, work: () => Promise<void>): Promise<void> {
    await staging.zookeeper.create(`${root}/first`, '');
    const names = Array.from({ length: 500 }, (_, i) => `n${i}`);
    await staging.zookeeper.multi(
      names.map((name) => ({ kind: 'create', path: `${root}/${name}`, data: name })),
    );
    const servers = [staging.consulServer, staging.zookeeperServer];
    await Promise.all(servers.map((server) => server.pause()));
    try {
      await work();
    } finally {
      for (const server of servers) server.resume();
    }
  }

  it('SIGTERM ends it with 0 within 10 s, also when no store answers', async () => {
    const { daemon, root } = await startDaemon();
    await whileNobodyAnswers(root, async () => {
      const startedMs = performance.now();
      expect(await daemon.stop()).toBe(0);
      expect(performance.now() - startedMs).toBeLessThan(10_000);
    });
  });

  it('a second one ends it at once with 1', async () => {
    const { daemon, root } = await startDaemon();
    await whileNobodyAnswers(root, async () => {
      daemon.signal('SIGTERM');
      await logged(daemon, 'Stopping');
      const startedMs = performance.now();
      expect(await daemon.stop()).toBe(1);
      expect(performance.now() - startedMs).toBeLessThan(1_000);
    });
  });

  it('SIGHUP takes over another configuration; other mappings go on, and sync goes on with the new one', async () => {
    const { daemon } = await startDaemon();
    await edit(daemon, /mappings:\n/, 'mappings:\n  - { name: added, zookeeper: /added, consul: added }\n');
    daemon.signal('SIGHUP');
    await daemon.inSync('added');
    await staging.zookeeper.create('/added/entry', 'value');
    await staging.consulHolds('added/entry', 'value');
    expect(await daemon.log()).toContain('"added":["added"]');
    expect(await daemon.mapping('config')).toMatchObject({ state: 'live' });
  });

  it('SIGHUP leaves the old configuration in force when the new one is wrong, and logs each problem with its line', async () => {
    const { daemon, root, prefix } = await startDaemon();
    await edit(daemon, 'sessionTimeout: 4s', 'sessionTimeout: soon');
    daemon.signal('SIGHUP');
    await logged(daemon, 'The one before stays in force.');
    const lines = (await daemon.log()).split('\n').filter((line) => line.includes('sessionTimeout'));
    expect(lines.map((line) => JSON.parse(line) as unknown)).toContainEqual(
      expect.objectContaining({ level: 'error', line: 3, setting: 'zookeeper.sessionTimeout' }),
    );
    await staging.zookeeper.create(`${root}/still`, 'value');
    await staging.consulHolds(`${prefix}/still`, 'value');
  });

  it('none is needed when the file changes: it is found within 10 s', async () => {
    const { daemon } = await startDaemon();
    await edit(daemon, 'level: debug', 'level: info');
    await logged(daemon, 'The configuration was read again.');
  });
});

describe('a fault that nobody foresaw', () => {
  it.each([
    ['an exception', 'throw fault'],
    ['a rejection', 'Promise.reject(fault)'],
  ])('%s is logged, and ends run with 1', async (_, failing) => {
    const { daemon } = await startDaemon();
    await daemon.stop();
    const script = `process.on('SIGUSR2', () => { const fault = new Error('of the test'); ${failing} })`;
    const imported = `data:text/javascript,${encodeURIComponent(script)}`;
    const running = beginWith(['--import', imported], 'run', '--config', daemon.configFile);
    await daemon.inSync();
    running.signal('SIGUSR2');
    const { code, stdout } = await running.result;
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ msg }) => msg)).toContain('started');
    expect(lines.at(-1)).toMatchObject({
      level: 'error',
      msg: 'An unforeseen fault: ending, to be started again.',
      err: { message: 'of the test', stack: expect.any(String) as string },
    });
    expect(code).toBe(1);
  });
});

describe('run does not start, and ends with 1', () => {
  it('when another daemon has the archive, which it names', async () => {
    const { daemon } = await startDaemon();
    await edit(daemon, /listen: .*/, 'listen: 127.0.0.1:0');
    const { code, stderr } = await command('run', '--config', daemon.configFile);
    expect(stderr).toContain(`The archive is in use by process ${daemon.pid} on host`);
    expect(code).toBe(1);
    expect(await daemon.mapping()).toMatchObject({ state: 'live' });
  });

  it('when admin.listen is taken', async () => {
    const configurations = await Configurations.create();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = other.address() as AddressInfo;
      const places = { zookeeper: staging.zookeeperServer.connect, consul: staging.consulServer.address };
      const file = await configurations.write(places, { admin: { listen: `127.0.0.1:${port}` } });
      const { code, stderr } = await command('run', '--config', file);
      expect(stderr).toContain(
        `could not listen on 127.0.0.1:${port} (admin.listen): another program listens there`,
      );
      expect(code).toBe(1);
    } finally {
      other.close();
      await configurations.dispose();
    }
  });

  it('when the archive is damaged, or a newer version made it, and leaves it as it is', async () => {
    const { daemon } = await startDaemon();
    await daemon.stop();
    const data = join(daemon.archivePath, 'data');
    const format = join(data, 'format.json');
    const text = await readFile(format, 'utf8');
    await writeFile(format, text.replace(/"version":\d+/, '"version":99'));
    const newer = await command('run', '--config', daemon.configFile);
    expect(newer.stderr).toContain('made by a newer version');
    await writeFile(format, text);
    await truncate(join(data, 'data.mdb'), 5_000);
    const damaged = await command('run', '--config', daemon.configFile);
    expect(damaged.stderr).toContain('is damaged');
    expect([newer.code, damaged.code]).toEqual([1, 1]);
    expect((await readFile(join(data, 'data.mdb'))).length).toBe(5_000);
  });
});

describe('explain', () => {
  it('is answered by the running daemon, and without it from the archive and the stores, alike', async () => {
    const { daemon, root, prefix } = await startDaemon();
    await staging.zookeeper.create(`${root}/a/b`, 'value');
    await waitUntil('the copy', async () => (await staging.consul.get(`${prefix}/a/b`)) !== undefined);
    await daemon.inSync();
    const explain = () => command('explain', 'config', 'a/b', '--json', '--config', daemon.configFile);
    const online = await explain();
    await daemon.stop();
    const offline = await explain();
    expect(JSON.parse(online.stdout)).toMatchObject({
      key: 'a/b',
      decision: 'nothing',
      zookeeper: { state: 'present', bytes: 5 },
      consul: { state: 'present', bytes: 5 },
      archive: { kind: 'entry' },
    });
    expect(JSON.parse(offline.stdout)).toEqual(JSON.parse(online.stdout));
    expect(online.stderr).toBe('');
    expect(offline.stderr).toContain('No daemon was asked');
    expect(offline.stderr).toContain(`with the archive at ${daemon.archivePath}`);
    expect([online.code, offline.code]).toEqual([0, 0]);

    await staging.consul.put(`${prefix}/a/b`, 'changed');
    const changed = await command('explain', 'config', 'a/b', '--config', daemon.configFile);
    expect(changed.stdout).toContain('update in zookeeper what consul has');
  });

  it('refuses a key that the mapping leaves out, with the daemon and without', async () => {
    const { daemon } = await startDaemon({ exclude: ['tmp/**'] });
    const online = await command('explain', 'config', 'tmp/x', '--config', daemon.configFile);
    await daemon.stop();
    const offline = await command('explain', 'config', 'tmp/x', '--config', daemon.configFile);
    for (const { code, stdout, stderr } of [online, offline]) {
      expect(stderr).toMatch(/outside .*include.*exclude/);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    }
  });
});

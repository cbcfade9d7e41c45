import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { builtProgram } from '../../kit/daemon/built-program.js';
import { freePorts } from '../../kit/servers/free-ports.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { watchdog } from '../../kit/servers/watchdog.js';
import { command } from '../cli/command.js';

let folder: string;
let port: number;

const file = (name: string) => join(folder, name);

beforeAll(async () => {
  [port = 0] = await freePorts(1);
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zk-consul-sync-files-'));
  watchdog.guardFolder(folder);
  await writeFile(file('token'), 'a token', { mode: 0o600 });
  // No store has to answer for any of this.
  await writeFile(
    file('config.yaml'),
    [
      'zookeeper: { connect: "127.0.0.1:1" }',
      'consul: { address: "http://127.0.0.1:1", tokenFile: token }',
      `admin: { listen: "127.0.0.1:${port}" }`,
      'archive: { path: archive }',
      'mappings: [{ name: config, zookeeper: /config, consul: config }]',
    ].join('\n'),
  );
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
  watchdog.releaseFolder(folder);
});
/** Runs the daemon, as a shell with this umask starts it, and does something with it once it is up. Returns its log. */
async function run(umask: string, whileUp: () => Promise<void> = () => Promise.resolve()): Promise<string> {
  const child = spawn(
    '/bin/sh',
    [
      '-c',
      `umask ${umask}; exec "$@"`,
      'sh',
      process.execPath,
      builtProgram(),
      'run',
      '--config',
      file('config.yaml'),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  if (child.pid !== undefined) watchdog.guardProcess(child.pid);
  let log = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (log += text));
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    await waitUntil('the daemon to be up', () => log.includes('"msg":"started"'), { timeoutMs: 20_000 });
    await whileUp();
  } finally {
    child.kill('SIGTERM');
    await ended;
    if (child.pid !== undefined) watchdog.releaseProcess(child.pid);
  }
  return log;
}

async function expectOwnerOnly(): Promise<void> {
  const root = file('archive');
  const names = await readdir(root, { recursive: true });
  expect(names).toEqual(
    expect.arrayContaining(['data', 'data/data.mdb', 'data/format.json', 'data/lock.mdb', 'lock']),
  );
  expect(names.filter((name) => name.endsWith('.sock'))).toHaveLength(1);
  for (const name of ['', ...names]) {
    const { mode } = await stat(join(root, name));
    expect({ name, forOthers: mode & 0o077 }).toEqual({ name, forOthers: 0 });
  }
}

describe('the archive', () => {
  it.each(['0', '022', '077'])('is made for its own user alone, with a umask of %s', async (umask) => {
    const log = await run(umask, expectOwnerOnly);
    expect(log).not.toContain('other users have access');
  });

  it('is not made, nor locked, through links that stand in its place', async () => {
    await mkdir(file('elsewhere'));
    await writeFile(file('elsewhere/precious'), 'as it was');
    await mkdir(file('archive/lock'), { recursive: true, mode: 0o700 });
    await symlink(file('elsewhere'), file('archive/data.new'));
    await symlink(file('elsewhere/precious'), file('archive/lock/1-aaaaaaaaaaaa.sock'));
    await run('022', expectOwnerOnly);
    expect(await readdir(file('elsewhere'))).toEqual(['precious']);
    expect(await readFile(file('elsewhere/precious'), 'utf8')).toBe('as it was');
  });
});

describe('files that other users have access to', () => {
  it('are warned of at the start, and by check', async () => {
    await run('022');
    await chmod(file('token'), 0o644);
    await chmod(file('archive/data'), 0o755);
    const log = await run('022');
    const { stdout } = await command('check', '--config', file('config.yaml'));
    for (const text of [log, stdout]) {
      expect(text).toMatch(
        /consul\.tokenFile: \S+token holds a secret, and other users have access to it \(mode 644\)/,
      );
      expect(text).toMatch(
        /archive\.path: \S+archive\/data belongs to the archive.*\(mode 755\): chmod 700 it/,
      );
    }
  });
});

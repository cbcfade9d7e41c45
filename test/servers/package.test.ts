import { execFile } from 'node:child_process';
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DaemonProcess } from '../kit/daemon/daemon-process.js';

import { startConsul } from '../kit/servers/consul-server.js';
import { RawConsul } from '../kit/servers/raw-consul.js';
import { waitUntil } from '../kit/servers/wait-until.js';
import { startZooKeeper } from '../kit/servers/zookeeper-server.js';

const ROOT = new URL('../..', import.meta.url).pathname;
const NPM_TIMEOUT_MS = 180_000;

const run = promisify(execFile);

describe('the package as npm would publish it', () => {
  let folder: string;
  let program: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zk-consul-sync-package-'));
    const npm = { timeout: NPM_TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 };
    const packed = await run('npm', ['pack', '--json', '--pack-destination', folder], { ...npm, cwd: ROOT });
    const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
    const quietly = ['--no-audit', '--no-fund', '--prefer-offline', '--omit=dev'];
    await run('npm', ['install', '--prefix', folder, ...quietly, join(folder, filename)], npm);
    program = join(folder, 'node_modules/.bin/zk-consul-sync');
  }, 2 * NPM_TIMEOUT_MS);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is a command of its own in an empty folder, and says what it can do', async () => {
    const version = await run(program, ['--version'], { cwd: folder });
    const { version: packed } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(version.stdout.trim()).toBe(packed);
    const help = await run(program, ['--help'], { cwd: folder });
    for (const command of ['run', 'check', 'plan', 'diff', 'status', 'explain']) {
      expect(help.stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    }
  });

  it('brings what an operator needs, and nothing of the workshop', async () => {
    const inside = join(folder, 'node_modules/zk-consul-sync');
    for (const file of [
      'README.md',
      'config.example.yaml',
      'config.schema.json',
      'deploy',
      'docs/operations.md',
    ]) {
      await expect(access(join(inside, file))).resolves.toBeUndefined();
    }
    for (const file of ['src', 'test', '.ci', 'tsconfig.json']) {
      await expect(access(join(inside, file))).rejects.toThrow('ENOENT');
    }
  });

  it('keeps both stores equal from there', async () => {
    const [zookeeper, consul] = await Promise.all([startZooKeeper(), startConsul()]);
    try {
      await new RawConsul(consul).put('config/greeting', 'hello');
      const daemon = await DaemonProcess.start({
        zookeeper: zookeeper.connect,
        consul: consul.address,
        program,
      });
      try {
        await waitUntil('both sides to be equal', async () => {
          const { inSync, entries } = await daemon.mapping();
          return inSync && entries === 1;
        });
      } finally {
        await daemon.dispose();
      }
    } finally {
      await Promise.all([zookeeper.dispose(), consul.dispose()]);
    }
  });
});

import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemdAnalyze } from '../../kit/servers/found-tools.js';

const DEPLOY = new URL('../../../deploy/systemd/', import.meta.url).pathname;
const INSTALL = join(DEPLOY, 'install.sh');
const UNIT = 'zk-consul-sync.service';
/** `systemd-analyze security` counts from 0 (nothing is open) to 10. */
const EXPOSURE_MAX = 2;
/** Packages are copied, which takes its time on a machine that is busy. */
const RUN_TIMEOUT_MS = 150_000;

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Result {
  const options = {
    encoding: 'utf8',
    timeout: RUN_TIMEOUT_MS,
    env: { ...process.env, LC_ALL: 'C', ...environment },
  } as const;
  return spawnSync(program, args, options);
}

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zk-consul-sync-unit-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('the systemd unit', () => {
  const analyze = (...args: readonly string[]): Result => {
    const { program, environment } = systemdAnalyze();
    return run(program, args, environment);
  };
  const text = readFileSync(join(DEPLOY, UNIT), 'utf8');

  /** As it would be where the program is installed; Node is always there. */
  async function unitWith(change: (text: string) => string): Promise<string> {
    const installed = text.replaceAll('/usr/local/bin/zk-consul-sync', process.execPath);
    await writeFile(join(directory, UNIT), change(installed));
    return join(directory, UNIT);
  }

  /** What systemd-analyze says of this unit, and not of others that it loads with it. */
  async function complaintsAbout(change: (text: string) => string): Promise<string[]> {
    const { status, stderr } = analyze('verify', '--man=no', await unitWith(change));
    const lines = stderr.split('\n').filter((line) => line.includes('zk-consul-sync'));
    return status === 0 ? lines : [`exit code ${String(status)}`, ...lines];
  }

  it('is one that systemd-analyze verify has nothing to say against', async () => {
    expect(await complaintsAbout((unit) => unit)).toEqual([]);
  });

  it('may write where the documentation has the audit log, which is not set by default', () => {
    const documented = readFileSync(new URL('../../../config.example.yaml', import.meta.url), 'utf8');
    const [, folder] = /^ *#audit: \/var\/log\/([^/]+)\/[^/]+$/m.exec(documented) ?? [];
    expect(text).toMatch(new RegExp(`^LogsDirectory=${String(folder)}$`, 'm'));
  });

  it('would be told from one with a setting that systemd does not know', async () => {
    const complaints = await complaintsAbout((unit) => unit.replace('WatchdogSec=', 'WatchdogSeconds='));
    expect(complaints.join()).toContain('WatchdogSeconds');
  });

  it(`exposes no more than ${EXPOSURE_MAX.toFixed(1)} to systemd-analyze security`, async () => {
    const { stdout } = analyze('security', '--offline=true', await unitWith((unit) => unit));
    const [, exposure] = /Overall exposure level for \S+: ([\d.]+)/.exec(stdout) ?? [];
    expect(Number(exposure)).toBeLessThan(EXPOSURE_MAX);
    const { stdout: open } = analyze(
      'security',
      '--offline=true',
      await unitWith((unit) => unit.replace(/^Protect.*\n/gm, '')),
    );
    expect(Number(/level for \S+: ([\d.]+)/.exec(open)?.[1])).toBeGreaterThan(EXPOSURE_MAX);
  });
});

describe('install.sh', { timeout: 2 * RUN_TIMEOUT_MS }, () => {
  let root: string;
  let first: Result;
  const below = (path: string): string => join(root, path);

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'zk-consul-sync-root-'));
    // As root has it on a machine that was made safe.
    first = run('sh', ['-c', 'umask 077 && exec "$0" --root "$1"', INSTALL, root]);
  }, RUN_TIMEOUT_MS);
  afterAll(() => rm(root, { recursive: true, force: true }));

  it('puts program, command, unit, configuration and a place for secrets where they belong', () => {
    expect([first.status, first.stderr]).toEqual([0, '']);
    const program = readlinkSync(below('usr/local/bin/zk-consul-sync'));
    const version = run(process.execPath, [below(program), '--version']);
    expect([version.status, version.stdout.trim()]).toEqual([0, '0.1.0']);
    expect(readFileSync(below(`etc/systemd/system/${UNIT}`), 'utf8')).toBe(
      readFileSync(join(DEPLOY, UNIT), 'utf8'),
    );
    expect(statSync(below('etc/zk-consul-sync/secrets')).mode & 0o777).toBe(0o700);
    expect(existsSync(below('etc/zk-consul-sync/config.yaml'))).toBe(true);
  });

  it('lets others than root read program and configuration, and no secrets, also where root keeps all for itself', () => {
    for (const path of [
      'etc/zk-consul-sync',
      'etc/systemd/system',
      'usr/local/bin',
      'usr/local/lib/zk-consul-sync',
    ]) {
      expect([path, statSync(below(path)).mode & 0o777]).toEqual([path, 0o755]);
    }
    expect(statSync(below('etc/zk-consul-sync/config.yaml')).mode & 0o777).toBe(0o644);
    expect(statSync(below('etc/zk-consul-sync/secrets')).mode & 0o777).toBe(0o700);
  });

  it('installs packages that the program needs, and none that are for development', () => {
    const packages = readdirSync(below('usr/local/lib/zk-consul-sync/node_modules'));
    expect(packages).toEqual(expect.arrayContaining(['fastify', 'lmdb', 'zod']));
    expect(packages).not.toEqual(expect.arrayContaining(['vitest']));
    expect(packages).not.toEqual(expect.arrayContaining(['typescript']));
  });

  it('changes nothing that is not its own when it runs again, and leaves nothing beside', async () => {
    await writeFile(below('etc/zk-consul-sync/config.yaml'), '# edited\n');
    const again = run(INSTALL, ['--root', root]);
    expect([again.status, again.stderr]).toEqual([0, '']);
    expect(readFileSync(below('etc/zk-consul-sync/config.yaml'), 'utf8')).toBe('# edited\n');
    expect(readdirSync(below('usr/local/lib'))).toEqual(['zk-consul-sync']);
    expect(lstatSync(below('usr/local/bin/zk-consul-sync')).isSymbolicLink()).toBe(true);
  });

  it('says in a dry run what it would do, and does nothing', async () => {
    const empty = await mkdtemp(join(directory, 'empty-'));
    const dry = run(INSTALL, ['--dry-run', '--root', empty]);
    expect(dry.status).toBe(0);
    expect(dry.stdout).toContain(`${empty}/etc/systemd/system/${UNIT}`);
    expect(readdirSync(empty)).toEqual([]);
  });

  it('takes everything away with --uninstall but configuration, secrets and archive', async () => {
    await writeFile(below('etc/zk-consul-sync/secrets/consul-token'), 'secret');
    const gone = run(INSTALL, ['--uninstall', '--root', root]);
    expect([gone.status, gone.stderr]).toEqual([0, '']);
    expect(gone.stdout).toMatch(/What stays: \/etc\/zk-consul-sync/);
    expect(readdirSync(below('usr/local/bin'))).toEqual([]);
    expect(readdirSync(below('usr/local/lib'))).toEqual([]);
    expect(readdirSync(below('etc/systemd/system'))).toEqual([]);
    expect(readdirSync(below('etc/zk-consul-sync')).sort()).toEqual(['config.yaml', 'secrets']);
    expect(run(INSTALL, ['--uninstall', '--root', root]).status).toBe(0);
  });

  it('refuses who is not root, and what it does not understand', async () => {
    // In front of the real one: whoever runs the tests may be root.
    await writeFile(join(directory, 'id'), '#!/bin/sh\necho 1000\n', { mode: 0o755 });
    const user = run(INSTALL, [], { PATH: `${directory}:${process.env['PATH'] ?? ''}` });
    expect([user.status, user.stdout]).toEqual([1, '']);
    expect(user.stderr).toContain('has to be run by root');
    const odd = run(INSTALL, ['--purge']);
    expect([odd.status, odd.stdout]).toEqual([2, '']);
    expect(odd.stderr).toContain('--purge');
  });
});

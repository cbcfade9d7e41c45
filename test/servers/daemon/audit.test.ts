import { mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { command } from '../cli/command.js';

let staging: Staging;

beforeAll(async () => {
  staging = await Staging.start();
});
afterAll(() => staging.dispose());

interface Line {
  readonly key: string;
  readonly operation: string;
  readonly replica: string;
  readonly after: { readonly version: { readonly modified: string } } | null;
}

describe('the audit log', () => {
  it('tells of every write and of no value, goes on after SIGHUP, and never stops the daemon', async () => {
    // Relative to the configuration, in a directory that is not there yet.
    const daemon = await staging.startDaemon({ config: { log: { audit: 'logs/audit.log' } } });
    await daemon.inSync();
    const file = join(daemon.directory, 'logs', 'audit.log');
    const linesIn = async (path: string): Promise<Line[]> =>
      (await readFile(path, 'utf8').catch(() => ''))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Line);

    await staging.zookeeper.create('/config/k', 'a-secret-value');
    await staging.consulHolds('config/k', 'a-secret-value');
    const status = await command('status', '--config', daemon.configFile);
    expect(status.stdout).toMatch(/The audit log .*logs\/audit\.log can't be written: ENOENT/);
    expect(await daemon.log()).toContain("the audit log can't be written");

    await mkdir(join(daemon.directory, 'logs'));
    await waitUntil('the line that waited', async () => (await linesIn(file)).length === 1, {
      timeoutMs: 20_000,
    });
    const [created] = await linesIn(file);
    const { modifyIndex } = (await staging.consul.get('config/k'))!;
    expect(created).toMatchObject({ key: 'k', operation: 'create', replica: 'consul', result: 'ok' });
    expect(created!.after!.version.modified).toBe(String(modifyIndex));
    expect(await readFile(file, 'utf8')).not.toContain('a-secret-value');

    await rename(file, `${file}.1`);
    daemon.signal('SIGHUP');
    await staging.consul.put('config/k', 'another');
    await staging.zookeeperHolds('/config/k', 'another');
    await waitUntil('a new file', async () => (await linesIn(file)).length === 1, { timeoutMs: 20_000 });
    expect(await linesIn(file)).toMatchObject([
      { operation: 'update', replica: 'zookeeper', origin: 'consul' },
    ]);
    expect(await linesIn(`${file}.1`)).toHaveLength(1);
    expect(await daemon.stop()).toBe(0);
  });
});

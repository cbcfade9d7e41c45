import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { command, Configurations } from './command.js';

let staging: Staging;
let configurations: Configurations;
let planFile: string;

beforeEach(async () => {
  staging = await Staging.start();
  configurations = await Configurations.create();
  planFile = join(configurations.directory, 'plan.jsonl');
});
afterEach(async () => {
  await staging.dispose();
  await configurations.dispose();
});

const plan = (file: string) => command('plan', '--out', planFile, '--config', file);
const apply = (file: string, ...args: string[]) => command('apply', planFile, '--config', file, ...args);

interface Answer {
  readonly planned: number;
  readonly written: number;
  readonly refused: readonly { readonly key: string; readonly why: string }[];
}

describe('apply', () => {
  it('S3: carries out exactly the plan of a first start, and refuses where the world has moved on', async () => {
    const { connect: zookeeper } = staging.zookeeperServer;
    const auditFile = join(configurations.directory, 'audit.log');
    const file = await configurations.write(
      { zookeeper, consul: staging.consulServer.address },
      { log: { audit: auditFile } },
    );
    await staging.zookeeper.create('/config/app/db', 'db1');
    await staging.zookeeper.create('/config/moved', 'before');
    await staging.zookeeper.create('/config/gone', 'x');
    await staging.consul.put('config/from-consul', 'c');
    const planned = await plan(file);
    expect(planned.code).toBe(1);
    expect(existsSync(configurations.archivePath)).toBe(false);
    expect(readFileSync(planFile, 'utf8')).toContain('"key":"app/db","action":"create","digest":');

    await staging.zookeeper.set('/config/moved', 'after');
    await staging.zookeeper.remove('/config/gone');
    await staging.zookeeper.create('/config/later', 'not in the plan');
    const { code, stdout, stderr } = await apply(file, '--yes', '--json');
    expect(stderr).toBe('');
    const answer = JSON.parse(stdout) as Answer;
    expect(answer).toMatchObject({ planned: 4, written: 2 });
    expect(answer.refused).toEqual([
      { key: 'gone', why: expect.stringMatching(/^zookeeper has absent, and had \d+/) as string },
      { key: 'moved', why: expect.stringMatching(/^zookeeper has \d+.*, and had \d+/) as string },
    ]);
    expect(code).toBe(1);
    expect((await staging.consul.list('config/')).map(({ key }) => key)).toEqual([
      'config/app/db',
      'config/from-consul',
    ]);
    expect((await staging.zookeeper.get('/config/from-consul'))?.data?.toString()).toBe('c');

    const audited = readFileSync(auditFile, 'utf8').trimEnd().split('\n');
    expect(audited.map((line) => (JSON.parse(line) as { key: string }).key).sort()).toEqual([
      'app/db',
      'from-consul',
    ]);

    // What was written is agreed on now, as after a run.
    const again = await apply(file, '--yes');
    expect(again.stderr).toContain('was made with another archive');
    expect(again.code).toBe(1);
    await staging.consul.delete('config/app/db');
    const { stdout: next } = await command('plan', '--json', '--config', file);
    expect(JSON.parse(next)).toMatchObject({
      mappings: [{ pairing: 'paired', delete: { zookeeper: 1, consul: 0 } }],
    });
  });

  it('S4: takes a mass deletion that was seen in the plan for approved, if the mapping is named', async () => {
    await staging.zookeeper.create('/config', '');
    for (let i = 0; i < 40; i++) await staging.zookeeper.create(`/config/e${i}`, `v${i}`);
    const daemon = await staging.startDaemon();
    await daemon.inSync();
    const file = daemon.configFile;
    const running = await plan(file);
    expect(running.stderr).toContain('in use by process');
    expect(existsSync(planFile)).toBe(false);
    await daemon.stop();

    for (let i = 10; i < 40; i++) await staging.zookeeper.remove(`/config/e${i}`);
    const planned = await plan(file);
    expect(planned.stdout).toContain('Would be held as mass-deletion');
    // One of them comes back before the plan is applied, and one more goes.
    await staging.zookeeper.create('/config/e39', 'again');
    await staging.zookeeper.remove('/config/e0');

    const unnamed = await apply(file, '--yes');
    expect(unnamed.stderr).toContain('a daemon would hold this plan as mass-deletion: say --approve config');
    expect(unnamed.code).toBe(2);
    expect(await staging.consul.get('config/e10')).toBeDefined();

    const { code, stdout } = await apply(file, '--yes', '--approve', 'config');
    expect(stdout).toContain('29 entries written, 1 refused');
    expect(stdout).toMatch(/refused {2}e39 {2}\(zookeeper has \d+.*, and had absent\)/);
    expect(code).toBe(1);
    const left = (await staging.consul.list('config/')).map(({ key }) => key.slice('config/'.length));
    expect(left.sort()).toEqual(['e0', 'e1', 'e2', 'e3', 'e39', 'e4', 'e5', 'e6', 'e7', 'e8', 'e9'].sort());

    // The daemon goes on from there: nothing is held, and what was not in the plan is carried over.
    await daemon.start();
    await daemon.inSync();
    await staging.consulHolds('config/e0', undefined);
    await staging.consulHolds('config/e39', 'again');
  });

  it('S3: is refused while another daemon leads the mapping, by its name, and goes on once none does', async () => {
    const config = { highAvailability: { enabled: true } };
    await staging.zookeeper.create('/config/k', 'v0');
    const [first, second] = [await staging.startDaemon({ config }), await staging.startDaemon({ config })];
    await first.inSync();
    await second.inSync();
    await first.stop();
    await second.stop();
    await staging.zookeeper.set('/config/k', 'v1');
    const planned = await plan(first.configFile);
    expect(planned.stdout).toMatch(/update/);

    await second.start();
    await waitUntil('the second daemon to lead', async () => (await second.mapping()).role === 'active', {
      timeoutMs: 60_000,
    });
    await staging.consulHolds('config/k', 'v1', 30_000);
    const refused = await apply(first.configFile, '--yes');
    expect(refused.stderr).toMatch(
      /a daemon on \S+ leads mapping config: stop all daemons of the instance first/,
    );
    expect(refused.code).toBe(1);
    await second.stop();
    // It was in the way only as long as it led; by now the other one has done what was planned.
    const late = await apply(first.configFile, '--yes');
    expect(late.code).toBe(1);
    expect(late.stdout).toContain('0 entries written, 1 refused');

    await staging.zookeeper.set('/config/k', 'v2');
    await rm(planFile);
    await plan(first.configFile);
    const { code, stdout } = await apply(first.configFile, '--yes');
    expect(stdout).toContain('1 entry written');
    expect(code).toBe(0);
    expect((await staging.consul.get('config/k'))?.value.toString()).toBe('v2');
    // Both take over from there, and hold nothing.
    for (const daemon of [second, first]) {
      await daemon.start();
      expect(await daemon.inSync()).toMatchObject({ holds: [] });
    }
  }, 180_000);
});

import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Staging } from '../../kit/daemon/staging.js';
import { promtool } from '../../kit/servers/found-tools.js';

const FOLDER = new URL('../../../deploy/prometheus/', import.meta.url).pathname;
const RULES = join(FOLDER, 'rules.yaml');
const RULE_TESTS = join(FOLDER, 'rules.test.yaml');

function run(args: readonly string[], input = ''): { code: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(promtool(), args, {
    input,
    encoding: 'utf8',
    timeout: 50_000,
  });
  return { code: status, said: stdout + stderr };
}

interface Rules {
  readonly groups: ReadonlyArray<{ readonly rules: ReadonlyArray<{ readonly alert: string }> }>;
}

interface RuleTests {
  readonly tests: ReadonlyArray<{
    readonly alert_rule_test: ReadonlyArray<{
      readonly alertname: string;
      readonly exp_alerts?: readonly unknown[];
    }>;
  }>;
}

describe('the alert rules', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'zk-consul-sync-rules-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('are accepted by Prometheus', () => {
    expect(run(['check', 'rules', '--lint-fatal', RULES])).toMatchObject({ code: 0 });
  });

  it('are what the Prometheus of docker-compose.yaml loads', () => {
    const { code, said } = run(['check', 'config', join(FOLDER, 'prometheus.yaml')]);
    expect(code).toBe(0);
    expect(said).toContain('1 rule files found');
  });

  it('fire when they should, and not otherwise', () => {
    expect(run(['test', 'rules', RULE_TESTS])).toMatchObject({ code: 0 });
  });

  it('have tests, each one of a case in which it fires and of one in which it does not', async () => {
    const { groups } = parse(await readFile(RULES, 'utf8')) as Rules;
    const { tests } = parse(await readFile(RULE_TESTS, 'utf8')) as RuleTests;
    const cases = tests.flatMap((test) => test.alert_rule_test);
    const names = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
    const tried = (fires: boolean) =>
      new Set(cases.filter((one) => (one.exp_alerts ?? []).length > 0 === fires).map((one) => one.alertname));
    expect([...tried(true)].sort()).toEqual([...names].sort());
    expect([...tried(false)].sort()).toEqual([...names].sort());
  });

  it('have tests that fail when a rule asks for something else', async () => {
    const rules = await readFile(RULES, 'utf8');
    const tests = await readFile(RULE_TESTS, 'utf8');
    await writeFile(join(directory, 'rules.test.yaml'), tests);
    const thresholds = [...rules.matchAll(/(?: == | != | > )\d+(?=$| and )/gm)];
    expect(thresholds.length).toBeGreaterThan(8);
    for (const { 0: threshold, index } of thresholds) {
      const other = threshold.includes('>') ? ' > 1e12' : ' == 7';
      const changed = rules.slice(0, index) + other + rules.slice(index + threshold.length);
      await writeFile(join(directory, 'rules.yaml'), changed);
      const { code } = run(['test', 'rules', join(directory, 'rules.test.yaml')]);
      expect({ threshold, index, code }).toEqual({ threshold, index, code: 1 });
    }
  }, 180_000);
});

describe('the metrics of a daemon at work', () => {
  let staging: Staging;
  beforeAll(async () => {
    staging = await Staging.start();
  });
  afterAll(() => staging.dispose());

  it('are what promtool check metrics wants, but for those that prom-client makes by itself', async () => {
    const daemon = await staging.startDaemon();
    await staging.zookeeper.create('/config/a', 'b');
    await staging.consulHolds('config/a', 'b');
    const { said } = run(['check', 'metrics'], await daemon.metrics());
    const lines = said.split('\n').filter((line) => line !== '');
    expect(lines.filter((line) => !/^(nodejs|process)_/.test(line))).toEqual([]);
    // Names that its users know.
    expect(lines.filter((line) => !line.includes('"_total" suffix'))).toEqual([]);
    const broken = (await daemon.metrics()).replace(/^# HELP zk_consul_sync_entries .*\n/m, '');
    expect(run(['check', 'metrics'], broken).said).toContain('zk_consul_sync_entries');
  });
});

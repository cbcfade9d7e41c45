import { describe, expect, it } from 'vitest';
import type { CutoverReport } from '../../../src/ports/cutover.js';
import { cutoverReport, daemonStatus, FakeMapping, mappingStatus } from '../admin/fake-control.js';
import { runServer } from '../admin/running-server.js';
import { runCaptured } from './captured-run.js';

const CLEAR: Partial<CutoverReport> = { missing: [] };

async function run(
  args: readonly string[],
  report: Partial<CutoverReport> = {},
  answers?: readonly string[],
) {
  const { control, url } = await runServer();
  control.config.onTheWay = cutoverReport(report);
  const words = [...args, '--admin', url];
  const result = await runCaptured(words, answers === undefined ? {} : { answers });
  const moves = control.config.calls.filter(([name]) => name === 'moveCutover').map(([, to]) => to);
  return { ...result, control, moves };
}

describe('cutover status', () => {
  it('shows the evidence, who needs ZooKeeper, and what is missing, and ends with 1', async () => {
    const { code, stdout } = await run(['cutover', 'status', 'config']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^Mapping config: step consul-leads, since .* ago: both sides are written/);
    expect(stdout).toMatch(/^ {2}both sides equal +yes, 1,200 keys, digest 5f5f5f5f5f5f$/m);
    expect(stdout).toMatch(/^ {2}in ZooKeeper +0 +3 +40 /m);
    expect(stdout).toMatch(/^ {4}app\/ +0 +3 +40 /m);
    expect(stdout).toContain('    session 0x10000a1b2c3 from 10.0.0.7:51432, 2 paths\n');
    expect(stdout).toContain(
      'Missing for the next step, zookeeper-mirror:\n    a client changed ZooKeeper\n',
    );
  });

  it('ends with 0 and names the command when nothing stands in the way', async () => {
    const { code, stdout } = await run(['cutover', 'status', 'config'], CLEAR);
    expect(stdout).toContain('    zk-consul-sync cutover config --to consul\n');
    expect(code).toBe(0);
  });

  it('says honestly what could not be found out', async () => {
    const { stdout } = await run(['cutover', 'status', 'config'], {
      comparison: {
        ...{ equal: undefined, by: undefined, digests: undefined, compared: 0, different: 0 },
        detail: 'Consul is away',
      },
      watchers: { sessions: [], total: 0, untold: ['zk1:2181 does not execute wchp'] },
    });
    expect(stdout).toMatch(/both sides equal +not known: Consul is away/);
    expect(stdout).toContain('Who watches is not told: zk1:2181 does not execute wchp');
    expect(stdout).not.toContain('Sessions that watch');
  });

  it('says after the last step whether ZooKeeper can be switched off, and that retire comes next', async () => {
    const last = { step: 'left-mirror', next: undefined, missing: [] } as const;
    const possible = { possible: true, certain: false, needed: [] };
    const off = await run(['cutover', 'status', 'config'], { ...last, switchOff: possible });
    expect(off.stdout).toMatch(
      /ZooKeeper can be switched off, as far as is known[^]*zk-consul-sync retire INSTANCE/,
    );
    expect(off.code).toBe(0);
    const needed = [{ what: 'drift', detail: '2 entries were changed' }];
    const still = await run(['cutover', 'status', 'config'], {
      ...last,
      switchOff: { possible: false, certain: true, needed },
    });
    expect(still.stdout).toContain('ZooKeeper is still needed:\n    2 entries were changed\n');
    expect(still.code).toBe(1);
  });

  it('is of all mappings without a name, and JSON with --json', async () => {
    const { control, url } = await runServer();
    control.others.set('services', new FakeMapping());
    const names = ['config', 'services'];
    control.current = daemonStatus({ mappings: names.map((name) => mappingStatus({ name })) });
    const { stdout } = await runCaptured(['cutover', 'status', '--json', '--no-compare', '--admin', url]);
    const { mappings } = JSON.parse(stdout) as { mappings: { mapping: string; step: string }[] };
    expect(mappings.map(({ mapping, step }) => [mapping, step])).toEqual([
      ['config', 'consul-leads'],
      ['services', 'consul-leads'],
    ]);
    expect(control.config.calls).toEqual([['cutover', { compare: false, quietForMs: 86_400_000 }]]);
  });
});

describe('cutover MAPPING', () => {
  it('takes the next step when a person says so, after it was shown', async () => {
    const { code, stdout, moves } = await run(['cutover', 'config', '--to', 'consul'], CLEAR, ['y']);
    expect(stdout).toMatch(/^The step zookeeper-mirror: only Consul is to be written/);
    expect(moves).toEqual(['left-mirror']);
    expect(code).toBe(0);
  });

  it('takes one step back, whatever is missing for the next', async () => {
    const { code, stdout, moves } = await run(['cutover', 'config', '--back', '--yes'], { drifted: 3 });
    expect(stdout).toContain('3 changes that were left alone in ZooKeeper become conflicts');
    expect(moves).toEqual(['both']);
    expect(code).toBe(0);
  });

  it.each([['n'], [''], ['config'], []])('changes nothing when the answer is %j', async (...answers) => {
    const { code, moves } = await run(['cutover', 'config', '--to', 'consul'], CLEAR, answers);
    expect({ code, moves }).toEqual({ code: 1, moves: [] });
  });

  it('asks nothing, changes nothing and says what is missing while something is', async () => {
    const { code, stdout, moves } = await run(['cutover', 'config', '--to', 'consul'], {}, ['y']);
    expect(stdout).toBe('Missing for the next step, zookeeper-mirror:\n  a client changed ZooKeeper\n');
    expect({ code, moves }).toEqual({ code: 1, moves: [] });
  });

  it('goes on despite writers where that is said, and shows who they are; despite nothing else', async () => {
    const args = ['cutover', 'config', '--to', 'consul', '--despite-writers', '--yes'];
    const { code, stdout, moves } = await run(args);
    expect(stdout).toContain('will not be heard any more:\n    a client changed ZooKeeper\n');
    expect({ code, moves }).toEqual({ code: 0, moves: ['left-mirror'] });
    const held = [{ what: 'held', detail: 'it has 1 hold' }];
    expect((await run(args, { missing: held })).moves).toEqual([]);
  });

  it.each([
    [{ step: undefined, next: undefined, back: undefined }, 'set direction: both first'],
    [{ step: 'left-mirror', next: undefined }, 'the last one: zk-consul-sync cutover status config says'],
    [{ step: 'left-mirror', next: undefined, isConfigured: true }, 'by its configuration'],
  ] as const)('says why there is no next step for %j', async (report, why) => {
    const { code, stderr, moves } = await run(['cutover', 'config', '--to', 'consul', '--yes'], report);
    expect(stderr).toContain(why);
    expect({ code, moves }).toEqual({ code: 1, moves: [] });
  });

  it.each([
    [['cutover', '--to', 'consul', '--yes']],
    [['cutover', 'config', '--yes']],
    [['cutover', 'config', '--to', 'consul', '--back', '--yes']],
    [['cutover', 'config', '--to', 'zookeeper', '--yes']],
    [['cutover', 'config', '--to', 'consul', '--quiet-for', '8d', '--yes']],
  ])('%j is wrong usage', async (args) => {
    const { code, stdout, control } = await run(args, CLEAR);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(control.config.calls).toEqual([]);
  });
});

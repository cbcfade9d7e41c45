import { describe, expect, it } from 'vitest';
import { SyncError } from '../../../src/ports/errors.js';
import { daemonStatus, FakeMapping, mappingStatus } from '../admin/fake-control.js';
import { runServer } from '../admin/running-server.js';
import { runCaptured } from './captured-run.js';

const sinceMs = Date.UTC(2026, 0, 31, 11);
const HELD = ['app/a', 'app/\x1bb', 'app/c'].map((key, at) => ({
  key,
  action: at === 2 ? ('overwrite' as const) : ('delete' as const),
  on: 'consul' as const,
  sinceMs,
}));
const UNTOUCHED = [
  ['explain', 'app/mode'],
  ['previewResync', 'zookeeper'],
  ['held', '', '50'],
];

/** What the daemon was asked to change. */
function changes({ calls }: FakeMapping): unknown[][] {
  const names = ['pause', 'resume', 'approve', 'resync', 'release'];
  return calls.filter(([name]) => names.includes(name as string));
}

async function run(args: readonly string[], answers?: readonly string[]) {
  const server = await runServer();
  const { control, url } = server;
  control.config.heldBack = HELD;
  control.config.mark = { kind: 'hold', reason: 'oscillating' };
  control.others.set('services', new FakeMapping());
  const names = ['config', 'services'];
  control.current = daemonStatus({
    mappings: names.map((name) => mappingStatus({ name, state: 'paused', pending: { left: 7, right: 0 } })),
  });
  const ask = (words = args, typed = answers) =>
    runCaptured([...words, '--admin', url], typed === undefined ? {} : { answers: typed });
  return { ...server, ask, result: await ask() };
}

/** Each that asks, with the word that says yes, and the change that follows. */
const ASKING: [string[], string, unknown[]][] = [
  [['resume', 'config'], 'y', ['resume']],
  [['approve', 'config'], 'config', ['approve', 'digest-of-3']],
  [['resync', 'config', '--from', 'zookeeper'], 'config', ['resync', 'zookeeper']],
  [['release', 'config', 'app/mode', '--keep', 'consul'], 'y', ['release', 'app/mode', 'consul']],
];

describe.each(ASKING)('%j', (args, yes, change) => {
  it('does what it has shown when a person says so on a terminal', async () => {
    const { result, control } = await run(args, [yes]);
    expect(result.code).toBe(0);
    expect(result.stdout).toContain(`Done: done: ${change.join(' ')}.`);
    expect(changes(control.config)).toEqual([change]);
  });

  it.each([['n'], [''], ['yes please'], ['Config'], []])(
    'changes nothing when the answer is %j, and ends with 1',
    async (...answers) => {
      const { result, control } = await run(args, answers);
      expect(result.code).toBe(1);
      expect(result.stderr).toContain('Nothing was changed.');
      expect(changes(control.config)).toEqual([]);
    },
  );

  it('changes nothing without a terminal, asks the daemon for nothing, and ends with 2', async () => {
    const { result, control } = await run(args);
    expect(result.stderr).toContain('there is no terminal to ask on: say --yes');
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 2, stdout: '' });
    expect(control.config.calls).toEqual([]);
  });

  it('needs no terminal with --yes, and prints with --json what the daemon answered and nothing else', async () => {
    const { result, control } = await run([...args, '--yes', '--json']);
    expect(result.code).toBe(0);
    const answer = JSON.parse(result.stdout) as object;
    const message = `done: ${change.join(' ')}`;
    const one = { mapping: 'config', message };
    expect(answer).toMatchObject(args[0] === 'resume' ? { mappings: [{ ...one, ok: true }] } : one);
    expect(changes(control.config)).toEqual([change]);
  });

  it('names the daemon to ask when this one is a standby, before anybody is asked', async () => {
    const { control, ask } = await run(UNTOUCHED[0] as string[]);
    const leader = { host: 'b', admin: 'http://b:9464' };
    control.current = daemonStatus({ mappings: [mappingStatus({ role: 'standby', leader })] });
    control.config.behaviour = () => Promise.reject(new SyncError('REFUSED', 'ask http://b:9464'));
    const { code, stderr } = await ask([...args, '--yes'], []);
    expect(stderr).toContain('http://b:9464');
    expect(code).toBe(1);
  });

  it('names the mappings there are when there is no such', async () => {
    const wrong = args.map((word) => (word === 'config' ? 'confg' : word));
    const { result, control } = await run([...wrong, '--yes']);
    expect(result.stderr).toMatch(/config, services/);
    expect(result.code).toBe(2);
    expect(control.config.calls).toEqual([]);
  });
});

describe('what is shown before a change', () => {
  it('approve: how many deletions and overwrites, which, and how many more than listed', async () => {
    const { result } = await run(['approve', 'config', '--limit', '2'], []);
    expect(result.stdout).toBe(
      [
        'Mapping config, of 1,200 entries, holds back 2 deletions and 1 overwrite:',
        '  delete  in consul  app/a',
        '  delete  in consul  "app/\\u001bb"',
        '  ... and 1 more (--limit N)',
        '',
      ].join('\n'),
    );
    expect(result.stderr).toContain('Let 2 deletions and 1 overwrite pass?');
    expect(result.stderr).toContain('Type config to go on: ');
  });

  it('approve: as many as were asked for, of more than one answer lists', async () => {
    const { control, ask } = await run(['approve', 'config'], []);
    control.config.heldBack = Array.from({ length: 2_500 }, (_, number) => ({
      key: `entry-${String(number).padStart(4, '0')}`,
      action: 'delete',
      on: 'consul',
      sinceMs,
    }));
    const { stdout } = await ask(['approve', 'config', '--limit', '2400'], []);
    const keys = [...stdout.matchAll(/entry-\d+/g)].map(([key]) => key);
    expect(keys).toEqual(control.config.heldBack.slice(0, 2_400).map(({ key }) => key));
    expect(stdout).toContain('... and 100 more');
  });

  it('approve: that there is nothing to approve, without a question', async () => {
    const { control, ask } = await run(['approve', 'config'], []);
    control.config.heldBack = [];
    const { code, stdout } = await ask(['approve', 'config'], []);
    expect(stdout).toBe('Done: mapping config holds nothing back: there is nothing to approve.\n');
    expect(code).toBe(0);
    expect(changes(control.config)).toEqual([]);
  });

  it('approve: ends with 1 when more is held back by now than was shown', async () => {
    const { control, ask } = await run(['approve', 'config'], []);
    control.config.refuses = new SyncError('REFUSED', 'what is held back has changed: look again');
    const { code, stderr } = await ask(['approve', 'config'], ['config']);
    expect(stderr).toContain('what is held back has changed: look again (REFUSED)');
    expect(code).toBe(1);
  });

  it('resync: sums, and what is written where', async () => {
    const { result } = await run(['resync', 'config', '--from', 'zookeeper'], []);
    expect(result.stdout).toContain('what ZooKeeper has stands where both sides differ');
    expect(result.stdout).toMatch(/^ {2}create +1 +0$/m);
    expect(result.stdout).toMatch(/^ {2}skip +b {2}\(too large\)$/m);
    expect(result.stdout).toMatch(/^ {2}create {2}in zookeeper {2}a$/m);
  });

  it('resync: goes on to the question when the mapping is too large to be looked at in time', async () => {
    const server = await runServer({ controlTimeoutMs: 50 });
    server.control.config.behaviour = (signal) =>
      signal === undefined ? Promise.resolve() : new Promise(() => undefined);
    const args = ['resync', 'config', '--from', 'merge', '--admin', server.url];
    const { code, stdout } = await runCaptured(args, { answers: ['config'] });
    expect(stdout).toContain('What it would do could not be found out while the request waited');
    expect(code).toBe(0);
    expect(changes(server.control.config)).toEqual([['resync', 'merge']]);
  });

  it('release: both values, with what differs', async () => {
    const { result } = await run(['release', 'config', 'app/mode', '--keep', 'consul'], []);
    expect(result.stdout).toContain('Held as oscillating: entry app/mode of mapping config');
    expect(result.stdout).toMatch(/^ {2}-of zookeeper\n/m);
    expect(result.stdout).toMatch(/^ {2}\+of consul\n/m);
  });

  it('release: refuses an entry that is not held', async () => {
    const { control, ask } = await run(['resume', 'config'], []);
    control.config.mark = undefined;
    const { code, stderr } = await ask(['release', 'config', 'app/mode', '--keep', 'consul'], ['y']);
    expect(stderr).toContain('entry app/mode of mapping config is not held: there is nothing to release');
    expect(code).toBe(1);
    expect(changes(control.config)).toEqual([]);
  });

  it('resume --all: which mappings there are, and what waits', async () => {
    const { result, control } = await run(['resume', '--all'], ['y']);
    expect(result.stdout).toMatch(/^ {2}config +paused +7 +0$/m);
    expect(result.stdout).toMatch(/^ {2}services +paused +7 +0$/m);
    expect(result.stderr).toContain('Resume 2 mappings, 2 of them paused? [y/N] ');
    expect(changes(control.others.get('services')!)).toEqual([['resume']]);
  });
});

describe('pause', () => {
  it('is the emergency stop: one request pauses all, without a question', async () => {
    const { result, control } = await run(['pause', '--all']);
    expect(result).toEqual({ code: 0, stdout: 'Done: done: pause.\nDone: done: pause.\n', stderr: '' });
    expect(control.config.calls).toEqual([['pause']]);
    expect(control.others.get('services')!.calls).toEqual([['pause']]);
  });

  it('pauses the mappings that are named, and no others', async () => {
    const { result, control } = await run(['pause', 'services']);
    expect(result.code).toBe(0);
    expect(control.config.calls).toEqual([]);
    expect(control.others.get('services')!.calls).toEqual([['pause']]);
  });

  it.each([[['pause', '--all']], [['pause', 'config', 'services']]])(
    '%j tells which could not be paused and why, pauses the others, and ends with 1',
    async (args) => {
      const { control, ask } = await run(['pause', 'services']);
      control.config.behaviour = () => Promise.reject(new SyncError('REFUSED', 'ask b, at http://b:9464'));
      const { code, stdout, stderr } = await ask(args);
      expect(stderr).toContain('mapping config is not paused: ask b, at http://b:9464 (REFUSED)');
      expect(stdout).toBe('Done: done: pause.\n');
      expect(code).toBe(1);
      expect(control.others.get('services')!.calls).toEqual([['pause'], ['pause']]);
      const { stdout: json } = await ask([...args, '--json']);
      expect(JSON.parse(json)).toMatchObject({
        action: 'pause',
        mappings: [
          { mapping: 'config', ok: false, code: 'REFUSED' },
          { mapping: 'services', ok: true },
        ],
      });
    },
  );

  it('pauses what it can when a name is wrong, and ends with 2 when all are', async () => {
    const { result, control, ask } = await run(['pause', 'confg', 'config']);
    expect(result.stderr).toContain('UNKNOWN_MAPPING');
    expect(result.code).toBe(1);
    expect(control.config.calls).toEqual([['pause']]);
    expect((await ask(['pause', 'confg'])).code).toBe(2);
  });

  it.each([
    [['pause']],
    [['pause', 'config', '--all']],
    [['resume']],
    [['resume', 'config', '--all', '--yes']],
  ])('%j is wrong usage', async (args) => {
    const { result, control } = await run(args);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 2, stdout: '' });
    expect(control.config.calls).toEqual([]);
  });
});

describe('the token', () => {
  it('of the environment goes with requests that change something, and is missed without', async () => {
    const { control, url } = await runServer({ host: '0.0.0.0', token: 'right' });
    const args = ['pause', 'config', '--admin', url];
    const refused = await runCaptured(args);
    expect(refused.stderr).toContain('TOKEN_MISSING');
    expect(refused.code).toBe(3);
    const environment = { ZK_CONSUL_SYNC_ADMIN_TOKEN: 'right' };
    expect((await runCaptured(args, { environment })).code).toBe(0);
    expect(control.config.calls).toEqual([['pause']]);
  });

  it('is compared byte for byte, also where it has letters beyond ASCII and Latin-1', async () => {
    const token = 'geheim-ü-€-漢';
    const { url } = await runServer({ host: '0.0.0.0', token });
    const args = ['pause', '--all', '--admin', url];
    const environment = { ZK_CONSUL_SYNC_ADMIN_TOKEN: token };
    expect(await runCaptured(args, { environment })).toMatchObject({ code: 0, stderr: '' });
  });

  it('is shown to nobody where no header can hold it, and the message names where it comes from', async () => {
    const { url } = await runServer({ host: '0.0.0.0', token: 'right' });
    const environment = { ZK_CONSUL_SYNC_ADMIN_TOKEN: 'planted-\nsecret' };
    const refused = await runCaptured(['pause', '--all', '--admin', url], { environment });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('the token in ZK_CONSUL_SYNC_ADMIN_TOKEN');
    expect(refused.stderr).not.toMatch(/planted|secret/);
  });
});

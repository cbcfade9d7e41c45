import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VERSION } from '../../../src/daemon/version.js';
import { runCaptured } from './captured-run.js';
import { commandPaths } from './command-paths.js';

const COMMANDS = [
  ...['run', 'check', 'plan', 'apply', 'diff', 'backup', 'restore', 'status', 'explain', 'observed'],
  ...['conflicts', 'trash', 'pause', 'resume', 'approve', 'resync', 'release', 'cutover'],
  ...['deregister', 'retire', 'completion'],
];
/** With what each needs beside a configuration. */
const CALLS = [
  ...[['run'], ['check'], ['plan'], ['diff'], ['status'], ['explain', 'config', 'a/b']],
  ...[
    ['conflicts', 'list'],
    ['conflicts', 'show', '1'],
    ['conflicts', 'resolve', '1', '--keep', 'consul', '-y'],
  ],
  ...[
    ['pause', '--all'],
    ['resume', '--all', '--yes'],
    ['approve', 'config', '--yes'],
  ],
  ...[
    ['resync', 'config', '--from', 'merge', '--yes'],
    ['release', 'config', 'a', '--keep', 'consul', '--yes'],
    ['retire', 'default', '--yes'],
    ['cutover', 'status'],
    ['cutover', 'config', '--back', '--yes'],
  ],
  ...[
    ['trash', 'list', 'config'],
    ['trash', 'show', 'config', '1'],
    ['trash', 'restore', 'config', 'a', '--yes'],
    ['observed', 'config'],
    ['backup', '-'],
  ],
];

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zk-consul-sync-usage-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function configFile(text: string): Promise<string> {
  const file = join(directory, 'config.yaml');
  await writeFile(file, text);
  return file;
}

describe('wrong usage ends with 2 and a message on standard error', () => {
  it.each([
    [[], 'Usage: zk-consul-sync'],
    [['rum'], "unknown command 'rum'\n(Did you mean run?)"],
    [['run', '--fast'], "unknown option '--fast'"],
    [['run', 'config'], 'too many arguments'],
    [['plan', '--limit'], 'argument missing'],
    [['plan', '--limit', 'many'], 'It has to be a whole number.'],
    [['plan', '--limit', '-1'], 'It has to be a whole number.'],
    [['diff', '--limit', '1e3'], 'It has to be a whole number.'],
    [['explain', 'config'], "missing required argument 'key'"],
    [['conflicts'], 'Usage: zk-consul-sync conflicts'],
    [['conflicts', 'lst'], "unknown command 'lst'\n(Did you mean list?)"],
    [['resync', 'config', '--yes'], "required option '--from <side>' not specified"],
    [['resync', 'config', '--from', 'left', '--yes'], 'Allowed choices are zookeeper, consul, merge.'],
    [['release', 'config', '--keep', 'consul'], "missing required argument 'key'"],
    [['status', '--admin', 'ftp://host'], '--admin takes the address of a daemon'],
    [['status', '--admin', 'http://user:password@host:9464'], '--admin takes the address of a daemon'],
    [['status', '--admin', ''], '--admin takes the address of a daemon'],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await runCaptured(args);
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toContain('password@');
  });
});

describe('a configuration that can not be used ends with 2', () => {
  it.each(CALLS)('%s: none is given', async (...args) => {
    const { code, stdout, stderr } = await runCaptured(args);
    expect(stderr).toContain('name a file with --config FILE or in ZK_CONSUL_SYNC_CONFIG');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it.each(CALLS)('%s: it is not there', async (...args) => {
    const missing = join(directory, 'missing.yaml');
    const { code, stdout, stderr } = await runCaptured([...args, '--config', missing]);
    expect(stderr).toContain(`${missing}: can't be read: no such file`);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it.each(CALLS)('%s: every problem is told on a line of its own, with its place', async (...args) => {
    const file = await configFile('zookeeper:\n  conect: zk1\nmappings: []\n');
    const { code, stdout, stderr } = await runCaptured([...args, '--config', file]);
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toContainEqual(
      expect.stringMatching(/config\.yaml:2:3: zookeeper\.conect: unknown setting/),
    );
    expect(lines).toContainEqual(expect.stringMatching(/config\.yaml:3:11: mappings: got an empty list/));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it.each([
    ['plan', 'other'],
    ['diff', 'config', 'other'],
    ['explain', 'other', 'a'],
  ])('%s: a mapping is named that is not configured', async (...args) => {
    const file = await configFile(
      'zookeeper: { connect: "127.0.0.1:1" }\nmappings: [{ name: config, zookeeper: /config, consul: config }]\n',
    );
    const { code, stderr } = await runCaptured(args, { environment: { ZK_CONSUL_SYNC_CONFIG: file } });
    expect(stderr).toContain('no mapping is called "other"; the configured ones are: config');
    expect(code).toBe(2);
  });
});

describe('the configuration is the file', () => {
  const wrong = (name: string) => `${name}: 1\n`;

  it('named with --config before or after the command, rather than in the environment', async () => {
    const file = await configFile(wrong('given'));
    const named = join(directory, 'named.yaml');
    await writeFile(named, wrong('named'));
    const environment = { ZK_CONSUL_SYNC_CONFIG: named };
    for (const args of [
      ['check', '--config', file],
      ['-c', file, 'check'],
    ]) {
      expect((await runCaptured(args, { environment })).stderr).toContain('given: unknown setting');
    }
    expect((await runCaptured(['check'], { environment })).stderr).toContain('named: unknown setting');
  });
});

describe('help', () => {
  it('lists all commands, without anything that could be missing', async () => {
    const { code, stdout, stderr } = await runCaptured(['--help']);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    expect(stdout).toContain('Exit codes:');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('is there for all commands', () => {
    expect(new Set(commandPaths().map((path) => path.split(' ')[0]))).toEqual(new Set(COMMANDS));
  });

  it.each([...commandPaths(), 'conflicts'])('of %s has examples and the common options', async (command) => {
    const { code, stdout } = await runCaptured([...command.split(' '), '--help']);
    expect(stdout).toMatch(new RegExp(`^ {2}zk-consul-sync ${command}`, 'm'));
    expect(stdout).toContain('--config <file>');
    expect(stdout).toContain('ZK_CONSUL_SYNC_CONFIG');
    expect(code).toBe(0);
  });

  it('tells the version', async () => {
    expect(await runCaptured(['--version'])).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
  });
});

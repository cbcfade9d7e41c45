import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtProgram } from '../../kit/daemon/built-program.js';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import { Staging } from '../../kit/daemon/staging.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { shellWord } from '../../../src/cli/printable.js';
import { command } from './command.js';

let staging: Staging;

beforeAll(async () => {
  staging = await Staging.start();
});
afterAll(() => staging.dispose());

let deployments = 0;

/** A daemon with an instance and mappings of its own, each of so many entries. */
async function startDaemon(names: readonly string[], entries: number, policy: object = {}) {
  const instance = `o${++deployments}`;
  await staging.zookeeper.create(`/${instance}`, '');
  for (const name of names) {
    await staging.zookeeper.create(`/${instance}/${name}`, '');
    for (let i = 0; i < entries; i++) await staging.zookeeper.create(`/${instance}/${name}/k${i}`, 'before');
  }
  const daemon = await staging.startDaemon({
    mappings: names.map((name) => {
      return { name, zookeeper: `/${instance}/${name}`, consul: `${instance}/${name}`, ...policy };
    }),
    config: { instance },
  });
  for (const name of names) await daemon.inSync(name);
  return { daemon, instance, ask: (...args: string[]) => command(...args, '--config', daemon.configFile) };
}

/** The command on a terminal of its own, at which somebody types as soon as the question is there. */
async function onTerminal(daemon: DaemonProcess, args: readonly string[], typed: string) {
  const words = [process.execPath, builtProgram(), ...args, '--no-color', '--config', daemon.configFile];
  const child = spawn('script', ['-qec', words.map(shellWord).join(' '), '/dev/null']);
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await waitUntil('the question', () => /(\[y\/N\]|to go on:) $/.test(shown), { timeoutMs: 30_000 });
  child.stdin.write(typed);
  return { code: await ended, shown };
}

describe('the emergency stop, and its end', () => {
  it('stop all mappings by one command, over a restart too, and carry over afterwards what waited', async () => {
    const { daemon, instance, ask } = await startDaemon(['a', 'b'], 1);
    expect(await ask('pause', '--all')).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/^Done: mapping a is paused.*\nDone: mapping b is paused.*\n$/) as string,
    });
    await daemon.stop();
    await daemon.start();
    await staging.zookeeper.set(`/${instance}/a/k0`, 'after');
    await waitUntil(
      'the change to be noticed',
      async () => (await daemon.mapping('a')).pending.toConsul === 1,
    );
    expect((await staging.consul.get(`${instance}/a/k0`))?.value.toString()).toBe('before');

    const resumed = await onTerminal(daemon, ['resume', '--all'], 'y\n');
    expect(resumed.shown).toMatch(/a +paused +0 +1/);
    expect(resumed.code).toBe(0);
    await staging.consulHolds(`${instance}/a/k0`, 'after');
  });
});

describe('a mass deletion', () => {
  it('passes when the name of its mapping is typed on a terminal, and not by anything else', async () => {
    const { daemon, instance, ask } = await startDaemon(['config'], 30);
    await staging.consul.deleteTree(`${instance}/config/`);
    await daemon.held('mass-deletion');
    await waitUntil('all of it to be held', async () => {
      const { deletions } = await daemon.get<{ deletions: number }>('held');
      return deletions === 30;
    });
    const declined = await onTerminal(daemon, ['approve', 'config', '--limit', '3'], 'y\n');
    expect(declined.shown).toMatch(/holds back 30 deletions:\s+delete {2}in zookeeper {2}k0\s/);
    expect(declined.shown).toContain('... and 27 more (--limit N)');
    expect(declined.shown).toContain('Nothing was changed.');
    expect(declined.code).toBe(1);
    expect(await staging.zookeeper.children(`/${instance}/config`)).toHaveLength(30);

    expect((await ask('approve', 'config')).code).toBe(2);
    const approved = await onTerminal(daemon, ['approve', 'config'], 'config\n');
    expect(approved.shown).toContain('Done: mapping config: 30 deletions and 0 overwrites may pass now.');
    expect(approved.code).toBe(0);
    await waitUntil('the deletions', async () => {
      return (await staging.zookeeper.children(`/${instance}/config`)).length === 0;
    });
  });

  it('is undone by a resync, which shows what it will bring back', async () => {
    const { daemon, instance, ask } = await startDaemon(['config'], 30);
    await staging.consul.deleteTree(`${instance}/config/`);
    await daemon.held('mass-deletion');
    const { code, stdout } = await ask('resync', 'config', '--from', 'zookeeper', '--yes', '--limit', '2');
    expect(stdout).toMatch(/held as mass-deletion: what ZooKeeper has stands/);
    expect(stdout).toMatch(/^ {2}create +0 +30$/m);
    expect(stdout).toContain('... and more');
    expect(code).toBe(0);
    await daemon.inSync();
    expect(await staging.consul.list(`${instance}/config/`)).toHaveLength(30);
  });
});

describe('a conflict that waits for a person', () => {
  it('is listed, shown, and ended by a release of the value to keep', async () => {
    const { daemon, instance, ask } = await startDaemon(['config'], 3, { conflict: 'hold' });
    await daemon.post('pause');
    await staging.zookeeper.set(`/${instance}/config/k1`, 'same\nof zookeeper\n');
    await staging.consul.put(`${instance}/config/k1`, 'same\nof consul\n');
    await daemon.post('resume');
    await daemon.held('conflict');

    const listed = await ask('conflicts', 'list', '--open');
    expect(listed.stdout).toMatch(/ 1 {2}config +\S+ +open +update-update +nobody .* k1$/m);
    const shown = await ask('conflicts', 'show', '1');
    expect(shown.stdout).toMatch(/^ {3}same\n {2}-of zookeeper\n {2}\+of consul\n/m);

    const released = await ask('release', 'config', 'k1', '--keep', 'consul', '--yes');
    expect(released.stdout).toMatch(/Held as conflict: entry k1[^]*-of zookeeper\n {2}\+of consul\n/);
    expect(released.code).toBe(0);
    await staging.zookeeperHolds(`/${instance}/config/k1`, 'same\nof consul\n');
    await daemon.inSync();
    expect((await ask('conflicts', 'list', '--open')).stdout).toBe('No open conflict.\n');
    const again = await ask('release', 'config', 'k1', '--keep', 'consul', '--yes');
    expect(again.stderr).toContain('is not held: there is nothing to release');
    expect(again.code).toBe(1);
  });
});

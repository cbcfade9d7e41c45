import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shellWord } from '../../../src/cli/printable.js';
import { builtProgram } from '../../kit/daemon/built-program.js';
import { Staging } from '../../kit/daemon/staging.js';
import { Configurations } from './command.js';

/** A device that is always full. */
const FULL = '/dev/full';

let staging: Staging;
let configurations: Configurations;
let file: string;

beforeAll(async () => {
  [staging, configurations] = await Promise.all([Staging.start(), Configurations.create()]);
  await staging.consul.put('config/key', 'value');
  const { zookeeperServer, consulServer } = staging;
  file = await configurations.write(
    { zookeeper: zookeeperServer.connect, consul: consulServer.address },
    {},
    [{ zookeeper: '/config', consul: 'config' }],
  );
});
afterAll(async () => {
  await configurations.dispose();
  await staging.dispose();
});

/** The exit code of the program itself, and what it says, with its output going wherever `redirection` sends it. */
function run(args: readonly string[], redirection: string): { code: number | null; stderr: string } {
  const line = [process.execPath, builtProgram(), ...args, '--config', file].map(shellWord).join(' ');
  const script = `${line} ${redirection}; exit "\${PIPESTATUS[0]}"`;
  const { status, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8', timeout: 40_000 });
  return { code: status, stderr };
}

describe('a command whose output is lost', () => {
  it('can be tried here', () => {
    expect(existsSync(FULL)).toBe(true);
  });

  it.each([[['backup', '-']], [['diff', '--json']], [['plan']], [['check']]])(
    'never ends with 0: %j, on a full disk',
    (args) => {
      const { code, stderr } = run(args, `> ${FULL}`);
      expect(code).toBe(1);
      expect(stderr).toContain("standard output can't be written (ENOSPC");
    },
  );

  it('never ends with 0, and says nothing, where whoever reads has stopped reading', () => {
    expect(run(['backup', '-'], '| true')).toMatchObject({ code: 1, stderr: '' });
  });

  it('goes on where only what it tells on the side is lost', () => {
    expect(run(['check'], `> /dev/null 2> ${FULL}`).code).toBe(0);
    expect(run(['backup', '-'], `2> ${FULL}`).code).toBe(0);
  });
});

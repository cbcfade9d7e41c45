import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtProgram } from '../../kit/daemon/built-program.js';
import { runCaptured } from '../../unit/cli/captured-run.js';
import { commandPaths } from '../../unit/cli/command-paths.js';
import { command } from './command.js';
import type { CompletingShell, ShellOptions } from './shells.js';
import { startFish, startZsh } from './shells.js';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'zk-consul-sync-shells-'));
  await mkdir(join(root, 'bin'));
  await symlink(builtProgram(), join(root, 'bin/zk-consul-sync'));
});
afterAll(() => rm(root, { recursive: true }));

const SHELLS: ReadonlyArray<readonly [string, (options: ShellOptions) => Promise<CompletingShell>]> = [
  ['zsh', startZsh],
  ['fish', startFish],
];

function configuration(...names: readonly string[]): string {
  const mappings = names.map((name) => `{ name: ${name}, zookeeper: /${name}, consul: ${name} }`);
  return `zookeeper: { connect: "127.0.0.1:1" }\nmappings: [${mappings.join(', ')}]\n`;
}

describe.each(SHELLS)('completion in a real %s', (name, start) => {
  let shell: CompletingShell;
  let directory: string;

  beforeAll(async () => {
    directory = join(root, name);
    await mkdir(directory);
    await writeFile(join(directory, 'config.yaml'), configuration('config', 'services'));
    await writeFile(join(directory, 'given.yaml'), configuration('given'));
    await writeFile(join(directory, 'my file.yaml'), '');
    await writeFile(join(directory, 'my-other.yaml'), '');
    const { stdout: script } = await command('completion', name);
    const environment = {
      ...process.env,
      PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`,
      ZK_CONSUL_SYNC_CONFIG: join(directory, 'config.yaml'),
    };
    shell = await start({ directory, script, environment });
  });
  afterAll(() => shell.end());

  it('offers every command, and every option of every command, as its help has them', async () => {
    const paths = commandPaths();
    const commands = await shell.offered('zk-consul-sync ');
    for (const path of paths) {
      expect(commands).toContain(path.split(' ')[0]);
      const { stdout } = await runCaptured([...path.split(' '), '--help']);
      const listed = stdout.slice(stdout.indexOf('Options:'), stdout.indexOf('Examples:'));
      const flags = [...listed.matchAll(/^ {2}(-\S+?)(?:, (--\S+))?(?: |$)/gm)].flatMap(([, a, b]) => [a, b]);
      const wanted = flags.filter((flag) => flag !== undefined);
      expect([path, [...new Set(await shell.offered(`zk-consul-sync ${path} -`))].sort()]).toEqual([
        path,
        [...new Set(wanted)].sort(),
      ]);
    }
  }, 120_000);

  it.each<[string, string[]]>([
    ['zk-consul-sync resu', ['resume']],
    ['zk-consul-sync -c given.yaml res', ['restore', 'resume', 'resync']],
    ['zk-consul-sync conflicts ', ['help', 'list', 'resolve', 'show']],
    ['zk-consul-sync conflicts --no-color r', ['resolve']],
    ['zk-consul-sync resync config --from ', ['consul', 'merge', 'zookeeper']],
    ['zk-consul-sync resync --from m', ['merge']],
    ['zk-consul-sync release config key --keep c', ['consul']],
    [`zk-consul-sync release config 'my key' --keep c`, ['consul']],
    ['zk-consul-sync completion ', ['bash', 'fish', 'zsh']],
    ['zk-consul-sync approve ', ['config', 'services']],
    ['zk-consul-sync approve s', ['services']],
    ['zk-consul-sync approve -c given.yaml ', ['given']],
    ['zk-consul-sync approve config ', []],
    ['zk-consul-sync approve --admin http://127.0.0.1:9464 s', ['services']],
    ['zk-consul-sync approve --limit ', []],
    ['zk-consul-sync pause config s', ['services']],
    ['zk-consul-sync conflicts show 17 --mapping s', ['services']],
    ['zk-consul-sync explain config ', []],
    ['zk-consul-sync check --config my', ['my file.yaml', 'my-other.yaml']],
  ])('of %j offers %j', async (line, expected) => {
    const offered = (await shell.offered(line)).map((word) => word.replaceAll('\\ ', ' '));
    expect([...new Set(offered)].sort()).toEqual(expected);
  });
});

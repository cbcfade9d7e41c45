import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCaptured } from './captured-run.js';
import { commandPaths } from './command-paths.js';

let directory: string;
let script: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zk-consul-sync-completion-'));
  script = join(directory, 'completion.bash');
  await writeFile(script, (await runCaptured(['completion', 'bash'])).stdout);
  await writeFile(join(directory, 'my file.yaml'), '');
  await writeFile(join(directory, 'my-other.yaml'), '');
});
afterAll(() => rm(directory, { recursive: true }));

/** What a real bash offers at the end of each line, with a program that says how it was asked for mappings. */
function offered(lines: readonly string[]): string[][] {
  const commands = lines.map(
    (line) => `COMP_LINE=${JSON.stringify(line)}; COMP_POINT=\${#COMP_LINE}; _zk_consul_sync
      printf '%s\\n' "\${COMPREPLY[@]}"; printf '\\0'`,
  );
  const program =
    'zk-consul-sync() { [[ $* == "completion bash --mappings"* ]] && echo "config services ${5-}"; }';
  const text = ['set -u', `source ${script}`, program, ...commands].join('\n');
  const said = execFileSync('bash', ['-c', text], { encoding: 'utf8', cwd: directory });
  const answers = said.split('\0').slice(0, -1);
  return answers.map((answer) => answer.split('\n').filter((one) => one !== ''));
}

describe('completion in bash', () => {
  it('offers every command, and every option of every command, as its help has them', async () => {
    const paths = commandPaths();
    expect(paths).toContain('conflicts resolve');
    const options = offered(paths.map((path) => `zk-consul-sync ${path} -`));
    for (const [at, path] of paths.entries()) {
      const { stdout } = await runCaptured([...path.split(' '), '--help']);
      const listed = stdout.slice(stdout.indexOf('Options:'), stdout.indexOf('Examples:'));
      const flags = [...listed.matchAll(/^ {2}(-\S+?)(?:, (--\S+))?(?: |$)/gm)].flatMap(([, a, b]) => [a, b]);
      expect(new Set(options[at]), path).toEqual(new Set(flags.filter((flag) => flag !== undefined)));
    }
    const [commands] = offered(['zk-consul-sync ']);
    for (const path of paths) expect(commands).toContain(path.split(' ')[0]);
  });

  it.each<[string, string[]]>([
    ['zk-consul-sync res', ['restore', 'resume', 'resync']],
    ['zk-consul-sync -c other.yaml res', ['restore', 'resume', 'resync']],
    ['zk-consul-sync conflicts r', ['resolve']],
    ['zk-consul-sync conflicts --no-color r', ['resolve']],
    ['zk-consul-sync resync config --from ', ['zookeeper', 'consul', 'merge']],
    ['zk-consul-sync resync --from m', ['merge']],
    ['zk-consul-sync release config key --keep c', ['consul']],
    ['zk-consul-sync completion ', ['bash', 'zsh', 'fish']],
    ['zk-consul-sync approve ', ['config', 'services']],
    ['zk-consul-sync approve s', ['services']],
    ['zk-consul-sync approve -c given.yaml g', ['given.yaml']],
    ['zk-consul-sync approve config ', []],
    ['zk-consul-sync approve --admin http://127.0.0.1:9464 s', ['services']],
    ['zk-consul-sync approve --limit ', []],
    ['zk-consul-sync pause config s', ['services']],
    ['zk-consul-sync conflicts show 17 --mapping s', ['services']],
    ['zk-consul-sync plan --config other.yaml o', ['other.yaml']],
    ['zk-consul-sync explain config ', []],
    ['zk-consul-sync check --config my', ['my file.yaml', 'my-other.yaml']],
    ['zk-consul-sync apply my', ['my file.yaml', 'my-other.yaml']],
    ['zk-consul-sync plan --out my-', ['my-other.yaml']],
    ['zk-consul-sync nonsense ', []],
  ])('of %j offers %j', (line, expected) => {
    const [words = []] = offered([line]);
    if (line.includes('nonsense')) expect(words).not.toContain('config');
    else expect(words.sort()).toEqual(expected.toSorted());
  });
});

describe('completion in zsh and fish', () => {
  it.each(['zsh', 'fish'])('%s: has every command, every option, and every choice', async (shell) => {
    const { code, stdout } = await runCaptured(['completion', shell]);
    expect(code).toBe(0);
    for (const path of commandPaths()) {
      expect(stdout).toContain(`'${path}'`);
      const { stdout: help } = await runCaptured([...path.split(' '), '--help']);
      for (const [option] of help.matchAll(/(?<= )--[a-z-]+/g)) {
        expect(stdout, `${path} ${option}`).toContain(
          shell === 'fish' ? `-l ${option.slice(2)} ` : `'${option}:`,
        );
      }
    }
    expect(stdout).toContain('zookeeper consul merge');
  });
});

describe('the names of mappings', () => {
  it('come from the configuration, one a line', async () => {
    const file = join(directory, 'config.yaml');
    const mappings = ['one', 'two'].map((name) => `{ name: ${name}, zookeeper: /${name}, consul: ${name} }`);
    await writeFile(file, `zookeeper: { connect: "127.0.0.1:1" }\nmappings: [${mappings.join(', ')}]\n`);
    const { code, stdout } = await runCaptured(['completion', 'bash', '--mappings', '--config', file]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'one\ntwo\n' });
  });

  it('are none, without a complaint, where there is no configuration that can be used', async () => {
    const wrong = join(directory, 'wrong.yaml');
    await writeFile(wrong, 'mappings: 5\n');
    for (const file of [wrong, join(directory, 'missing.yaml')]) {
      const result = await runCaptured(['completion', 'zsh', '--mappings', '--config', file]);
      expect(result).toEqual({ code: 0, stdout: '', stderr: '' });
    }
  });
});

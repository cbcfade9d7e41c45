import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fish, zsh } from '../../kit/servers/found-shells.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { watchdog } from '../../kit/servers/watchdog.js';

/** A shell at work: what it offers at the end of a line. */
export interface CompletingShell {
  offered(line: string): Promise<readonly string[]>;
  end(): void;
}

export interface ShellOptions {
  /** For the shell's own files; the working directory besides. */
  readonly directory: string;
  readonly script: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Asks fish itself what it would complete. */
export async function startFish({ directory, script, environment }: ShellOptions): Promise<CompletingShell> {
  const { program, unpackedIn, libraries } = fish();
  const file = join(directory, 'completion.fish');
  await writeFile(file, script);
  const env = { ...environment, HOME: directory, LD_LIBRARY_PATH: libraries.join(':') };
  const binary = unpackedIn === undefined ? program : await relocated(program, unpackedIn, directory);
  const offered = (line: string): Promise<readonly string[]> => {
    const asked = `source ${file}; complete -C ${quoted(line)}`;
    const { stdout, stderr, status } = spawnSync(binary, ['--private', '-c', asked], {
      cwd: directory,
      env,
      encoding: 'utf8',
      timeout: 30_000,
    });
    if (status !== 0 || stderr !== '') throw new Error(`fish ended with ${String(status)}: ${stderr}`);
    const words = stdout.split('\n').map((text) => text.split('\t')[0] ?? '');
    return Promise.resolve(words.filter((word) => word !== ''));
  };
  return { offered, end: () => undefined };
}

/** It looks for its files beside itself: `bin/fish`, `share/fish` and `etc/fish` of one folder. */
async function relocated(program: string, unpackedIn: string, directory: string): Promise<string> {
  const prefix = join(directory, 'fish-prefix');
  await mkdir(join(prefix, 'bin'), { recursive: true });
  await copyFile(program, join(prefix, 'bin/fish'));
  await symlink(join(unpackedIn, 'usr/share'), join(prefix, 'share'));
  await symlink(join(unpackedIn, 'etc'), join(prefix, 'etc'));
  return join(prefix, 'bin/fish');
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** Bound to Ctrl-G: has what is typed completed, writes down what is offered, and empties the line. */
const CAPTURE = `
autoload -Uz compinit
compinit -u -D
source $SCRIPT
LISTMAX=10000
compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then
    builtin compadd "$@"
    return
  fi
  local -a offered
  builtin compadd -A offered "$@"
  (( $#offered )) && print -rl -- $offered >> $CAPTURED
  builtin compadd "$@"
}
capture() {
  : > $CAPTURED
  zle list-choices
  print '<end>' >> $CAPTURED
  BUFFER=''
}
zle-line-init() { [[ -e $CAPTURED ]] || print '<end>' > $CAPTURED }
zle -N capture
zle -N zle-line-init
bindkey '^G' capture
`;

/** Types into a zsh on a terminal. */
export async function startZsh({ directory, script, environment }: ShellOptions): Promise<CompletingShell> {
  const { program, unpackedIn } = zsh();
  const captured = join(directory, 'captured');
  await writeFile(join(directory, 'completion.zsh'), script);
  await writeFile(join(directory, '.zshrc'), CAPTURE);
  await writeFile(join(directory, '.zshenv'), unpackedIn === undefined ? '' : await placesBelow(unpackedIn));
  const env = {
    ...environment,
    ZDOTDIR: directory,
    CAPTURED: captured,
    SCRIPT: join(directory, 'completion.zsh'),
    TERM: 'vt100',
  };
  const child = spawn('script', ['-qec', `${program} -d -i`, '/dev/null'], { cwd: directory, env });
  if (child.pid !== undefined) watchdog.guardProcess(child.pid);
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
  const answer = async (): Promise<readonly string[]> =>
    waitUntil(
      'zsh to offer something',
      async () => {
        const text = await readFile(captured, 'utf8').catch(() => '');
        if (!text.endsWith('<end>\n')) throw new Error(`it shows ${JSON.stringify(shown)}`);
        return text.split('\n').slice(0, -2);
      },
      { timeoutMs: 30_000 },
    );
  await answer();
  const offered = async (line: string): Promise<readonly string[]> => {
    await writeFile(captured, '');
    child.stdin.write(`${line}\x07`);
    return answer();
  };
  return { offered, end: () => end(child) };
}

function end(child: ChildProcess): void {
  child.kill('SIGKILL');
}

/** Where the modules and functions of an unpacked zsh are. */
async function placesBelow(folder: string): Promise<string> {
  const architectures = (await readdir(join(folder, 'usr/lib'))).map((name) => join(folder, 'usr/lib', name));
  return [
    `module_path=(${architectures.map((place) => `${place}/zsh/*(/N)`).join(' ')})`,
    `fpath=(${folder}/usr/share/zsh/functions/**/*(/N))`,
    '',
  ].join('\n');
}

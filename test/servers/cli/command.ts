import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { stringify } from 'yaml';
import { builtProgram } from '../../kit/daemon/built-program.js';
import { watchdog } from '../../kit/servers/watchdog.js';

const TIMEOUT_MS = 40_000;

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

/** The built program as a process of its own. */
export interface RunningCommand {
  signal(name: NodeJS.Signals): void;
  /** Settles at its end. */
  readonly result: Promise<CommandResult>;
}

/** Runs the built program, and waits for its end. */
export function command(...args: readonly string[]): Promise<CommandResult> {
  return begin(...args).result;
}

export function begin(...args: readonly string[]): RunningCommand {
  return beginWith([], ...args);
}

/** @param nodeOptions come before the program */
export function beginWith(nodeOptions: readonly string[], ...args: readonly string[]): RunningCommand {
  return spawned(nodeOptions, args, {});
}

/** @param environment further variables */
export function commandIn(
  environment: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<CommandResult> {
  return spawned([], args, environment).result;
}

function spawned(
  nodeOptions: readonly string[],
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): RunningCommand {
  const child = spawn(process.execPath, [...nodeOptions, builtProgram(), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  if (child.pid !== undefined) watchdog.guardProcess(child.pid);
  return { signal: (name) => void child.kill(name), result: resultOf(child) };
}

async function resultOf(child: ChildProcessByStdio<null, Readable, Readable>): Promise<CommandResult> {
  const startedMs = performance.now();
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  if (child.pid !== undefined) watchdog.releaseProcess(child.pid);
  return { code, ...output, tookMs: performance.now() - startedMs };
}

export interface Places {
  readonly zookeeper: string;
  readonly consul: string;
}

/** Configurations in a folder of their own. The archive they name, `archive`, is not made. */
export class Configurations {
  private constructor(readonly directory: string) {}

  static async create(): Promise<Configurations> {
    const directory = await mkdtemp(join(tmpdir(), 'zk-consul-sync-commands-'));
    watchdog.guardFolder(directory);
    return new Configurations(directory);
  }

  get archivePath(): string {
    return join(this.directory, 'archive');
  }

  /**
   * Writes a configuration of one mapping, `config`, of /config and config/.
   * @param sections merged over the rest: sections one by one, what is no section instead of it
   * @returns the file
   */
  async write(
    { zookeeper, consul }: Places,
    sections: Readonly<Record<string, object | string>> = {},
    mappings: readonly object[] = [{}],
  ): Promise<string> {
    const base: Record<string, object | string> = {
      zookeeper: { connect: zookeeper, sessionTimeout: '4s' },
      consul: { address: consul },
      archive: { path: this.archivePath },
      admin: { listen: 'off' },
    };
    for (const [name, section] of Object.entries(sections)) {
      const before = base[name];
      const isMerged = typeof section === 'object' && typeof before === 'object';
      base[name] = isMerged ? { ...before, ...section } : section;
    }
    const mapping = { name: 'config', zookeeper: '/config', consul: 'config' };
    const file = join(this.directory, `config-${Math.random().toString(36).slice(2)}.yaml`);
    await writeFile(file, stringify({ ...base, mappings: mappings.map((one) => ({ ...mapping, ...one })) }), {
      mode: 0o600,
    });
    return file;
  }

  async dispose(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
    watchdog.releaseFolder(this.directory);
  }
}

import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from './wait-until.js';
import { watchdog } from './watchdog.js';

const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const LOG_LINES_IN_ERROR = 40;

/** The port was taken between the moment it was found free and the moment the server bound it. */
export class PortTakenError extends Error {}

/** A copy of a stopped server's data, to be put back later. */
export interface DataCopy {
  readonly folder: string;
}

export interface ServerCommand {
  readonly program: string;
  readonly parameters: readonly string[];
  /** Added to this process's own environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What the log says when a port of the server was taken by another. */
  readonly portTaken: RegExp;
  /** Resolves to true once the server, and this very one, serves requests. */
  readonly isReady: () => Promise<boolean>;
}

/**
 * A real server in a folder of its own below the system's temporary folder. It never outlives the process that
 * started it. All its methods may be called in any state, except where they say otherwise.
 */
export class ServerProcess {
  #child: ChildProcess | undefined;
  #copies = 0;

  private constructor(
    readonly name: string,
    readonly folder: string,
  ) {}

  static async create(name: string): Promise<ServerProcess> {
    const folder = await mkdtemp(join(tmpdir(), `${name}-`));
    watchdog.guardFolder(folder);
    const server = new ServerProcess(name, folder);
    await mkdir(server.dataDirectory);
    return server;
  }

  get dataDirectory(): string {
    return join(this.folder, 'data');
  }

  get logFile(): string {
    return join(this.folder, 'server.log');
  }

  /** The process id of the running server, or undefined when it does not run. */
  get pid(): number | undefined {
    return this.#running()?.pid;
  }

  async start(command: ServerCommand): Promise<void> {
    if (this.#running() !== undefined) throw new Error(`${this.name} is running already`);
    const logStart = this.#log().length;
    const child = await this.#spawn(command);
    try {
      await waitUntil(`${this.name} to serve requests`, () => hasEnded(child) || command.isReady(), {
        timeoutMs: READY_TIMEOUT_MS,
      });
      if (hasEnded(child)) throw new Error(`${this.name} ended while starting`);
    } catch (error) {
      await this.kill();
      const log = this.#log().slice(logStart);
      const ErrorClass = command.portTaken.test(log) ? PortTakenError : Error;
      const tail = log.split('\n').slice(-LOG_LINES_IN_ERROR).join('\n');
      throw new ErrorClass(`${String(error)}\n--- end of its log:\n${tail}`, { cause: error });
    }
  }

  /** SIGKILL, as by `kill -9`; resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM, and SIGKILL when that does not end it in time; resolves when the process is gone. */
  async stop(): Promise<void> {
    this.resume();
    await this.#end('SIGTERM').catch(() => this.#end('SIGKILL'));
  }

  /** SIGSTOP: connections stay open, nothing answers any more. Resolves when every thread has stopped. */
  async pause(): Promise<void> {
    const child = this.#running();
    if (child?.pid === undefined) return;
    child.kill('SIGSTOP');
    const tasks = `/proc/${String(child.pid)}/task`;
    if (!existsSync(tasks)) return; // Not Linux, where nothing tells.
    await waitUntil(`${this.name} to stop`, () =>
      readdirSync(tasks).every((task) => isStopped(join(tasks, task))),
    );
  }

  /** SIGCONT. */
  resume(): void {
    this.#running()?.kill('SIGCONT');
  }

  /** Empties the data directory of a stopped server. */
  async wipe(): Promise<void> {
    this.#mustBeStopped('wipe');
    await rm(this.dataDirectory, { recursive: true });
    await mkdir(this.dataDirectory);
  }

  /** Copies the data of a stopped server. */
  async snapshotData(): Promise<DataCopy> {
    this.#mustBeStopped('copy the data of');
    const folder = join(this.folder, `copy-${String(++this.#copies)}`);
    await cp(this.dataDirectory, folder, { recursive: true });
    return { folder };
  }

  /** Replaces the data of a stopped server by a copy made earlier. */
  async restoreData(copy: DataCopy): Promise<void> {
    await this.wipe();
    await cp(copy.folder, this.dataDirectory, { recursive: true });
  }

  /** Kills the server and deletes everything it wrote. */
  async dispose(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
    watchdog.releaseFolder(this.folder);
  }

  async #spawn({ program, parameters, environment }: ServerCommand): Promise<ChildProcess> {
    const log = openSync(this.logFile, 'a');
    const child = spawn(program, parameters, {
      cwd: this.folder,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...environment },
    });
    closeSync(log);
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve).once('error', reject);
    });
    const { pid } = child;
    if (pid === undefined) throw new Error(`${program} has no process id`);
    watchdog.guardProcess(pid);
    this.#child = child;
    child.once('exit', () => {
      watchdog.releaseProcess(pid);
    });
    // A process that nobody awaits must not keep the tests from ending.
    child.unref();
    return child;
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#running();
    if (child === undefined) return;
    child.kill(signal);
    await waitUntil(`${this.name} to end after ${signal}`, () => hasEnded(child), {
      timeoutMs: STOP_TIMEOUT_MS,
    });
  }

  #running(): ChildProcess | undefined {
    return this.#child === undefined || hasEnded(this.#child) ? undefined : this.#child;
  }

  #mustBeStopped(verb: string): void {
    if (this.#running() !== undefined) throw new Error(`can't ${verb} ${this.name} while it runs`);
  }

  #log(): string {
    try {
      return readFileSync(this.logFile, 'utf8');
    } catch {
      return ''; // It has not been started yet.
    }
  }
}

/** Whether the state of a thread, in `stat` behind its name in parentheses, is T (proc(5)). */
function isStopped(task: string): boolean {
  const stat = readFileSync(join(task, 'stat'), 'utf8');
  return stat.slice(stat.lastIndexOf(')')).startsWith(') T');
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

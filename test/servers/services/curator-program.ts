import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { curatorClassPath } from '../../kit/servers/found-discovery-clients.js';
import { javaBinary } from '../../kit/servers/found-servers.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { watchdog } from '../../kit/servers/watchdog.js';

const SOURCE = fileURLToPath(new URL('CuratorProgram.java', import.meta.url));
/** Java compiles it first. */
const START_TIMEOUT_MS = 90_000;
const TIMEOUT_MS = 20_000;

export interface CuratorRegistration {
  readonly service: string;
  readonly id: string;
  readonly address: string;
  readonly port: number;
}

/** A Java program with Apache Curator's own service discovery. */
export class CuratorProgram {
  private readonly lines: string[] = [];
  private errors = '';

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    createInterface({ input: child.stdout }).on('line', (line) => this.lines.push(line));
    child.stderr.on(
      'data',
      (chunk: Buffer) => (this.errors = (this.errors + chunk.toString()).slice(-20_000)),
    );
  }

  /** Registers an instance below `base`, and watches service `watched` there. */
  static async start(
    zookeeper: string,
    base: string,
    own: CuratorRegistration,
    watched: string,
  ): Promise<CuratorProgram> {
    const { service, id, address, port } = own;
    const instance = [service, id, address, String(port)];
    const parameters = ['-cp', curatorClassPath(), SOURCE, zookeeper, base, ...instance, watched];
    const child = spawn(javaBinary(), ['-Xshare:auto', '-XX:TieredStopAtLevel=1', ...parameters]);
    if (child.pid !== undefined) watchdog.guardProcess(child.pid);
    const program = new CuratorProgram(child);
    await program.says('ready', START_TIMEOUT_MS);
    return program;
  }

  /** Asks until the program finds exactly these URIs of a service. */
  async finds(service: string, uris: readonly string[]): Promise<void> {
    const wanted = `${service} is ${[...uris].sort().join()}`;
    await waitUntil(
      `Curator to find ${wanted}`,
      () => {
        if (this.lines.includes(wanted)) return Promise.resolve(true);
        this.child.stdin.write(`${service}\n`);
        return Promise.reject(new Error(this.toldSoFar()));
      },
      { timeoutMs: TIMEOUT_MS, everyMs: 200 },
    );
    this.lines.length = 0;
  }

  /** Waits until the cache has told that it has exactly these. */
  async cacheHas(uris: readonly string[]): Promise<void> {
    await this.says(`cache has ${[...uris].sort().join()}`, TIMEOUT_MS);
  }

  /** Takes its instance away, and ends. */
  async end(): Promise<void> {
    const exit = once(this.child, 'exit');
    this.child.stdin.end();
    await exit;
  }

  /** `kill -9`: its instance goes with its session. */
  kill(): void {
    this.child.kill('SIGKILL');
  }

  private async says(line: string, timeoutMs: number): Promise<void> {
    await waitUntil(
      `Curator to say ${line}`,
      () => {
        // One that has ended will not say it any more, and is not waited for.
        if (this.lines.includes(line) || this.child.exitCode !== null) return Promise.resolve(true);
        return Promise.reject(new Error(this.toldSoFar()));
      },
      { timeoutMs },
    );
    if (this.child.exitCode !== null) throw new Error(`Curator ended: ${this.toldSoFar()}`);
  }

  private toldSoFar(): string {
    return `it said ${this.lines.slice(-5).join(' | ')}; errors: ${this.errors.slice(-1_000)}`;
  }
}

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { builtProgram } from './built-program.js';
import { freePorts } from '../servers/free-ports.js';
import { waitUntil } from '../servers/wait-until.js';
import { watchdog } from '../servers/watchdog.js';

/** A machine that is busy starts a process late, and nothing here is about how soon. */
const START_TIMEOUT_MS = 60_000;
const STATUS_TIMEOUT_MS = 10_000;
/** A ZooKeeper that is behind is taken for a server that was cut off, for two session timeouts. */
const HELD_TIMEOUT_MS = 60_000;

export interface DaemonOptions {
  readonly zookeeper: string;
  readonly consul: string;
  /** Merged over one mapping `config` of /config and config/. */
  readonly mappings?: ReadonlyArray<Record<string, unknown>>;
  /** Lists of services, as they stand in the configuration; none by default. */
  readonly services?: ReadonlyArray<Record<string, unknown>>;
  /** Of the admin server; loopback's by default. */
  readonly listenHost?: string;
  /** Further variables. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Further arguments of Node itself. */
  readonly nodeArguments?: readonly string[];
  /** The program's main file; what was built in the checkout unless given. */
  readonly program?: string;
  /** Merged over the rest of the configuration, section by section. */
  readonly config?: Record<string, Record<string, unknown> | string>;
}

/** As the admin server answers it; see docs/http-api.md. */
export interface StatusAnswer {
  readonly replicas: Record<'zookeeper' | 'consul', { readonly connected: boolean }>;
  readonly mappings: readonly MappingAnswer[];
}

export interface MappingAnswer {
  readonly name: string;
  readonly role: 'active' | 'standby';
  readonly leader: { readonly host: string; readonly admin: string | null } | null;
  readonly state: string;
  readonly inSync: boolean;
  readonly inSyncSince: string | null;
  readonly problem: string | null;
  readonly entries: number;
  readonly pending: { readonly toZookeeper: number; readonly toConsul: number };
  readonly conflicts: { readonly open: number; readonly total: number };
  readonly holds: ReadonlyArray<{ readonly reason: string; readonly key?: string; readonly detail: string }>;
  readonly skipped: ReadonlyArray<{ readonly key: string; readonly reason: string }>;
  readonly skippedTotal: number;
  readonly drifted: ReadonlyArray<{ readonly key: string; readonly change: string }>;
  readonly driftedTotal: number;
  readonly orders: ReadonlyArray<{ readonly key: string; readonly why: string | null }>;
  readonly ordersTotal: number;
}

/** The daemon answered, but not with its status. */
export class StatusError extends Error {
  constructor(
    readonly status: number,
    answer: string,
  ) {
    super(`${String(status)} ${answer}`);
  }
}

/** The daemon as its operators run it: a process of its own, seen through its configuration, signals and HTTP. */
export class DaemonProcess {
  private child: ChildProcess | undefined;
  private exit: Promise<number | null> = Promise.resolve(null);

  private constructor(
    readonly directory: string,
    readonly adminPort: number,
    private options: DaemonOptions,
  ) {}

  /** Writes the configuration and starts the daemon. */
  static async start(options: DaemonOptions): Promise<DaemonProcess> {
    const directory = await mkdtemp(join(tmpdir(), 'zk-consul-sync-daemon-'));
    const [adminPort = 0] = await freePorts(1);
    const daemon = new DaemonProcess(directory, adminPort, options);
    await daemon.start();
    return daemon;
  }

  get configFile(): string {
    return join(this.directory, 'config.yaml');
  }

  get archivePath(): string {
    return join(this.directory, 'archive');
  }

  get pid(): number {
    const pid = this.child?.pid;
    if (pid === undefined) throw new Error('the daemon is not running');
    return pid;
  }

  get isRunning(): boolean {
    return this.child?.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Starts it again, with the same archive; `options` are merged over the former ones. */
  async start(options: Partial<DaemonOptions> = {}): Promise<void> {
    this.options = { ...this.options, ...options };
    await writeFile(this.configFile, stringify(this.configuration()), { mode: 0o600 });
    const { nodeArguments = [], environment = {}, program = builtProgram() } = this.options;
    const log = await open(join(this.directory, 'daemon.log'), 'a');
    const child = spawn(process.execPath, [...nodeArguments, program, 'run', '--config', this.configFile], {
      stdio: ['ignore', log.fd, log.fd],
      env: { ...process.env, ...environment },
    });
    await log.close();
    this.child = child;
    if (child.pid !== undefined) watchdog.guardProcess(child.pid);
    this.exit = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    await waitUntil(
      'the admin server to answer',
      // One that has ended will not answer any more, and is not waited for.
      async () => child.exitCode !== null || (await fetch(`${this.adminUrl}/livez`)).ok,
      { timeoutMs: START_TIMEOUT_MS },
    );
    if (child.exitCode !== null) throw new Error(`the daemon ended at once:\n${await this.log()}`);
  }

  /** SIGTERM, and its exit code. */
  async stop(): Promise<number | null> {
    this.child?.kill('SIGTERM');
    return this.exit;
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    this.child?.kill('SIGKILL');
    await this.exit;
  }

  signal(name: NodeJS.Signals): void {
    this.child?.kill(name);
  }

  async dispose(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }

  get adminUrl(): string {
    return `http://127.0.0.1:${this.adminPort}`;
  }

  async status(timeoutMs = STATUS_TIMEOUT_MS): Promise<StatusAnswer> {
    const answer = await fetch(`${this.adminUrl}/api/v1/status`, { signal: AbortSignal.timeout(timeoutMs) });
    if (!answer.ok) throw new StatusError(answer.status, await answer.text());
    return (await answer.json()) as StatusAnswer;
  }

  async mapping(name = 'config'): Promise<MappingAnswer> {
    const found = (await this.status()).mappings.find((mapping) => mapping.name === name);
    if (found === undefined) throw new Error(`no mapping ${name}`);
    return found;
  }

  async ready(): Promise<boolean> {
    return (await fetch(`${this.adminUrl}/readyz`)).status === 200;
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.adminUrl}/metrics`)).text();
  }

  /** The sum of a metric's series whose labels contain all of `labels`. */
  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    return (await this.metrics())
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => wanted.every((pair) => line.includes(pair)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** A changing request; fails unless it was accepted. */
  async post(action: string, body: Record<string, unknown> = {}, mapping = 'config'): Promise<unknown> {
    const answer = await fetch(`${this.adminUrl}/api/v1/mappings/${mapping}/${action}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`POST ${action}: ${answer.status} ${text}`);
    return JSON.parse(text) as unknown;
  }

  async get<T>(path: string, mapping = 'config'): Promise<T> {
    const answer = await fetch(`${this.adminUrl}/api/v1/mappings/${mapping}/${path}`);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** Waits until the mapping says that both sides are equal. */
  async inSync(mapping = 'config', timeoutMs = HELD_TIMEOUT_MS): Promise<MappingAnswer> {
    return waitUntil(
      `mapping ${mapping} to be in sync`,
      async () => {
        const status = await this.mapping(mapping);
        if (!status.inSync) throw new Error(`it says ${JSON.stringify(status)}`);
        return status;
      },
      { timeoutMs },
    );
  }

  /** Waits until the mapping is held for `reason`. */
  async held(reason: string, mapping = 'config', timeoutMs = HELD_TIMEOUT_MS): Promise<MappingAnswer> {
    return waitUntil(
      `mapping ${mapping} to be held ${reason}`,
      async () => {
        const status = await this.mapping(mapping);
        return status.holds.some((hold) => hold.reason === reason) && status;
      },
      { timeoutMs },
    );
  }

  async log(): Promise<string> {
    return readFile(join(this.directory, 'daemon.log'), 'utf8');
  }

  private configuration(): Record<string, unknown> {
    const { zookeeper, consul, services = [], config = {}, listenHost = '127.0.0.1' } = this.options;
    const { mappings = services.length > 0 ? [] : [{}] } = this.options;
    const sections: Record<string, unknown> = {
      zookeeper: { connect: zookeeper, sessionTimeout: '4s' },
      consul: { address: consul },
      archive: { path: this.archivePath },
      admin: { listen: `${listenHost}:${this.adminPort}` },
      log: { level: 'debug' },
    };
    for (const [name, section] of Object.entries(config)) {
      const before = sections[name];
      sections[name] =
        typeof section === 'object' && typeof before === 'object' ? { ...before, ...section } : section;
    }
    const base = { name: 'config', zookeeper: '/config', consul: 'config' };
    const own = services.length > 0 ? { services } : {};
    return { ...sections, ...own, mappings: mappings.map((mapping) => ({ ...base, ...mapping })) };
  }
}

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { clockAhead, javaBinary, zooKeeperClassPath, type ZooKeeperFlavour } from './found-servers.js';
import { freePorts } from './free-ports.js';
import { PortTakenError, ServerProcess, type DataCopy } from './server-process.js';

const START_ATTEMPTS_MAX = 5;
const FOUR_LETTER_TIMEOUT_MS = 2_000;
/** Short, since a server asked while it loads its data may leave the connection open for ever (3.8.0). */
const READY_PROBE_TIMEOUT_MS = 300;
const CLI_TIMEOUT_MS = 30_000;

/** A Java virtual machine that starts fast and stays small, which suits servers that live for seconds. */
const JAVA_OPTIONS = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'];
const LOG_OPTIONS = ['showDateTime=true', 'dateTimeFormat=HH:mm:ss.SSS'].map(
  (option) => `-Dorg.slf4j.simpleLogger.${option}`,
);

export interface ZooKeeperOptions {
  /** 3.8 (the default) knows recursive watches and `multiRead`; 3.4 doesn't. */
  readonly flavour?: ZooKeeperFlavour;
  /** Free by default. A port of the caller's own choice is not replaced when it is taken. */
  readonly port?: number;
  /** Further lines of `zoo.cfg`, which win over the kit's own. */
  readonly extraConfig?: Readonly<Record<string, string>>;
  /** Further options of the Java virtual machine, such as `-Djute.maxbuffer=...`. */
  readonly javaOptions?: readonly string[];
  /** Sessions can be as short as two ticks. 500 by default. */
  readonly tickTimeMs?: number;
  /** Whether every write waits for the disk. Off by default, for speed: it survives `kill -9`, not a power cut. */
  readonly fsync?: boolean;
  /** How far its wall clock, from which `ctime` and `mtime` come, is ahead of the machine's. 0 by default. */
  readonly clockAheadMs?: number;
}

type Role = 'leader' | 'follower' | 'standalone';

/** A real ZooKeeper server with data of its own. */
export class ZooKeeperServer {
  readonly #process: ServerProcess;
  readonly #options: ZooKeeperOptions;

  /** Use `startZooKeeper`. */
  constructor(
    process: ServerProcess,
    readonly port: number,
    options: ZooKeeperOptions,
  ) {
    this.#process = process;
    this.#options = options;
  }

  /** What a client's connection string says: `127.0.0.1:port`. */
  get connect(): string {
    return `127.0.0.1:${String(this.port)}`;
  }

  get dataDirectory(): string {
    return this.#process.dataDirectory;
  }

  get logFile(): string {
    return this.#process.logFile;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Starts the server, again on the same port and data; resolves when it serves clients. */
  start(): Promise<void> {
    return this.#start(() => this.#isReady());
  }

  /** Starts it, and resolves when it answers: a member of an ensemble that may have no quorum now. */
  launch(): Promise<void> {
    return this.#start(async () => (await this.fourLetterCommand('srvr', READY_PROBE_TIMEOUT_MS)) !== '');
  }

  /** `undefined` while it serves nobody. */
  async role(): Promise<Role | undefined> {
    const answer = await this.fourLetterCommand('srvr').catch(() => '');
    return /^Mode: (leader|follower|standalone)$/m.exec(answer)?.[1] as Role | undefined;
  }

  async #start(isReady: () => Promise<boolean>): Promise<void> {
    const { flavour = '3.8', javaOptions = [], fsync = false, clockAheadMs = 0 } = this.#options;
    const configFile = join(this.#process.folder, 'zoo.cfg');
    await writeFile(configFile, this.#config());
    await this.#process.start({
      program: javaBinary(),
      parameters: [
        ...['-Xmx256m', ...JAVA_OPTIONS, '-Dzookeeper.jmx.log4j.disable=true', ...LOG_OPTIONS],
        ...[`-Dzookeeper.forceSync=${fsync ? 'yes' : 'no'}`, ...javaOptions],
        ...[
          '-cp',
          zooKeeperClassPath(flavour),
          'org.apache.zookeeper.server.quorum.QuorumPeerMain',
          configFile,
        ],
      ],
      ...(clockAheadMs !== 0 && { environment: clockAhead(clockAheadMs) }),
      portTaken: /java\.net\.BindException/,
      isReady,
    });
  }

  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void> {
    return this.#process.kill();
  }

  /** Ends the server in good order; resolves when the process is gone. */
  stop(): Promise<void> {
    return this.#process.stop();
  }

  /** SIGSTOP: its connections stay open and nothing answers. */
  pause(): Promise<void> {
    return this.#process.pause();
  }

  /** Ends a `pause`. */
  resume(): void {
    this.#process.resume();
  }

  /** Forgets all data. Only while stopped. */
  wipe(): Promise<void> {
    return this.#process.wipe();
  }

  /** Copies the data, for `restoreData`. Only while stopped. */
  snapshotData(): Promise<DataCopy> {
    return this.#process.snapshotData();
  }

  /** Goes back to an earlier copy of the data. Only while stopped. */
  restoreData(copy: DataCopy): Promise<void> {
    return this.#process.restoreData(copy);
  }

  /** Kills the server and deletes its folder. */
  dispose(): Promise<void> {
    return this.#process.dispose();
  }

  /** The answer to a four-letter command such as `mntr`, `cons` or `wchs`. */
  async fourLetterCommand(command: string, timeoutMs = FOUR_LETTER_TIMEOUT_MS): Promise<string> {
    return await new Promise((resolve, reject) => {
      let answer = '';
      const socket = createConnection({ host: '127.0.0.1', port: this.port });
      socket.setTimeout(timeoutMs, () => {
        socket.destroy(new Error(`no answer to ${command} within ${String(timeoutMs)} ms`));
      });
      socket.setEncoding('utf8');
      socket.once('connect', () => socket.write(command));
      socket.on('data', (chunk: string) => {
        answer += chunk;
      });
      socket.once('error', reject);
      socket.once('close', () => {
        resolve(answer);
      });
    });
  }

  /** The folder tells this server from another one that took the port first. */
  async #isReady(): Promise<boolean> {
    const config = await this.fourLetterCommand('conf', READY_PROBE_TIMEOUT_MS);
    if (!config.includes(this.dataDirectory)) return false;
    return /^Mode: /m.test(await this.fourLetterCommand('srvr', READY_PROBE_TIMEOUT_MS));
  }

  #config(): string {
    const settings: Record<string, string> = {
      tickTime: String(this.#options.tickTimeMs ?? 500),
      initLimit: '20',
      syncLimit: '10',
      maxSessionTimeout: '60000',
      dataDir: this.dataDirectory,
      clientPort: String(this.port),
      clientPortAddress: '127.0.0.1',
      maxClientCnxns: '0',
      'admin.enableServer': 'false',
      '4lw.commands.whitelist': '*',
      ...this.#options.extraConfig,
    };
    return Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join('');
  }
}

/** Starts one ZooKeeper server; resolves when it serves clients. The caller disposes it. */
export async function startZooKeeper(options: ZooKeeperOptions = {}): Promise<ZooKeeperServer> {
  for (let attempt = 1; ; attempt++) {
    const [port = 0] = options.port === undefined ? await freePorts(1) : [options.port];
    const server = new ZooKeeperServer(await ServerProcess.create('zookeeper'), port, options);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.dispose();
      const mayTryAgain = options.port === undefined && attempt < START_ATTEMPTS_MAX;
      if (!(error instanceof PortTakenError && mayTryAgain)) throw error;
    }
  }
}

/** Starts an ensemble; resolves when every member serves clients. The caller disposes its members. */
export async function startZooKeeperEnsemble(
  size: 3 | 5,
  options: Omit<ZooKeeperOptions, 'port'> = {},
): Promise<ZooKeeperServer[]> {
  for (let attempt = 1; ; attempt++) {
    const members = await createEnsemble(size, options);
    const starts = await Promise.allSettled(members.map((member) => member.start()));
    const failures = starts
      .filter((start) => start.status === 'rejected')
      .map((start): unknown => start.reason);
    if (failures.length === 0) return members;
    await Promise.all(members.map((member) => member.dispose()));
    const wasPortTaken = failures.some((failure) => failure instanceof PortTakenError);
    if (!wasPortTaken || attempt >= START_ATTEMPTS_MAX) throw failures[0];
  }
}

async function createEnsemble(
  size: number,
  options: Omit<ZooKeeperOptions, 'port'>,
): Promise<ZooKeeperServer[]> {
  const ports = await freePorts(3 * size);
  const members = Array.from({ length: size }, (_, i) => ({
    id: String(i + 1),
    port: ports[3 * i] ?? 0,
    address: `127.0.0.1:${String(ports[3 * i + 1])}:${String(ports[3 * i + 2])}`,
  }));
  const quorum = Object.fromEntries(members.map(({ id, address }) => [`server.${id}`, address]));
  return await Promise.all(
    members.map(async ({ id, port }) => {
      const process = await ServerProcess.create('zookeeper');
      await writeFile(join(process.dataDirectory, 'myid'), id);
      return new ZooKeeperServer(process, port, {
        ...options,
        extraConfig: { ...quorum, ...options.extraConfig },
      });
    }),
  );
}

/**
 * Runs one command of ZooKeeper's own command line (`zkCli.sh`), such as `['deleteall', '/config']`.
 * @returns what it printed, log lines included
 * @throws when it exits with an error
 */
export async function zkCli(
  server: { readonly connect: string },
  command: readonly string[],
): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(
    javaBinary(),
    [
      ...JAVA_OPTIONS,
      ...['-cp', zooKeeperClassPath('3.8'), 'org.apache.zookeeper.ZooKeeperMain', '-server', server.connect],
      ...command,
    ],
    { timeout: CLI_TIMEOUT_MS },
  );
  return `${stdout}${stderr}`;
}

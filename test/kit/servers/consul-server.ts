import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { consulBinary } from './found-servers.js';
import { freePorts } from './free-ports.js';
import { PortTakenError, ServerProcess } from './server-process.js';

const START_ATTEMPTS_MAX = 5;
const REQUEST_TIMEOUT_MS = 5_000;
const SNAPSHOT_TIMEOUT_MS = 30_000;

export interface ConsulOptions {
  /** Of the HTTP API. Free by default. A port of the caller's own choice is not replaced when it is taken. */
  readonly port?: number;
  /** Turns access control on, everything denied by default, with a management token. */
  readonly acl?: boolean;
  /** Whether its DNS server answers, on a free port. */
  readonly dns?: boolean;
  /** Further top-level settings, which replace the kit's own of the same name. */
  readonly config?: Readonly<Record<string, unknown>>;
}

export interface ConsulPorts {
  readonly http: number;
  readonly server: number;
  readonly serfLan: number;
  /** Off unless given. */
  readonly dns?: number;
}

/** A real Consul agent with durable data of its own (not `-dev`): a server by itself, unless `config` says otherwise. */
export class ConsulServer {
  readonly managementToken: string | undefined;
  readonly #process: ServerProcess;
  readonly #ports: ConsulPorts;
  readonly #config: Readonly<Record<string, unknown>>;
  /** Tells this server from another one that took the port first. */
  readonly #nodeName = `node-${randomUUID()}`;

  /** Use `startConsul` or `startConsulCluster`. */
  constructor(process: ServerProcess, ports: ConsulPorts, options: ConsulOptions) {
    this.#process = process;
    this.#ports = ports;
    this.#config = options.config ?? {};
    this.managementToken = options.acl === true ? randomUUID() : undefined;
  }

  get port(): number {
    return this.#ports.http;
  }

  /** Of its DNS server. */
  get dnsPort(): number {
    if (this.#ports.dns === undefined) throw new Error('this server was started without DNS');
    return this.#ports.dns;
  }

  /** The HTTP API's address: `http://127.0.0.1:port`. */
  get address(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  /** Where the other members of its cluster reach it, as `/v1/status/leader` has it. */
  get raftAddress(): string {
    return `127.0.0.1:${String(this.#ports.server)}`;
  }

  /** Where others join it. */
  get gossipAddress(): string {
    return `127.0.0.1:${String(this.#ports.serfLan)}`;
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

  /** Starts the server, again on the same ports and data; resolves when it has a leader and takes writes. */
  start(): Promise<void> {
    return this.#start(async () => (await this.#answers()) && (await this.#takesWrites()));
  }

  /** Starts it, and resolves when it answers: a member of a cluster that may have no quorum now. */
  launch(): Promise<void> {
    return this.#start(() => this.#answers());
  }

  async #start(isReady: () => Promise<boolean>): Promise<void> {
    const configFile = join(this.#process.folder, 'consul.json');
    await writeFile(configFile, JSON.stringify(await this.#configuration()));
    await this.#process.start({
      program: consulBinary(),
      parameters: ['agent', `-config-file=${configFile}`],
      portTaken: /address already in use/,
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

  /** Kills the server and deletes its folder. */
  dispose(): Promise<void> {
    return this.#process.dispose();
  }

  /** `consul snapshot save`. */
  async saveSnapshot(): Promise<Buffer> {
    const response = await this.#request('GET', '/v1/snapshot', { timeoutMs: SNAPSHOT_TIMEOUT_MS });
    if (!response.ok) throw new Error(`snapshot save: ${String(response.status)} ${await response.text()}`);
    return Buffer.from(await response.arrayBuffer());
  }

  /** `consul snapshot restore`, into the running server. */
  async restoreSnapshot(snapshot: Buffer): Promise<void> {
    const body = new Uint8Array(snapshot);
    const response = await this.#request('PUT', '/v1/snapshot', { body, timeoutMs: SNAPSHOT_TIMEOUT_MS });
    if (!response.ok)
      throw new Error(`snapshot restore: ${String(response.status)} ${await response.text()}`);
  }

  async #answers(): Promise<boolean> {
    const self = await this.#request('GET', '/v1/agent/self');
    return (await self.text()).includes(this.#nodeName);
  }

  async #takesWrites(): Promise<boolean> {
    const leader = await this.#request('GET', '/v1/status/leader');
    if ((await leader.text()).length <= '""'.length) return false;
    // Removing a key that never was is a write through Raft that leaves no trace in the store.
    const write = await this.#request('DELETE', `/v1/kv/${this.#nodeName}`);
    return write.ok;
  }

  async #request(
    method: string,
    path: string,
    { body, timeoutMs = REQUEST_TIMEOUT_MS }: { body?: Uint8Array<ArrayBuffer>; timeoutMs?: number } = {},
  ): Promise<Response> {
    return await fetch(`${this.address}${path}`, {
      method,
      headers: this.managementToken === undefined ? {} : { 'X-Consul-Token': this.managementToken },
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body }),
    });
  }

  async #configuration(): Promise<Record<string, unknown>> {
    return {
      server: true,
      bootstrap_expect: 1,
      node_name: this.#nodeName,
      data_dir: this.dataDirectory,
      bind_addr: '127.0.0.1',
      client_addr: '127.0.0.1',
      ports: {
        http: this.#ports.http,
        server: this.#ports.server,
        serf_lan: this.#ports.serfLan,
        serf_wan: -1,
        dns: this.#ports.dns ?? -1,
        grpc: -1,
        // From 1.14 on a second port, which older versions refuse to hear of.
        ...((await minorVersion()) >= 14 ? { grpc_tls: -1 } : {}),
      },
      performance: { raft_multiplier: 1 },
      disable_update_check: true,
      ...(this.managementToken === undefined ? {} : { acl: this.#accessControl(this.managementToken) }),
      ...this.#config,
    };
  }

  #accessControl(managementToken: string): Record<string, unknown> {
    return { enabled: true, default_policy: 'deny', tokens: { master: managementToken } };
  }
}

/** The 8 of Consul 1.8.7. */
async function minorVersion(): Promise<number> {
  const { stdout } = await promisify(execFile)(consulBinary(), ['version']);
  return Number(/^Consul v1\.(\d+)/.exec(stdout)?.[1]);
}

/** Starts one Consul server; resolves when it has a leader and takes writes. The caller disposes it. */
export async function startConsul(options: ConsulOptions = {}): Promise<ConsulServer> {
  for (let attempt = 1; ; attempt++) {
    const [http = 0, server = 0, serfLan = 0, dns = 0] = await freePorts(4);
    const own = { http: options.port ?? http, server, serfLan };
    const ports = options.dns === true ? { ...own, dns } : own;
    const consul = new ConsulServer(await ServerProcess.create('consul'), ports, options);
    try {
      await consul.start();
      return consul;
    } catch (error) {
      await consul.dispose();
      const mayTryAgain = options.port === undefined && attempt < START_ATTEMPTS_MAX;
      if (!(error instanceof PortTakenError && mayTryAgain)) throw error;
    }
  }
}

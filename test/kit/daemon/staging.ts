import type { ConsulOptions, ConsulServer } from '../servers/consul-server.js';
import { startConsul } from '../servers/consul-server.js';
import { RawConsul } from '../servers/raw-consul.js';
import { RawZooKeeper } from '../servers/raw-zookeeper.js';
import { waitUntil } from '../servers/wait-until.js';
import type { ZooKeeperOptions, ZooKeeperServer } from '../servers/zookeeper-server.js';
import { startZooKeeper } from '../servers/zookeeper-server.js';
import type { DaemonOptions } from './daemon-process.js';
import { DaemonProcess } from './daemon-process.js';

export interface StagingOptions {
  readonly zookeeper?: ZooKeeperOptions;
  readonly consul?: ConsulOptions;
  readonly daemon?: Partial<DaemonOptions>;
}

/** Two real stores, the tests' own clients to both, and daemons between them. */
export class Staging {
  private readonly daemons: DaemonProcess[] = [];

  private constructor(
    readonly zookeeperServer: ZooKeeperServer,
    readonly consulServer: ConsulServer,
    private zookeeperClient: RawZooKeeper,
    readonly consul: RawConsul,
  ) {}

  static async start(options: StagingOptions = {}): Promise<Staging> {
    const [zookeeperServer, consulServer] = await Promise.all([
      startZooKeeper(options.zookeeper),
      startConsul(options.consul),
    ]);
    const zookeeper = await RawZooKeeper.connect(zookeeperServer);
    const consul = new RawConsul(consulServer);
    return new Staging(zookeeperServer, consulServer, zookeeper, consul);
  }

  get zookeeper(): RawZooKeeper {
    return this.zookeeperClient;
  }

  /** A new session for the tests' client: a restored ensemble refuses one that has seen more than it. */
  async reconnectZooKeeper(): Promise<void> {
    this.zookeeperClient.abandon();
    this.zookeeperClient = await RawZooKeeper.connect(this.zookeeperServer);
  }

  async startDaemon(options: Partial<DaemonOptions> = {}): Promise<DaemonProcess> {
    const daemon = await DaemonProcess.start({
      zookeeper: this.zookeeperServer.connect,
      consul: this.consulServer.address,
      ...options,
    });
    this.daemons.push(daemon);
    return daemon;
  }

  async dispose(): Promise<void> {
    for (const daemon of this.daemons) await daemon.dispose();
    await this.zookeeper.close();
    await Promise.all([this.zookeeperServer.dispose(), this.consulServer.dispose()]);
  }

  /** Waits until the znode holds `value`; undefined waits until there is none. */
  async zookeeperHolds(
    path: string,
    value: string | Uint8Array | undefined,
    timeoutMs = 10_000,
  ): Promise<void> {
    await waitUntil(
      `${path} in ZooKeeper to be ${describe(value)}`,
      async () => sameBytes((await this.zookeeper.get(path))?.data, value),
      { timeoutMs },
    );
  }

  /** Waits until the key holds `value`; undefined waits until there is none. */
  async consulHolds(key: string, value: string | Uint8Array | undefined, timeoutMs = 10_000): Promise<void> {
    await waitUntil(
      `${key} in Consul to be ${describe(value)}`,
      async () => sameBytes((await this.consul.get(key))?.value, value),
      { timeoutMs },
    );
  }
}

function sameBytes(found: Uint8Array | null | undefined, wanted: string | Uint8Array | undefined): boolean {
  if (found === undefined || wanted === undefined) return found === undefined && wanted === undefined;
  return Buffer.from(found ?? []).equals(Buffer.from(wanted as string));
}

function describe(value: string | Uint8Array | undefined): string {
  if (value === undefined) return 'gone';
  return typeof value === 'string' ? JSON.stringify(value) : `${value.length} bytes`;
}

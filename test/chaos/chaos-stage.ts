import { DaemonProcess } from '../kit/daemon/daemon-process.js';
import { FaultProxy } from '../kit/fault-proxy.js';
import { startConsulCluster, type ConsulCluster } from '../kit/servers/consul-cluster.js';
import type { ConsulServer } from '../kit/servers/consul-server.js';
import { watchdog } from '../kit/servers/watchdog.js';
import { startZooKeeperEnsemble, type ZooKeeperServer } from '../kit/servers/zookeeper-server.js';
import type { Role, Store } from './chaos-plan.js';

/** A leader that does not answer is given up after these many ticks of 500 ms. */
const ZOOKEEPER_SYNC_TICKS = '4';
const SESSION_TIMEOUT = '4s';
/** A daemon that is paused does not answer. */
const STATUS_TIMEOUT_MS = 1_000;

export type StoreServer = ZooKeeperServer | ConsulServer;

/** One mapping's places in both stores. */
export interface MappingPlace {
  readonly name: string;
  /** `/chaos/m1`. */
  readonly path: string;
  /** `chaos/m1/`. */
  readonly prefix: string;
}

/** A daemon, and the network between it and the stores. */
export interface ChaosDaemon {
  readonly process: DaemonProcess;
  /** One for each server of the ensemble, in their order. */
  readonly zookeeper: readonly FaultProxy[];
  readonly consul: FaultProxy;
}

/** Two real clusters, and daemons that reach them through proxies of their own. */
export class ChaosStage {
  private constructor(
    readonly zookeeper: readonly ZooKeeperServer[],
    readonly consul: ConsulCluster,
    readonly daemons: readonly ChaosDaemon[],
    readonly mappings: readonly MappingPlace[],
  ) {}

  static async start(options: { readonly daemons: number; readonly mappings: number }): Promise<ChaosStage> {
    const [zookeeper, consul] = await Promise.all([
      startZooKeeperEnsemble(3, { extraConfig: { syncLimit: ZOOKEEPER_SYNC_TICKS } }),
      startConsulCluster(),
    ]);
    const mappings = Array.from({ length: options.mappings }, (_, index): MappingPlace => {
      const name = `m${index + 1}`;
      return { name, path: `/chaos/${name}`, prefix: `chaos/${name}/` };
    });
    const daemons: ChaosDaemon[] = [];
    for (let number = 0; number < options.daemons; number++) {
      daemons.push(await startDaemon(zookeeper, consul, mappings, options.daemons > 1));
    }
    return new ChaosStage(zookeeper, consul, daemons, mappings);
  }

  servers(store: Store): readonly StoreServer[] {
    return store === 'zookeeper' ? this.zookeeper : this.consul.servers;
  }

  /** A running server in this role; where there is none, since nobody leads, any that runs. */
  async serverInRole(store: Store, role: Role): Promise<StoreServer | undefined> {
    const leader = await this.leader(store);
    const running = this.servers(store).filter((server) => server.pid !== undefined);
    if (role === 'leader' && leader !== undefined) return leader;
    return running.find((server) => server !== leader);
  }

  async leader(store: Store): Promise<StoreServer | undefined> {
    if (store === 'consul') return this.consul.leader();
    const roles = await Promise.all(this.zookeeper.map((server) => server.role()));
    return this.zookeeper[roles.indexOf('leader')];
  }

  /** Which daemon is active for most mappings; the first one while none answers. */
  async busiestDaemon(): Promise<number> {
    const counts = await Promise.all(this.daemons.map(({ process }) => activeMappings(process)));
    return counts.indexOf(Math.max(...counts));
  }

  proxies(daemon: number, store: Store | 'both'): readonly FaultProxy[] {
    const { zookeeper, consul } = this.daemon(daemon);
    if (store === 'both') return [...zookeeper, consul];
    return store === 'zookeeper' ? zookeeper : [consul];
  }

  daemon(number: number): ChaosDaemon {
    const daemon = this.daemons[number];
    if (daemon === undefined) throw new RangeError(`there is no daemon ${number}`);
    return daemon;
  }

  async dispose(): Promise<void> {
    for (const { process, zookeeper, consul } of this.daemons) {
      await process.dispose();
      watchdog.releaseFolder(process.directory);
      for (const proxy of [...zookeeper, consul]) await proxy.close();
    }
    await Promise.all(this.zookeeper.map((server) => server.dispose()));
    await this.consul.dispose();
  }
}

async function startDaemon(
  zookeeper: readonly ZooKeeperServer[],
  consul: ConsulCluster,
  mappings: readonly MappingPlace[],
  isOneOfSeveral: boolean,
): Promise<ChaosDaemon> {
  const zookeeperProxies = await Promise.all(zookeeper.map((server) => FaultProxy.start(server)));
  const consulProxy = await FaultProxy.start(consul.agent);
  const process = await DaemonProcess.start({
    zookeeper: zookeeperProxies.map((proxy) => proxy.connect).join(','),
    consul: consulProxy.address,
    config: {
      zookeeper: { sessionTimeout: SESSION_TIMEOUT },
      ...(isOneOfSeveral ? { highAvailability: { enabled: true } } : {}),
    },
    mappings: mappings.map(({ name, path, prefix }) => ({
      name,
      zookeeper: path,
      consul: prefix.slice(0, -1),
      // Whole mappings change within minutes here, and hardly anything is to be held.
      maxDelete: { percent: 100, atLeast: 1_000_000 },
      maxOverwrite: { percent: 100, atLeast: 1_000_000 },
      // What a watch or a walk after a reconnect has missed must show.
      verifyEvery: '6h',
    })),
  });
  watchdog.guardFolder(process.directory);
  return { process, zookeeper: zookeeperProxies, consul: consulProxy };
}

async function activeMappings(process: DaemonProcess): Promise<number> {
  if (!process.isRunning) return -1;
  try {
    return (await process.status(STATUS_TIMEOUT_MS)).mappings.filter(({ role }) => role === 'active').length;
  } catch {
    return -1; // It is paused, or has just begun or ended.
  }
}

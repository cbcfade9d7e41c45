import { onTestFinished } from 'vitest';
import type { CatalogRegistration } from '../../../src/ports/catalog.js';
import type { DaemonProcess } from '../../kit/daemon/daemon-process.js';
import type { StagingOptions } from '../../kit/daemon/staging.js';
import { Staging } from '../../kit/daemon/staging.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import { waitUntil } from '../../kit/servers/wait-until.js';
import { CatalogUser } from '../consul/catalog-fixture.js';

export const LIST = 'apps';
/** As long as servers allow: programs outlive their store's outages. */
const PROGRAM_SESSION_MS = 60_000;

/** As it stands in the configuration. */
export function listOf(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { name: LIST, zookeeper: '/services', format: 'curator', removeAfter: '1s', ...more };
}

/** Two real stores with a daemon that shows the services of each in the other. */
export class Bridge {
  readonly user: CatalogUser;

  private constructor(
    readonly staging: Staging,
    public daemon: DaemonProcess,
  ) {
    this.user = new CatalogUser(staging.consul);
  }

  /** Disposed after the test. */
  static async start(
    services: Record<string, unknown> = {},
    stores: StagingOptions = {},
    config: Record<string, Record<string, unknown>> = {},
    /** Of the daemon's token, in Consul's policy language; where Consul has access control. */
    rules?: string,
  ): Promise<Bridge> {
    const staging = await Staging.start(stores);
    onTestFinished(() => staging.dispose());
    const token = rules === undefined ? undefined : (await staging.consul.createToken(rules)).secret;
    const consul = token === undefined ? {} : { consul: { ...config['consul'], token } };
    const daemon = await staging.startDaemon({
      services: [listOf(services)],
      config: { ...config, ...consul },
    });
    const bridge = new Bridge(staging, daemon);
    await daemon.inSync(LIST);
    return bridge;
  }

  /** A program that registers in ZooKeeper; its registration goes with `close`. */
  async registerInZooKeeper(path: string, data: string): Promise<RawZooKeeper> {
    const program = await RawZooKeeper.connect(this.staging.zookeeperServer, {
      sessionTimeoutMs: PROGRAM_SESSION_MS,
    });
    onTestFinished(() => program.abandon());
    await makeParents(program, path);
    await program.create(path, data, { mode: 'ephemeral' });
    return program;
  }

  /** A program that registers in Consul, on a node of its own. */
  async registerInConsul(
    more: Partial<CatalogRegistration> = {},
    status = 'passing',
  ): Promise<CatalogRegistration> {
    const registration = {
      node: 'host-1',
      id: 'web-1',
      service: 'web',
      address: '10.0.0.1',
      port: 80,
      tags: [],
      meta: {},
      weight: 1,
      ...more,
    };
    await this.user.makeNode(registration.node);
    await this.user.register(registration, status);
    return registration;
  }

  /** Waits until clients of Consul find exactly these addresses. */
  async consulShows(service: string, addresses: readonly string[], timeoutMs = 10_000): Promise<void> {
    const wanted = [...addresses].sort().join();
    await waitUntil(
      `${service} in Consul to be ${wanted}`,
      async () => {
        const seen = await this.passing(service);
        if (seen.join() !== wanted) throw new Error(`it is ${seen.join()}`);
        return true;
      },
      { timeoutMs },
    );
  }

  async passing(service: string): Promise<readonly string[]> {
    const instances = await this.user.instances(service);
    return instances
      .filter(({ statuses }) => statuses.every((status) => status === 'passing'))
      .map(({ registration }) => `${registration.address}:${registration.port}`)
      .sort();
  }

  /** What the nodes below a path hold, by their names. */
  async nodesBelow(path: string): Promise<ReadonlyMap<string, string>> {
    const names =
      (await this.staging.zookeeper.get(path)) === undefined
        ? []
        : await this.staging.zookeeper.children(path);
    const nodes = new Map<string, string>();
    for (const name of names) {
      const node = await this.staging.zookeeper.get(`${path}/${name}`);
      if (node !== undefined) nodes.set(name, Buffer.from(node.data ?? []).toString());
    }
    return nodes;
  }

  /** Waits until there are so many nodes below a path. */
  async zookeeperShows(
    path: string,
    count: number,
    timeoutMs = 10_000,
  ): Promise<ReadonlyMap<string, string>> {
    return waitUntil(
      `${count} instances below ${path}`,
      async () => {
        const nodes = await this.nodesBelow(path);
        if (nodes.size !== count) throw new Error(`there are ${[...nodes.keys()].join()}`);
        return nodes;
      },
      { timeoutMs },
    );
  }
}

async function makeParents(client: RawZooKeeper, path: string): Promise<void> {
  const segments = path.split('/').slice(1, -1);
  for (const at of segments.keys()) {
    const parent = `/${segments.slice(0, at + 1).join('/')}`;
    if ((await client.get(parent)) === undefined) await client.create(parent, '').catch(() => undefined);
  }
}

export function curatorInstance(service: string, id: string, address: string, port: number): string {
  return JSON.stringify({
    name: service,
    id,
    address,
    port,
    sslPort: null,
    payload: null,
    registrationTimeUTC: 1_700_000_000_000,
    serviceType: 'DYNAMIC',
    uriSpec: null,
  });
}

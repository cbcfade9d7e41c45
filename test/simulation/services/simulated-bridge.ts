import { configSchema, unite } from '../../../src/config/schema.js';
import type { Config, MappingConfig, ServicesConfig } from '../../../src/config/schema.js';
import { CatalogReplica } from '../../../src/consul/catalog/catalog-replica.js';
import { ConsulClient } from '../../../src/consul/consul-client.js';
import type { Pair } from '../../../src/core/pair.js';
import {
  departuresOf,
  placesOfServices,
  scopeOfServices,
  translationOf,
} from '../../../src/daemon/services-context.js';
import type { Archive } from '../../../src/ports/archive.js';
import type { Logger } from '../../../src/ports/logger.js';
import type { Replica } from '../../../src/ports/replica.js';
import { RegistrationsReplica } from '../../../src/services/registrations-replica.js';
import type { MappingContext } from '../../../src/sync/context.js';
import { Leaderships } from '../../../src/sync/leaderships.js';
import { MappingSync } from '../../../src/sync/mapping-sync.js';
import { Operator } from '../../../src/sync/operator.js';
import type { CatalogTables } from '../../kit/memory-consul/catalog-tables.js';
import { LinkedTransport } from '../../kit/memory-consul/linked-transport.js';
import type { MemoryCatalog } from '../../kit/memory-consul/memory-catalog.js';
import { contentDigest } from '../../kit/memory-store/content-digest.js';
import { Link } from '../../kit/memory-store/link.js';
import { MemoryElection } from '../../kit/memory-store/memory-election.js';
import type { MemoryTree } from '../../kit/memory-store/memory-tree.js';
import { MemoryTreeReplica } from '../../kit/memory-store/memory-tree-replica.js';
import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import type { SimClock } from '../../kit/memory-store/sim-clock.js';
import { daemonContext } from '../../kit/simulation/daemon-context.js';
import { MortalProcess } from '../../kit/simulation/mortal-process.js';
import type { Network } from '../network.js';
import { NO_METRICS, simulatedLogger } from '../simulated-logger.js';
import type { TraceLog } from '../trace-log.js';
import { LIST } from './instances.js';
import type { BridgeSetup, ServicesSetup } from './plan.js';
import { renamesOf } from './service-names.js';

const MARKS_PAGE = 1_000;
export const SESSION_TIMEOUT_MS = 4_000;

export interface BridgeParts {
  /** What the process calls itself, in ledgers and in the feeds of the stores. */
  readonly name: string;
  /** Which of the bridges it is, and how that is configured by now. */
  readonly at: number;
  readonly bridge: BridgeSetup;
  readonly archive: Archive;
  readonly clock: SimClock;
  readonly aheadMs: () => number;
  readonly tree: MemoryTree;
  readonly catalog: MemoryCatalog;
  readonly network: Network;
  /** What servers show that lag, while they do. */
  readonly stale: {
    readonly tree: () => MemoryTree | undefined;
    readonly catalog: () => CatalogTables | undefined;
  };
  readonly setup: ServicesSetup;
  readonly seed: number;
  readonly trace: TraceLog;
  readonly ended: (reason: unknown) => void;
  readonly complained: (complaint: string) => void;
}

/** A list of services as the daemon's configuration has it. */
export function listOf(
  setup: ServicesSetup,
  bridge: BridgeSetup,
  withdrawn = false,
): { config: Config; list: MappingConfig; services: ServicesConfig } {
  const seconds = (ms: number): string => `${ms / 1_000}s`;
  const config = unite(
    configSchema.parse({
      instance: bridge.instance,
      zookeeper: { connect: 'zookeeper:2181' },
      consul: { address: 'http://consul:8500' },
      archive: { path: '/archive', onLoss: setup.onArchiveLoss },
      services: [
        {
          name: LIST,
          zookeeper: bridge.root,
          format: setup.format === 'spring' ? 'curator' : setup.format,
          payload: setup.format === 'spring' ? 'spring' : 'none',
          consul: { namePrefix: setup.namePrefix, tags: setup.tags, onlyPassing: setup.onlyPassing },
          direction: setup.direction,
          exclude: bridge.exclude,
          ...(setup.renames && { rename: renamesOf(setup) }),
          removeAfter: seconds(setup.removeAfterMs),
          minHealthy: setup.minHealthy,
          verifyEvery: seconds(setup.verifyEveryMs),
        },
      ],
    }),
  );
  const list = config.mappings[0];
  if (list?.services === undefined) throw new Error('the configuration has no services');
  const services = withdrawn ? { ...list.services, withdrawn } : list.services;
  return { config, list: { ...list, services }, services };
}

/** One process of a bridge, from its start to its end: the daemon's own replicas between two stores in memory. */
export class SimulatedBridge {
  readonly process = new MortalProcess();
  readonly sync: MappingSync;
  readonly operator: Operator;
  readonly election: MemoryElection | undefined;
  readonly links: Pair<Link>;
  readonly #stopping = new AbortController();
  readonly #leaving = new AbortController();
  readonly #running: Promise<void>;
  readonly #electing: Promise<void> | undefined;

  constructor(private readonly parts: BridgeParts) {
    const { process } = this;
    const random = new SeededRandom(parts.seed);
    this.links = { left: this.#link('tree', random), right: this.#link('catalog', random) };
    const logger = this.#logger();
    this.election = this.#election();
    const leaderships =
      this.election &&
      new Leaderships({ election: this.election, clock: process.clock(parts.clock, parts.aheadMs), logger });
    this.sync = new MappingSync({ ...this.context(random, logger), leaderships });
    this.operator = new Operator(this.sync);
    parts.network.connect('left', this.links.left);
    parts.network.connect('right', this.links.right);
    this.#running = this.sync.run(this.#stopping.signal);
    this.#running.then(
      () => undefined,
      (reason: unknown) => {
        if (!process.isDead) parts.ended(reason);
      },
    );
    this.#electing = leaderships?.run(this.#leaving.signal);
  }

  /** Of its bridge. */
  get at(): number {
    return this.parts.at;
  }

  get isLeading(): boolean {
    return this.election === undefined || this.sync.role === 'active';
  }

  /** Entries that it lists as held or left out. */
  setAside(): string[] {
    const marks = this.sync.memory.archive.marksAfter(undefined, MARKS_PAGE);
    return [...this.sync.unrecordableKeys, ...marks.map(([key]) => key)];
  }

  /** SIGTERM. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running.catch(() => undefined);
    this.#leaving.abort();
    await this.#electing;
    await this.parts.archive.close();
    this.process.kill();
    this.#leave();
  }

  /** What is to be done once it is dead, or right before. */
  bury(requestsArrive: boolean): void {
    this.process.kill();
    this.#leaving.abort();
    if (!requestsArrive) for (const link of [this.links.left, this.links.right]) link.disconnect();
    this.#leave();
  }

  #leave(): void {
    this.parts.network.forget('left', this.links.left);
    this.parts.network.forget('right', this.links.right);
  }

  #link(storeName: string, random: SeededRandom): Link {
    const { clock, setup } = this.parts;
    return new Link({ storeName, clock, random, travelMs: setup.travelMs });
  }

  private context(random: SeededRandom, logger: Logger): MappingContext {
    const { parts, process, links } = this;
    const clock = process.clock(parts.clock, parts.aheadMs);
    const replicas = replicasOf({ ...parts, clock, random, links, around: (work) => process.around(work) });
    return contextOf({ ...parts, clock, random, logger, replicas: process.replicas(replicas) }, (archive) =>
      process.archive(archive),
    );
  }

  #election(): MemoryElection | undefined {
    const { name, tree, bridge, setup } = this.parts;
    if (setup.seats === 1) return undefined;
    const id = name.replaceAll('/', '-');
    const self = { id, host: id, admin: undefined };
    const { instance } = bridge;
    return new MemoryElection({
      tree,
      link: this.links.left,
      instance,
      self,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
    });
  }

  #logger(): Logger {
    const { name, trace, complained } = this.parts;
    const isDead = (): boolean => this.process.isDead;
    return simulatedLogger({ name, trace, isDead, complained, isExpected: () => false });
  }
}

type ReplicaParts = Pick<BridgeParts, 'name' | 'bridge' | 'setup' | 'tree' | 'catalog' | 'stale'> & {
  readonly clock: MappingContext['clock'];
  readonly random: SeededRandom;
  readonly links: Pair<Link>;
  readonly around?: <T>(work: () => Promise<T>) => Promise<T>;
  readonly withdrawn?: boolean;
};

/** The replicas of services on the simulated stores: the catalog's from its requests on, the tree's from its nodes on. */
export function replicasOf(parts: ReplicaParts): Pair<Replica> {
  const { name, bridge, setup, tree, catalog, stale, clock, random, links, around, withdrawn } = parts;
  const { config, services } = listOf(setup, bridge, withdrawn);
  const translation = translationOf(config.instance, LIST, services);
  const nodes = new MemoryTreeReplica({
    tree,
    link: links.left,
    root: bridge.root,
    ledgerPlace: `${bridge.instance}/${LIST}`,
    digest: contentDigest,
    writer: name,
    bounds: setup.bounds,
    watches: setup.watches,
    staleTree: stale.tree,
  });
  const transport = new LinkedTransport({
    catalog,
    link: links.right,
    clock,
    writer: name,
    stale: stale.catalog,
    ...(around !== undefined && { around }),
  });
  return {
    left: new RegistrationsReplica({ nodes, translation, digest: contentDigest }),
    right: new CatalogReplica({
      client: new ConsulClient({ address: new URL('http://consul:8500'), transport }),
      translation,
      ledgerKey: `zk-consul-sync/${bridge.instance}/${LIST}`,
      namespacePrefix: 'zk-consul-sync/',
      digest: contentDigest,
      clock,
      random,
      onlyPassing: setup.onlyPassing,
    }),
  };
}

export function contextOf(
  parts: Pick<BridgeParts, 'name' | 'bridge' | 'setup' | 'archive'> & {
    readonly clock: MappingContext['clock'];
    readonly random: SeededRandom;
    readonly logger: Logger;
    readonly replicas: Pair<Replica>;
    readonly withdrawn?: boolean;
  },
  archiveOf: (archive: MappingContext['archive']) => MappingContext['archive'] = (archive) => archive,
): MappingContext {
  const { name, bridge, setup, archive, withdrawn, ...rest } = parts;
  const { config, list, services } = listOf(setup, bridge, withdrawn);
  const places = placesOfServices(config, list, services);
  const source = { both: undefined, 'zookeeper-to-consul': 'left', 'consul-to-zookeeper': 'right' } as const;
  return {
    ...daemonContext({
      ...rest,
      writer: name,
      archive: archiveOf(archive.mapping(places)),
      metrics: NO_METRICS,
      policy: { source: source[list.direction], drift: list.drift },
    }),
    name: LIST,
    instance: bridge.instance,
    sideNames: { left: 'zookeeper', right: 'consul' },
    places,
    scope: scopeOfServices(config, list, services),
    departures: departuresOf(config, list),
    maxDelete: list.maxDelete,
    maxOverwrite: list.maxOverwrite,
    verifyEveryMs: list.verifyEveryMs,
    onArchiveLoss: withdrawn === true ? 'merge' : setup.onArchiveLoss,
  };
}

import type { Pair } from '../../src/core/pair.js';
import type { Archive } from '../../src/ports/archive.js';
import type { Logger } from '../../src/ports/logger.js';
import { MappingSync } from '../../src/sync/mapping-sync.js';
import { Operator } from '../../src/sync/operator.js';
import { Orders } from '../../src/sync/orders.js';
import { contentDigest } from '../kit/memory-store/content-digest.js';
import { Link } from '../kit/memory-store/link.js';
import type { MemoryFlat } from '../kit/memory-store/memory-flat.js';
import { MemoryFlatReplica } from '../kit/memory-store/memory-flat-replica.js';
import type { MemoryTree } from '../kit/memory-store/memory-tree.js';
import { MemoryTreeReplica } from '../kit/memory-store/memory-tree-replica.js';
import { SeededRandom } from '../kit/memory-store/seeded-random.js';
import type { SimClock } from '../kit/memory-store/sim-clock.js';
import { daemonContext, LEDGER_PLACE, PLACES, PREFIX, ROOT } from '../kit/simulation/daemon-context.js';
import { MortalProcess } from '../kit/simulation/mortal-process.js';
import type { Network } from './network.js';
import type { Setup } from './plan.js';
import { DAEMON } from './recorder.js';
import { NO_METRICS, simulatedLogger } from './simulated-logger.js';
import type { TraceLog } from './trace-log.js';

const MARKS_PAGE = 1_000;
const JOURNAL_BYTES_SMALL = 10_000;

export interface DaemonParts {
  readonly name: string;
  readonly archive: Archive;
  readonly clock: SimClock;
  /** How far the clock of its machine is ahead of the true time. */
  readonly aheadMs: () => number;
  readonly tree: MemoryTree;
  readonly flat: MemoryFlat;
  readonly network: Network;
  /** What servers show that lag, while they do. */
  readonly stale: {
    readonly tree: () => MemoryTree | undefined;
    readonly flat: () => MemoryFlat | undefined;
  };
  readonly setup: Setup;
  readonly seed: number;
  readonly trace: TraceLog;
  /** Called when it ends by itself, with the reason. */
  readonly ended: (reason: unknown) => void;
  /** Called with what it says is wrong with itself. */
  readonly complained: (complaint: string) => void;
}

/** One process of the daemon, from its start to its end. */
export class SimulatedDaemon {
  readonly process = new MortalProcess();
  readonly sync: MappingSync;
  readonly operator: Operator;
  readonly orders: Orders;
  readonly #links: Pair<Link>;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(private readonly parts: DaemonParts) {
    const { name, archive, clock, setup, process } = { ...parts, process: this.process };
    const random = new SeededRandom(parts.seed);
    this.#links = { left: this.#link('tree', random), right: this.#link('flat', random) };
    const context = daemonContext({
      writer: name,
      replicas: process.replicas(this.#replicas()),
      archive: process.archive(archive.mapping(PLACES)),
      clock: process.clock(clock, parts.aheadMs),
      random,
      logger: this.#logger(),
      metrics: NO_METRICS,
      policy: setup.policy,
    });
    const hour = { withinMs: 3_600_000 };
    this.sync = new MappingSync({
      ...context,
      verifyEveryMs: setup.verifyEveryMs,
      onArchiveLoss: setup.onArchiveLoss,
      maxDelete: { ...setup.maxDelete, ...hour },
      maxOverwrite: { ...setup.maxOverwrite, ...hour },
    });
    this.operator = new Operator(this.sync);
    this.orders = new Orders(this.sync);
    parts.network.connect('left', this.#links.left);
    parts.network.connect('right', this.#links.right);
    this.#running = this.sync.run(this.#stopping.signal);
    this.#running.then(
      () => undefined,
      (reason: unknown) => {
        if (!process.isDead) parts.ended(reason);
      },
    );
  }

  /** Entries that it lists as held, left out or drifted. */
  setAside(): string[] {
    const keys: string[] = [...this.sync.unrecordableKeys];
    const { archive } = this.sync.memory;
    for (let page = archive.marksAfter(undefined, MARKS_PAGE); page.length > 0;) {
      // What was ordered is to be done.
      keys.push(...page.filter(([, mark]) => mark.kind !== 'ordered').map(([key]) => key));
      page = archive.marksAfter(page.at(-1)?.[0], MARKS_PAGE);
    }
    return keys;
  }

  /** SIGTERM. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running.catch(() => undefined);
    await this.parts.archive.close();
    // What a person has ordered, and nobody waits for, ends with the process.
    this.process.kill();
    this.#leave();
  }

  /** What is to be done once it is dead, or right before. */
  bury(requestsArrive: boolean): void {
    this.process.kill();
    if (!requestsArrive) for (const link of [this.#links.left, this.#links.right]) link.disconnect();
    this.#leave();
  }

  #leave(): void {
    this.parts.network.forget('left', this.#links.left);
    this.parts.network.forget('right', this.#links.right);
  }

  #link(storeName: string, random: SeededRandom): Link {
    const { clock, setup } = this.parts;
    return new Link({ storeName, clock, random, travelMs: setup.travelMs });
  }

  #replicas(): Pair<MemoryTreeReplica | MemoryFlatReplica> {
    const { name, tree, flat, stale, setup } = this.parts;
    const common = {
      ledgerPlace: LEDGER_PLACE,
      digest: contentDigest,
      writer: `${DAEMON} ${name}`,
      bounds: setup.bounds,
    };
    return {
      left: new MemoryTreeReplica({
        ...common,
        tree,
        link: this.#links.left,
        root: ROOT,
        watches: setup.watches ?? 'recursive',
        staleTree: stale.tree,
      }),
      right: new MemoryFlatReplica({
        ...common,
        flat,
        link: this.#links.right,
        prefix: PREFIX,
        staleFlat: stale.flat,
        tells: setup.tells ?? 'stirs',
      }),
    };
  }

  /** Errors that are not the stores' are the daemon's own. */
  #logger(): Logger {
    const { trace, complained, name, setup } = this.parts;
    return simulatedLogger({
      name,
      trace,
      isDead: () => this.process.isDead,
      complained,
      // A journal of a few values can have no room for one that nothing can hold any more.
      isExpected: (fields) => fields['bytes'] !== undefined && setup.journalMaxBytes < JOURNAL_BYTES_SMALL,
    });
  }
}

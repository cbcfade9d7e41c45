import { decodeSegment } from '../../../src/core/key-codec.js';
import type { Pair, Side } from '../../../src/core/pair.js';
import type { Policy } from '../../../src/core/policy.js';
import type { Clock } from '../../../src/ports/clock.js';
import type { Archive } from '../../../src/ports/archive.js';
import type { Logger } from '../../../src/ports/logger.js';
import type { MappingMetrics } from '../../../src/ports/metrics.js';
import type { MappingContext } from '../../../src/sync/context.js';
import type { Leaderships } from '../../../src/sync/leaderships.js';
import { MappingSync } from '../../../src/sync/mapping-sync.js';
import { Operator } from '../../../src/sync/operator.js';
import { MemoryArchiveDisk } from '../memory-archive.js';
import { contentDigest } from '../memory-store/content-digest.js';
import { FlatClient } from '../memory-store/flat-client.js';
import { Link } from '../memory-store/link.js';
import { MemoryFlat } from '../memory-store/memory-flat.js';
import { MemoryFlatReplica } from '../memory-store/memory-flat-replica.js';
import type { WatchTells } from '../memory-store/memory-flat-replica.js';
import { MemoryTree } from '../memory-store/memory-tree.js';
import { MemoryTreeReplica } from '../memory-store/memory-tree-replica.js';
import { SeededRandom } from '../memory-store/seeded-random.js';
import { SimClock } from '../memory-store/sim-clock.js';
import { TreeClient } from '../memory-store/tree-client.js';
import { daemonContext, LEDGER_PLACE, PLACES, PREFIX, ROOT } from './daemon-context.js';

const JOURNAL = { keepMs: 30 * 24 * 3_600_000, maxBytes: 2 ** 30 };

export interface WorldOptions {
  readonly seed?: number;
  readonly context?: Partial<MappingContext>;
  readonly policy?: Partial<Policy>;
  /** Room in the conflict journal. */
  readonly journalMaxBytes?: number;
  /** How long the archive's disk takes for a commit. */
  readonly diskSyncMs?: number;
  /** How long requests travel, each way. */
  readonly travelMs?: { readonly min: number; readonly max: number };
  /** What the watch of the flat store tells. */
  readonly tells?: WatchTells;
  /** Where its archive is: the world's disk unless given. */
  readonly disk?: MemoryArchiveDisk;
  /** Time as the daemon has it. The world's unless given. */
  readonly clock?: Clock;
  /** Makes the daemon one of several: how it takes part in elections, over its connection to the tree. */
  readonly elect?: (life: { readonly name: string; readonly link: Link }) => Leaderships;
}

/** What a daemon lives in. */
export type Surroundings = Pick<SimulatedWorld, 'clock' | 'random' | 'tree' | 'flat'>;

/** Two stores in memory under a simulated clock, clients of both, and one daemon's mapping between them. */
export class SimulatedWorld {
  readonly clock = new SimClock();
  readonly random: SeededRandom;
  readonly tree: MemoryTree;
  readonly flat: MemoryFlat;
  readonly treeClient: TreeClient;
  readonly flatClient: FlatClient;
  readonly disk: MemoryArchiveDisk;
  private process: DaemonLife | undefined;
  private lives = 0;

  constructor(private readonly options: WorldOptions = {}) {
    this.random = new SeededRandom(options.seed ?? 1);
    this.tree = new MemoryTree(this.clock);
    this.flat = new MemoryFlat(this.clock);
    this.treeClient = new TreeClient(this.tree, ROOT);
    this.flatClient = new FlatClient(this.flat, PREFIX);
    this.disk = new MemoryArchiveDisk({
      journal: { ...JOURNAL, maxBytes: options.journalMaxBytes ?? JOURNAL.maxBytes },
      ...(options.diskSyncMs !== undefined && {
        sync: () => this.clock.sleep(options.diskSyncMs ?? 0, new AbortController().signal),
      }),
    });
  }

  /** Starts the daemon on the disk's archive. */
  async start(options: WorldOptions = {}): Promise<DaemonLife> {
    const archive = await (options.disk ?? this.disk).open();
    const merged: WorldOptions = {
      ...this.options,
      ...options,
      context: { ...this.options.context, ...options.context },
      policy: { ...this.options.policy, ...options.policy },
    };
    this.process = new DaemonLife(this, archive, `life-${++this.lives}`, merged);
    return this.process;
  }

  get daemon(): DaemonLife {
    if (this.process === undefined) throw new Error('the daemon does not run');
    return this.process;
  }

  /** `kill -9`: of the commits it was waiting for, the disk keeps some. */
  crash(): void {
    this.process?.crash();
    this.disk.crash((pending) => this.random.below(pending + 1));
    this.process = undefined;
  }

  async stop(): Promise<void> {
    const { process } = this;
    this.process = undefined;
    await process?.stop();
  }

  async inSync(limitMs = 600_000): Promise<void> {
    const what = 'both sides to be in sync';
    await this.clock.runUntil(() => this.daemon.sync.isInSync, { limitMs, what });
  }

  async held(reason: string, limitMs = 600_000): Promise<void> {
    const isHeld = (): boolean => this.daemon.sync.holds.some((hold) => hold.reason === reason);
    await this.clock.runUntil(isHeld, { limitMs, what: `a hold ${reason}` });
  }

  /** What the tree holds below the mapping, as text; nodes without data left out. */
  treeEntries(): Map<string, string> {
    const entries = new Map<string, string>();
    for (const key of this.keysOfTree()) {
      const value = this.treeClient.get(key);
      if (value !== undefined && value.length > 0) entries.set(key, Buffer.from(value).toString());
    }
    return entries;
  }

  /** What the flat store holds below the mapping, as text; empty values left out, as the tree can't show them. */
  flatEntries(): Map<string, string> {
    const entries = new Map<string, string>();
    for (const key of this.flat.keys(PREFIX)) {
      const value = this.flat.entry(key)?.value;
      if (value !== undefined && value.length > 0) {
        entries.set(key.slice(PREFIX.length), Buffer.from(value).toString());
      }
    }
    return entries;
  }

  private keysOfTree(): string[] {
    const keys: string[] = [];
    const walk = (path: string, key: string): void => {
      for (const name of this.tree.children(path)) {
        const segment = decodeSegment(name);
        const below = path === ROOT ? segment : `${key}/${segment}`;
        keys.push(below);
        walk(`${path}/${name}`, below);
      }
    };
    walk(ROOT, '');
    return keys;
  }
}

/** One process of the daemon, from its start to its end. */
export class DaemonLife {
  readonly sync: MappingSync;
  readonly operator: Operator;
  readonly links: Pair<Link>;
  /** Writes of entries that were acknowledged, both sides together. */
  written = 0;
  readonly errors: string[] = [];
  private readonly leaderships: Leaderships | undefined;
  private readonly stopping = new AbortController();
  private readonly leaving = new AbortController();
  private readonly running: Promise<void>;
  private readonly electing: Promise<void> | undefined;

  constructor(
    world: Surroundings,
    private readonly archive: Archive,
    name: string,
    options: WorldOptions,
  ) {
    const { random } = world;
    const clock = options.clock ?? world.clock;
    const link = (storeName: string): Link =>
      new Link({ storeName, clock, random, ...(options.travelMs && { travelMs: options.travelMs }) });
    this.links = { left: link('tree'), right: link('flat') };
    const common = { ledgerPlace: LEDGER_PLACE, digest: contentDigest, writer: 'daemon' };
    this.leaderships = options.elect?.({ name, link: this.links.left });
    this.sync = new MappingSync({
      ...daemonContext({
        writer: name,
        replicas: {
          left: new MemoryTreeReplica({ ...common, tree: world.tree, link: this.links.left, root: ROOT }),
          right: new MemoryFlatReplica({
            ...common,
            flat: world.flat,
            link: this.links.right,
            prefix: PREFIX,
            ...(options.tells !== undefined && { tells: options.tells }),
          }),
        },
        policy: options.policy,
        archive: archive.mapping(PLACES),
        clock,
        random,
        leaderships: this.leaderships,
        logger: this.logger(),
        metrics: this.metrics(),
      }),
      ...options.context,
    });
    this.operator = new Operator(this.sync);
    this.running = this.sync.run(this.stopping.signal);
    this.electing = this.leaderships?.run(this.leaving.signal);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    this.leaving.abort();
    await this.electing;
    await this.archive.close();
  }

  /** Whatever it still does from here on reaches nobody. */
  crash(): void {
    this.links.left.disconnect();
    this.links.right.disconnect();
    this.stopping.abort();
    this.leaving.abort();
    this.running.catch(() => undefined);
  }

  linkOf(side: Side): Link {
    return this.links[side];
  }

  private metrics(): MappingMetrics {
    const nothing = (): void => undefined;
    return {
      write: (_on, _operation, result, count) => {
        if (result === 'applied') this.written += count;
      },
      batch: nothing,
      echoes: nothing,
      conflict: nothing,
      rescan: nothing,
      clientChange: nothing,
      propagated: nothing,
      reconciled: nothing,
    };
  }

  /** Errors that are not the stores' are the daemon's own. */
  private logger(): Logger {
    const logger: Logger = {
      isLevelEnabled: () => true,
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: (fields, message) =>
        void this.errors.push(`${message} ${fields.err instanceof Error ? (fields.err.stack ?? '') : ''}`),
      child: () => logger,
    };
    return logger;
  }
}

export function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

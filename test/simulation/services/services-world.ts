import { SyncError } from '../../../src/ports/errors.js';
import type { Violation } from '../../kit/history/history.js';
import { MemoryArchiveDisk } from '../../kit/memory-archive.js';
import type { CatalogTables, RowChange } from '../../kit/memory-consul/catalog-tables.js';
import type { CatalogCommit } from '../../kit/memory-consul/memory-catalog.js';
import { MemoryCatalog } from '../../kit/memory-consul/memory-catalog.js';
import type { Commit } from '../../kit/memory-store/commit-feed.js';
import type { TreeSnapshot } from '../../kit/memory-store/memory-tree.js';
import { MemoryTree } from '../../kit/memory-store/memory-tree.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';
import { Network } from '../network.js';
import type { FaultAct, StoreAct } from '../plan.js';
import { TraceLog } from '../trace-log.js';
import { LIST } from './instances.js';
import { Judge } from './judge.js';
import type { ServicesPlan, ServicesSetup } from './plan.js';
import { Registrars } from './registrars.js';
import { Seats } from './seats.js';

/** What daemons call themselves in the feeds of the stores begins with this; everybody else is a client. */
const DAEMON = 'daemon';
/** From the reading of the stores to the first write. */
const RACE_MS = 6_000;
/** Copies that one round may write, one batch after the other. */
const ROUND_COPIES = 40;
/** A write is given up after ten seconds, and may be delayed by as much. */
const RACE_AMONG_FAULTS_MS = 30_000;
const NOTICES_WITHIN_MS = 5_000;
const JOURNAL = { keepMs: 30 * 24 * 3_600_000, maxBytes: 2 ** 30 };

/** How long a round takes that writes all copies, each batch with two trips and a commit. */
function roundMs({ bounds, travelMs, diskMs }: ServicesSetup): number {
  return Math.ceil(ROUND_COPIES / bounds.batchOperationsMax) * (2 * travelMs.max + diskMs);
}

/** Acts that nothing can be missed or come late for. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...['register', 'leave', 'leave-together', 'health', 'node-health', 'end-session'],
  ...['meddle', 'stranger', 'delete-node', 'fill-parent', 'wake-watches', 'double-hints', 'approve'],
]);

/** Acts that an archive may not survive as it was: of parents that were made nothing else tells. */
const FORGETTING: ReadonlySet<string> = new Set(['delete-archive', 'restore', 'wipe', 'crash']);

/** Another daemon, or another instance on the same tree, knows nothing of parents that it has not made. */
function remembersParents({ setup, steps }: ServicesPlan): boolean {
  const roots = new Set(setup.bridges.map(({ root }) => root));
  const isAlone = setup.seats === 1 && roots.size === setup.bridges.length;
  return isAlone && !steps.some(({ act }) => FORGETTING.has(act.do));
}

/** A tree, a catalog, who registers there, and the bridges between them. */
export class ServicesWorld {
  readonly clock = new SimClock();
  readonly trace: TraceLog;
  readonly network: Network;
  readonly tree: MemoryTree;
  readonly catalog = new MemoryCatalog();
  readonly registrars: Registrars;
  readonly seats: Seats;
  readonly judges: readonly Judge[];
  readonly violations: Violation[] = [];
  /** What was done to stores and bridges, and how often. */
  readonly done = new Map<string, number>();
  daemonWrites = 0;
  readonly #over = new AbortController();
  /** Nodes that daemons have made, with the numbers of their creation. */
  readonly #made = new Set<string>();
  /** The number of the creation of all nodes, those included that have just gone. */
  readonly #created = new Map<string, bigint>();
  #staleTree: MemoryTree | undefined;
  #staleCatalog: CatalogTables | undefined;
  #treeSnapshot: TreeSnapshot | undefined;
  #catalogSnapshot: CatalogTables | undefined;

  constructor(
    readonly plan: ServicesPlan,
    options: { readonly keepsTrace: boolean },
  ) {
    const { setup, seed } = plan;
    this.trace = new TraceLog(() => this.clock.monotonicMs(), options.keepsTrace);
    this.tree = new MemoryTree(this.clock);
    this.network = new Network(this.clock, this.#over.signal);
    this.registrars = new Registrars(setup, this.tree, this.catalog);
    const isHarmless = plan.steps.every(({ act }) => HARMLESS.has(act.do));
    const around = {
      setup,
      tree: this.tree,
      tables: () => this.catalog.tables,
      nowMs: () => this.clock.monotonicMs(),
      raceMs: (isHarmless ? RACE_MS : RACE_AMONG_FAULTS_MS) + roundMs(setup),
      noticesWithinMs: isHarmless ? NOTICES_WITHIN_MS + roundMs(setup) : undefined,
      knowsParents: remembersParents(plan),
      isMade: (path: string) => this.#made.has(`${path}@${this.#created.get(path) ?? ''}`),
      report: (violation: Violation) => this.#report(violation),
    };
    this.judges = setup.bridges.map((bridge) => new Judge(bridge, around));
    this.tree.feed.subscribe({
      committed: (commit) => this.#treeCommitted(commit),
      replaced: () => {
        this.#noteCreated('/');
        this.#replaced('the tree');
      },
    });
    this.catalog.subscribe({
      committed: (commit) => this.#catalogCommitted(commit),
      replaced: () => this.#replaced('the catalog'),
    });
    this.seats = new Seats({
      setup,
      seed,
      clock: this.clock,
      tree: this.tree,
      catalog: this.catalog,
      network: this.network,
      trace: this.trace,
      over: this.#over.signal,
      stale: {
        tree: () => (this.network.lags('left') ? this.#staleTree : undefined),
        catalog: () => (this.network.lags('right') ? this.#staleCatalog : undefined),
      },
      newDisk: () => this.#newDisk(),
      count: (what) => this.#count(what),
      complained: (complaint) => this.fail('no errors of its own', complaint),
      approved: (at) => this.judges[at]?.removals.noteApproved(),
      configured: (at, exclude) => {
        const judge = this.judges[at];
        if (judge !== undefined) judge.exclude = exclude;
        judge?.look();
      },
    });
  }

  fail(checker: string, explanation: string): void {
    this.#report({ checker, key: undefined, explanation });
  }

  lag({ side, forMs }: FaultAct & { do: 'lag' }): void {
    this.network.lag(side, forMs);
    if (side === 'left') this.#staleTree = this.tree.copy();
    else this.#staleCatalog = this.catalog.tables;
  }

  disturbStore(act: StoreAct): void {
    // Backups have sessions, too, and these are those of the candidates.
    if (this.plan.setup.seats > 1 && act.do !== 'elect-leader') return;
    switch (act.do) {
      case 'snapshot':
        if (act.side === 'left') this.#treeSnapshot = this.tree.snapshot();
        else this.#catalogSnapshot = this.catalog.tables;
        break;
      case 'restore': {
        const { reusesNumbers: reusesZxids = false } = act;
        const [tree, catalog] = [this.#treeSnapshot, this.#catalogSnapshot];
        if (act.side === 'left' && tree !== undefined) this.tree.restore(tree, { reusesZxids });
        if (act.side === 'right' && catalog !== undefined) this.catalog.restore(catalog);
        break;
      }
      case 'wipe':
        if (act.side === 'left') this.tree.wipe();
        else this.catalog.wipe();
        break;
      case 'elect-leader':
        this.tree.electLeader();
        break;
      case 'jump-store-clock':
      case 'collect-tombstones':
        return;
    }
    this.#count(act.do);
  }

  heal(): void {
    this.network.heal();
    this.seats.startAll();
  }

  /** Ends everything, so that nothing of it stays in memory. */
  end(): void {
    this.#over.abort();
    this.seats.buryAll();
  }

  #report(violation: Violation): void {
    this.trace.remark(() => `!! ${violation.checker} ${violation.key ?? ''}: ${violation.explanation}`);
    this.violations.push(violation);
  }

  #treeCommitted(commit: Commit): void {
    if (commit.changes.length === 0) return;
    const { by, changes, number } = commit;
    this.trace.add(
      () =>
        `tree ${number} by ${by}: ${changes.map(({ name, after }) => `${name} ${textOf(after)}`).join(', ')}`,
    );
    const judge = this.#judgeOf(by);
    judge?.judgeTree(commit);
    for (const { name, before, after } of changes) {
      if (after !== undefined && before === undefined) this.#created.set(name, number);
      if (judge !== undefined && before === undefined) this.#made.add(`${name}@${number}`);
      if (judge === undefined && after === undefined) this.#noteRemoved('left', name);
    }
    for (const one of this.judges) one.look();
    if (judge !== undefined) this.daemonWrites += changes.length;
  }

  #catalogCommitted(commit: CatalogCommit): void {
    const { by, changes, index } = commit;
    this.trace.add(() => `catalog ${index} by ${by}: ${changes.map(describe).join(', ')}`);
    const judge = this.#judgeOf(by);
    judge?.judgeCatalog(commit);
    for (const { table, before, after } of changes) {
      if (judge === undefined && table === 'service' && before !== undefined)
        if (after === undefined || after.meta !== before.meta)
          this.#noteRemoved('right', before.id, before.node);
    }
    for (const one of this.judges) one.look();
    if (judge !== undefined) this.daemonWrites += changes.length;
  }

  #replaced(what: string): void {
    this.trace.add(() => `${what} was replaced`);
    for (const judge of this.judges) {
      judge.removals.noteReplaced();
      judge.look();
    }
  }

  /** Something of clients went, which may have been a copy. */
  #noteRemoved(side: 'left' | 'right', name: string, node?: string): void {
    for (const { removals, bridge, view } of this.judges) {
      if (side === 'left' && name.startsWith(`${bridge.root}/`))
        removals.noteRemoved('left', name.slice(bridge.root.length + 1));
      if (side === 'right' && node === view.node && name.startsWith(`${LIST}/`))
        removals.noteRemoved('right', name.slice(LIST.length + 1));
    }
  }

  #judgeOf(by: string): Judge | undefined {
    const [daemon, at] = by.split('/');
    return daemon === DAEMON ? this.judges[Number(at)] : undefined;
  }

  #noteCreated(path: string): void {
    const node = this.tree.node(path);
    if (node !== undefined) this.#created.set(path, node.czxid);
    for (const name of this.tree.children(path))
      this.#noteCreated(path === '/' ? `/${name}` : `${path}/${name}`);
  }

  #newDisk(): MemoryArchiveDisk {
    const { diskMs } = this.plan.setup;
    return new MemoryArchiveDisk({
      journal: JOURNAL,
      sync: async () => {
        if (diskMs > 0) await this.clock.sleep(diskMs, this.#over.signal);
        if (this.#over.signal.aborted) throw new SyncError('ARCHIVE_IO', 'simulated: it is over');
      },
    });
  }

  #count(what: string): void {
    this.done.set(what, (this.done.get(what) ?? 0) + 1);
  }
}

function describe({ table, before, after }: RowChange): string {
  const row = after ?? before;
  const name =
    row === undefined ? '' : 'node' in row ? `${row.node} ${row.id}` : 'name' in row ? row.name : row.key;
  const { createIndex, modifyIndex, ...shown } = { createIndex: 0n, modifyIndex: 0n, ...(after ?? {}) };
  if (table === 'key') return `key ${name}`;
  return `${table} ${name} ${after === undefined ? `gone since ${createIndex}/${modifyIndex}` : JSON.stringify(shown)}`;
}

function textOf(data: Uint8Array | undefined): string {
  return data === undefined ? 'gone' : JSON.stringify(Buffer.from(data).toString().slice(0, 120));
}

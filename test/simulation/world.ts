import type { Side } from '../../src/core/pair.js';
import { SyncError } from '../../src/ports/errors.js';
import type { PerStore } from '../kit/history/history.js';
import { MemoryArchiveDisk } from '../kit/memory-archive.js';
import type { FlatSnapshot } from '../kit/memory-store/memory-flat.js';
import { MemoryFlat } from '../kit/memory-store/memory-flat.js';
import type { TreeSnapshot } from '../kit/memory-store/memory-tree.js';
import { MemoryTree } from '../kit/memory-store/memory-tree.js';
import { SeededRandom } from '../kit/memory-store/seeded-random.js';
import { SimClock } from '../kit/memory-store/sim-clock.js';
import { LEDGER_PLACE, PLACES, PREFIX, ROOT } from '../kit/simulation/daemon-context.js';
import { Clients } from './clients.js';
import { keyOf } from './entry-names.js';
import { Network } from './network.js';
import type { DaemonAct, FaultAct, PersonAct, Plan, StoreAct } from './plan.js';
import type { CopiedArchive } from './recorder.js';
import { Recorder } from './recorder.js';
import { SimulatedDaemon } from './simulated-daemon.js';
import { TraceLog } from './trace-log.js';

/** After a failure of its own a daemon is started again, as systemd does. */
const RESTART_MS = 1_000;
const NEVER = new AbortController().signal;

/** One seat of the daemon: a disk, and the process that runs on it, if one does. */
interface Seat {
  readonly name: string;
  disk: MemoryArchiveDisk;
  daemon: SimulatedDaemon | undefined;
  /** A process that was told to stop still has the disk. */
  isStopping: boolean;
  /** Not before this time is it started (again). */
  startsAtMs: number;
}

/** Two stores, their clients, the network, and the machines on which daemons run. */
export class World {
  readonly clock = new SimClock();
  readonly trace: TraceLog;
  readonly recorder: Recorder;
  readonly clients: Clients;
  readonly network: Network;
  /** What should never have happened: errors that are the daemon's own. */
  readonly complaints: string[] = [];
  /** How often what was done to daemons, stores and clocks. */
  readonly done = new Map<string, number>();
  readonly #plan: Plan;
  readonly #over = new AbortController();
  readonly #tree: MemoryTree;
  readonly #flat: MemoryFlat;
  readonly #main: Seat;
  #rival: Seat | undefined;
  /** What a person has ordered, and from which process, which may be dead by now. */
  readonly #orders = new Set<{ readonly daemon: SimulatedDaemon }>();
  #lives = 0;
  #daemonAheadMs = 0;
  #diskFails = false;
  #diskFailedMs = -Infinity;
  /** What servers that lag show. */
  #staleTree: MemoryTree | undefined;
  #staleFlat: MemoryFlat | undefined;
  #treeSnapshot: TreeSnapshot | undefined;
  #flatSnapshot: FlatSnapshot | undefined;

  constructor(plan: Plan, options: { readonly keepsTrace: boolean }) {
    this.#plan = plan;
    const nowMs = (): number => this.clock.monotonicMs();
    this.trace = new TraceLog(nowMs, options.keepsTrace);
    this.recorder = new Recorder(nowMs, this.trace);
    this.#tree = new MemoryTree(this.clock);
    this.#flat = new MemoryFlat(this.clock);
    this.recorder.follow('zookeeper', this.#tree.feed, () => ({
      contents: this.contents().zookeeper,
      isUnnoticeable: this.#isAsKnown('left', this.#tree.node(`/zk-consul-sync/${LEDGER_PLACE}`)?.mzxid),
    }));
    this.recorder.follow('consul', this.#flat.feed, () => ({
      contents: this.contents().consul,
      isUnnoticeable: this.#isAsKnown(
        'right',
        this.#flat.entry(`zk-consul-sync/${LEDGER_PLACE}`)?.modifyIndex,
      ),
    }));
    this.clients = new Clients(this.#tree, this.#flat, this.recorder, nowMs);
    this.network = new Network(this.clock, this.#over.signal);
    this.#main = {
      name: 'daemon',
      disk: this.#newDisk('daemon'),
      daemon: undefined,
      isStopping: false,
      startsAtMs: 0,
    };
    this.#startAt(this.#main, 0);
  }

  /** The daemon that runs now, if it does. */
  get daemon(): SimulatedDaemon | undefined {
    return this.#main.daemon;
  }

  /** Whether a store's ledger is where a daemon knows it to be: then nothing tells it that the store was replaced. */
  #isAsKnown(side: Side, ledgerAt: bigint | undefined): boolean {
    const state = this.#main.daemon?.sync.memory.state ?? this.#main.disk.mapping(PLACES).state;
    const known = state?.ledgers[side]?.version.modified;
    return known !== undefined && ledgerAt !== undefined && ledgerAt >= known;
  }

  /** What both stores hold below the mapping. */
  contents(): PerStore<Map<string, string>> {
    const zookeeper = new Map<string, string>();
    const walk = (path: string): void => {
      for (const name of this.#tree.children(path)) {
        const below = `${path}/${name}`;
        const data = this.#tree.node(below)?.data ?? new Uint8Array();
        zookeeper.set(keyOf(below.slice(ROOT.length + 1)), Buffer.from(data).toString());
        walk(below);
      }
    };
    walk(ROOT);
    const consul = new Map<string, string>();
    for (const name of this.#flat.keys(PREFIX)) {
      const value = this.#flat.entry(name)?.value ?? new Uint8Array();
      consul.set(name.slice(PREFIX.length), Buffer.from(value).toString());
    }
    return { zookeeper, consul };
  }

  /** No fault strikes any more, a rival is stopped for good, and the daemon runs. */
  heal(): void {
    this.network.heal();
    this.#diskFails = false;
    if (this.#rival !== undefined) {
      this.#kill(this.#rival, 0, false);
      this.#rival = undefined;
    }
    this.#startAt(this.#main, 0);
  }

  /** Ends everything, so that nothing of it stays in memory. */
  end(): void {
    this.#over.abort();
    for (const seat of [this.#main, this.#rival]) seat?.daemon?.bury(false);
  }

  /** A server that lists entries falls behind. */
  lag({ side, forMs }: FaultAct & { do: 'lag' }): void {
    this.network.lag(side, forMs);
    if (side === 'left') this.#staleTree = this.#tree.copy();
    else this.#staleFlat = this.#flat.copy();
  }

  disturbStore(act: StoreAct): void {
    if (act.do === 'restore' && this.#snapshotOf(act.side) === undefined) return;
    this.#count(act.do);
    switch (act.do) {
      case 'snapshot':
        if (act.side === 'left') this.#treeSnapshot = this.#tree.snapshot();
        else this.#flatSnapshot = this.#flat.snapshot();
        return;
      case 'restore':
        if (act.side === 'left' && this.#treeSnapshot !== undefined) {
          this.#tree.restore(this.#treeSnapshot, { reusesZxids: act.reusesNumbers === true });
        }
        if (act.side === 'right' && this.#flatSnapshot !== undefined) this.#flat.restore(this.#flatSnapshot);
        return;
      case 'wipe':
        if (act.side === 'left') this.#tree.wipe();
        else this.#flat.wipe();
        return;
      case 'elect-leader':
        this.#tree.electLeader({ clockAheadMs: act.aheadMs });
        return;
      case 'jump-store-clock':
        (act.side === 'left' ? this.#tree : this.#flat).leaderClockAheadMs += act.byMs;
        return;
      case 'collect-tombstones':
        this.#flat.collectTombstones();
    }
  }

  disturbDaemon(act: DaemonAct): void {
    const { daemon } = this.#main;
    switch (act.do) {
      case 'crash': {
        const survivors = new SeededRandom(act.seed);
        daemon?.process.killAfter(act.touches, () => {
          this.#count('crash');
          this.trace.add(() => `crash of ${this.#main.name}`);
          this.#leaveDead(this.#main, daemon, act.requestsArrive, (pending) => survivors.below(pending + 1));
          this.#startAt(this.#main, act.downMs);
        });
        return;
      }
      case 'stop':
        this.#stop(act.downMs);
        return;
      case 'fail-disk':
        this.#diskFails = true;
        return;
      case 'delete-archive':
        this.#count(act.do);
        this.#kill(this.#main, act.downMs, false);
        this.#main.disk = this.#newDisk(this.#main.name);
        return;
      case 'jump-clock':
        this.#count(act.do);
        this.#daemonAheadMs += act.byMs;
        return;
      case 'start-rival':
        this.#startRival(act.archive, act.forMs);
    }
  }

  #snapshotOf(side: Side): TreeSnapshot | FlatSnapshot | undefined {
    return side === 'left' ? this.#treeSnapshot : this.#flatSnapshot;
  }

  /** What a person orders; the answer is not waited for. */
  order(act: PersonAct): void {
    const { daemon } = this.#main;
    if (daemon === undefined || daemon.sync.memory.state === undefined) {
      if (act.do !== 'resync' || daemon === undefined) return;
    }
    this.#count(act.do);
    const order = { daemon };
    this.#orders.add(order);
    this.#carryOut(act, daemon)
      .catch((error: unknown) => this.trace.remark(() => `${act.do} failed: ${String(error)}`))
      .finally(() => this.#orders.delete(order))
      .catch(() => undefined);
  }

  /** Whether something that a person has ordered is still being carried out. */
  get isCarryingOut(): boolean {
    return [...this.#orders].some(({ daemon }) => daemon === this.daemon);
  }

  async #carryOut(act: PersonAct, daemon: SimulatedDaemon): Promise<unknown> {
    const { operator, orders, sync } = daemon;
    switch (act.do) {
      case 'pause':
        return operator.pause(NEVER);
      case 'resume':
        return operator.resume();
      case 'approve':
        return operator.approve();
      case 'resync':
        return operator.resync(act.from, NEVER);
      case 'release': {
        const marks = sync.memory.archive.marksAfter(undefined, 1_000);
        const held = marks.filter(([, mark]) => mark.kind === 'hold' && mark.reason !== 'journal-full');
        for (const [key] of held) await operator.release(key, act.keep, NEVER);
        return undefined;
      }
      case 'put-back': {
        const sinceMs = sync.context.clock.nowMs() - act.lastMs;
        return orders.restore({ folder: act.folder, sinceMs, untilMs: undefined }, NEVER);
      }
      case 'resolve': {
        const settled = sync.memory.archive.conflicts({ limit: 20 }).find(({ open }) => !open);
        return settled && orders.resolve(settled, act.keep, NEVER);
      }
      case 'cutover':
        return operator.cutover(act.step, () => true, NEVER);
    }
  }

  /** The daemon is ended and started again, as a person would. */
  restartDaemon(): void {
    this.#stop(100);
  }

  #stop(downMs: number): void {
    const seat = this.#main;
    const { daemon } = seat;
    if (daemon === undefined) return;
    this.#count('stop');
    seat.daemon = undefined;
    seat.isStopping = true;
    daemon.stop().then(
      () => {
        seat.isStopping = false;
        this.#startAt(seat, downMs);
      },
      (error: unknown) => this.complaints.push(`stopping failed: ${String(error)}`),
    );
  }

  #kill(seat: Seat, downMs: number, requestsArrive: boolean): void {
    if (seat.daemon === undefined) return;
    this.#leaveDead(seat, seat.daemon, requestsArrive, () => 0);
    this.#startAt(seat, downMs);
  }

  #leaveDead(
    seat: Seat,
    daemon: SimulatedDaemon,
    requestsArrive: boolean,
    survivors: (pending: number) => number,
  ): void {
    daemon.bury(requestsArrive);
    seat.daemon = undefined;
    seat.isStopping = false;
    seat.disk.crash(survivors);
  }

  #startAt(seat: Seat, inMs: number): void {
    seat.startsAtMs = this.clock.monotonicMs() + inMs;
    void this.clock.sleep(inMs, this.#over.signal).then(() => this.#start(seat));
  }

  async #start(seat: Seat): Promise<void> {
    const isDue = this.clock.monotonicMs() >= seat.startsAtMs;
    const isSeated = seat === this.#main || seat === this.#rival;
    if (this.#over.signal.aborted || seat.daemon !== undefined || seat.isStopping) return;
    if (!isDue || !isSeated) return;
    const archive = await seat.disk.open();
    const life = ++this.#lives;
    this.recorder.started(seat.name);
    this.trace.add(() => `start of ${seat.name} as life ${life}`);
    const daemon = new SimulatedDaemon({
      name: `life-${life}`,
      archive,
      clock: this.clock,
      aheadMs: () => this.#daemonAheadMs,
      tree: this.#tree,
      flat: this.#flat,
      network: this.network,
      stale: {
        tree: () => (this.network.lags('left') ? this.#staleTree : undefined),
        flat: () => (this.network.lags('right') ? this.#staleFlat : undefined),
      },
      setup: this.#plan.setup,
      seed: Math.imul(this.#plan.seed, 31) + life,
      trace: this.trace,
      complained: (complaint) => this.#complained(complaint),
      ended: (reason) => this.#endedByItself(seat, reason),
    });
    seat.daemon = daemon;
  }

  /** What can't be noted because the disk has just failed may be told as an error. */
  #complained(complaint: string): void {
    if (this.clock.monotonicMs() - this.#diskFailedMs > RESTART_MS) this.complaints.push(complaint);
  }

  #endedByItself(seat: Seat, reason: unknown): void {
    const isKnown = reason instanceof SyncError && reason.code === 'ARCHIVE_IO';
    if (!isKnown) this.complaints.push(`the daemon ended by itself: ${String(reason)}`);
    this.trace.add(() => `${seat.name} ended by itself`);
    this.#kill(seat, RESTART_MS, true);
  }

  #startRival(archive: 'empty' | 'copy', forMs: number): void {
    if (this.#rival !== undefined) return;
    this.#count(`start-rival ${archive}`);
    const name = 'rival';
    const copy = archive === 'copy' ? this.recorder.copied() : undefined;
    const disk = this.#newDisk(name, copy);
    const seat: Seat = {
      name,
      disk: copy === undefined ? disk : this.#main.disk.copy(disk.options),
      daemon: undefined,
      isStopping: false,
      startsAtMs: 0,
    };
    this.#rival = seat;
    this.#startAt(seat, 0);
    void this.clock.sleep(forMs, this.#over.signal).then(() => {
      if (this.#rival !== seat) return;
      this.#rival = undefined;
      if (copy !== undefined) copy.endedMs = this.clock.monotonicMs();
      this.#kill(seat, 0, true);
    });
  }

  #newDisk(name: string, copy?: CopiedArchive): MemoryArchiveDisk {
    const { setup } = this.#plan;
    return new MemoryArchiveDisk({
      journal: { keepMs: 30 * 24 * 3_600_000, maxBytes: setup.journalMaxBytes },
      sync: async () => {
        if (setup.diskMs > 0) await this.clock.sleep(setup.diskMs, this.#over.signal);
        if (!this.#diskFails) return;
        this.#diskFails = false;
        this.#diskFailedMs = this.clock.monotonicMs();
        this.#count('fail-disk');
        throw new SyncError('ARCHIVE_IO', 'simulated: the disk failed');
      },
      listener: {
        // What a rival learns goes with it.
        recorded: (key, record) => {
          if (name === this.#main.name || copy !== undefined) this.recorder.recorded(key, record, copy);
        },
        journaled: (entry) => this.recorder.journaled(name, entry),
        ordered: (key) => this.recorder.ordered(key),
        trashed: (entry) => this.recorder.trashed(entry),
        // A rival that leads goes on by what it knows.
        reset: () => this.recorder.agreementRestarted(name === this.#main.name && this.#rival === undefined),
      },
    });
  }

  #count(what: string): void {
    this.done.set(what, (this.done.get(what) ?? 0) + 1);
  }
}

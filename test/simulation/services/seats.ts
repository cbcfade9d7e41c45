import type { MemoryArchiveDisk } from '../../kit/memory-archive.js';
import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import type { BridgeAct, BridgeSetup } from './plan.js';
import type { BridgeParts } from './simulated-bridge.js';
import { SESSION_TIMEOUT_MS, SimulatedBridge } from './simulated-bridge.js';

/** After a failure of its own a daemon is started again, as systemd does. */
const RESTART_MS = 1_000;
const NEVER = new AbortController().signal;

/** A place for one process of a bridge: a disk, and the process that runs on it, if one does. */
interface Seat {
  /** Of its bridge. */
  readonly at: number;
  disk: MemoryArchiveDisk;
  daemon: SimulatedBridge | undefined;
  isStopping: boolean;
  /** Not before this time is it started (again). */
  startsAtMs: number;
  aheadMs: number;
}

export interface SeatsParts extends Pick<
  BridgeParts,
  'setup' | 'seed' | 'clock' | 'tree' | 'catalog' | 'network' | 'trace' | 'stale' | 'complained'
> {
  readonly over: AbortSignal;
  readonly newDisk: () => MemoryArchiveDisk;
  readonly count: (what: string) => void;
  /** Called when a bridge is to leave out other services from now on. */
  readonly configured: (at: number, exclude: readonly string[]) => void;
  /** Called when a person lets go what a bridge holds, before and after that is done. */
  readonly approved: (at: number) => void;
}

/** The machines on which bridges run. */
export class Seats {
  readonly #seats: readonly Seat[];
  /** As they are configured now. */
  readonly #bridges: BridgeSetup[];
  readonly #orders = new Set<SimulatedBridge>();
  lives = 0;

  constructor(private readonly parts: SeatsParts) {
    const { setup } = parts;
    this.#bridges = [...setup.bridges];
    this.#seats = setup.bridges.flatMap((_, at) =>
      Array.from({ length: setup.seats }, () => this.#newSeat(at)),
    );
    this.startAll();
  }

  bridge(at: number): BridgeSetup {
    const bridge = this.#bridges[at];
    if (bridge === undefined) throw new Error(`there is no bridge ${at}`);
    return bridge;
  }

  /** The process of a bridge that leads now, or would if it could. */
  leading(at: number): SimulatedBridge | undefined {
    return this.#of(at).find(({ daemon }) => daemon?.isLeading === true)?.daemon;
  }

  /** The one that a person would turn to: it leads, or says why none does. */
  answering(at: number): SimulatedBridge | undefined {
    const running = this.#of(at).flatMap(({ daemon }) => daemon ?? []);
    return this.leading(at) ?? running.find(({ sync }) => sync.holds.length > 0);
  }

  /** All processes that run. */
  get running(): readonly SimulatedBridge[] {
    return this.#seats.flatMap(({ daemon }) => daemon ?? []);
  }

  /** The disk of the process that led last. */
  diskOf(at: number): MemoryArchiveDisk {
    const seats = this.#of(at);
    const seat = seats.find(({ daemon }) => daemon?.isLeading === true) ?? seats[0];
    if (seat === undefined) throw new Error(`bridge ${at} has no seat`);
    return seat.disk;
  }

  startAll(): void {
    for (const seat of this.#seats) this.#startAt(seat, 0);
  }

  buryAll(): void {
    for (const { daemon } of this.#seats) daemon?.bury(false);
  }

  /** Ends all processes of a bridge, for good. */
  async stopAll(at: number): Promise<void> {
    for (const seat of this.#of(at)) {
      seat.isStopping = true;
      const { daemon } = seat;
      seat.daemon = undefined;
      await daemon?.stop();
    }
  }

  /** Whether something that a person has ordered of this process is still being carried out. */
  isCarryingOut(daemon: SimulatedBridge): boolean {
    return this.#orders.has(daemon);
  }

  order(daemon: SimulatedBridge, what: string, work: () => Promise<unknown>): void {
    this.parts.count(what);
    this.#orders.add(daemon);
    const approved = (): void => {
      if (what === 'approve')
        this.parts.approved(this.#seats.find((seat) => seat.daemon === daemon)?.at ?? -1);
    };
    approved();
    work()
      .then(approved)
      .catch((error: unknown) => this.parts.trace.remark(() => `${what} failed: ${String(error)}`))
      .finally(() => this.#orders.delete(daemon))
      .catch(() => undefined);
  }

  perform(act: BridgeAct): void {
    const seat =
      this.#of(act.bridge).find(({ daemon }) => daemon?.isLeading === true) ?? this.#of(act.bridge)[0];
    if (seat === undefined) return;
    switch (act.do) {
      case 'crash':
        this.#crash(seat, act);
        return;
      case 'stop':
        this.#stop(seat, act.downMs);
        return;
      case 'delete-archive':
        this.parts.count(act.do);
        this.#kill(seat, act.downMs, false);
        seat.disk = this.parts.newDisk();
        return;
      case 'jump-clock':
        this.parts.count(act.do);
        seat.aheadMs += act.byMs;
        return;
      case 'reconfigure': {
        this.parts.count(act.do);
        this.#bridges[act.bridge] = { ...this.bridge(act.bridge), exclude: act.exclude };
        this.parts.configured(act.bridge, act.exclude);
        for (const each of this.#of(act.bridge)) this.#stop(each, act.downMs);
        return;
      }
      case 'pause':
      case 'resume':
      case 'approve':
        this.#order(seat.daemon, act.do);
    }
  }

  #order(daemon: SimulatedBridge | undefined, what: 'pause' | 'resume' | 'approve'): void {
    if (daemon?.sync.memory.state === undefined) return;
    const { operator } = daemon;
    this.order(daemon, what, () => (what === 'pause' ? operator.pause(NEVER) : operator[what]()));
  }

  #newSeat(at: number): Seat {
    const disk = this.parts.newDisk();
    return { at, disk, daemon: undefined, isStopping: false, startsAtMs: 0, aheadMs: 0 };
  }

  #of(at: number): readonly Seat[] {
    return this.#seats.filter((seat) => seat.at === at);
  }

  #crash(seat: Seat, act: BridgeAct & { do: 'crash' }): void {
    const { daemon } = seat;
    const survivors = new SeededRandom(act.seed);
    daemon?.process.killAfter(act.touches, () => {
      this.parts.count('crash');
      this.parts.trace.add(() => `crash of bridge ${seat.at}`);
      this.#leaveDead(seat, daemon, act.requestsArrive, (pending) => survivors.below(pending + 1));
      this.#startAt(seat, act.downMs);
    });
  }

  #stop(seat: Seat, downMs: number): void {
    const { daemon } = seat;
    if (daemon === undefined) return;
    this.parts.count('stop');
    seat.daemon = undefined;
    seat.isStopping = true;
    daemon.stop().then(
      () => {
        seat.isStopping = false;
        this.#expire(daemon);
        this.#startAt(seat, downMs);
      },
      (error: unknown) => this.parts.complained(`stopping failed: ${String(error)}`),
    );
  }

  #kill(seat: Seat, downMs: number, requestsArrive: boolean): void {
    if (seat.daemon === undefined) return;
    this.#leaveDead(seat, seat.daemon, requestsArrive, () => 0);
    this.#startAt(seat, downMs);
  }

  #leaveDead(
    seat: Seat,
    daemon: SimulatedBridge,
    requestsArrive: boolean,
    survivors: (pending: number) => number,
  ): void {
    daemon.bury(requestsArrive);
    this.#expire(daemon);
    seat.daemon = undefined;
    seat.isStopping = false;
    seat.disk.crash(survivors);
  }

  /** Its session ends when it has been silent for long enough. */
  #expire({ election }: SimulatedBridge): void {
    void this.parts.clock.sleep(SESSION_TIMEOUT_MS, this.parts.over).then(() => election?.expire());
  }

  #startAt(seat: Seat, inMs: number): void {
    seat.startsAtMs = this.parts.clock.monotonicMs() + inMs;
    void this.parts.clock.sleep(inMs, this.parts.over).then(() => this.#start(seat));
  }

  async #start(seat: Seat): Promise<void> {
    const { over, clock, trace, seed } = this.parts;
    const isDue = clock.monotonicMs() >= seat.startsAtMs;
    if (over.aborted || seat.daemon !== undefined || seat.isStopping || !isDue) return;
    const archive = await seat.disk.open();
    const life = ++this.lives;
    trace.add(() => `start of bridge ${seat.at} as life ${life}`);
    seat.daemon = new SimulatedBridge({
      ...this.parts,
      name: `daemon/${seat.at}/life-${life}`,
      at: seat.at,
      bridge: this.bridge(seat.at),
      archive,
      aheadMs: () => seat.aheadMs,
      seed: Math.imul(seed, 31) + life,
      ended: (reason) => {
        this.parts.complained(`a daemon ended by itself: ${String(reason)}`);
        this.#kill(seat, RESTART_MS, true);
      },
    });
  }
}

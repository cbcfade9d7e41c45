import { decodeLedger } from '../../../src/core/ledger.js';
import type { JournalEntry } from '../../../src/ports/archive.js';
import type { Logger } from '../../../src/ports/logger.js';
import { Leaderships } from '../../../src/sync/leaderships.js';
import { MemoryArchiveDisk } from '../memory-archive.js';
import type { Commit } from '../memory-store/commit-feed.js';
import { MemoryElection } from '../memory-store/memory-election.js';
import { PausableClock } from './pausable-clock.js';
import type { WorldOptions } from './simulated-world.js';
import { DaemonLife, SimulatedWorld } from './simulated-world.js';

export const SESSION_TIMEOUT_MS = 4_000;
const JOURNAL = { keepMs: 30 * 24 * 3_600_000, maxBytes: 2 ** 30 };
const LEDGER_NODE = '/zk-consul-sync/default/config';
const LEDGER_KEY = 'zk-consul-sync/default/config';

/** A machine with a disk of its own, on which a daemon runs now and then. */
export class FleetMember {
  disk: MemoryArchiveDisk;
  life: DaemonLife | undefined;
  clock: PausableClock | undefined;
  election: MemoryElection | undefined;

  constructor(newDisk: () => MemoryArchiveDisk) {
    this.disk = newDisk();
  }

  get running(): DaemonLife {
    if (this.life === undefined) throw new Error('the daemon does not run');
    return this.life;
  }

  get isActive(): boolean {
    return this.life?.sync.role === 'active' && this.clock?.isPaused !== true;
  }
}

/** Several daemons of one instance between two stores in memory, under one simulated clock. */
export class SimulatedFleet {
  readonly world: SimulatedWorld;
  readonly members: readonly FleetMember[];
  /** What the stores' own history says against there having been one writer at a time. */
  readonly doubleWrites: string[] = [];
  /** Writers of the ledgers as they followed each other, by store. */
  readonly writers = { tree: [] as string[], flat: [] as string[] };
  readonly errors: string[] = [];
  /** Every conflict that any of them has journaled, on whatever became of its disk. */
  readonly journaled: JournalEntry[] = [];
  private lives = 0;

  constructor(
    size: number,
    private readonly options: WorldOptions = {},
  ) {
    this.world = new SimulatedWorld(options);
    this.members = Array.from({ length: size }, () => new FleetMember(() => this.newDisk()));
    const { tree, flat } = this.world;
    tree.feed.subscribe({
      committed: (commit) => this.judge('tree', LEDGER_NODE, commit),
      replaced: () => undefined,
    });
    flat.feed.subscribe({
      committed: (commit) => this.judge('flat', LEDGER_KEY, commit),
      replaced: () => undefined,
    });
  }

  /** @param context settings of this life alone */
  async start(member: FleetMember, context: WorldOptions['context'] = {}): Promise<DaemonLife> {
    const { world } = this;
    const archive = await member.disk.open();
    const clock = new PausableClock(world.clock);
    const name = `life-${++this.lives}`;
    member.clock = clock;
    const life = new DaemonLife(world, archive, name, {
      ...this.options,
      context: { ...this.options.context, ...context },
      clock,
      elect: ({ link }) => {
        const self = { id: name, host: name, admin: undefined };
        const sessionTimeoutMs = SESSION_TIMEOUT_MS;
        const { tree } = world;
        member.election = new MemoryElection({ tree, link, instance: 'default', self, sessionTimeoutMs });
        return new Leaderships({ election: member.election, clock, logger: SILENT });
      },
    });
    member.life = life;
    return life;
  }

  async startAll(context: WorldOptions['context'] = {}): Promise<void> {
    for (const member of this.members) await this.start(member, context);
  }

  /** `kill -9`: the server ends its session when that has been silent for long enough. */
  kill(member: FleetMember): void {
    const { election, life } = member;
    this.errors.push(...(life?.errors ?? []));
    life?.crash();
    member.clock?.resume();
    member.disk.crash((pending) => this.world.random.below(pending + 1));
    member.life = undefined;
    void this.world.clock.sleep(SESSION_TIMEOUT_MS, NEVER).then(() => election?.expire());
  }

  /** The machine of a daemon that does not run gets an empty disk. */
  loseDisk(member: FleetMember): void {
    if (member.life !== undefined) throw new Error('the daemon runs');
    member.disk = this.newDisk();
  }

  /** SIGTERM. */
  async stop(member: FleetMember): Promise<void> {
    const { life, election } = member;
    member.life = undefined;
    this.errors.push(...(life?.errors ?? []));
    let isStopped = false;
    const stopping = life?.stop().then(() => (isStopped = true));
    await this.world.clock.runUntil(() => isStopped || life === undefined, {
      limitMs: 60_000,
      what: 'an end',
    });
    await stopping;
    // Its places are given up before; what a broken connection kept from that goes with its session.
    void this.world.clock.sleep(SESSION_TIMEOUT_MS, NEVER).then(() => election?.expire());
  }

  /** SIGSTOP, and SIGCONT after `ms`. Longer than a session lives, the server ends that. */
  pause(member: FleetMember, ms: number): void {
    const { clock, election } = member;
    if (clock === undefined || election === undefined) return;
    clock.pause();
    void this.world.clock.sleep(Math.min(ms, SESSION_TIMEOUT_MS), NEVER).then(() => {
      if (ms > SESSION_TIMEOUT_MS) election.expire();
    });
    void this.world.clock.sleep(ms, NEVER).then(() => clock.resume());
  }

  get active(): FleetMember | undefined {
    return this.members.find((member) => member.isActive);
  }

  async led(limitMs = 60_000): Promise<FleetMember> {
    const what = 'a daemon to lead';
    await this.world.clock.runUntil(() => this.active !== undefined, { limitMs, what });
    return this.active as FleetMember;
  }

  async inSync(limitMs = 600_000): Promise<void> {
    const isInSync = (): boolean =>
      this.active !== undefined && this.members.every(({ life }) => life === undefined || life.sync.isInSync);
    try {
      await this.world.clock.runUntil(isInSync, { limitMs, what: 'all daemons to be in sync' });
    } catch (error) {
      throw new Error(`not in sync: ${this.describe()}`, { cause: error });
    }
  }

  private describe(): string {
    const about = this.members.map(({ life, clock }) => {
      if (life === undefined) return 'not running';
      const { role, isInSync, problem, pending, holds, completedSinceStart } = life.sync;
      const isPaused = clock?.isPaused;
      return { role, isPaused, isInSync, completedSinceStart, problem, pending: pending.listed(), holds };
    });
    return JSON.stringify(about);
  }

  get isReady(): boolean {
    return this.members.every(({ life }) => life?.sync.succession?.obstacle === undefined);
  }

  async dispose(): Promise<void> {
    for (const member of this.members) await this.stop(member);
  }

  private newDisk(): MemoryArchiveDisk {
    const nothing = (): void => undefined;
    const journaled = (entry: JournalEntry): void => void this.journaled.push(entry);
    const listener = { journaled, trashed: nothing, ordered: nothing, recorded: nothing, reset: nothing };
    return new MemoryArchiveDisk({ journal: JOURNAL, listener });
  }

  /** Every entry is written by whom the ledger names, and who takes a ledger over writes nothing with that. */
  private judge(store: 'tree' | 'flat', ledgerName: string, { changes, by }: Commit): void {
    if (by !== 'daemon') return;
    const moved = changes.find(({ name }) => name === ledgerName);
    const writers = this.writers[store];
    const entries = changes.filter(({ name }) => name.startsWith(store === 'tree' ? '/config/' : 'config/'));
    const writer =
      moved?.after === undefined ? undefined : decodeLedger(Buffer.from(moved.after).toString())?.writer;
    if (writer !== undefined && writers.at(-1) !== writer) {
      if (entries.length > 0 && writers.length > 0) {
        this.doubleWrites.push(`${writer} wrote entries to ${store} while ${writers.at(-1)} led`);
      }
      writers.push(writer);
    }
    if (entries.length > 0 && (this.writers.tree.at(-1) !== writer || this.writers.flat.at(-1) !== writer)) {
      const [tree, flat] = [this.writers.tree.at(-1), this.writers.flat.at(-1)];
      this.doubleWrites.push(`${writer} wrote entries to ${store}; the ledgers are ${tree}'s and ${flat}'s`);
    }
  }
}

const NEVER = new AbortController().signal;

const SILENT: Logger = {
  isLevelEnabled: () => true,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => SILENT,
};

import type { EntryMark } from '../../../src/ports/archive.js';
import type { Figures } from '../figures.js';
import type { Violation } from '../../kit/history/history.js';
import { deregisterAll } from './deregister-all.js';
import type { ServicesAct, ServicesPlan } from './plan.js';
import { ServicesWorld } from './services-world.js';
import type { SimulatedBridge } from './simulated-bridge.js';

export interface ServicesRunResult {
  readonly plan: ServicesPlan;
  readonly violations: readonly Violation[];
  readonly figures: Figures;
  /** Equal for equal runs. */
  readonly fingerprint: string;
  readonly trace: readonly string[];
}

/** How long the liveness phase looks again, milliseconds of virtual time. */
const LOOK_EVERY_MS = 5_000;
const CONVERGES_WITHIN_MS = 600_000;
/** Retries wait for a minute at most, and so do looks at whether a hold may be lifted. */
const RETRY_MS = 65_000;
/** So often a person is asked in one liveness phase; more is a hold that never ends. */
const ANSWERS_MAX = 60;
const DEREGISTERS_WITHIN_MS = 60_000;
/** Of each daemon, over both stores, and the queue of candidates where there are several. */
const QUIET_REQUESTS_PER_SECOND = { 1: 1, 2: 1.5 } as const;
const NEVER = new AbortController().signal;

/** Runs a plan: faults, coming into step, quiet, and in some plans the end of all copies. */
export async function runPlan(
  plan: ServicesPlan,
  options: { keepsTrace?: boolean } = {},
): Promise<ServicesRunResult> {
  const world = new ServicesWorld(plan, { keepsTrace: options.keepsTrace ?? false });
  const run = new Run(world, plan);
  try {
    await run.all();
  } catch (error) {
    world.fail('run', error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    world.end();
  }
  const { violations, trace } = world;
  return { plan, violations, figures: run.figures(), fingerprint: trace.fingerprint, trace: trace.lines };
}

class Run {
  private readonly holds = new Map<string, number>();
  private answers = 0;

  constructor(
    private readonly world: ServicesWorld,
    private readonly plan: ServicesPlan,
  ) {}

  async all(): Promise<void> {
    const { world, plan } = this;
    for (const { afterMs, act } of plan.steps) {
      await world.clock.advance(afterMs);
      world.trace.add(() => `-- ${JSON.stringify(act)}`);
      perform(world, act);
    }
    await world.clock.advance(2_000);
    if (!(await this.comeIntoStep())) return;
    await this.beQuiet();
    this.judgeEnd();
    if (plan.setup.deregisters) await this.deregister();
  }

  figures(): Figures {
    const { world, plan } = this;
    const { network, clock, registrars, done, seats } = world;
    return {
      runs: 1,
      steps: plan.steps.length,
      clientWrites: registrars.operations,
      daemonWrites: world.daemonWrites,
      requests: network.requests.left + network.requests.right,
      conflicts: 0,
      lives: seats.lives,
      virtualHours: clock.monotonicMs() / 3_600_000,
      faults: { ...Object.fromEntries(network.struck), ...Object.fromEntries(done) },
      holds: Object.fromEntries(this.holds),
    };
  }

  /** L1, L3: with a person who answers where a hold asks for one. */
  private async comeIntoStep(): Promise<boolean> {
    const { world, plan } = this;
    const { clock } = world;
    world.trace.add(() => '-- nothing goes wrong any more');
    world.heal();
    let notBeforeMs = clock.monotonicMs() + untilVerifiedMs(plan) + plan.setup.removeAfterMs + RETRY_MS;
    const deadlineMs = notBeforeMs + CONVERGES_WITHIN_MS;
    while (clock.monotonicMs() < deadlineMs) {
      await clock.advance(LOOK_EVERY_MS);
      const answered = plan.setup.bridges.map((_, at) => this.answerHolds(at));
      if (answered.includes(true))
        notBeforeMs = Math.max(notBeforeMs, clock.monotonicMs() + 2 * LOOK_EVERY_MS);
      else if (clock.monotonicMs() >= notBeforeMs && this.isInStep) return true;
    }
    for (const at of plan.setup.bridges.keys()) {
      const sync = world.seats.leading(at)?.sync;
      const holds = sync?.holds.map(({ reason, detail }) => `${reason}: ${detail}`).join(', ');
      const marked = `${sync?.attention.marked ?? 0} marked, pending ${JSON.stringify(sync?.pending.count)}`;
      const about = `holds [${holds ?? 'no daemon'}], problem ${sync?.problem ?? 'none'}, ${marked}`;
      if (sync?.isInSync !== true)
        world.fail(
          'convergence',
          `bridge ${at} is not in step ${CONVERGES_WITHIN_MS} ms after the faults: ${about}`,
        );
    }
    return false;
  }

  private get isInStep(): boolean {
    const { world, plan } = this;
    return plan.setup.bridges.every((_, at) => world.seats.leading(at)?.sync.isInSync === true);
  }

  /** @returns whether there was something to answer */
  private answerHolds(at: number): boolean {
    const { seats } = this.world;
    const daemon = seats.answering(at);
    if (daemon === undefined || seats.isCarryingOut(daemon)) return true;
    const { sync, operator } = daemon;
    const reasons = new Set<string>(sync.holds.map(({ reason }) => reason));
    const held = sync.memory.archive.marksAfter(undefined, 10_000).filter(([, mark]) => isToBeReleased(mark));
    const isPaused = sync.memory.state?.paused === true;
    if (reasons.size === 0 && held.length === 0 && !isPaused) return false;
    if (++this.answers > ANSWERS_MAX) return false;
    for (const reason of reasons) this.holds.set(reason, (this.holds.get(reason) ?? 0) + 1);
    if (isPaused) seats.order(daemon, 'resume', () => operator.resume());
    else if (['identity-changed', 'rolled-back', 'archive-lost'].some((reason) => reasons.has(reason)))
      seats.order(daemon, 'resync', async () => {
        await sync.succession?.summon(NEVER);
        return operator.resync('merge', NEVER);
      });
    else if (reasons.has('mapped-twice')) seats.perform({ do: 'stop', bridge: at, downMs: 100 });
    else if (reasons.size > 0) seats.order(daemon, 'approve', () => operator.approve());
    else
      this.release(
        daemon,
        at,
        held.map(([key]) => key),
      );
    return true;
  }

  /** A client has written to a copy too often: the original is to stand. */
  private release(daemon: SimulatedBridge, at: number, keys: readonly string[]): void {
    const judge = this.world.judges[at];
    const keepOf = (key: string) => (judge?.originals('left').has(key) === true ? 'right' : 'left');
    this.world.seats.order(daemon, 'release', async () => {
      for (const key of keys) await daemon.operator.release(key, keepOf(key), NEVER);
    });
  }

  /** S2, S9: nothing is written, little is asked, and nothing is kept in memory that is done with. */
  private async beQuiet(): Promise<void> {
    const { world, plan } = this;
    world.trace.add(() => '-- quiet');
    const { requests } = world.network;
    const before = requests.left + requests.right;
    for (const judge of world.judges) judge.quietSinceMs = world.clock.monotonicMs();
    const forMs = untilVerifiedMs(plan) + RETRY_MS;
    await world.clock.advance(forMs);
    for (const judge of world.judges) judge.quietSinceMs = undefined;
    const asked = requests.left + requests.right - before;
    const daemons = world.seats.running.length;
    const verifications = Math.ceil(forMs / plan.setup.verifyEveryMs);
    const allowed =
      daemons *
      ((QUIET_REQUESTS_PER_SECOND[plan.setup.seats] * forMs) / 1_000 +
        verifications * this.requestsOfVerification());
    if (asked > allowed)
      world.fail('bounded requests', `${asked} requests in ${forMs} quiet ms; ${allowed} allowed`);
    const kept = (): number => world.seats.running.reduce((sum, daemon) => sum + this.keptBy(daemon), 0);
    await world.clock
      .runUntil(() => kept() === 0, { limitMs: RETRY_MS, what: 'everything that is noted as work' })
      .catch((error: unknown) => world.fail('bounded memory', `${String(error)}: ${kept()} entries`));
  }

  /** What a daemon has noted as work. One that follows does not know what the one that leads has left out. */
  private keptBy({ sync, at }: SimulatedBridge): number {
    const { attention, pending } = sync;
    const setAside = new Set(this.world.seats.leading(at)?.setAside());
    const waiting = pending.listed().filter((key) => !setAside.has(key));
    return attention.marked + attention.deferrals + waiting.length;
  }

  /** Pages of the tree, each service of the catalog, and a second look at what is held or left out. */
  private requestsOfVerification(): number {
    const { world, plan } = this;
    const { tables } = world.catalog;
    const nodes = world.judges.reduce((sum, { view }) => sum + view.nodes, 0);
    const services = new Set([...tables.service.values()].map(({ service }) => service)).size;
    const setAside = world.seats.running.reduce((sum, daemon) => sum + daemon.setAside().length, 0);
    return nodes / plan.setup.bounds.pageEntries + 2 * services + 8 * setAside + 10;
  }

  private judgeEnd(): void {
    const { world } = this;
    for (const [at, judge] of world.judges.entries()) {
      judge.judgeEnd(new Set(world.seats.leading(at)?.setAside()));
    }
  }

  private async deregister(): Promise<void> {
    const { world } = this;
    world.trace.add(() => '-- all copies are taken away');
    for (const [at, judge] of world.judges.entries()) {
      judge.isDeregistering = true;
      const disk = world.seats.diskOf(at);
      const work = world.seats.stopAll(at).then(() => deregisterAll(world, at, disk));
      let outcome: { readonly obstacle: string | undefined } | undefined;
      work.then(
        (obstacle) => (outcome = { obstacle }),
        (error: unknown) => (outcome = { obstacle: String(error) }),
      );
      const what = 'the end of all copies';
      await world.clock.runUntil(() => outcome !== undefined, { limitMs: DEREGISTERS_WITHIN_MS, what });
      if (outcome?.obstacle !== undefined) world.fail('deregistered', outcome.obstacle);
      else judge.judgeDeregistered();
    }
  }
}

/** Acts that hide changes until the next verification: everything else the daemon has to notice by itself (L3). */
const HIDING: ReadonlySet<ServicesAct['do']> = new Set(['lose-hints', 'lag', 'deny', 'follow-behind']);

function untilVerifiedMs({ setup, steps }: ServicesPlan): number {
  const isHidden = steps.some(({ act }) => HIDING.has(act.do));
  return isHidden ? setup.verifyEveryMs : Math.min(setup.verifyEveryMs, RETRY_MS);
}

/** Held until a person says what is to stand, which nobody has yet. */
function isToBeReleased(mark: EntryMark): boolean {
  return mark.kind === 'hold' && mark.reason !== 'journal-full' && mark.keep === undefined;
}

function perform(world: ServicesWorld, act: ServicesAct): void {
  switch (act.do) {
    case 'register':
    case 'leave':
    case 'leave-together':
    case 'health':
    case 'node-health':
    case 'end-session':
      world.registrars.perform(act);
      return;
    case 'meddle':
    case 'stranger':
    case 'delete-node':
    case 'fill-parent':
      world.registrars.meddle(act);
      return;
    case 'crash':
    case 'stop':
    case 'delete-archive':
    case 'jump-clock':
    case 'reconfigure':
    case 'pause':
    case 'resume':
    case 'approve':
      world.seats.perform(act);
      return;
    case 'lose-leader':
      world.network.loseLeader(act);
      return;
    case 'wake-watches':
      world.network.wakeWatches(act.side);
      return;
    case 'lag':
      world.lag(act);
      return;
    case 'disconnect':
      world.network.disconnect(act.side, act.forMs);
      return;
    case 'expire-session':
      world.network.expireSession(act.side);
      return;
    case 'deny':
      world.network.deny(act);
      return;
    case 'snapshot':
    case 'restore':
    case 'wipe':
    case 'elect-leader':
    case 'jump-store-clock':
    case 'collect-tombstones':
      world.disturbStore(act);
      return;
    default:
      world.network.open(act);
  }
}

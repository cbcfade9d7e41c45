import type { EntryMark } from '../../src/ports/archive.js';
import { checkHistory } from '../kit/history/check-history.js';
import { checkExactLoss } from '../kit/history/exact-loss.js';
import type { Ending, Violation } from '../kit/history/history.js';
import { checkJustifiedWrites, valuesLostInRaces } from '../kit/history/justified-writes.js';
import { checkInsideTheLines, checkNoEcho } from '../kit/history/quiet-and-boundaries.js';
import type { Figures } from './figures.js';
import { figuresOf } from './figures.js';
import type { Act, Plan } from './plan.js';
import { storeOf } from './recorder.js';
import { isEverMirror } from './with-cutover.js';
import { World } from './world.js';

export interface RunResult {
  readonly plan: Plan;
  readonly violations: readonly Violation[];
  readonly figures: Figures;
  /** Equal for equal runs. */
  readonly fingerprint: string;
  /** What happened, line by line; empty unless asked for. */
  readonly trace: readonly string[];
}

/** How long the liveness phase looks again, milliseconds of virtual time. */
const LOOK_EVERY_MS = 5_000;
/** How long a mapping may take beyond its verification until it is in step, with a person who answers its holds. */
const CONVERGES_WITHIN_MS = 600_000;
/** Retries wait for a minute at most, and so do looks at whether a hold may be lifted. */
const RETRY_MS = 65_000;
/** So often a person is asked in one liveness phase; more is a hold that never ends. */
const ANSWERS_MAX = 40;
/** In the quiet time, over both stores: a position of each every 15 s, retries, and walks. */
const QUIET_REQUESTS_PER_SECOND = 1;
/** A write is given up after ten seconds, and may be delayed by as much. */
const RACE_MS = 30_000;

/** Runs a plan: a phase of faults, one in which everything must come into step, and a quiet one. */
export async function runPlan(plan: Plan, options: { keepsTrace?: boolean } = {}): Promise<RunResult> {
  const world = new World(plan, { keepsTrace: options.keepsTrace ?? false });
  const run = new Run(world, plan);
  try {
    await run.all();
  } catch (error) {
    run.fail('run', error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    world.end();
  }
  return {
    plan,
    violations: run.violations,
    figures: figuresOf(plan, world, run.holds),
    fingerprint: world.trace.fingerprint,
    trace: world.trace.lines,
  };
}

class Run {
  readonly violations: Violation[] = [];
  /** How often each reason of a hold was met by the person. */
  readonly holds = new Map<string, number>();
  private answers = 0;

  constructor(
    private readonly world: World,
    private readonly plan: Plan,
  ) {}

  async all(): Promise<void> {
    await this.disturb();
    await this.comeIntoStep();
    const quietFromMs = this.world.clock.monotonicMs();
    await this.beQuiet();
    this.judge(quietFromMs);
  }

  fail(checker: string, explanation: string): void {
    this.violations.push({ checker, key: undefined, explanation });
  }

  private async disturb(): Promise<void> {
    const { world } = this;
    for (const { afterMs, act } of this.plan.steps) {
      await world.clock.advance(afterMs);
      world.trace.add(() => `-- ${JSON.stringify(act)}`);
      perform(world, act);
    }
    await world.clock.advance(2_000);
  }

  /** L1, L3: with a person who answers where a hold asks for one. */
  private async comeIntoStep(): Promise<void> {
    const { world, plan } = this;
    world.trace.add(() => '-- nothing goes wrong any more');
    world.heal();
    const { clock } = world;
    let notBeforeMs = clock.monotonicMs() + untilVerifiedMs(plan) + RETRY_MS;
    const deadlineMs = notBeforeMs + CONVERGES_WITHIN_MS;
    while (clock.monotonicMs() < deadlineMs) {
      const isReady = (): boolean =>
        clock.monotonicMs() >= notBeforeMs && world.daemon?.sync.isInSync === true;
      const untilMs = clock.monotonicMs() + LOOK_EVERY_MS;
      await clock.runUntil(isReady, { limitMs: LOOK_EVERY_MS }).catch(() => undefined);
      if (!isReady()) await clock.advance(untilMs - clock.monotonicMs());
      if (this.answerHolds()) {
        notBeforeMs = Math.max(notBeforeMs, clock.monotonicMs() + 2 * LOOK_EVERY_MS);
        continue;
      }
      if (clock.monotonicMs() >= notBeforeMs && world.daemon?.sync.isInSync === true) return;
    }
    const sync = world.daemon?.sync;
    const holds = sync?.holds.map(({ reason }) => reason).join(', ');
    this.fail(
      'convergence',
      `not in step ${CONVERGES_WITHIN_MS} ms after the faults: holds [${holds ?? 'no daemon'}], ` +
        `problem ${sync?.problem ?? 'none'}, ${sync?.attention.marked ?? 0} marked, pending ` +
        JSON.stringify(sync?.pending.count),
    );
  }

  /** @returns whether there was something to answer */
  private answerHolds(): boolean {
    const { daemon } = this.world;
    if (daemon === undefined || this.world.isCarryingOut) return true;
    const { sync } = daemon;
    const { person } = this.plan.setup;
    const reasons = new Set<string>(sync.holds.map(({ reason }) => reason));
    const marked = sync.memory.archive.marksAfter(undefined, 10_000);
    const isEntryHeld = marked.some(([, mark]) => isToBeReleased(mark));
    const isPaused = sync.memory.state?.paused === true;
    if (reasons.size === 0 && !isEntryHeld && !isPaused) return false;
    if (++this.answers > ANSWERS_MAX) return false;
    for (const reason of reasons) this.holds.set(reason, (this.holds.get(reason) ?? 0) + 1);
    if (isPaused) this.world.order({ do: 'resume' });
    else if (['identity-changed', 'rolled-back', 'archive-lost'].some((reason) => reasons.has(reason))) {
      this.world.order({ do: 'resync', from: person.resyncFrom });
    } else if (reasons.has('mapped-twice')) this.world.restartDaemon();
    else if (reasons.size > 0) this.world.order({ do: 'approve' });
    else this.world.order({ do: 'release', keep: person.keep });
    return true;
  }

  /** S2, S9: nothing is written, little is asked, and nothing is kept in memory that is done with. */
  private async beQuiet(): Promise<void> {
    const { world, plan } = this;
    world.trace.add(() => '-- quiet');
    const { requests } = world.network;
    const before = requests.left + requests.right;
    const forMs = untilVerifiedMs(plan) + RETRY_MS;
    await world.clock.advance(forMs);
    const asked = requests.left + requests.right - before;
    const verifications = Math.ceil(forMs / plan.setup.verifyEveryMs);
    const spared = verifications * this.requestsOfVerification();
    const allowed = QUIET_REQUESTS_PER_SECOND * (forMs / 1_000) + spared;
    if (asked > allowed) this.fail('bounded requests', `${asked} requests in ${forMs} quiet ms`);
    // A verification may be at work right now.
    const isIdle = (): boolean => this.kept() === 0;
    const what = 'everything that is noted as work to be done with';
    await world.clock
      .runUntil(isIdle, { limitMs: RETRY_MS, what })
      .catch((error: unknown) => this.fail('bounded memory', `${String(error)}: ${this.kept()} entries`));
  }

  /** How many entries the daemon has noted as work. */
  private kept(): number {
    const sync = this.world.daemon?.sync;
    if (sync === undefined) return 0;
    const { left, right } = sync.pending.count;
    return sync.attention.marked + sync.attention.deferrals + left + right;
  }

  /**
   * How many requests one verification takes: pages of both sides, and looks at what is set aside, one by one at worst,
   * by either walk and once more in between.
   */
  private requestsOfVerification(): number {
    const { zookeeper, consul } = this.world.contents();
    const pages = (zookeeper.size + consul.size) / this.plan.setup.bounds.pageEntries;
    return pages + 6 * (this.world.daemon?.setAside().length ?? 0) + 5;
  }

  private judge(quietFromMs: number): void {
    const { world, plan } = this;
    const { recorder, daemon } = world;
    const ending: Ending = {
      mappingHolds: daemon === undefined ? [] : daemon.sync.holds.map(({ reason }) => reason),
      setAside: new Set(daemon?.setAside()),
    };
    const { source = isEverMirror(plan) ? 'right' : undefined } = plan.setup.policy;
    const history = {
      ...recorder.history(world.contents(), ending, source && storeOf(source)),
      lostInRaces: valuesLostInRaces(recorder.timeline, { raceMs: RACE_MS }),
    };
    this.violations.push(
      ...checkHistory(history),
      ...checkExactLoss(history),
      ...checkJustifiedWrites(recorder.timeline, { raceMs: RACE_MS, everOwned: world.clients.everOwned }),
      ...checkInsideTheLines(recorder.timeline),
      ...checkNoEcho(recorder.timeline, quietFromMs),
    );
    for (const complaint of world.complaints) this.fail('no errors of its own', complaint);
    world.trace.add(() => `-- end: ${JSON.stringify([...history.finals.zookeeper])}`);
    world.trace.add(() => `-- end: ${JSON.stringify([...history.finals.consul])}`);
  }
}

/** Acts that hide changes until the next verification: everything else the daemon has to notice by itself (L3). */
const HIDING: ReadonlySet<Act['do']> = new Set(['lose-hints', 'lag', 'deny']);

function untilVerifiedMs({ setup, steps }: Plan): number {
  const isHidden = steps.some(({ act }) => HIDING.has(act.do));
  return isHidden ? setup.verifyEveryMs : Math.min(setup.verifyEveryMs, RETRY_MS);
}

/** Held until a person says what is to stand, which nobody has yet. */
function isToBeReleased(mark: EntryMark): boolean {
  return mark.kind === 'hold' && mark.reason !== 'journal-full' && mark.keep === undefined;
}

function perform(world: World, act: Act): void {
  switch (act.do) {
    case 'put':
    case 'delete':
    case 'delete-all':
    case 'recreate':
    case 'touch':
    case 'imitate':
    case 'revert':
    case 'put-many':
    case 'delete-many':
    case 'put-together':
    case 'own':
    case 'end-session':
      world.clients.perform(act);
      return;
    case 'lose-replies':
    case 'lose-requests':
    case 'refuse-writes':
    case 'delay-writes':
    case 'fail-reads':
    case 'cut-replies':
    case 'delay-replies':
    case 'lose-reads':
    case 'answer-in-part':
    case 'follow-behind':
    case 'lose-hints':
    case 'double-hints':
    case 'delay-hints':
      world.network.open(act);
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
    case 'crash':
    case 'stop':
    case 'fail-disk':
    case 'delete-archive':
    case 'jump-clock':
    case 'start-rival':
      world.disturbDaemon(act);
      return;
    case 'pause':
    case 'resume':
    case 'approve':
    case 'resync':
    case 'release':
    case 'put-back':
    case 'resolve':
    case 'cutover':
      world.order(act);
  }
}

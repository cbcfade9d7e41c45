import type { MappingHold } from '../core/mapping-state.js';
import type { EntryKey } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import { SIDES } from '../core/pair.js';
import { ReplicaError, SyncError } from '../ports/errors.js';
import type { HintListener } from '../ports/replica.js';
import { AppliedWrites } from './applied.js';
import { Attention, PendingWrites } from './attention.js';
import type { Due } from './attention.js';
import { Backoff } from './backoff.js';
import { BatchWriter } from './batch-writer.js';
import type { Applied } from './batch-writer.js';
import { Chores } from './chores.js';
import type { MappingContext } from './context.js';
import { contextInForce } from './context-in-force.js';
import { ClientChangeCounter } from './client-change-counter.js';
import { Drain, ROUND_ENTRIES_MAX } from './drain.js';
import type { Permission } from './drain.js';
import { Examiner } from './examine.js';
import { ExpectedEchoes } from './expected-echoes.js';
import { Fence } from './fence.js';
import { DeposedError, LedgerKeeper } from './ledger-keeper.js';
import type { Mark } from './mark-set.js';
import type { OnItsWay } from './mapping-memory.js';
import { MappingMemory, stopsMapping } from './mapping-memory.js';
import { OperatorsWord } from './operators-word.js';
import { Readiness } from './readiness.js';
import { Rings } from './rings.js';
import { RoundsBesideWalk } from './rounds-beside-walk.js';
import { StateLog } from './state-log.js';
import { FollowingInterrupted, Succession } from './succession.js';
import { tend } from './tending.js';
import { Walks } from './walks.js';
import { WholeView } from './whole-view.js';

/** Of what keeps coming while it is looked at, so many more rounds: what was put off, and all else, must have its turn. */
const ROUNDS_MORE_MAX = 8;
/** How long the loop sleeps at most: it must be seen turning, and has small duties of its own. */
const TURN_MS_MAX = 5_000;
/** How long what was hinted at waits in the midst of a walk, so that each page need not be followed by a round. */
const HINTS_WAIT_MS = 50;
/** How long a mapping that can't even begin rests between two looks at whether it can. */
const BLOCKED_MS = 500;
/** How often it is looked whether writes whose answers were lost have arrived in the end. */
const SETTLE_EVERY_MS = 1_000;

/**
 * Keeps one mapping's two sides equal: the loop that everything else hangs on. Hints only mark what to look at; each
 * turn of the loop walks what is to be walked, looks at what is marked, and decides.
 */
export class MappingSync {
  readonly memory: MappingMemory;
  readonly attention: Attention;
  readonly pending = new PendingWrites();
  readonly examiner: Examiner;
  private readonly ledgers: LedgerKeeper;
  private readonly readiness: Readiness;
  private readonly walks: Walks;
  private readonly wholeView: WholeView;
  private readonly drain: Drain;
  private readonly chores: Chores;
  private readonly word: OperatorsWord;
  private readonly backoff: Backoff;
  private readonly log: StateLog;
  /** With other daemons; undefined where this one is alone, and leads. */
  readonly succession: Succession | undefined;

  private trouble: Error | undefined;
  /** Something that may have changed is being looked at. */
  private looking = false;
  /** Held before there is an archive: what is to be looked at waits, and must not keep the loop awake. */
  private blocked = false;
  private inSyncAtMs: number | undefined;
  private lastTurnMs: number;
  private settleDueMs = 0;
  private inTurn: Promise<unknown> = Promise.resolve();
  private readonly beside = new RoundsBesideWalk();
  private hintsDrainedMs = -Infinity;
  private readonly visitors: (() => Promise<void>)[] = [];

  readonly context: MappingContext;

  /** @param configured the mapping as it is configured; `context` is how it is, with the step of its cutover */
  constructor(readonly configured: MappingContext) {
    const memory = new MappingMemory(configured.archive);
    const context = contextInForce(configured, () => memory.state?.cutover);
    memory.counter = new ClientChangeCounter(context.clock, context.metrics, context.archive);
    const attention = new Attention(context.clock);
    // What was decided by another direction is decided anew.
    memory.onCutover = () => attention.startOver('operator');
    const ledgers = new LedgerKeeper(context, memory);
    const fence = new Fence(context, memory, ledgers);
    const readiness = new Readiness(context, memory, ledgers, fence);
    const wholeView = new WholeView(context, memory, attention);
    const walks = new Walks(context, memory, attention, this.pending, wholeView);
    const rings = new Rings(context.clock);
    const { pending } = this;
    const parts = { context, memory, ledgers, fence, readiness, walks, attention, pending, rings };
    const { leaderships, mode } = context;
    // Who only observes writes nothing, and needs no turn.
    const elected = mode === 'sync' ? leaderships : undefined;
    const succession = elected && new Succession(parts, elected);
    const expected = new ExpectedEchoes(context.clock);
    const examiner = new Examiner(context, memory, succession, expected);
    const applied = new AppliedWrites(context, memory, attention, pending, rings);
    const record = (batch: Applied): Promise<OnItsWay> => {
      this.goesOn();
      return applied.record(batch);
    };
    const isDeposed = (): boolean => succession?.isActive === false;
    const touched = (side: Side, keys: readonly EntryKey[]): void => {
      attention.touched(keys, side);
      expected.wrote(side, keys);
    };
    const writer = new BatchWriter(context, memory, ledgers, record, touched, isDeposed);
    this.context = context;
    this.memory = memory;
    this.attention = attention;
    this.examiner = examiner;
    this.ledgers = ledgers;
    this.readiness = readiness;
    this.walks = walks;
    this.succession = succession;
    const looked = [attention, pending, rings, succession?.following] as const;
    this.drain = new Drain(context, memory, ledgers, examiner, writer, ...looked, undefined, wholeView);
    this.wholeView = wholeView;
    this.word = new OperatorsWord(memory, writer, succession !== undefined);
    this.chores = new Chores(context, memory, writer, attention);
    this.backoff = new Backoff(context.random);
    this.log = new StateLog(context.logger);
    this.lastTurnMs = context.clock.monotonicMs();
  }

  /** Runs until `signal` aborts; what is in flight then is finished first. */
  async run(signal: AbortSignal): Promise<void> {
    const { context } = this;
    const { clock, replicas } = context;
    const watches = SIDES.map((side) => replicas[side].watch(this.listener(side), signal));
    while (!signal.aborted) {
      if (this.blocked) await clock.sleep(BLOCKED_MS, signal);
      else await this.attention.wait(this.waitMs(), signal);
      this.lastTurnMs = clock.monotonicMs();
      if (signal.aborted) break;
      try {
        await this.exclusively(() => this.wholeTurn(signal));
        this.recovered();
      } catch (error) {
        await this.troubled(error, signal);
      }
      this.log.note(this.holds, this.walks.completed, context.archive.counts().entries);
    }
    tend(context, false);
    await this.succession?.release();
    await Promise.all(watches);
  }

  /** Runs `work` between two turns of the loop, never beside one. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.inTurn.then(work, work);
    this.inTurn = turn.catch(() => undefined);
    return turn;
  }

  /**
   * Runs `work`, which concerns single entries, between two rounds of the loop: in the midst of a walk, too, which may
   * take minutes.
   */
  async betweenRounds<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.visitors.push(() => work().then(resolve, reject));
      void this.exclusively(() => this.letVisitorsIn());
    });
  }

  /** Monotonic milliseconds of when the loop was last seen going on: a turn, or a part of a long one. */
  get turnedMs(): number {
    return this.lastTurnMs;
  }

  /** The holds of the whole mapping. */
  get holds(): readonly MappingHold[] {
    const { succession } = this;
    return succession === undefined || succession.isActive ? this.readiness.holds : succession.holds;
  }

  /** Whether this daemon writes here, or follows one that does. */
  get role(): 'active' | 'standby' {
    if (this.succession !== undefined) return this.succession.isActive ? 'active' : 'standby';
    return this.context.leaderships === undefined ? 'active' : 'standby';
  }

  /** What went wrong in the last turn, or why changes may go unnoticed; undefined while all is well. */
  get problem(): string | undefined {
    return this.trouble?.message ?? this.attention.blindness ?? this.succession?.obstacle;
  }

  /** Whether everything was walked and dealt with since this process began. */
  get completedSinceStart(): boolean {
    return this.walks.completed;
  }

  /** Entries that are left out because their keys are too long for the archive. */
  get unrecordableKeys(): readonly EntryKey[] {
    return this.drain.unrecordable.keys;
  }

  /** Both sides are equal as far as is known, held and skipped entries aside. */
  get isInSync(): boolean {
    const stopped = this.holds.length > 0 || this.memory.state?.paused === true;
    return this.walks.completed && this.isIdle && !stopped && this.problem === undefined;
  }

  /** Wall-clock milliseconds since when `isInSync` holds. */
  get inSyncSinceMs(): number | undefined {
    return this.isInSync ? (this.inSyncAtMs ??= this.context.clock.nowMs()) : undefined;
  }

  /** Begins anew with an empty archive; `from` decides what differs. Called between two turns. */
  async startOver(from: 'merge' | Side, signal: AbortSignal): Promise<MappingHold | undefined> {
    try {
      const begin = (): Promise<MappingHold | undefined> => this.readiness.startOver(from, signal);
      return await (this.succession?.beginAnew(begin) ?? begin());
    } finally {
      this.pending.clear();
      this.walks.startOver();
      this.attention.startOver('operator');
    }
  }

  /** Looks at entries at once, between two turns, and does what is to be done about them. */
  async lookNow(keys: readonly EntryKey[], signal: AbortSignal): Promise<void> {
    await this.settleIntents(signal);
    this.drain.beginRounds();
    this.attention.look(keys);
    await this.drainMarks(signal);
  }

  /** Looks at one entry at once, between two rounds, and does what is to be done about it. */
  async lookAt(key: EntryKey, signal: AbortSignal): Promise<void> {
    const mark: Mark = { key, at: undefined, noticedMs: this.context.clock.monotonicMs() };
    // Nothing else is judged now that waits for a walk to be over.
    await this.round([mark], 'defer', signal);
  }

  /** Entries are there that a walk may not read: a look at them says why, and lists them as left out. */
  noticeUnread(keys: readonly EntryKey[]): void {
    this.attention.look(keys.filter((key) => this.memory.archive.mark(key) === undefined));
  }

  permission(): Permission {
    const state = this.memory.state;
    if (state === undefined) return 'count';
    if (state.phase === 'observing') return 'record';
    if (this.succession?.isActive === false) return state.phase === 'paired' ? 'follow' : 'count';
    if (state.phase === 'pairing') return 'count';
    if (this.context.mode === 'observe' || state.paused || this.holds.some(stopsMapping)) return 'count';
    return 'write';
  }

  private get isIdle(): boolean {
    const { left, right } = this.pending.count;
    const isBusy = this.looking || this.beside.isBusy || this.walks.searching;
    return !isBusy && !this.attention.unseen && left + right === 0;
  }

  /** A turn, and all that it has begun. */
  private async wholeTurn(signal: AbortSignal): Promise<void> {
    try {
      await this.turn(signal);
    } finally {
      // What else has failed is put back, and comes to light again.
      await this.beside.settle().catch(() => undefined);
    }
  }

  private async turn(signal: AbortSignal): Promise<void> {
    const part = (await this.succession?.beginTurn(signal)) ?? 'lead';
    this.goesOn();
    this.blocked = part === 'wait' || (part === 'lead' && !(await this.readiness.ensure(signal)));
    if (this.blocked) return;
    if (part === 'lead' && (await this.readiness.recheck(signal))) this.attention.startOver('operator');
    await this.settleIntents(signal);
    await this.examiner.checkClock();
    await this.tell(signal);
    // What was put off is judged together with what was created meanwhile.
    if (this.attention.deferrals === 0) this.drain.beginRounds();
    const dealWith = async ({ all }: { all: boolean }): Promise<void> => {
      this.goesOn();
      await this.letVisitorsIn();
      if (all) await this.drainMarks(signal);
      else await this.drainBesideWalk(signal);
    };
    for (const side of SIDES) await this.walkIfDue(side, dealWith, signal);
    this.attention.takeUpRetries();
    await this.drainMarks(signal);
    await this.chores.run(this.permission(), signal);
    await this.succession?.endTurn(this.isIdle && this.walks.completed);
    if (!this.isInSync) this.inSyncAtMs = undefined;
  }

  private async walkIfDue(
    side: Side,
    dealWith: (options: { all: boolean }) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const following = this.succession?.following;
    const from = following && { gaps: following.gaps, positions: following.positions };
    const wasWalked = await this.walks.walkIfDue(side, dealWith, () => this.permission(), signal);
    if (wasWalked && from !== undefined) following?.walked(side, from);
  }

  /**
   * Puts what an operator has said into the ledgers at once, between two turns.
   * @returns the sides that could not be told
   */
  async tellNow(signal: AbortSignal): Promise<readonly Side[]> {
    if (this.word.untold.length === 0) return [];
    try {
      await this.exclusively(() => this.tell(signal));
    } catch (error) {
      const message = 'what an operator has said could not be written to the ledgers yet';
      this.context.logger.warn({ err: error }, message);
    }
    return this.word.untold;
  }

  private async tell(signal: AbortSignal): Promise<void> {
    const mayTell = this.role === 'active' && this.context.mode === 'sync';
    if (mayTell && !this.holds.some(stopsMapping)) await this.word.tell(signal);
  }

  /** What a watch tells only marks; that it tells nothing any more is worth a line, once. */
  private listener(side: Side): HintListener {
    const marking = this.attention.listener(side);
    const lost = (why: string): void => {
      if (!this.attention.isBlind(side)) {
        this.context.logger.warn({}, `${this.context.sideNames[side]} is not watched: ${why}`);
      }
      marking.lost(why);
    };
    return { ...marking, lost };
  }

  /** What was announced and never heard of again is settled before anything else is written, where it can be. */
  private async settleIntents(signal: AbortSignal): Promise<void> {
    const nowMs = this.context.clock.monotonicMs();
    if (this.permission() !== 'write' || nowMs < this.settleDueMs) return;
    this.settleDueMs = nowMs + SETTLE_EVERY_MS;
    const sides = new Set(this.memory.known.intents.map((intent) => intent.side));
    for (const side of sides) {
      const hold = await this.ledgers.refresh(side, signal);
      if (hold === undefined) continue;
      await this.memory.addHold({ ...hold, sinceMs: this.context.clock.nowMs() });
      return;
    }
  }

  /**
   * In the midst of a walk, when guards can't judge yet: what the walk has read is dealt with beside it, in full rounds;
   * everything else without keeping it waiting for the walk.
   */
  private async drainBesideWalk(signal: AbortSignal): Promise<void> {
    const { attention } = this;
    this.walks.compareViews();
    const mayWrite = this.permission() === 'write';
    while (attention.walked >= ROUND_ENTRIES_MAX && !signal.aborted) {
      const marks = attention.takeWalked(ROUND_ENTRIES_MAX);
      const round = (): Promise<void> => this.round(marks, 'defer', signal);
      await (mayWrite ? this.beside.begin(round) : round());
    }
    const unwalked = attention.marked - attention.walked;
    const nowMs = this.context.clock.monotonicMs();
    const isDue = unwalked >= ROUND_ENTRIES_MAX || nowMs - this.hintsDrainedMs >= HINTS_WAIT_MS;
    if (unwalked === 0 || !isDue) return;
    await this.beside.settle();
    for (let left = unwalked; left > 0 && !signal.aborted; left -= ROUND_ENTRIES_MAX) {
      const marks = attention.takeUnwalked(Math.min(left, ROUND_ENTRIES_MAX));
      if (marks.length > 0) await this.round(marks, 'defer', signal);
    }
    this.hintsDrainedMs = this.context.clock.monotonicMs();
  }

  /** Everything that is to be looked at for now is marked: guards can judge, unless there is more to see. */
  private async drainMarks(signal: AbortSignal): Promise<void> {
    const { attention } = this;
    await this.beside.settle();
    this.walks.compareViews();
    const rounds = Math.ceil(attention.marked / ROUND_ENTRIES_MAX) + ROUNDS_MORE_MAX;
    for (let round = 0; attention.marked > 0 && round < rounds && !signal.aborted; round++) {
      const marks = attention.takeMarks(ROUND_ENTRIES_MAX);
      // What was seen meanwhile, or is to be tried again, comes behind what waits now, and not behind all that is to come.
      this.walks.compareViews();
      attention.takeUpRetries();
      const isOnlyRound = attention.marked + attention.deferrals === 0;
      await this.round(marks, isOnlyRound ? 'defer-many' : 'defer', signal);
    }
    if (this.permission() !== 'write') this.wholeView.forget();
    else if (this.wholeView.isAwaited()) return;
    while (attention.deferrals > 0 && !signal.aborted) {
      const marks = attention.takeDeferred(ROUND_ENTRIES_MAX);
      await this.round(marks, attention.due, signal);
    }
  }

  private async round(
    marks: readonly Mark[],
    due: Due | 'defer' | 'defer-many',
    signal: AbortSignal,
  ): Promise<void> {
    this.looking = true;
    try {
      await this.examiner.checkClock();
      const entriesSeen = (): Promise<number> => this.walks.entriesSeen(() => this.goesOn(), signal);
      const result = await this.drain.run(marks, this.permission(), entriesSeen, due, signal);
      this.chores.noteRound(result.ledgersOwed, result.ledgersMoved);
      if (result.trouble !== undefined) throw result.trouble;
    } catch (error) {
      this.attention.putBack(marks);
      throw error;
    } finally {
      this.looking = false;
    }
  }

  private async letVisitorsIn(): Promise<void> {
    if (this.visitors.length > 0) await this.beside.settle();
    for (let next = this.visitors.shift(); next !== undefined; next = this.visitors.shift()) await next();
  }

  private goesOn(): void {
    this.lastTurnMs = this.context.clock.monotonicMs();
    tend(this.context, this.role === 'active');
  }

  private waitMs(): number {
    const retryMs = this.attention.nextRetryMs() - this.context.clock.monotonicMs();
    return Math.max(0, Math.min(TURN_MS_MAX, this.chores.dueInMs(), retryMs));
  }

  private recovered(): void {
    if (this.trouble !== undefined) this.context.logger.info({}, 'going on');
    this.trouble = undefined;
    this.backoff.reset();
  }

  private async troubled(error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    if (error instanceof FollowingInterrupted) return;
    if (error instanceof DeposedError && (await this.deposed(error))) return;
    // An archive that failed once takes nothing any more: the process has to end, and start anew from what is durable.
    if (error instanceof SyncError && error.code === 'ARCHIVE_IO') throw error;
    const waitMs = this.backoff.nextMs();
    const known = this.trouble?.message;
    this.trouble = error instanceof Error ? error : new Error(String(error));
    const level = error instanceof ReplicaError ? 'warn' : 'error';
    if (known !== this.trouble.message) {
      const fields = { err: this.trouble, retryInMs: Math.round(waitMs) };
      this.context.logger[level](fields, this.trouble.message);
    }
    await this.context.clock.sleep(waitMs, signal);
  }

  private async deposed(error: DeposedError): Promise<boolean> {
    if (this.succession === undefined) return this.holdDeposed(error);
    await this.succession.stepDown(`${error.message} in ${this.context.sideNames[error.side]}`, true);
    return true;
  }

  /** @returns false when the archive could not take it: then it comes to light again */
  private async holdDeposed({ side, message }: DeposedError): Promise<boolean> {
    const detail = `${message} in ${this.context.sideNames[side]}: two daemons run as this instance`;
    const sinceMs = this.context.clock.nowMs();
    return this.memory.addHold({ reason: 'mapped-twice', side, detail, sinceMs }).then(
      () => true,
      () => false,
    );
  }
}

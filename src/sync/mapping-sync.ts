import { SIDES } from '../core/pair.js';
import type { Pair, Side } from '../core/pair.js';
import { pairOf, withSide } from '../core/pair.js';
import { recordSighting } from '../core/write-interval.js';
import type { MappingHold } from '../core/mapping-state.js';
import { ReplicaError } from '../ports/errors.js';
import { AppliedWrites } from './applied.js';
import { Attention, PendingWrites } from './attention.js';
import { Backoff } from './backoff.js';
import { BatchWriter } from './batch-writer.js';
import type { MappingContext } from './context.js';
import { Drain } from './drain.js';
import type { Permission } from './drain.js';
import { Establishment } from './establish.js';
import { Examiner } from './examine.js';
import { DeposedError, LedgerKeeper } from './ledger-keeper.js';
import { MappingMemory, stopsMapping } from './mapping-memory.js';
import { sweepSide } from './sweep.js';

/** How many entries one round looks at. */
const ROUND_ENTRIES_MAX = 512;
/** How long the loop sleeps at most: it must be seen turning, and has small duties of its own. */
const TURN_MS_MAX = 5_000;
/** How long a mapping that can't even begin rests between two looks at whether it can. */
const BLOCKED_MS = 500;
/** After foreign changes a side's ledger is moved at most this often. */
const BUMP_EVERY_MS = 1_000;
/** How often each store's progress is noted, so that later writes can be dated. */
const SIGHT_EVERY_MS = 15_000;
/** A walk is noted in the archive at most this often, unless both sides were walked. */
const NOTE_SWEEP_EVERY_MS = 10_000;
/** How often what holds a mapping before it could start is checked again. */
const RECHECK_HOLD_EVERY_MS = 30_000;

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
  private readonly establishment: Establishment;
  private readonly writer: BatchWriter;
  private readonly drain: Drain;
  private readonly backoff: Backoff;

  /** What stands in the way of starting, where there may be no archive to keep it in. */
  private startHold: MappingHold | undefined;
  private established = false;
  private establishDueMs = 0;
  private trouble: Error | undefined;
  private readonly bumpDue = new Set<Side>();
  private bumpedMs = -Infinity;
  private sightedMs = -Infinity;
  private verifiedMs = -Infinity;
  private sweptEntries: Pair<number> = { left: 0, right: 0 };
  private readonly sweptSides = new Set<Side>();
  /** Held before there is an archive: what is to be looked at waits, and must not keep the loop awake. */
  private blocked = false;
  private completed = false;
  /** Something that may have changed is being looked at. */
  private looking = false;
  private walking = false;
  private inSyncAtMs: number | undefined;
  private lastTurnMs: number;
  private inTurn: Promise<unknown> = Promise.resolve();

  constructor(readonly context: MappingContext) {
    this.memory = new MappingMemory(context.archive);
    this.attention = new Attention(context.clock);
    this.examiner = new Examiner(context, this.memory);
    this.ledgers = new LedgerKeeper(context, this.memory);
    this.establishment = new Establishment(context, this.memory, this.ledgers);
    const applied = new AppliedWrites(context, this.memory, this.attention, this.pending);
    this.writer = new BatchWriter(context, this.memory, this.ledgers, (batch) => applied.record(batch));
    this.drain = new Drain(
      context,
      this.memory,
      this.ledgers,
      this.examiner,
      this.writer,
      this.attention,
      this.pending,
    );
    this.backoff = new Backoff(context.random);
    this.lastTurnMs = context.clock.monotonicMs();
  }

  /** Runs until `signal` aborts; what is in flight then is finished first. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, replicas } = this.context;
    const watches = SIDES.map((side) => replicas[side].watch(this.attention.listener(side), signal));
    while (!signal.aborted) {
      if (this.blocked) await clock.sleep(BLOCKED_MS, signal);
      else await this.attention.wait(this.waitMs(), signal);
      this.lastTurnMs = clock.monotonicMs();
      if (signal.aborted) break;
      try {
        await this.exclusively(() => this.turn(signal));
        this.recovered();
      } catch (error) {
        await this.troubled(error, signal);
      }
    }
    await Promise.all(watches);
  }

  /** Runs `work` between two turns of the loop, never beside one. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.inTurn.then(work, work);
    this.inTurn = turn.catch(() => undefined);
    return turn;
  }

  /** Monotonic milliseconds of the last turn. */
  get turnedMs(): number {
    return this.lastTurnMs;
  }

  /** The holds of the whole mapping. */
  get holds(): readonly MappingHold[] {
    const recorded = this.memory.state?.holds ?? [];
    return this.startHold === undefined ? recorded : [this.startHold, ...recorded];
  }

  get failing(): Error | undefined {
    return this.trouble;
  }

  get isEstablished(): boolean {
    return this.established;
  }

  /** Whether everything that is known of was looked at and dealt with. */
  get isIdle(): boolean {
    const { left, right } = this.pending.count;
    return !this.looking && !this.walking && !this.attention.unseen && left + right === 0;
  }

  /** Whether everything was walked and dealt with since this process began. */
  get completedSinceStart(): boolean {
    return this.completed;
  }

  /** Both sides are equal as far as is known, held and skipped entries aside. */
  get isInSync(): boolean {
    const stopped = this.holds.length > 0 || this.memory.state?.paused === true;
    return this.completed && this.isIdle && !stopped && this.trouble === undefined;
  }

  /** Wall-clock milliseconds since when `isInSync` holds. */
  get inSyncSinceMs(): number | undefined {
    return this.isInSync ? (this.inSyncAtMs ??= this.context.clock.nowMs()) : undefined;
  }

  /** Begins anew with an empty archive; `from` decides what differs. Called between two turns. */
  async startOver(from: 'merge' | Side, signal: AbortSignal): Promise<MappingHold | undefined> {
    const hold = await this.establishment.pairAnew(from, signal);
    this.pending.clear();
    this.sweptSides.clear();
    this.completed = false;
    this.setEstablished(hold);
    this.attention.startOver('operator');
    return this.startHold;
  }

  /** Looks at entries at once, between two turns, with what may be done about them as of now. */
  async lookNow(keys: readonly string[], signal: AbortSignal): Promise<void> {
    this.attention.look(keys);
    await this.drainMarks(signal);
  }

  permission(): Permission {
    const state = this.memory.state;
    if (state === undefined) return 'count';
    if (state.phase === 'observing') return 'record';
    if (this.context.mode === 'observe' || state.paused || this.holds.some(stopsMapping)) return 'count';
    return 'write';
  }

  private async turn(signal: AbortSignal): Promise<void> {
    this.blocked = !(await this.establish(signal));
    if (this.blocked) return;
    await this.settleIntents(signal);
    await this.learnSize(signal);
    for (const side of SIDES) await this.sweepIfDue(side, signal);
    this.attention.takeUpRetries();
    await this.drainMarks(signal);
    await this.bumpLedgers(signal);
    await this.noteProgress(signal);
    this.scheduleVerification();
    if (!this.isInSync) this.inSyncAtMs = undefined;
  }

  private async establish(signal: AbortSignal): Promise<boolean> {
    const nowMs = this.context.clock.monotonicMs();
    if (!this.established && nowMs >= this.establishDueMs) {
      this.setEstablished(await this.establishment.establish(signal));
      if (!this.established) this.establishDueMs = nowMs + RECHECK_HOLD_EVERY_MS;
    }
    if (this.established) await this.recheckIdentity(signal);
    return this.established || this.memory.state !== undefined;
  }

  private setEstablished(hold: Omit<MappingHold, 'sinceMs'> | undefined): void {
    this.established = hold === undefined;
    const sinceMs = this.startHold?.reason === hold?.reason ? this.startHold?.sinceMs : undefined;
    this.startHold =
      hold === undefined ? undefined : { ...hold, sinceMs: sinceMs ?? this.context.clock.nowMs() };
    if (this.startHold !== undefined) {
      this.context.logger.warn({ reason: this.startHold.reason }, `held: ${this.startHold.detail}`);
    }
  }

  /** A store that was mispointed or half restored may be put right; one that was rolled back stays so. */
  private async recheckIdentity(signal: AbortSignal): Promise<void> {
    const nowMs = this.context.clock.monotonicMs();
    const held = this.memory.known.holds.some((hold) => hold.reason === 'identity-changed');
    if (!held || nowMs < this.establishDueMs) return;
    this.establishDueMs = nowMs + RECHECK_HOLD_EVERY_MS;
    const verdict = await this.ledgers.inspect(signal, { starting: false });
    if (verdict.kind !== 'whole') return;
    await this.memory.dropHold('identity-changed');
    this.attention.startOver('operator');
  }

  private async settleIntents(signal: AbortSignal): Promise<void> {
    if (this.permission() !== 'write') return;
    const sides = new Set(this.memory.known.intents.map((intent) => intent.side));
    for (const side of sides) {
      const hold = await this.ledgers.refresh(side, signal);
      if (hold !== undefined) {
        await this.memory.addHold({ ...hold, sinceMs: this.context.clock.nowMs() });
        return;
      }
    }
  }

  /** Before the first reconciliation nothing tells how large the mapping is, which the guards have to know. */
  private async learnSize(signal: AbortSignal): Promise<void> {
    if (this.memory.known.firstCompletedAtMs !== undefined || this.sweptEntries.left > 0) return;
    const count = async (side: Side): Promise<number> => {
      const nothing = (): Promise<void> => Promise.resolve();
      return (await sweepSide(this.context, this.memory, side, nothing, signal)).present;
    };
    this.sweptEntries = { left: await count('left'), right: await count('right') };
  }

  private async sweepIfDue(side: Side, signal: AbortSignal): Promise<void> {
    const request = this.attention.takeSweep(side);
    if (request === undefined) return;
    if (request.reason !== undefined) this.context.metrics.rescan(request.reason);
    const startedAtMs = this.context.clock.nowMs();
    this.walking = request.reason !== 'verify';
    try {
      const report = async (keys: readonly string[]): Promise<void> => {
        this.attention.look(keys);
        if (this.attention.marked >= ROUND_ENTRIES_MAX) await this.drainMarks(signal);
      };
      const swept = await sweepSide(this.context, this.memory, side, report, signal);
      this.sweptEntries = withSide(this.sweptEntries, side, swept.present);
    } catch (error) {
      this.attention.requestSweep(side, request.reason ?? 'retry');
      throw error;
    } finally {
      this.walking = false;
    }
    await this.drainMarks(signal);
    await this.swept(side, startedAtMs);
  }

  private async swept(side: Side, startedAtMs: number): Promise<void> {
    this.sweptSides.add(side);
    const complete = this.sweptSides.size === SIDES.length;
    if (complete) {
      this.sweptSides.clear();
      this.completed = true;
    }
    if (this.permission() === 'count') return;
    const recorded = this.memory.known.lastSweptAtMs[side] ?? -Infinity;
    if (!complete && Math.abs(startedAtMs - recorded) < NOTE_SWEEP_EVERY_MS) return;
    await this.memory.commit((state) => ({
      state: {
        lastSweptAtMs: withSide(state.lastSweptAtMs, side, startedAtMs),
        ...(complete && {
          firstCompletedAtMs: state.firstCompletedAtMs ?? startedAtMs,
          lastVerifiedAtMs: startedAtMs,
          resyncFrom: undefined,
        }),
      },
    }));
  }

  private async drainMarks(signal: AbortSignal): Promise<void> {
    while (this.attention.marked > 0 && !signal.aborted) {
      const marks = this.attention.takeMarks(ROUND_ENTRIES_MAX);
      this.looking = true;
      const entries = Math.max(this.sweptEntries.left, this.sweptEntries.right);
      try {
        const result = await this.drain.run(marks, this.permission(), entries, signal);
        for (const side of result.foreignChanges) this.bumpDue.add(side);
        for (const side of result.written) this.bumpDue.delete(side);
        if (result.trouble !== undefined) throw result.trouble;
      } catch (error) {
        this.attention.putBack(marks);
        throw error;
      } finally {
        this.looking = false;
      }
    }
  }

  /** Moves the ledgers after foreign changes, so that a store restored to before these shows in its ledger. */
  private async bumpLedgers(signal: AbortSignal): Promise<void> {
    const nowMs = this.context.clock.monotonicMs();
    if (this.bumpDue.size === 0 || nowMs - this.bumpedMs < BUMP_EVERY_MS) return;
    if (this.permission() !== 'write') return this.bumpDue.clear();
    this.bumpedMs = nowMs;
    for (const side of this.bumpDue) {
      this.bumpDue.delete(side);
      if (this.ledgers.next(side) === undefined) continue;
      const trouble = await this.writer.bump(side, signal);
      if (trouble !== undefined) throw trouble;
    }
  }

  private async noteProgress(signal: AbortSignal): Promise<void> {
    const nowMs = this.context.clock.monotonicMs();
    if (nowMs - this.sightedMs < SIGHT_EVERY_MS || this.permission() === 'count') return;
    this.sightedMs = nowMs;
    const atMs = this.context.clock.nowMs();
    const positions = await Promise.all(SIDES.map((side) => this.context.replicas[side].position(signal)));
    await this.memory.commit((state) => ({
      state: {
        sightings: pairOf((side) => {
          const version = positions[SIDES.indexOf(side)];
          const log = state.sightings[side];
          return version === undefined ? log : recordSighting(log, { atMs, version });
        }),
      },
    }));
  }

  private scheduleVerification(): void {
    const nowMs = this.context.clock.monotonicMs();
    if (this.verifiedMs === -Infinity) this.verifiedMs = nowMs;
    if (nowMs - this.verifiedMs < this.context.verifyEveryMs) return;
    this.verifiedMs = nowMs;
    this.sweptSides.clear();
    for (const side of SIDES) this.attention.requestSweep(side, 'verify');
  }

  private waitMs(): number {
    const nowMs = this.context.clock.monotonicMs();
    const bumpMs = this.bumpDue.size > 0 ? this.bumpedMs + BUMP_EVERY_MS - nowMs : Infinity;
    const retryMs = this.attention.nextRetryMs() - nowMs;
    return Math.max(0, Math.min(TURN_MS_MAX, bumpMs, retryMs));
  }

  private recovered(): void {
    if (this.trouble !== undefined) this.context.logger.info({}, 'going on');
    this.trouble = undefined;
    this.backoff.reset();
  }

  private async troubled(error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    if (error instanceof DeposedError) {
      const detail = `${error.message} at ${this.context.sideNames[error.side]}: two daemons run as this instance`;
      await this.memory.addHold({
        reason: 'mapped-twice',
        side: error.side,
        detail,
        sinceMs: this.context.clock.nowMs(),
      });
      return;
    }
    const waitMs = this.backoff.nextMs();
    const known = this.trouble?.message;
    this.trouble = error instanceof Error ? error : new Error(String(error));
    const level = error instanceof ReplicaError ? 'warn' : 'error';
    if (known !== this.trouble.message) {
      this.context.logger[level]({ err: this.trouble, retryInMs: Math.round(waitMs) }, this.trouble.message);
    }
    await this.context.clock.sleep(waitMs, signal);
  }
}

import { latestMoves } from '../core/cutover.js';
import type { ObservedLedger } from '../core/ledger.js';
import { judgeLedgers, mirrorOf } from '../core/ledger.js';
import type { MappingHold, MappingState } from '../core/mapping-state.js';
import type { Side } from '../core/pair.js';
import { pairOf, SIDES } from '../core/pair.js';
import type { Member } from '../ports/election.js';
import { SyncError } from '../ports/errors.js';
import type { Attention, PendingWrites } from './attention.js';
import type { MappingContext } from './context.js';
import { freshState } from './establish.js';
import type { Provenance } from './examine.js';
import type { Fence } from './fence.js';
import { Following } from './following.js';
import type { LedgerKeeper, ObservedLedgers } from './ledger-keeper.js';
import type { Leaderships } from './leaderships.js';
import type { MappingMemory } from './mapping-memory.js';
import type { Readiness } from './readiness.js';
import type { Rings } from './rings.js';
import { sortOutOfScope } from './scope-change.js';
import type { Seat } from './seat.js';
import type { Walks } from './walks.js';

/** A daemon that came to the head of the queue and can't take over makes room for another after so long. */
const TAKEOVER_MS_MAX = 5_000;
/** How long a daemon without an archive waits for one that has it, where it may begin without (`onLoss: merge`). */
const VACANT_MS_MAX = 30_000;
/** How long the word of an operator who wants this daemon to lead counts. */
const SUMMONS_MS = 20_000;

/** The round can't go on: what it follows is no longer there. */
export class FollowingInterrupted extends Error {}

export interface SuccessionParts {
  readonly context: MappingContext;
  readonly memory: MappingMemory;
  readonly ledgers: LedgerKeeper;
  readonly fence: Fence;
  readonly readiness: Readiness;
  readonly walks: Walks;
  readonly attention: Attention;
  readonly pending: PendingWrites;
  readonly rings: Rings;
}

/**
 * The part that this daemon plays for a mapping: it leads, and writes; or it follows the one that leads, keeps its own
 * archive, and takes over when the lead comes to it.
 *
 * The queue only says whose turn it is. What keeps two daemons from writing are the ledgers: to take over, the new one
 * moves both, under the condition that they are what it knows, and every later batch of the former one fails.
 */
export class Succession implements Provenance {
  readonly following: Following;
  private readonly seat: Seat;
  private leads = false;
  /** Both ledgers were read, and belong to this archive. */
  private isFollowing = false;
  /** Nothing of this mapping exists anywhere: whoever is first may begin. */
  private isUnpaired = false;
  private hold: MappingHold | undefined;
  private hasBegun = false;
  private hasNotFollowed = true;
  /** A store was not watched for a while, in which clients' and daemons' writes may have gone unseen. */
  private hasBlinked = false;
  /** No daemon came that could lead, and this one is to begin without what was agreed on. */
  private isMergeDue = false;
  private headSinceMs: number | undefined;
  private vacantSinceMs: number | undefined;
  private summonedMs = -Infinity;

  constructor(
    private readonly parts: SuccessionParts,
    private readonly leaderships: Leaderships,
  ) {
    const { context, memory, attention, pending } = parts;
    this.seat = leaderships.seat(context.name, () => attention.notify());
    const isNew = (): boolean => memory.state?.firstCompletedAtMs === undefined;
    this.following = new Following(attention, pending, () => this.isLedByAnother, isNew);
    attention.onReconnect = () => (this.hasBlinked = true);
    memory.onLedgers = (ledgers) => {
      if (this.leads && memory.known.kept === 'led') this.following.beginSettled(ledgers);
      else this.following.follow(ledgers);
    };
  }

  /** Whether it leads, and may write. */
  get isActive(): boolean {
    return this.leads && this.seat.mayLead;
  }

  get leader(): Member | undefined {
    return this.isActive ? this.leaderships.self : this.seat.leader;
  }

  /** What holds a standby; the active's holds are recorded in its archive. */
  get holds(): readonly MappingHold[] {
    // While another daemon leads, what is in the way of this one needs no person.
    if (!this.seat.isVacant) return [];
    if (this.hold !== undefined) return [this.hold];
    const { obstacle } = this.following;
    if (this.hasNotFollowed || obstacle === undefined) return [];
    const sinceMs = this.vacantSinceMs ?? this.parts.context.clock.nowMs();
    const detail = `no daemon leads this mapping, and this one could not: ${obstacle}`;
    return [{ reason: 'archive-lost', side: undefined, sinceMs, detail }];
  }

  /** Why this daemon could not take over; undefined when it could, or leads. */
  get obstacle(): string | undefined {
    if (this.leads || this.isUnpaired) return undefined;
    if (this.hold !== undefined) return this.hold.detail;
    if (this.hasNotFollowed) return 'it has not read the ledgers yet';
    return this.following.obstacle;
  }

  /** What is to be done at the beginning of a turn; `wait`: there is nothing to work with yet. */
  async beginTurn(signal: AbortSignal): Promise<'lead' | 'follow' | 'wait'> {
    if (this.leads) {
      if (this.seat.isToHandOver) await this.stepDown('handed over', true);
      else if (!this.seat.mayLead) await this.stepDown('the place at the head of the queue was lost', false);
      else return 'lead';
    }
    this.isFollowing = false;
    this.isUnpaired = false;
    await this.follow(signal);
    this.considerStanding();
    if (this.seat.mayLead && (await this.takeOver(signal))) return 'lead';
    return this.isFollowing ? 'follow' : 'wait';
  }

  /** At the end of a turn. @param isIdle everything known was dealt with */
  async endTurn(isIdle: boolean): Promise<void> {
    this.following.tidy();
    if (!this.leads) {
      this.considerStanding();
      return;
    }
    const { memory } = this.parts;
    if (!isIdle || memory.state?.phase !== 'paired') return;
    this.following.beginSettled(memory.known.ledgers);
    if (memory.known.kept !== 'led') await memory.commit(() => ({ state: { kept: 'led' } }));
  }

  /** Behind the reading of entries, and before they are decided. */
  async catchUp(signal: AbortSignal): Promise<void> {
    if (this.leads) return;
    this.isFollowing = false;
    await this.follow(signal);
    if (!this.isFollowing) throw new FollowingInterrupted('the ledgers are not what they were');
  }

  has(side: Side, modified: bigint): boolean {
    return this.following.has(side, modified);
  }

  /** Follows from now on. @param toTheEnd whether others are to come first in the queue */
  async stepDown(why: string, toTheEnd: boolean): Promise<void> {
    if (!this.leads) return;
    this.leads = false;
    this.headSinceMs = undefined;
    if (toTheEnd) this.seat.giveUp();
    const { memory, context } = this.parts;
    context.logger.info({}, `no longer active: ${why}`);
    if (memory.state === undefined) return;
    // What was announced and not heard of is found out by looking, like all that another daemon writes.
    if (memory.known.intents.length > 0) await memory.commit(() => ({ state: { intents: [] } }));
    if (memory.known.kept === 'led') this.following.beginSettled(memory.known.ledgers);
  }

  /**
   * An operator wants this daemon to begin anew although it could not take over by itself.
   * @returns whether it may, after a while: it leads when `beginAnew` is called
   */
  async summon(signal: AbortSignal): Promise<boolean> {
    const { clock } = this.parts.context;
    this.summonedMs = clock.monotonicMs();
    this.considerStanding();
    while (!signal.aborted && !this.seat.mayLead && clock.monotonicMs() - this.summonedMs < SUMMONS_MS) {
      await clock.sleep(100, signal);
    }
    return this.leads || this.seat.mayLead;
  }

  /**
   * Leads while `begin` puts a new pair in place of whatever there is. Where nothing comes of that, this daemon goes on
   * following: what it could not tell before, it can't tell now.
   * @throws SyncError `REFUSED` when it may not lead
   */
  async beginAnew<T>(begin: () => Promise<T>): Promise<T> {
    if (this.leads) return begin();
    const { memory, ledgers, context } = this.parts;
    if (!this.seat.mayLead) {
      throw new SyncError('REFUSED', `this daemon does not lead mapping ${context.name} any more: ask again`);
    }
    const pairBefore = memory.state?.pairId;
    ledgers.beginTerm();
    this.lead(false);
    try {
      return await begin();
    } finally {
      if (memory.state?.pairId === pairBefore) await this.stepDown('a new start was broken off', false);
    }
  }

  /** Gives the place up, when the mapping stops. */
  async release(): Promise<void> {
    this.leads = false;
    await this.leaderships.release(this.seat);
  }

  private considerStanding(): void {
    const { context } = this.parts;
    const isSummoned = context.clock.monotonicMs() - this.summonedMs < SUMMONS_MS;
    this.vacantSinceMs = this.seat.isVacant ? (this.vacantSinceMs ?? context.clock.nowMs()) : undefined;
    const waitedMs = this.vacantSinceMs === undefined ? 0 : context.clock.nowMs() - this.vacantSinceMs;
    if (context.onArchiveLoss === 'merge' && waitedMs > VACANT_MS_MAX) this.isMergeDue = true;
    else if (this.isLedByAnother) this.isMergeDue = false;
    const could = this.leads || this.couldBegin || this.couldGoOn || this.isMergeDue;
    this.seat.setCapable(could || isSummoned);
  }

  private get isLedByAnother(): boolean {
    const { leader } = this.seat;
    return leader !== undefined && leader.id !== this.leaderships.self.id;
  }

  /** Nothing of this mapping exists anywhere, or what this daemon began was broken off. */
  private get couldBegin(): boolean {
    return this.isUnpaired || this.parts.memory.state?.phase === 'pairing';
  }

  private get couldGoOn(): boolean {
    return this.isFollowing && this.following.obstacle === undefined;
  }

  /** @throws ReplicaError when a store can't answer: tried again with the next turn */
  private async takeOver(signal: AbortSignal): Promise<boolean> {
    const { memory, context } = this.parts;
    const startedMs = context.clock.monotonicMs();
    if (this.headSinceMs === undefined) this.parts.ledgers.beginTerm();
    this.headSinceMs ??= startedMs;
    const begins = this.couldBegin || (this.isMergeDue && !this.couldGoOn);
    if (!begins && !(this.couldGoOn && (await this.isFenced(signal)))) return false;
    if (begins && !this.couldBegin) await memory.forget();
    this.lead(!begins);
    const tookMs = Math.round(context.clock.monotonicMs() - startedMs);
    context.logger.info({ tookMs }, 'active: this daemon leads the mapping from now on');
    return true;
  }

  private async isFenced(signal: AbortSignal): Promise<boolean> {
    const { clock } = this.parts.context;
    try {
      return await this.parts.fence.depose(() => this.isStillNext(signal), signal);
    } catch (error) {
      // Another daemon may reach a store that this one can't.
      if (clock.monotonicMs() - (this.headSinceMs ?? 0) > TAKEOVER_MS_MAX) {
        this.headSinceMs = undefined;
        this.seat.giveUp();
      }
      throw error;
    }
  }

  private async isStillNext(signal: AbortSignal): Promise<boolean> {
    this.isFollowing = false;
    await this.follow(signal);
    return this.seat.mayLead && this.couldGoOn;
  }

  /** @param isFenced the ledgers were moved, so that nobody else writes */
  private lead(isFenced: boolean): void {
    const { readiness, attention, pending, rings } = this.parts;
    this.leads = true;
    this.hasBlinked = false;
    this.isMergeDue = false;
    this.headSinceMs = undefined;
    this.hold = undefined;
    readiness.reset(isFenced);
    // What this process wrote when it led before says nothing of what others wrote since.
    rings.clear();
    attention.look(pending.listed());
    if (pending.takeOverflow()) for (const side of SIDES) attention.requestSweep(side, 'overflow');
  }

  /** Reads both ledgers, and takes over what they tell. */
  private async follow(signal: AbortSignal): Promise<void> {
    const { memory, ledgers, context } = this.parts;
    // Made without ledgers while the mapping only observed: nothing of it may ever be acted on.
    if (memory.state?.phase === 'observing') await memory.forget();
    const observed = await ledgers.observe(signal);
    if (await this.followsAnotherPair(observed)) return;
    const verdict = judgeLedgers(memory.state, observed);
    if (verdict.kind === 'unpaired') {
      this.isUnpaired = true;
      this.hold = undefined;
      return;
    }
    if (verdict.kind === 'hold') {
      const sinceMs = this.hold?.reason === verdict.hold.reason ? this.hold.sinceMs : context.clock.nowMs();
      this.hold = { ...verdict.hold, sinceMs };
      return;
    }
    this.hold = undefined;
    if (memory.known.phase !== 'paired' && !(await this.wasPairedByAnother(observed))) return;
    await this.begin(memory.known, verdict.mirrors);
    this.considerBlink();
    this.isFollowing = true;
    this.hasNotFollowed = false;
  }

  /** This daemon began the pair and was broken off, and another one has gone on with it. */
  private async wasPairedByAnother(observed: ObservedLedgers): Promise<boolean> {
    // The pair's own daemon writes each once before it is complete, with nothing written before.
    const isContinued = SIDES.some((side) => (this.ledgerOf(observed[side])?.ledger.recent.length ?? 0) > 0);
    if (!isContinued) return false;
    await this.parts.memory.commit(() => ({ state: { phase: 'paired', kept: 'followed' } }));
    return true;
  }

  /** The first look of this process at ledgers that belong to its archive. */
  private async begin(state: MappingState, mirrors: MappingState['ledgers']): Promise<void> {
    if (this.hasBegun) {
      await this.takeNote(mirrors);
      return;
    }
    this.hasBegun = true;
    await sortOutOfScope(this.parts.context, this.parts.memory);
    // An archive that was kept by leading is settled up to its ledgers, and what came after is listed in them: unless another
    // daemon has led since, and agreed on what ledgers don't list.
    const isSettled = state.kept === 'led' && !this.parts.ledgers.haveOthersMoved(mirrors);
    if (isSettled) this.following.beginSettled(state.ledgers);
    await this.takeNote(mirrors);
    if (!isSettled) this.following.compareAgain();
  }

  /** What another daemon that leads has settled unseen, ledgers don't tell. */
  private considerBlink(): void {
    const hasBlinked = this.hasBlinked;
    this.hasBlinked = false;
    if (hasBlinked && this.parts.memory.known.kept !== 'led') this.following.compareAgain();
  }

  private async takeNote(mirrors: MappingState['ledgers']): Promise<void> {
    const { memory } = this.parts;
    const { ledgers } = memory.known;
    const isNew = SIDES.some((side) => mirrors[side]?.version.modified !== ledgers[side]?.version.modified);
    if (!isNew) {
      this.following.follow(mirrors);
      return;
    }
    const byOthers = SIDES.map((side) => mirrors[side]).filter(
      (mirror) => mirror?.writer !== undefined && !this.parts.ledgers.isOwn(mirror.writer),
    );
    const isPaused = byOthers.some((mirror) => mirror?.paused === true);
    const paused = byOthers.length > 0 ? isPaused : memory.known.paused;
    const kept = this.parts.ledgers.haveOthersMoved(mirrors) ? 'followed' : memory.known.kept;
    await this.parts.ledgers.takeOver(mirrors, { kept, paused });
  }

  /**
   * Where both ledgers tell of one pair that this archive does not know, another daemon leads it: one that began while
   * this one had no archive, or that an operator told to begin anew. This one begins to follow with an empty archive.
   */
  private async followsAnotherPair(observed: ObservedLedgers): Promise<boolean> {
    const { context, memory, walks, pending, attention } = this.parts;
    const found = pairOf((side) => this.ledgerOf(observed[side]));
    const pairId = found.left?.ledger.pairId ?? found.right?.ledger.pairId;
    if (pairId === undefined || pairId === memory.state?.pairId) return false;
    for (const side of SIDES) {
      // A side that is only read may have no ledger.
      if (found[side] === undefined && context.policy.source === side && observed[side] !== 'foreign')
        continue;
      const ledger = found[side]?.ledger;
      if (ledger?.pairId !== pairId || !this.isOfHere(ledger)) return false;
    }
    const mirrors = pairOf((side) => found[side] && mirrorOf(found[side]));
    const state = freshState(context, memory, 'paired', undefined);
    const paused = SIDES.some((side) => mirrors[side]?.paused === true);
    const ledgerless = SIDES.filter((side) => mirrors[side] === undefined);
    const cutover = latestMoves(state.cutover, mirrors.left?.cutover, mirrors.right?.cutover);
    const told = { ledgers: mirrors, ledgerless, paused, ...(cutover !== undefined && { cutover }) };
    await memory.begin({ ...state, pairId, kept: 'followed', ...told });
    context.logger.info({}, 'following the daemon that leads this mapping, with an archive of its own');
    this.hasBegun = true;
    this.hold = undefined;
    pending.clear();
    walks.startOver();
    attention.startOver('start');
    this.following.beginEmpty(mirrors);
    return true;
  }

  private ledgerOf(observed: ObservedLedgers[Side]): ObservedLedger | undefined {
    return observed === 'foreign' || observed === 'unused' ? undefined : observed;
  }

  private isOfHere({ places }: ObservedLedger['ledger']): boolean {
    const { places: here } = this.parts.context;
    return SIDES.every((side) => places[side] === here[side]);
  }
}

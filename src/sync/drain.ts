import type { EntryKey } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import { otherSide, SIDES } from '../core/pair.js';
import type { EntryMark } from '../ports/archive.js';
import type { Attention, Due, PendingWrites } from './attention.js';
import type { BatchWriter } from './batch-writer.js';
import { journalIfCarriedBefore } from './carried-before.js';
import type { MappingContext } from './context.js';
import { Deferral } from './deferral.js';
import { Departures } from './departures.js';
import type { Examined, Examiner } from './examine.js';
import { FollowedRounds } from './followed-rounds.js';
import type { Following } from './following.js';
import type { Guarded, Intended, RoundsBeside } from './guards.js';
import { effectiveSize, guard, isCountedOverwrite, isPruned } from './guards.js';
import type { LedgerKeeper, SeenLedgers } from './ledger-keeper.js';
import { leftOut } from './left-out.js';
import type { Mark } from './mark-set.js';
import type { MappingMemory } from './mapping-memory.js';
import type { Rings } from './rings.js';
import { NO_WRITES, RoundRecord } from './round-record.js';
import { liftSettledHolds } from './settled-holds.js';
import { sortWork } from './sorted-work.js';
import type { SortedWork } from './sorted-work.js';
import { trashOf } from './trash.js';
import { UnrecordableKeys } from './unrecordable-keys.js';
import type { WholeView } from './whole-view.js';

/** How many entries one round looks at: eight full transactions of Consul's, with the ledger in each. */
export const ROUND_ENTRIES_MAX = 8 * 63;

/** What a round may do besides looking. */
export type Permission =
  /** Write to the stores. */
  | 'write'
  /** Record what is in step, but write to no store (observing). */
  | 'record'
  /** The same, and leave to the daemon that leads what has to be decided (standby). */
  | 'follow'
  /** Count what would be done, and change nothing (held, paused). */
  | 'count';

/** Which entries may be dealt with at all. */
export interface Admission {
  /** What was examined and is not admitted is dropped. */
  admits(one: Examined): boolean;
  /** A person has seen the very writes that are admitted: no guard asks again. */
  areApproved(): boolean;
}

const EVERYTHING: Admission = { admits: () => true, areApproved: () => false };

export interface DrainResult {
  /** A store could not take writes now: the loop waits before it goes on. */
  readonly trouble: Error | undefined;
  /** Sides whose ledger has to follow what happened there: foreign changes, and writes that went without it. */
  readonly ledgersOwed: ReadonlySet<Side>;
  /** Sides whose ledger moved with a batch, after those changes were seen. */
  readonly ledgersMoved: ReadonlySet<Side>;
}

/** One round: reads marked entries on both sides, decides, guards, proves, writes in batches, records. */
export class Drain {
  /** Entries that are left out because the archive can't hold their keys. */
  readonly unrecordable: UnrecordableKeys;
  private readonly record: RoundRecord;
  private readonly departures: Departures | undefined;
  private readonly deferral: Deferral;
  private readonly followed: FollowedRounds;
  private sizeBefore = Infinity;

  constructor(
    private readonly context: MappingContext,
    private readonly memory: MappingMemory,
    private readonly ledgers: LedgerKeeper,
    private readonly examiner: Examiner,
    private readonly writer: BatchWriter,
    private readonly attention: Attention,
    private readonly pending: PendingWrites,
    private readonly rings: Rings,
    following: Following | undefined,
    private readonly admission: Admission = EVERYTHING,
    wholeView?: WholeView,
  ) {
    this.unrecordable = new UnrecordableKeys(context.keyBytesMax);
    this.record = new RoundRecord(context, memory, attention, pending);
    const rules = context.departures;
    this.departures = rules && new Departures(rules, context.clock, memory);
    this.deferral = new Deferral(memory, attention, this.departures, wholeView);
    this.followed = new FollowedRounds(memory, attention, pending, this.record, following);
  }

  /** Rounds from here on belong together: what they create makes up for what they delete. */
  beginRounds(): void {
    const { state } = this.memory;
    // While a mapping is copied for the first time, its growth makes up for nothing.
    this.sizeBefore = state?.firstCompletedAtMs === undefined ? Infinity : effectiveSize(this.memory);
    this.examiner.presumeAgain();
  }

  /**
   * @param entriesSeen how many entries the larger side has
   * @param due what is known to be due after this round; `defer` while that is not known, `defer-many` where that is
   *   nothing, unless many are due together
   */
  async run(
    marks: readonly Mark[],
    permission: Permission,
    entriesSeen: () => Promise<number>,
    due: Due | 'defer' | 'defer-many',
    signal: AbortSignal,
  ): Promise<DrainResult> {
    const startedMs = this.context.clock.monotonicMs();
    const { examined, echoes, regressed, ledgers } = await this.examiner.examine(
      this.unrecordable.sift(marks.filter(({ key }) => this.isOurs(key))),
      signal,
      permission === 'write',
    );
    for (const side of SIDES) if (echoes[side] > 0) this.context.metrics.echoes(side, echoes[side]);
    if (regressed !== undefined) {
      if (permission === 'follow') {
        // Whoever leads finds it, too, and holds the mapping.
        this.attention.retryLater(regressed.key);
        return NOTHING_WRITTEN;
      }
      // Another store in the place of the right one shows in its ledger, and is called by its name.
      const isOther = this.memory.known.phase === 'paired' && (await this.checkLedgers(signal)) === 'held';
      if (!isOther) await this.holdRolledBack(regressed.side, regressed.key);
      return NOTHING_WRITTEN;
    }
    const isIn = (one: Examined): boolean => this.context.scope.includes(one.mark.key) || isPruned(one);
    const admitted = examined.filter((one) => isIn(one) && this.admission.admits(one));
    this.settleParents(marks, admitted);
    const result = await this.carryOut(admitted, permission, entriesSeen, due, ledgers, signal);
    this.context.metrics.reconciled((this.context.clock.monotonicMs() - startedMs) / 1000);
    return result;
  }

  /** A parent out of scope that was about to be removed, and has got a child again, waits for nothing any more. */
  private settleParents(marks: readonly Mark[], admitted: readonly Examined[]): void {
    const admittedKeys = new Set(admitted.map(({ mark }) => mark.key));
    for (const { key } of marks) {
      if (this.context.scope.includes(key) || admittedKeys.has(key)) continue;
      this.pending.settled(key);
      this.attention.settled(key);
    }
  }

  /** Nodes that the daemon made as parents are its own also where the mapping's scope leaves them out. */
  private isOurs(key: EntryKey): boolean {
    if (this.context.scope.includes(key)) return true;
    const record = this.memory.archive.record(key);
    return record?.kind === 'structure' && record.owner === 'daemon';
  }

  private async carryOut(
    examined: readonly Examined[],
    permission: Permission,
    entriesSeen: () => Promise<number>,
    due: Due | 'defer' | 'defer-many',
    seen: SeenLedgers,
    signal: AbortSignal,
  ): Promise<DrainResult> {
    const { archive, state, counter } = this.memory;
    counter?.note(examined, archive, state);
    const work = sortWork(this.context, this.memory, this.rings, examined);
    this.account(work);
    if (permission !== 'write') this.context.observed?.note(examined);
    if (permission === 'count') return NOTHING_WRITTEN;
    if (permission === 'record') {
      await this.record.commit({ ...NO_WRITES, work, sizeBefore: this.sizeBefore });
      return NOTHING_WRITTEN;
    }
    if (permission === 'follow') {
      await this.followed.take(work, examined, this.sizeBefore);
      return NOTHING_WRITTEN;
    }
    const intended = this.toJudge(work, due);
    const beside = { due: typeof due === 'string' ? this.attention.due : due, sizeBefore: this.sizeBefore };
    const guarded = await this.guard(intended, entriesSeen, beside);
    for (const key of guarded.held.keys()) this.pending.settled(key);
    const proven = await this.prove(guarded.passed, signal);
    const trash = await trashOf(this.context, proven, signal);
    const needsLedgers = proven.length + work.openConflicts.length > 0;
    // A proof is later than what was seen.
    const stillSeen = proven.some(needsProof) ? undefined : seen;
    const ledgers = needsLedgers ? await this.checkLedgers(signal, stillSeen) : 'whole';
    if (ledgers === 'moved') this.attention.putBack(examined.map(({ mark }) => mark));
    if (ledgers !== 'whole') return NOTHING_WRITTEN;
    const { sizeBefore } = this;
    const intendedNow = proven.map((one) => journalIfCarriedBefore(this.memory, one));
    const writes = await this.record.commit({ ...guarded, work, writes: intendedNow, trash, sizeBefore });
    const result = await this.writeBoth(writes, work.foreignChanges, signal);
    await liftSettledHolds(this.memory);
    return result;
  }

  /** What a person has approved does not wait. */
  private toJudge(work: SortedWork, due: Due | 'defer' | 'defer-many'): readonly Intended[] {
    if (this.admission.areApproved()) return work.intended;
    const ready = this.deferral.ready(work);
    const mustWait = due === 'defer' || (due === 'defer-many' && this.deferral.areMany(ready));
    return mustWait ? this.deferral.defer(ready) : ready;
  }

  private async guard(
    intended: readonly Intended[],
    entriesSeen: () => Promise<number>,
    beside: RoundsBeside,
  ): Promise<Omit<Guarded, 'overwrites'>> {
    if (this.admission.areApproved()) return { passed: intended, held: new Map(), holds: [], leaving: [] };
    // The first time, that takes a walk over everything, which a mapping without conflicts is spared.
    const size = intended.some(isCountedOverwrite) ? await entriesSeen() : 0;
    return guard(this.context, this.memory, intended, size, beside, this.departures);
  }

  /** Keeps the books of what is to be looked at again, and what needs a write. */
  private account(work: SortedWork): void {
    // What waits for room in the journal is not settled, and goes on waiting longer each time.
    const entering = new Set(work.openConflicts.map(({ key }) => key));
    for (const key of work.settled) {
      this.pending.settled(key);
      if (!entering.has(key)) this.attention.settled(key);
    }
    for (const { mark, decision } of work.intended) this.pending.needs(mark.key, decision.on);
    this.attention.putBack(work.again);
    for (const key of work.later) this.attention.retryLater(key);
    for (const key of work.aside) {
      this.pending.settled(key);
      this.attention.retryLater(key, true);
    }
  }

  /** S4: a deletion goes ahead only where the other side's absence was proven for that very key. */
  private async prove(intended: readonly Intended[], signal: AbortSignal): Promise<Intended[]> {
    const proven = new Set<Intended>();
    for (const on of SIDES) {
      const claims = intended.filter((one) => one.decision.on === on && needsProof(one));
      if (claims.length === 0) continue;
      const keys = claims.map(({ mark }) => mark.key);
      const absent = await this.context.replicas[otherSide(on)].proveAbsent(keys, signal);
      for (const claim of claims) {
        if (absent.has(claim.mark.key)) proven.add(claim);
        else this.attention.retryLater(claim.mark.key);
      }
    }
    return intended.filter((one) => !needsProof(one) || proven.has(one));
  }

  /**
   * Looks at the ledgers after the readings that decisions rest on. Where one has `moved`, a batch of the daemon's own
   * arrived after it was given up: readings may hold what it wrote, which then looked like a client's (S2, S7).
   */
  private async checkLedgers(
    signal: AbortSignal,
    seen: SeenLedgers = new Map(),
  ): Promise<'whole' | 'moved' | 'held'> {
    const verdict = await this.ledgers.inspect(signal, { starting: false, seen });
    if (verdict.kind === 'whole') {
      if (!this.ledgers.haveMoved(verdict.mirrors)) return 'whole';
      await this.ledgers.takeOver(verdict.mirrors);
      return 'moved';
    }
    const hold =
      verdict.kind === 'hold'
        ? verdict.hold
        : { reason: 'identity-changed' as const, side: undefined, detail: 'the ledgers are gone' };
    await this.memory.addHold({ ...hold, sinceMs: this.context.clock.nowMs() });
    return 'held';
  }

  private async writeBoth(
    writes: readonly Intended[],
    foreignChanges: ReadonlySet<Side>,
    signal: AbortSignal,
  ): Promise<DrainResult> {
    const endings = await Promise.allSettled(
      SIDES.map(async (side) => {
        const onSide = writes.filter(({ decision }) => decision.on === side);
        return onSide.length === 0 ? undefined : this.writer.write(side, onSide, signal);
      }),
    );
    // Only now: what one side still writes must not go on beside the next round.
    const reports = endings.map((ending) => {
      if (ending.status === 'rejected') throw ending.reason;
      return ending.value;
    });
    const foreign = new Set(foreignChanges);
    const ledgersMoved = new Set<Side>();
    let trouble: Error | undefined;
    for (const [index, report] of reports.entries()) {
      const side = SIDES[index];
      if (report === undefined || side === undefined) continue;
      if (report.ledger === 'moved') ledgersMoved.add(side);
      if (report.ledger === 'owed') foreign.add(side);
      trouble ??= report.trouble;
      for (const key of report.again) this.attention.retryLater(key);
      const again = new Set(report.again);
      if (writes.some(({ presumed, mark }) => presumed && again.has(mark.key))) this.examiner.wasWrong();
      await this.skipRejected(report.rejected, otherSide(side));
    }
    return { trouble, ledgersOwed: foreign, ledgersMoved };
  }

  private async skipRejected(
    rejected: ReadonlyArray<{ key: EntryKey; reason: string; detail: string }>,
    source: Side,
  ): Promise<void> {
    if (rejected.length === 0) return;
    const sinceMs = this.context.clock.nowMs();
    const marks = new Map<EntryKey, EntryMark>();
    for (const { key, reason, detail } of rejected) {
      const at = this.memory.archive.record(key) === undefined ? source : undefined;
      const known = this.memory.archive.mark(key);
      marks.set(key, leftOut(known, { kind: 'skip', reason, detail, sinceMs, at }));
      if (known?.kind !== 'ordered') this.pending.settled(key);
      // What stood in the way (a permission, an ephemeral parent) may go away by itself.
      this.attention.retryLater(key, true);
    }
    await this.memory.commit(() => ({ marks }));
  }

  private async holdRolledBack(side: Side, key: EntryKey): Promise<void> {
    const name = this.context.sideNames[side];
    const detail = `${name} holds ${JSON.stringify(key)} at an older version than was agreed: it was restored from a backup`;
    const sinceMs = this.context.clock.nowMs();
    await this.memory.addHold({ reason: 'rolled-back', side, detail, sinceMs });
  }
}

const NOTHING_WRITTEN: DrainResult = {
  trouble: undefined,
  ledgersOwed: new Set(),
  ledgersMoved: new Set(),
};

/** Where the daemon's own structure stands in place of the entry, that it could be made was the proof. */
function needsProof({ decision, situation }: Intended): boolean {
  if (decision.do !== 'remove' || situation.readings[otherSide(decision.on)].kind !== 'absent') return false;
  return decision.cause === 'deleted' || decision.cause === 'session-ended';
}

import { startOverwriteHistory, startSizeHistory } from '../core/deletion-budget.js';
import type { EntryKey } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import { SIDES } from '../core/pair.js';
import { AppliedWrites } from './applied.js';
import { Attention, PendingWrites } from './attention.js';
import { BatchWriter } from './batch-writer.js';
import type { MappingContext } from './context.js';
import { contextInForce } from './context-in-force.js';
import type { DecidedOn } from './decided-on.js';
import { changedSince } from './decided-on.js';
import { Drain, ROUND_ENTRIES_MAX } from './drain.js';
import type { Examined } from './examine.js';
import { Examiner } from './examine.js';
import { Fence } from './fence.js';
import { effectiveSize, isPruned } from './guards.js';
import { LedgerKeeper } from './ledger-keeper.js';
import type { Mark } from './mark-set.js';
import { MappingMemory, stopsMapping } from './mapping-memory.js';
import { Readiness } from './readiness.js';
import { Rings } from './rings.js';
import { liftSettledHolds } from './settled-holds.js';
import { isUnread } from './unread.js';
import { Walks } from './walks.js';

/** A planned write that was not carried out. */
export interface Refusal {
  readonly key: EntryKey;
  readonly why: string;
}

/**
 * Carries out writes that were decided on before, by the same engine as the loop, each only if it would be decided in the
 * same way on the same versions now. Nothing else is touched. For a mapping whose loop does not run.
 */
export class PlanApplier {
  private readonly memory: MappingMemory;
  private readonly attention: Attention;
  private readonly ledgers: LedgerKeeper;
  private readonly readiness: Readiness;
  private readonly walks: Walks;
  private readonly drain: Drain;
  private readonly writer: BatchWriter;
  /** Sides whose ledger has to follow what was written without it, or was seen of others. */
  private readonly owed = new Set<Side>();
  private planned: ReadonlyMap<EntryKey, DecidedOn> = new Map();
  private areApproved = false;
  /** Entries of the present round that were left out of an answer, and whether they are asked for again. */
  private unread = 0;
  private asksAgain = true;
  private readonly written = new Set<EntryKey>();
  private readonly moved = new Map<EntryKey, string>();

  private readonly context: MappingContext;

  /** @param prunes whether parents that the daemon made go with what was below them, planned or not */
  constructor(
    configured: MappingContext,
    private readonly prunes = false,
  ) {
    const memory = new MappingMemory(configured.archive);
    const context = contextInForce(configured, () => memory.state?.cutover);
    this.context = context;
    const attention = new Attention(context.clock);
    const pending = new PendingWrites();
    const ledgers = new LedgerKeeper(context, memory);
    const fence = new Fence(context, memory, ledgers);
    const rings = new Rings(context.clock);
    const applied = new AppliedWrites(context, memory, attention, pending, rings);
    const writer = new BatchWriter(context, memory, ledgers, (batch) => {
      for (const { key } of batch.items) this.written.add(key);
      return applied.record(batch);
    });
    this.writer = writer;
    this.memory = memory;
    this.attention = attention;
    this.ledgers = ledgers;
    this.readiness = new Readiness(context, memory, ledgers, fence);
    this.walks = new Walks(context, memory, attention, pending);
    const examiner = new Examiner(context, memory);
    const looked = [attention, pending, rings, undefined] as const;
    const admission = {
      admits: (one: Examined) => this.admits(one),
      // Nothing but what was planned is admitted: the approval needs no marks, which would outlive it.
      areApproved: () => this.areApproved,
    };
    this.drain = new Drain(context, memory, ledgers, examiner, writer, ...looked, admission);
  }

  /**
   * Does what a start does before it looks at any entry: judges the ledgers, and moves them, so that whoever led before
   * can't write any more.
   * @returns what stands in the way
   */
  async begin(signal: AbortSignal): Promise<string | undefined> {
    const isReady = await this.readiness.ensure(signal);
    const hold = isReady ? this.readiness.holds.find(stopsMapping) : this.readiness.holds[0];
    if (hold !== undefined) return `it is held as ${hold.reason}: ${hold.detail}`;
    if (this.memory.known.paused) return 'it is paused';
    return undefined;
  }

  /**
   * @param approved a person has seen exactly these writes: the guards let them pass, and nothing else
   * @returns those that were not carried out
   * @throws ReplicaError, DeposedError; what was written until then is recorded
   */
  async apply(
    planned: readonly DecidedOn[],
    approved: boolean,
    signal: AbortSignal,
  ): Promise<readonly Refusal[]> {
    this.planned = new Map(planned.map((one) => [one.key, one]));
    this.areApproved = approved;
    try {
      await this.settleIntents(signal);
      this.drain.beginRounds();
      this.attention.look(this.planned.keys());
      await this.drainMarks(signal);
      for (const side of this.owed) {
        const trouble = await this.writer.bump(side, signal);
        if (trouble !== undefined) throw trouble;
      }
      this.owed.clear();
    } finally {
      if (approved) await this.judgeAnew();
    }
    return planned
      .filter(({ key }) => !this.written.has(key))
      .map(({ key }) => ({ key, why: this.whyNot(key) }));
  }

  private admits(examined: Examined): boolean {
    const { key } = examined.mark;
    if (this.prunes && isPruned(examined)) return true;
    const planned = this.planned.get(key);
    if (planned === undefined || this.written.has(key)) return false;
    if (isUnread(examined) && this.asksAgain) {
      this.unread++;
      return true;
    }
    const why = changedSince(planned, examined, this.context.sideNames);
    if (why !== undefined) this.moved.set(key, why);
    return why === undefined;
  }

  private async drainMarks(signal: AbortSignal): Promise<void> {
    const { attention } = this;
    this.asksAgain = true;
    while (attention.marked > 0 && !signal.aborted) {
      const marks = attention.takeMarks(ROUND_ENTRIES_MAX);
      this.unread = 0;
      const isOnlyRound = attention.marked + attention.deferrals === 0;
      await this.round(marks, isOnlyRound ? attention.due : 'defer', signal);
      // Values too large to be read all at once; where not even one was read, asking again would not end.
      this.asksAgain = this.unread < marks.length;
    }
    while (attention.deferrals > 0 && !signal.aborted) {
      await this.round(attention.takeDeferred(ROUND_ENTRIES_MAX), attention.due, signal);
    }
  }

  private async round(
    marks: readonly Mark[],
    due: Parameters<Drain['run']>[3],
    signal: AbortSignal,
  ): Promise<void> {
    const entriesSeen = (): Promise<number> => this.walks.entriesSeen(() => undefined, signal);
    const stopped = this.memory.known.holds.some(stopsMapping);
    const result = await this.drain.run(marks, stopped ? 'count' : 'write', entriesSeen, due, signal);
    for (const side of result.ledgersMoved) this.owed.delete(side);
    for (const side of result.ledgersOwed) if (!result.ledgersMoved.has(side)) this.owed.add(side);
    if (result.trouble !== undefined) throw result.trouble;
  }

  /** What was announced by a process before this one, and never heard of again, is settled first. */
  private async settleIntents(signal: AbortSignal): Promise<void> {
    const sides = new Set(this.memory.known.intents.map((intent) => intent.side));
    for (const side of SIDES.filter((one) => sides.has(one))) {
      const hold = await this.ledgers.refresh(side, signal);
      if (hold !== undefined) await this.memory.addHold({ ...hold, sinceMs: this.context.clock.nowMs() });
    }
  }

  /**
   * What a person has seen and approved is not counted against what comes after it. What was held back of it, and was not
   * written now either, the next start finds and judges anew.
   */
  private async judgeAnew(): Promise<void> {
    const left = [...this.planned.keys()].filter((key) => {
      const kind = this.memory.archive.mark(key)?.kind;
      return kind === 'held-deletion' || kind === 'held-overwrite';
    });
    await this.memory.commit(() => ({ marks: new Map(left.map((key) => [key, undefined])) }));
    const nowMs = this.context.clock.nowMs();
    const sizes = startSizeHistory(nowMs, effectiveSize(this.memory));
    await this.memory.commit(() => ({ state: { sizes, overwrites: startOverwriteHistory(nowMs) } }));
    await liftSettledHolds(this.memory);
  }

  private whyNot(key: EntryKey): string {
    const moved = this.moved.get(key);
    if (moved !== undefined) return moved;
    const hold = this.memory.known.holds.find(stopsMapping);
    if (hold !== undefined) return `the mapping is held as ${hold.reason}: ${hold.detail}`;
    const mark = this.memory.archive.mark(key);
    switch (mark?.kind) {
      case 'skip':
      case 'hold':
        return `${mark.reason}: ${mark.detail}`;
      case 'held-deletion':
        return 'mass-deletion: it waits for approval';
      case 'held-overwrite':
        return 'mass-conflict: it waits for approval';
      case 'ordered':
        return 'what was ordered for it could not be carried out yet';
      case 'drift':
      case undefined:
        return 'it was changed in the moment of the write, or its absence could not be proven';
    }
  }
}

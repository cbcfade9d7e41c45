import type { Conflict } from '../core/conflict.js';
import { recordSize } from '../core/deletion-budget.js';
import type { MappingHold } from '../core/mapping-state.js';
import type { EntryKey } from '../core/observation.js';
import type { EntryMark, NewConflict } from '../ports/archive.js';
import { SyncError } from '../ports/errors.js';
import type { Attention, PendingWrites } from './attention.js';
import type { MappingContext } from './context.js';
import { effectiveSize } from './guards.js';
import type { Intended } from './guards.js';
import { conflictsToClose, JournaledConflicts } from './journal.js';
import type { MappingMemory } from './mapping-memory.js';
import type { SortedWork } from './sorted-work.js';

/** What one round has decided, before anything of it is written. */
export interface DecidedRound {
  readonly work: SortedWork;
  /** The writes that may go ahead as far as guards and proofs are concerned. */
  readonly writes: readonly Intended[];
  readonly held: ReadonlyMap<EntryKey, EntryMark>;
  readonly holds: readonly MappingHold[];
  /** How large the mapping was before the rounds that belong together. */
  readonly sizeBefore: number;
}

/** Records in the archive what a round has decided: what is in step, what is held, and every conflict. */
export class RoundRecord {
  private readonly journaled = new JournaledConflicts();

  constructor(
    private readonly context: MappingContext,
    private readonly memory: MappingMemory,
    private readonly attention: Attention,
    private readonly pending: PendingWrites,
  ) {}

  /** @returns the writes that may go ahead: those without a conflict, and those whose conflict is in the journal */
  async commit(round: DecidedRound): Promise<readonly Intended[]> {
    const nowMs = this.context.clock.monotonicMs();
    const isNew = ({ decision: { conflict } }: Intended): boolean =>
      conflict !== undefined && this.journaled.isNew(conflict, nowMs);
    const entering = [
      ...round.writes.filter(isNew).flatMap(({ decision }) => decision.conflict ?? []),
      ...round.work.openConflicts,
    ];
    const entered = await this.enterWhatFits(round, entering);
    const left = new Set(entering.filter((conflict) => !entered.includes(conflict)).map(({ key }) => key));
    return left.size === 0 ? round.writes : round.writes.filter(({ mark }) => !left.has(mark.key));
  }

  /**
   * Where the journal has no room for all of a round's conflicts, it gets as many of them as it can take together, the
   * smallest first; the others follow, since what is settled then makes room. One that has no room at all is held,
   * never dropped (S9).
   */
  private async enterWhatFits(
    round: DecidedRound,
    entering: readonly Conflict[],
  ): Promise<readonly Conflict[]> {
    if (await this.fits(round, entering, [])) return entering;
    const smallestFirst = entering.toSorted((a, b) => bytesOf(a) - bytesOf(b));
    for (let count = entering.length >> 1; count > 0; count >>= 1) {
      const entered = smallestFirst.slice(0, count);
      const others = smallestFirst.slice(count);
      if (!(await this.fits(round, entered, others))) continue;
      // At once: there are fewer of them with each round, and what has entered makes room.
      this.attention.look(others.map(({ key }) => key));
      return entered;
    }
    await this.hold(round, entering);
    return [];
  }

  /**
   * Commits the round with these conflicts.
   * @param others what this round leaves undecided
   * @returns false when the journal has no room for them, and nothing was committed
   */
  private async fits(
    round: DecidedRound,
    entering: readonly Conflict[],
    others: readonly Conflict[],
  ): Promise<boolean> {
    const { work, held } = round;
    const marks = without(new Map([...work.marks, ...held]), others);
    const conflicts = entering.map((conflict) => this.newConflict(conflict));
    if (work.records.size + marks.size + conflicts.length + round.holds.length === 0) return true;
    try {
      await this.write(round, marks, conflicts);
    } catch (error) {
      if (error instanceof SyncError && error.code === 'ARCHIVE_FULL') return false;
      throw error;
    }
    const nowMs = this.context.clock.monotonicMs();
    for (const conflict of entering) {
      if (work.openConflicts.includes(conflict)) this.attention.settled(conflict.key);
      else this.journaled.note(conflict, nowMs);
      this.count(conflict);
    }
    return true;
  }

  private async hold(round: DecidedRound, conflicts: readonly Conflict[]): Promise<void> {
    const detail = 'the conflict journal is full: raise journal.maxBytes, or resolve and drop old conflicts';
    const full: EntryMark = {
      kind: 'hold',
      reason: 'journal-full',
      sinceMs: this.context.clock.nowMs(),
      detail,
    };
    const marks = without(new Map([...round.work.marks, ...round.held]), conflicts);
    for (const { key } of conflicts) if (!this.keepsMark(key)) marks.set(key, full);
    await this.write(round, marks, []);
    for (const { key } of conflicts) {
      this.pending.settled(key);
      this.attention.retryLater(key, true);
    }
  }

  /** What a person has said of an entry outlives the journal's being full, and so does what a person is asked. */
  private keepsMark(key: EntryKey): boolean {
    const mark = this.memory.archive.mark(key);
    if (mark?.kind === 'hold') return true;
    return (mark?.kind === 'held-deletion' || mark?.kind === 'held-overwrite') && mark.approved;
  }

  private async write(
    { work, holds, sizeBefore }: DecidedRound,
    marks: ReadonlyMap<EntryKey, EntryMark | undefined>,
    conflicts: readonly NewConflict[],
  ): Promise<void> {
    const nowMs = this.context.clock.nowMs();
    const standing = new Map(work.settledHolds.map((key) => [key, 'left'] as const));
    // Halfway through a rename a mapping has both names; that was never its size.
    const size = Math.min(effectiveSize(this.memory), sizeBefore);
    await this.memory.commit((state) => ({
      records: work.records,
      marks,
      conflicts,
      settled: conflictsToClose(this.memory.archive, standing),
      state: {
        holds: mergeHolds(state.holds, holds),
        sizes: recordSize(state.sizes, nowMs, size, this.context.maxDelete.withinMs),
      },
    }));
  }

  private newConflict(conflict: Conflict): NewConflict {
    return { ...conflict, atMs: this.context.clock.nowMs(), open: conflict.winner === undefined };
  }

  private count({ winner }: Conflict): void {
    const result = winner === undefined ? 'held' : winner === 'left' ? 'left-won' : 'right-won';
    this.context.metrics.conflict(result);
  }
}

function bytesOf({ sides: { left, right } }: Conflict): number {
  return (left.value?.length ?? 0) + (right.value?.length ?? 0);
}

function without(
  marks: Map<EntryKey, EntryMark | undefined>,
  conflicts: readonly Conflict[],
): Map<EntryKey, EntryMark | undefined> {
  for (const { key } of conflicts) marks.delete(key);
  return marks;
}

function mergeHolds(standing: readonly MappingHold[], more: readonly MappingHold[]): readonly MappingHold[] {
  const added = more.filter((hold) => !standing.some((known) => known.reason === hold.reason));
  return added.length === 0 ? standing : [...standing, ...added];
}

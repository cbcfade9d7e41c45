import type { Conflict } from '../core/conflict.js';
import { recordSize } from '../core/deletion-budget.js';
import { noteDeparted } from '../core/departures.js';
import type { MappingHold } from '../core/mapping-state.js';
import type { EntryKey } from '../core/observation.js';
import type { ArchiveChanges, EntryMark, NewConflict } from '../ports/archive.js';
import { SyncError } from '../ports/errors.js';
import type { NewTrash } from '../ports/trash.js';
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
  /** What deletions among them take away. */
  readonly trash: ReadonlyMap<EntryKey, NewTrash>;
  readonly held: ReadonlyMap<EntryKey, EntryMark>;
  readonly holds: readonly MappingHold[];
  /** Copies among the writes that go because their originals are gone, without a person's word. */
  readonly leaving: readonly EntryKey[];
  /** How large the mapping was before the rounds that belong together. */
  readonly sizeBefore: number;
}

/** What a round has that writes nothing. */
export const NO_WRITES = {
  writes: [],
  trash: new Map(),
  held: new Map(),
  holds: [],
  leaving: [],
} as const satisfies Partial<DecidedRound>;

/** What enters the journal before a write may go ahead, or before an entry is held. */
interface Entering {
  readonly key: EntryKey;
  readonly conflict: Conflict | undefined;
  readonly trash: NewTrash | undefined;
}

/** Records in the archive what a round has decided: what is in step, what is held, every conflict and every deletion. */
export class RoundRecord {
  private readonly journaled = new JournaledConflicts();

  constructor(
    private readonly context: MappingContext,
    private readonly memory: MappingMemory,
    private readonly attention: Attention,
    private readonly pending: PendingWrites,
  ) {}

  /** @returns the writes that may go ahead: those for which all that they replace or delete is in the journal */
  async commit(round: DecidedRound): Promise<readonly Intended[]> {
    const entering = [
      ...round.writes.flatMap((write) => this.enteringWith(write, round.trash) ?? []),
      ...round.work.openConflicts.map((conflict) => ({ key: conflict.key, conflict, trash: undefined })),
    ];
    const entered = await this.enterWhatFits(round, entering);
    const left = new Set(entering.filter((one) => !entered.includes(one)).map(({ key }) => key));
    return left.size === 0 ? round.writes : round.writes.filter(({ mark }) => !left.has(mark.key));
  }

  private enteringWith(
    { mark: { key }, decision }: Intended,
    kept: DecidedRound['trash'],
  ): Entering | undefined {
    const trash = kept.get(key);
    const isNew =
      decision.conflict !== undefined &&
      this.journaled.isNew(decision.conflict, this.context.clock.monotonicMs());
    const conflict = isNew ? decision.conflict : undefined;
    return conflict === undefined && trash === undefined ? undefined : { key, conflict, trash };
  }

  /**
   * Where the journal has no room for all that a round has for it, it gets as much as it can take together, the smallest
   * first; the rest follows, since what is settled then makes room. What has no room at all is held, never dropped (S9).
   */
  private async enterWhatFits(
    round: DecidedRound,
    entering: readonly Entering[],
  ): Promise<readonly Entering[]> {
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
   * Commits the round with what enters the journal.
   * @param others what this round leaves undecided
   * @returns false when the journal has no room for it, and nothing was committed
   */
  private async fits(
    round: DecidedRound,
    entering: readonly Entering[],
    others: readonly Entering[],
  ): Promise<boolean> {
    const { work, held } = round;
    const marks = without(new Map([...work.marks, ...held]), others);
    const entered = entering.flatMap(({ conflict }) => conflict ?? []);
    const conflicts = entered.map((conflict) => this.newConflict(conflict));
    const trash = entering.flatMap((one) => one.trash ?? []);
    const changes = work.records.size + marks.size + entering.length + round.holds.length;
    if (changes + round.leaving.length === 0) return true;
    try {
      await this.write(round, marks, { conflicts, trash });
    } catch (error) {
      if (error instanceof SyncError && error.code === 'ARCHIVE_FULL') return false;
      throw error;
    }
    const nowMs = this.context.clock.monotonicMs();
    for (const conflict of entered) {
      if (work.openConflicts.includes(conflict)) this.attention.settled(conflict.key);
      else this.journaled.note(conflict, nowMs);
      this.count(conflict);
    }
    return true;
  }

  private async hold(round: DecidedRound, entering: readonly Entering[]): Promise<void> {
    const detail = 'the conflict journal is full: raise journal.maxBytes, or resolve and drop old conflicts';
    const full: EntryMark = {
      kind: 'hold',
      reason: 'journal-full',
      sinceMs: this.context.clock.nowMs(),
      detail,
    };
    const marks = without(new Map([...round.work.marks, ...round.held]), entering);
    for (const { key } of entering) if (!this.keepsMark(key)) marks.set(key, full);
    await this.write(round, marks, {});
    for (const { key } of entering) {
      this.pending.settled(key);
      this.attention.retryLater(key, true);
    }
  }

  /** What a person has said of an entry outlives the journal's being full, and so does what a person is asked. */
  private keepsMark(key: EntryKey): boolean {
    const mark = this.memory.archive.mark(key);
    if (mark?.kind === 'hold' || mark?.kind === 'ordered') return true;
    return (mark?.kind === 'held-deletion' || mark?.kind === 'held-overwrite') && mark.approved;
  }

  private async write(
    { work, holds, leaving, sizeBefore }: DecidedRound,
    marks: ReadonlyMap<EntryKey, EntryMark | undefined>,
    entering: Pick<ArchiveChanges, 'conflicts' | 'trash'>,
  ): Promise<void> {
    const nowMs = this.context.clock.nowMs();
    const standing = new Map(work.settledHolds.map((key) => [key, 'left'] as const));
    // Halfway through a rename a mapping has both names; that was never its size.
    const size = Math.min(effectiveSize(this.memory), sizeBefore);
    await this.memory.commit((state) => ({
      records: work.records,
      marks,
      ...entering,
      settled: conflictsToClose(this.memory.archive, standing),
      state: {
        holds: mergeHolds(state.holds, holds),
        sizes: recordSize(state.sizes, nowMs, size, this.context.maxDelete.withinMs),
        // Before they go: a `kill -9` in between makes none be forgotten.
        ...(leaving.length > 0 && { departed: noteDeparted(state.departed, nowMs, leaving) }),
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

function bytesOf({ conflict, trash }: Entering): number {
  const of = (value: Uint8Array | undefined): number => value?.length ?? 0;
  return of(conflict?.sides.left.value) + of(conflict?.sides.right.value) + of(trash?.value);
}

function without(
  marks: Map<EntryKey, EntryMark | undefined>,
  entering: readonly Entering[],
): Map<EntryKey, EntryMark | undefined> {
  for (const { key } of entering) marks.delete(key);
  return marks;
}

function mergeHolds(standing: readonly MappingHold[], more: readonly MappingHold[]): readonly MappingHold[] {
  const added = more.filter((hold) => !standing.some((known) => known.reason === hold.reason));
  return added.length === 0 ? standing : [...standing, ...added];
}

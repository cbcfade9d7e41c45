import { isBulk } from '../core/deletion-budget.js';
import type { Side } from '../core/pair.js';
import { SIDES } from '../core/pair.js';
import type { Attention, Due } from './attention.js';
import type { MappingContext } from './context.js';
import { effectiveSize } from './guards.js';
import type { MappingMemory } from './mapping-memory.js';

/** After so many walks, what keeps coming is judged as far as it has come. */
const WALKS_MAX = 10;

/** How it was when a walk of all of a side began. */
interface Walked {
  readonly putOff: Due;
  readonly told: number;
}

/**
 * What happened at once in a store is told in parts, and a part of a mass deletion looks harmless. Where deletions (or
 * overwrites by conflict) are many, they wait until all of the side that they come from was walked since, and all that is
 * found there is judged together.
 */
export class WholeView {
  private readonly walked = new Map<Side, Walked>();
  /** How many changes of a side were put off when the last walk there began, of all or of a part. */
  private readonly putOffBefore = new Map<Side, number>();
  private walksInRow = 0;
  /** Of parts in which something stirred, since the last walk of all. */
  private partsInRow = 0;

  constructor(
    private readonly context: MappingContext,
    private readonly memory: MappingMemory,
    private readonly attention: Attention,
  ) {}

  /**
   * @param isWhole whether all of the side is walked, and not a part in which something stirred
   * @returns to be called at the end of the walk, if it gets there
   */
  walkBegins(side: Side, isWhole: boolean): () => void {
    const { attention } = this;
    const walked = { putOff: attention.putOffFrom(side), told: attention.changesTold(side) };
    this.putOffBefore.set(side, total(walked.putOff));
    return () => {
      if (isWhole) this.walked.set(side, walked);
      this.walksInRow += Number(isWhole);
      this.partsInRow = isWhole ? 0 : this.partsInRow + 1;
    };
  }

  /** Asks for the walks that what was put off has to wait for. False: now is the time to judge it. */
  isAwaited(): boolean {
    const many = SIDES.filter((side) => this.areMany(this.attention.dueFrom(side)));
    const unseen = many.filter((side) => !this.wasSeen(side));
    const isAwaited = unseen.length > 0 || many.some((side) => this.goesOnStirring(side));
    for (const side of unseen) this.attention.requestSweep(side, undefined);
    if (!isAwaited) this.forget();
    return isAwaited;
  }

  /** Nothing waits, or nothing may be judged here: walks until now say nothing of what is put off later. */
  forget(): void {
    this.walked.clear();
    this.walksInRow = 0;
    this.partsInRow = 0;
  }

  /** Something stirred in a part of it after that was walked, and the walk before brought more. */
  private goesOnStirring(side: Side): boolean {
    if (Math.max(this.walksInRow, this.partsInRow) >= WALKS_MAX || !this.attention.hasStirred(side))
      return false;
    return total(this.attention.putOffFrom(side)) > (this.putOffBefore.get(side) ?? 0);
  }

  /** Whether so many together may be a part of more. What is held already is held with those before. */
  areMany(due: Due): boolean {
    const { context, memory } = this;
    const size = effectiveSize(memory);
    const isHeld = (reason: string): boolean => memory.known.holds.some((hold) => hold.reason === reason);
    return (
      (isBulk(due.deletions, size, context.maxDelete) && !isHeld('mass-deletion')) ||
      (isBulk(due.overwrites, size, context.maxOverwrite) && !isHeld('mass-conflict'))
    );
  }

  /** Who deletes entry by entry may have gone on while that side was walked: then it is walked again. */
  private wasSeen(side: Side): boolean {
    const walked = this.walked.get(side);
    if (walked === undefined) return false;
    if (this.walksInRow >= WALKS_MAX) return true;
    const { deletions, overwrites } = this.attention.putOffFrom(side);
    const told = this.attention.changesTold(side) - walked.told;
    const added = (before: number, now: number): number => Math.min(told, now - before);
    return !this.areMany({
      deletions: added(walked.putOff.deletions, deletions),
      overwrites: added(walked.putOff.overwrites, overwrites),
    });
  }
}

function total({ deletions, overwrites }: Due): number {
  return deletions + overwrites;
}

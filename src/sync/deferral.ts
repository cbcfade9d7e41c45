import { otherSide } from '../core/pair.js';
import type { Attention } from './attention.js';
import type { Departures } from './departures.js';
import { isDeparture, openKind } from './guards.js';
import type { Intended } from './guards.js';
import type { MappingMemory } from './mapping-memory.js';
import type { SortedWork } from './sorted-work.js';
import type { WholeView } from './whole-view.js';

/** Writes that are put off: until it is sure that an original does not come back, or until all is looked at. */
export class Deferral {
  constructor(
    private readonly memory: MappingMemory,
    private readonly attention: Attention,
    private readonly departures: Departures | undefined,
    private readonly wholeView: WholeView | undefined,
  ) {}

  /** What need not wait; what may come back in time is looked at again. */
  ready(work: SortedWork): readonly Intended[] {
    const { departures } = this;
    if (departures === undefined) return work.intended;
    for (const key of work.settled) departures.forget(key);
    return work.intended.filter((one) => {
      const { key } = one.mark;
      if (!isDeparture(one)) departures.forget(key);
      const leavesAtMs = isDeparture(one) ? departures.mayLeaveAt(key) : undefined;
      if (leavesAtMs === undefined) return true;
      this.attention.lookAt(key, leavesAtMs);
      return false;
    });
  }

  /**
   * Half of a mass deletion is no better, and half of a rename is none: such writes are judged when all is looked at.
   * @returns what is to be judged now
   */
  defer(intended: readonly Intended[]): readonly Intended[] {
    return intended.filter((one) => {
      const kind = openKind(this.memory, one);
      if (kind === undefined) this.attention.withdraw(one.mark.key);
      return kind === undefined || !this.attention.defer(one.mark, kind, otherSide(one.decision.on));
    });
  }

  /** Whether so many are to be judged that they may be a part of more. */
  areMany(intended: readonly Intended[]): boolean {
    const due = { deletions: 0, overwrites: 0 };
    for (const one of intended) {
      const kind = openKind(this.memory, one);
      if (kind !== undefined) due[kind]++;
    }
    return this.wholeView?.areMany(due) === true;
  }
}

import type { ArchiveRecord } from '../core/archive-record.js';
import type { EntryKey } from '../core/observation.js';
import type { Attention, PendingWrites } from './attention.js';
import { wasCarriedBefore } from './carried-before.js';
import type { Examined } from './examine.js';
import type { Following } from './following.js';
import { isPruned } from './guards.js';
import type { Intended } from './guards.js';
import type { MappingMemory } from './mapping-memory.js';
import { NO_WRITES } from './round-record.js';
import type { RoundRecord } from './round-record.js';
import { liftSettledHolds } from './settled-holds.js';
import type { SortedWork } from './sorted-work.js';

/** How many entries of a round a standby looks at again by itself. */
const FOLLOWED_MAX = 32;

/** What a standby makes of a round: it records what both sides agree on, and leaves the rest to the daemon that leads. */
export class FollowedRounds {
  constructor(
    private readonly memory: MappingMemory,
    private readonly attention: Attention,
    private readonly pending: PendingWrites,
    private readonly record: RoundRecord,
    private readonly following: Following | undefined,
  ) {}

  async take(work: SortedWork, examined: readonly Examined[], sizeBefore: number): Promise<void> {
    const sticky = this.following?.stickyStructure(examined) ?? new Map<EntryKey, ArchiveRecord>();
    const records = new Map([...work.records, ...sticky]);
    const agreed = { ...work, records, marks: this.marksOf(work, examined), openConflicts: [] };
    await this.record.commit({ ...NO_WRITES, work: agreed, sizeBefore });
    for (const key of sticky.keys()) this.pending.settled(key);
    // Whoever leads may not know that a daemon has made it, and then leaves it: nothing that waits.
    for (const { mark } of work.intended.filter(isPruned)) this.pending.settled(mark.key);
    // What was carried before is journaled by whoever carries it again.
    const isOpen = (one: Intended): boolean =>
      !sticky.has(one.mark.key) && !wasCarriedBefore(this.memory, one);
    const open = new Set(work.intended.filter(isOpen).map(({ mark }) => mark.key));
    this.following?.noteExamined(examined, open);
    await liftSettledHolds(this.memory);
    // A hint tells of the write. In case that it is lost, while there are few:
    const followed = work.intended.filter((one) => !isPruned(one));
    if (followed.length > FOLLOWED_MAX) return;
    for (const { mark } of followed) this.attention.retryLater(mark.key, true);
  }

  private marksOf(work: SortedWork, examined: readonly Examined[]): SortedWork['marks'] {
    const marks = new Map([...work.marks].filter(([, mark]) => mark?.kind !== 'hold'));
    // Whoever led before may have been given orders: the one that leads now does not know of them.
    for (const { mark } of examined) {
      if (this.memory.archive.mark(mark.key)?.kind === 'ordered') marks.set(mark.key, undefined);
    }
    return marks;
  }
}

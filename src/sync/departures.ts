import { leavesTooFew, LIST_COPIES_MIN, stillDeparted } from '../core/departures.js';
import type { ArchiveRecord } from '../core/archive-record.js';
import type { DepartureRules } from '../core/departures.js';
import type { EntryKey, KeyPrefix } from '../core/observation.js';
import { otherSide, SIDES } from '../core/pair.js';
import type { Side } from '../core/pair.js';
import type { Clock } from '../ports/clock.js';
import type { DepartureJudge, HeldGroup, Intended } from './guards.js';
import type { MappingMemory } from './mapping-memory.js';

const MISSED_MAX = 100_000;
const PAGE = 1_000;
/** What goes at about the same time is judged together: as many parts of `removeAfter` copies may wait for each other. */
const TOGETHER_PARTS = 5;
const TOGETHER_MS_MAX = 2_000;
/** The group of all copies. */
const ALL: KeyPrefix = '';

/** Remembers since when originals are missing, and judges by how many copies of each group went lately. */
export class Departures implements DepartureJudge {
  private readonly goneSinceMs = new Map<EntryKey, number>();

  constructor(
    private readonly rules: DepartureRules,
    private readonly clock: Clock,
    private readonly memory: MappingMemory,
  ) {}

  /** The original is there, or the copy no more. */
  forget(key: EntryKey): void {
    this.goneSinceMs.delete(key);
  }

  /** When a copy whose original is gone may go; undefined where it may now. */
  mayLeaveAt(key: EntryKey): number | undefined {
    const nowMs = this.clock.monotonicMs();
    const sinceMs = this.goneSinceMs.get(key) ?? nowMs;
    // What finds no room is looked at again, and waits until it does.
    if (this.goneSinceMs.size < MISSED_MAX) this.goneSinceMs.set(key, sinceMs);
    const { removeAfterMs } = this.rules;
    const togetherMs = Math.max(1, Math.min(TOGETHER_MS_MAX, removeAfterMs / TOGETHER_PARTS));
    const atMs = Math.ceil((sinceMs + removeAfterMs) / togetherMs) * togetherMs;
    return nowMs < atMs ? atMs : undefined;
  }

  /** Groups that would keep too few copies, or all of them. */
  judge(leaving: readonly Intended[]): readonly HeldGroup[] {
    return SIDES.flatMap((side) => {
      const onSide = leaving.filter(({ decision }) => decision.on === side);
      return this.judgeSide(onSide, side);
    });
  }

  private judgeSide(leaving: readonly Intended[], side: Side): readonly HeldGroup[] {
    if (leaving.length === 0) return [];
    const ofAll = this.count(ALL, leaving, side);
    if (ofAll.copies + ofAll.left >= LIST_COPIES_MIN && leavesTooFew(ofAll, this.rules)) {
      return [{ group: undefined, leaving, copies: ofAll.copies }];
    }
    const groups = new Map<KeyPrefix, Intended[]>();
    for (const one of leaving) {
      const group = this.rules.groupOf(one.mark.key);
      groups.set(group, [...(groups.get(group) ?? []), one]);
    }
    return [...groups].flatMap(([group, ofGroup]) => {
      const counted = this.count(group, ofGroup, side);
      return leavesTooFew(counted, this.rules) ? [{ group, leaving: ofGroup, copies: counted.copies }] : [];
    });
  }

  private count(group: KeyPrefix, leaving: readonly Intended[], side: Side) {
    const recorded = this.recordedCopies(group, side);
    // The archive may know nothing of a copy that says by itself whose it is.
    const unrecorded = leaving.filter(({ mark }) => !this.isRecorded(mark.key, side)).length;
    return { copies: recorded + unrecorded, leaving: leaving.length, left: this.leftLately(group) };
  }

  private recordedCopies(group: KeyPrefix, side: Side): number {
    const { archive } = this.memory;
    let copies = 0;
    let last: EntryKey | undefined = group;
    while (last !== undefined) {
      const page: ReturnType<typeof archive.recordsAfter> = archive.recordsAfter(last, PAGE);
      for (const [key, record] of page) if (isCopy(record, side) && this.belongs(key, group)) copies++;
      const end = page.at(-1)?.[0];
      last = end?.startsWith(group) === true ? end : undefined;
    }
    return copies;
  }

  private isRecorded(key: EntryKey, side: Side): boolean {
    return isCopy(this.memory.archive.record(key), side);
  }

  private belongs(key: EntryKey, group: KeyPrefix): boolean {
    return group === ALL || (key.startsWith(group) && this.rules.groupOf(key) === group);
  }

  /** Copies that went lately, and have not come back. */
  private leftLately(group: KeyPrefix): number {
    const { archive, state } = this.memory;
    const { gone, more } = stillDeparted(state?.departed, this.clock.nowMs());
    const left = gone.filter(({ key }) => this.belongs(key, group) && archive.record(key) === undefined);
    return left.length + (group === ALL ? more.count : 0);
  }
}

function isCopy(record: ArchiveRecord | undefined, side: Side): boolean {
  return record?.kind === 'entry' && record.session === otherSide(side);
}

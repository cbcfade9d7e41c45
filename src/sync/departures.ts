import { AT_ONCE_MS, leavesTooFew, mayComeBack } from '../core/departures.js';
import type { DepartureRules } from '../core/departures.js';
import type { EntryKey, KeyPrefix } from '../core/observation.js';
import { otherSide } from '../core/pair.js';
import type { Side } from '../core/pair.js';
import type { Clock } from '../ports/clock.js';
import type { DepartureJudge, HeldGroup, Intended } from './guards.js';
import type { MappingMemory } from './mapping-memory.js';

const MISSED_MAX = 100_000;
const PAGE = 1_000;

/** Remembers since when originals are missing, and how many copies of each group went lately. */
export class Departures implements DepartureJudge {
  private readonly goneSinceMs = new Map<EntryKey, number>();
  private readonly leftAtMs = new Map<KeyPrefix, ReadonlyMap<EntryKey, number>>();

  constructor(
    private readonly rules: DepartureRules,
    private readonly clock: Clock,
    private readonly memory: MappingMemory,
  ) {}

  /** The original is there, or the copy no more. */
  forget(key: EntryKey): void {
    this.goneSinceMs.delete(key);
  }

  /** Whether a copy has to wait, since its original may come back. */
  hasToWait(key: EntryKey): boolean {
    const nowMs = this.clock.monotonicMs();
    const sinceMs = this.goneSinceMs.get(key);
    if (sinceMs !== undefined) return mayComeBack(sinceMs, nowMs, this.rules);
    // What finds no room is looked at again, and waits until it does.
    if (this.goneSinceMs.size < MISSED_MAX) this.goneSinceMs.set(key, nowMs);
    return mayComeBack(nowMs, nowMs, this.rules);
  }

  /** Groups that would keep too few copies. The copies of all others are taken to go now. */
  judge(leaving: readonly Intended[]): readonly HeldGroup[] {
    const held: HeldGroup[] = [];
    for (const [group, ofGroup] of this.byGroup(leaving)) {
      const side = ofGroup[0]?.decision.on ?? 'left';
      const copies = this.copiesOf(group, side);
      const left = this.leftLately(group).size;
      if (leavesTooFew({ copies, leaving: ofGroup.length, left }, this.rules)) {
        held.push({ group, leaving: ofGroup, copies });
      } else this.noteLeft(group, ofGroup);
    }
    return held;
  }

  private byGroup(leaving: readonly Intended[]): Map<string, Intended[]> {
    const groups = new Map<string, Intended[]>();
    for (const one of leaving) {
      const group = this.rules.groupOf(one.mark.key);
      groups.set(group, [...(groups.get(group) ?? []), one]);
    }
    return groups;
  }

  /** As the archive has them. */
  private copiesOf(group: KeyPrefix, on: Side): number {
    let copies = 0;
    let last: EntryKey | undefined = group;
    while (last !== undefined) {
      const page: readonly (readonly [EntryKey, unknown])[] = this.memory.archive.recordsAfter(last, PAGE);
      const inside = page.filter(([key]) => key.startsWith(group) && this.rules.groupOf(key) === group);
      for (const [key] of inside) {
        const record = this.memory.archive.record(key);
        if (record?.kind === 'entry' && record.session === otherSide(on)) copies++;
      }
      const end = page.at(-1)?.[0];
      last = end?.startsWith(group) === true ? end : undefined;
    }
    return copies;
  }

  /** Copies that went lately, and have not come back. */
  private leftLately(group: KeyPrefix): Map<EntryKey, number> {
    const sinceMs = this.clock.monotonicMs() - AT_ONCE_MS;
    const lately = [...(this.leftAtMs.get(group) ?? [])].filter(
      ([key, atMs]) => atMs > sinceMs && this.memory.archive.record(key) === undefined,
    );
    if (lately.length === 0) this.leftAtMs.delete(group);
    return new Map(lately);
  }

  private noteLeft(group: KeyPrefix, leaving: readonly Intended[]): void {
    if (this.leftAtMs.size >= MISSED_MAX)
      for (const other of [...this.leftAtMs.keys()]) this.leftLately(other);
    const nowMs = this.clock.monotonicMs();
    const now = leaving.map(({ mark }) => [mark.key, nowMs] as const);
    this.leftAtMs.set(group, new Map([...this.leftLately(group), ...now]));
  }
}

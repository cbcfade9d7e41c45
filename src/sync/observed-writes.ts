import type { EntryKey, Reading } from '../core/observation.js';
import type { Pair, Side } from '../core/pair.js';
import { otherSide, pairOf, SIDES, withSide } from '../core/pair.js';
import type { Clock } from '../ports/clock.js';
import type {
  DecidedEntry,
  ObservedCounts,
  ObservedDay,
  ObservedState,
  ObservedWrite,
  WriteObserver,
} from '../ports/observed.js';
import { actionOfDecision } from './plan.js';
import { RecentMap } from './recent-map.js';

/** What is kept of an entry that was counted: as both sides were then, and as they would be had it been written. */
interface Counted {
  readonly seen: Pair<string>;
  readonly removed: boolean;
}

type Change = Pick<ObservedWrite, 'action' | 'on'>;

const KNOWN_MAX = 100_000;
const DAYS_MAX = 31;
const LATEST_MAX = 100;

const NOTHING: ObservedCounts = {
  create: { left: 0, right: 0 },
  update: { left: 0, right: 0 },
  delete: { left: 0, right: 0 },
  conflict: { left: 0, right: 0 },
  undecided: 0,
};

/**
 * Counts the writes that a mapping that only observes would have made. Since nothing is written, an entry goes on
 * differing, and is looked at again and again: it counts once for each change of a client. What comes after the first is counted as
 * if the writes before it had been made: another change of one side is an update, and no conflict.
 */
export class ObservedWrites implements WriteObserver {
  private readonly counted = new RecentMap<EntryKey, Counted>(KNOWN_MAX);
  private report: Omit<ObservedState, 'upTo'>;
  private highest: Pair<bigint>;
  /** Up to which version everything was counted by an earlier process, or by this one once it has seen all. */
  private readonly upTo: Pair<bigint>;
  private hasSeenAll = false;
  private changes = 0;

  /**
   * @param source the side that is never written
   * @param before what an earlier process has counted
   */
  constructor(
    private readonly clock: Clock,
    private readonly source: Side | undefined,
    before: ObservedState | undefined,
  ) {
    const { upTo, ...report } = before ?? this.emptyState();
    this.report = report;
    this.upTo = upTo;
    this.highest = upTo;
  }

  /** Rises with each change of the state. */
  get revision(): number {
    return this.changes;
  }

  get state(): ObservedState {
    return { ...this.report, upTo: this.hasSeenAll ? this.highest : this.upTo };
  }

  note(decided: readonly DecidedEntry[]): void {
    for (const one of decided) {
      const change = this.changeOf(one);
      if (change !== undefined) this.count(one.situation.key, change);
    }
  }

  /** From now on, what is older than the newest that was counted is counted, too. */
  allSeen(): void {
    if (this.hasSeenAll) return;
    this.hasSeenAll = true;
    this.changes++;
  }

  private changeOf(entry: DecidedEntry): Change | undefined {
    const { left, right } = entry.situation.readings;
    // Nothing may be concluded.
    if (left.kind === 'unknown' || right.kind === 'unknown') return undefined;
    const seen = { left: versionOf(left), right: versionOf(right) };
    this.highest = pairOf((side) => later(this.highest[side], entry.situation.readings[side]));
    const known = this.counted.get(entry.situation.key);
    return known === undefined ? this.first(entry, seen) : this.next(entry, seen, known);
  }

  private first(entry: DecidedEntry, seen: Pair<string>): Change | undefined {
    const change = writeOf(entry);
    if (change === undefined) return undefined;
    const { decision, situation } = entry;
    this.counted.set(situation.key, { seen, removed: decision.do === 'remove' });
    if (decision.do !== 'copy') return change;
    // An earlier process has counted it.
    const from = otherSide(decision.on);
    return decision.source.version.modified <= this.upTo[from] ? undefined : change;
  }

  private next(entry: DecidedEntry, seen: Pair<string>, known: Counted): Change | undefined {
    const moved = SIDES.filter((side) => seen[side] !== known.seen[side]);
    const [side] = moved;
    if (side === undefined) return undefined;
    const { key, readings } = entry.situation;
    const isGone = readings.left.kind === 'absent' && readings.right.kind === 'absent';
    const isSame = isGone || sameContent(readings);
    if (isSame) this.counted.delete(key);
    const reading = readings[side];
    const removed = reading.kind === 'absent';
    if (!isSame) this.counted.set(key, { seen, removed });
    if (moved.length > 1) return isSame ? undefined : conflictOf(entry);
    // On the target of a one-way mapping, that is drift.
    if (this.source !== undefined && side !== this.source) return undefined;
    const on = otherSide(side);
    if (removed) return known.removed ? undefined : { action: 'delete', on };
    if (isSame || writeOf(entry) === undefined) return undefined;
    return { action: known.removed ? 'create' : 'update', on };
  }

  private count(key: EntryKey, { action, on }: Change): void {
    const atMs = this.clock.nowMs();
    const day = new Date(atMs).toISOString().slice(0, 'yyyy-mm-dd'.length);
    const { days, totals, latest } = this.report;
    const [newest] = days;
    const today: ObservedDay = newest?.day === day ? newest : { ...NOTHING, day };
    const before = newest?.day === day ? days.slice(1) : days;
    this.report = {
      ...this.report,
      totals: added(totals, action, on),
      days: [added(today, action, on), ...before].slice(0, DAYS_MAX),
      latest: [{ atMs, action, on, key }, ...latest].slice(0, LATEST_MAX),
    };
    this.changes++;
  }

  private emptyState(): ObservedState {
    const upTo = { left: -1n, right: -1n };
    return { sinceMs: this.clock.nowMs(), totals: NOTHING, days: [], latest: [], upTo };
  }
}

function writeOf({ decision }: DecidedEntry): Change | undefined {
  const action = actionOfDecision(decision);
  if (decision.do === 'hold') return { action: 'conflict', on: undefined };
  if (decision.do !== 'copy' && decision.do !== 'remove') return undefined;
  const isWrite = action === 'create' || action === 'update' || action === 'delete' || action === 'conflict';
  return isWrite ? { action, on: decision.on } : undefined;
}

function conflictOf(entry: DecidedEntry): Change | undefined {
  const change = writeOf(entry);
  return change && { action: 'conflict', on: change.on };
}

function versionOf(reading: Exclude<Reading, { readonly kind: 'unknown' }>): string {
  return reading.kind === 'absent' ? 'absent' : String(reading.version.modified);
}

function later(highest: bigint, reading: Reading): bigint {
  const modified = reading.kind === 'present' ? reading.version.modified : 0n;
  return modified > highest ? modified : highest;
}

function sameContent({ left, right }: Pair<Reading>): boolean {
  return left.kind === 'present' && right.kind === 'present' && left.digest === right.digest;
}

function added<C extends ObservedCounts>(
  counts: C,
  action: ObservedWrite['action'],
  on: Side | undefined,
): C {
  if (on === undefined) return { ...counts, undecided: counts.undecided + 1 };
  return { ...counts, [action]: withSide(counts[action], on, counts[action][on] + 1) };
}

import type { ArchiveRecord } from '../core/archive-record.js';
import type { Conflict } from '../core/conflict.js';
import type { CopyDecision } from '../core/decision.js';
import { sawForeignChange } from '../core/foreign-change.js';
import type { Digest, EntryKey } from '../core/observation.js';
import { isOscillating } from '../core/oscillation.js';
import type { Pair, Side } from '../core/pair.js';
import { otherSide, pairOf, SIDES } from '../core/pair.js';
import type { Situation } from '../core/situation.js';
import type { EntryHoldReason, EntryMark } from '../ports/archive.js';
import type { SkipReason } from '../ports/replica.js';
import type { MappingContext } from './context.js';
import type { Examined } from './examine.js';
import type { Intended } from './guards.js';
import { leftOut } from './left-out.js';
import type { Mark } from './mark-set.js';
import type { MappingMemory } from './mapping-memory.js';
import type { Rings } from './rings.js';

/** The decisions of one round, sorted by what has to be done about them. */
export interface SortedWork {
  readonly intended: Intended[];
  readonly records: Map<EntryKey, ArchiveRecord | undefined>;
  readonly marks: Map<EntryKey, EntryMark | undefined>;
  /** Conflicts that wait for an operator, new in this round. */
  readonly openConflicts: Conflict[];
  /** Nothing could be concluded: again at once, or later. */
  readonly again: Mark[];
  readonly later: EntryKey[];
  /** Listed as left out for something that may go away by itself: tried again now and then. */
  readonly aside: EntryKey[];
  readonly settled: EntryKey[];
  /** Entries in step that were held until now. */
  readonly settledHolds: EntryKey[];
  /** Sides on which somebody else's changes were seen. */
  readonly foreignChanges: Set<Side>;
}

export function sortWork(
  context: MappingContext,
  memory: MappingMemory,
  rings: Rings,
  examined: readonly Examined[],
): SortedWork {
  const sorter = new Sorter(context, memory, rings);
  for (const one of examined) sorter.sort(one);
  return sorter.work;
}

class Sorter {
  readonly work: SortedWork = {
    intended: [],
    records: new Map(),
    marks: new Map(),
    openConflicts: [],
    again: [],
    later: [],
    aside: [],
    settled: [],
    settledHolds: [],
    foreignChanges: new Set(),
  };
  private readonly nowMs: number;

  constructor(
    private readonly context: MappingContext,
    private readonly memory: MappingMemory,
    private readonly rings: Rings,
  ) {
    this.nowMs = context.clock.nowMs();
  }

  sort(examined: Examined): void {
    const { decision } = examined;
    if (examined.isOrderOver === true) this.work.marks.set(examined.mark.key, undefined);
    for (const side of SIDES) {
      // The ledger there has to follow it.
      if (sawForeignChange(examined.situation, side) && !this.wasFollowed(examined, side)) {
        this.work.foreignChanges.add(side);
      }
    }
    switch (decision.do) {
      case 'wait':
        this.wait(examined);
        break;
      case 'nothing':
        this.settle(examined);
        break;
      case 'record':
        this.work.records.set(examined.mark.key, decision.record);
        this.settle(examined);
        break;
      case 'copy':
        this.copy(examined, decision);
        break;
      case 'remove':
        this.intend(examined, decision);
        break;
      case 'hold':
        this.hold(examined, decision.reason, decision.conflict);
        break;
      case 'skip':
        this.leaveOut(examined, decision.reason, decision.detail);
        break;
      case 'drift':
        this.drift(examined, decision.drift);
        break;
    }
  }

  /** What is held or left out is looked at again and again: the ledger follows it once. */
  private wasFollowed({ mark, situation }: Examined, side: Side): boolean {
    const reading = situation.readings[side];
    const ledger = this.memory.state?.ledgers[side];
    if (this.memory.archive.mark(mark.key) === undefined || ledger === undefined) return false;
    return reading.kind === 'present' && reading.version.modified < ledger.version.modified;
  }

  private copy(examined: Examined, decision: CopyDecision): void {
    const { limits } = this.context.replicas[decision.on];
    const name = this.context.sideNames[decision.on];
    const { key } = examined.mark;
    const unmappable = limits.unmappable(key);
    if (unmappable !== undefined) {
      this.leaveOut(examined, 'illegal-key', unmappable);
      return;
    }
    const bytes = decision.source.value.length;
    if (bytes > limits.valueBytesMax) {
      const detail = `${bytes} bytes are more than the ${limits.valueBytesMax} that ${name} can take`;
      this.leaveOut(examined, 'too-large', detail);
      return;
    }
    const { record } = examined.situation;
    const history = record?.kind === 'entry' ? record.oscillation : undefined;
    const ordered = decision.conflict?.rule === 'operator' || decision.ordered !== undefined;
    if (!ordered && isOscillating(history, contentsOf(examined.situation), this.nowMs)) {
      this.hold(examined, 'oscillating', undefined);
      return;
    }
    this.intend(examined, decision);
  }

  private intend(examined: Examined, decision: Intended['decision']): void {
    const { key } = examined.mark;
    const contents = contentsOf(examined.situation);
    const mark = this.memory.archive.mark(key);
    // Until an operator decides, a held entry stays as it is on both sides.
    if (mark?.kind === 'hold' && mark.keep === undefined && mark.reason !== 'journal-full') {
      const isRefuted = mark.reason === 'oscillating' && this.rings.isRefuted(key, decision.on, contents);
      if (!isRefuted) {
        this.work.settled.push(key);
        return;
      }
    }
    if (decision.conflict?.rule === 'operator' || decision.ordered !== undefined) this.rings.forget(key);
    switch (this.rings.judge(key, decision.on, contents)) {
      case 'write':
        this.work.intended.push({ ...examined, decision });
        break;
      case 'withhold':
        this.work.later.push(key);
        break;
      case 'ring':
        this.hold(examined, 'oscillating', undefined);
    }
  }

  private hold(examined: Examined, reason: EntryHoldReason, conflict: Conflict | undefined): void {
    const { key } = examined.mark;
    const known = this.memory.archive.mark(key);
    const reasonBefore = known?.kind === 'hold' ? known.reason : undefined;
    // Where the journal had no room, it is tried again at growing intervals until it has.
    if (reasonBefore !== 'journal-full') this.work.settled.push(key);
    if (reasonBefore === reason) return;
    this.mark(examined, { kind: 'hold', reason, sinceMs: this.nowMs, detail: HOLD_DETAILS[reason] });
    if (conflict !== undefined) this.work.openConflicts.push(conflict);
  }

  private leaveOut(examined: Examined, reason: SkipReason, detail: string): void {
    const { key } = examined.mark;
    const skip = { kind: 'skip', reason, detail, sinceMs: this.nowMs, at: onlySide(examined) } as const;
    const known = this.markOf(examined);
    this.mark(examined, leftOut(known, skip));
    (known?.kind === 'ordered' ? this.work.later : this.work.settled).push(key);
  }

  private wait(examined: Examined): void {
    const { key } = examined.mark;
    let left: { reason: SkipReason; detail: string } | undefined;
    for (const side of SIDES) {
      const reading = examined.situation.readings[side];
      if (reading.kind !== 'unknown') continue;
      const name = this.context.sideNames[side];
      if (reading.reason === 'not-read') {
        this.work.again.push(examined.mark);
        return;
      }
      if (reading.reason === 'denied') left = { reason: 'denied', detail: `${name} refuses to show it` };
      if (reading.reason === 'unreadable')
        left = { reason: 'unreadable', detail: `${name} can't give its exact value` };
    }
    const known = this.markOf(examined)?.kind;
    const isHeld = known !== undefined && known !== 'skip' && known !== 'drift';
    if (left !== undefined && !isHeld) this.mark(examined, { kind: 'skip', ...left, sinceMs: this.nowMs });
    (left === undefined ? this.work.later : this.work.aside).push(key);
  }

  private drift(examined: Examined, drift: 'added' | 'changed' | 'deleted'): void {
    this.mark(examined, { kind: 'drift', drift, sinceMs: this.nowMs, at: onlySide(examined) });
    this.work.settled.push(examined.mark.key);
  }

  private settle(examined: Examined): void {
    const { key } = examined.mark;
    const mark = this.memory.archive.mark(key);
    const isGone = SIDES.every((side) => examined.situation.readings[side].kind === 'absent');
    // To be equal for a moment is a part of going round and round.
    if (!isGone && mark?.kind === 'hold' && mark.reason === 'oscillating' && mark.keep === undefined) {
      this.work.settled.push(key);
      return;
    }
    if (mark?.kind === 'hold' || mark?.kind === 'ordered') this.rings.forget(key);
    const verdict = this.rings.inStep(key);
    if (verdict === 'ring') {
      this.hold(examined, 'oscillating', undefined);
      return;
    }
    (verdict === 'look-again' ? this.work.aside : this.work.settled).push(key);
    if (mark === undefined) return;
    this.work.marks.set(key, undefined);
    if (mark.kind === 'hold') this.work.settledHolds.push(key);
  }

  private markOf({ mark: { key }, isOrderOver }: Examined): EntryMark | undefined {
    return isOrderOver === true ? undefined : this.memory.archive.mark(key);
  }

  /** Marks an entry, unless it carries the same mark already. */
  private mark(examined: Examined, mark: EntryMark): void {
    const { key } = examined.mark;
    const known = this.markOf(examined);
    if (known !== undefined && sameMark(known, mark)) return;
    this.work.marks.set(key, mark);
  }
}

const HOLD_DETAILS: Readonly<Record<EntryHoldReason, string>> = {
  conflict: 'both sides changed it, and the mapping leaves such conflicts to a person',
  oscillating: 'another program keeps undoing what is written here, or carries it back to where it came from',
  'copy-modified': 'a client keeps writing to the copy of an entry that a session owns on the other side',
  'journal-full': 'the conflict journal is full, so nothing may be overwritten',
};

/** The side that has the entry while the other one has nothing. */
function onlySide({ situation: { readings } }: Examined): Side | undefined {
  return SIDES.find(
    (side) => readings[side].kind === 'present' && readings[otherSide(side)].kind === 'absent',
  );
}

function sameMark(a: EntryMark, b: EntryMark): boolean {
  const text = (mark: EntryMark): string => JSON.stringify({ ...mark, sinceMs: 0 });
  return text(a) === text(b);
}

/** What each side holds; undefined where it has nothing. */
export function contentsOf({ readings }: Situation): Pair<Digest | undefined> {
  return pairOf((side) => {
    const reading = readings[side];
    return reading.kind === 'present' ? reading.digest : undefined;
  });
}

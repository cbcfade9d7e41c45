import type { ArchiveRecord } from '../core/archive-record.js';
import type { Conflict } from '../core/conflict.js';
import type { CopyDecision } from '../core/decision.js';
import type { EntryKey } from '../core/observation.js';
import { isOscillating } from '../core/oscillation.js';
import type { Side } from '../core/pair.js';
import { otherSide, SIDES } from '../core/pair.js';
import { sameVersion } from '../core/version.js';
import type { EntryHoldReason, EntryMark } from '../ports/archive.js';
import type { SkipReason } from '../ports/replica.js';
import type { MappingContext } from './context.js';
import type { Examined } from './examine.js';
import type { Intended } from './guards.js';
import type { Mark } from './mark-set.js';
import type { MappingMemory } from './mapping-memory.js';

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
  examined: readonly Examined[],
): SortedWork {
  const sorter = new Sorter(context, memory);
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
  ) {
    this.nowMs = context.clock.nowMs();
  }

  sort(examined: Examined): void {
    const { decision } = examined;
    for (const side of SIDES) if (sawForeignChange(examined, side)) this.work.foreignChanges.add(side);
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
    const { record, readings } = examined.situation;
    const contents = { left: digestOf(readings.left), right: digestOf(readings.right) };
    const history = record?.kind === 'entry' ? record.oscillation : undefined;
    const ordered = decision.conflict?.rule === 'operator';
    if (!ordered && isOscillating(history, contents, this.nowMs)) {
      this.hold(examined, 'oscillating', undefined);
      return;
    }
    this.intend(examined, decision);
  }

  private intend(examined: Examined, decision: Intended['decision']): void {
    const mark = this.memory.archive.mark(examined.mark.key);
    // Until an operator decides, a held entry stays as it is on both sides.
    if (mark?.kind === 'hold' && mark.keep === undefined && mark.reason !== 'journal-full') {
      this.work.settled.push(examined.mark.key);
      return;
    }
    this.work.intended.push({ ...examined, decision });
  }

  private hold(examined: Examined, reason: EntryHoldReason, conflict: Conflict | undefined): void {
    const { key } = examined.mark;
    this.work.settled.push(key);
    const known = this.memory.archive.mark(key);
    if (known?.kind === 'hold' && known.reason === reason) return;
    this.mark(examined, { kind: 'hold', reason, sinceMs: this.nowMs, detail: HOLD_DETAILS[reason] });
    if (conflict !== undefined) this.work.openConflicts.push(conflict);
  }

  private leaveOut(examined: Examined, reason: SkipReason, detail: string): void {
    this.mark(examined, { kind: 'skip', reason, detail, sinceMs: this.nowMs, at: onlySide(examined) });
    this.work.settled.push(examined.mark.key);
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
    const known = this.memory.archive.mark(key)?.kind;
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
    this.work.settled.push(key);
    const mark = this.memory.archive.mark(key);
    if (mark === undefined) return;
    this.work.marks.set(key, undefined);
    if (mark.kind === 'hold') this.work.settledHolds.push(key);
  }

  /** Marks an entry, unless it carries the same mark already. */
  private mark(examined: Examined, mark: EntryMark): void {
    const { key } = examined.mark;
    const known = this.memory.archive.mark(key);
    if (known !== undefined && sameMark(known, mark)) return;
    this.work.marks.set(key, mark);
  }
}

const HOLD_DETAILS: Readonly<Record<EntryHoldReason, string>> = {
  conflict: 'both sides changed it, and the mapping leaves such conflicts to a person',
  oscillating: 'another program keeps undoing what is written here',
  'copy-modified': 'a client keeps writing to the copy of an entry that a session owns on the other side',
  'journal-full': 'the conflict journal is full, so nothing may be overwritten',
};

/** A change of this side that is not the daemon's own: the ledger there has to follow it. */
function sawForeignChange({ situation }: Examined, side: Side): boolean {
  const { record, readings, ours } = situation;
  const reading = readings[side];
  const known = record?.kind === 'entry' ? record.versions[side] : undefined;
  if (reading.kind === 'unknown' || ours[side]) return false;
  if (reading.kind === 'absent') return known !== undefined;
  return known === undefined ? record?.kind !== 'structure' : !sameVersion(known, reading.version);
}

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

function digestOf(reading: Examined['situation']['readings']['left']): string | undefined {
  return reading.kind === 'present' ? reading.digest : undefined;
}

import { isEmpty } from '../core/classify.js';
import type { CopyDecision, RemoveDecision } from '../core/decision.js';
import { judgeDeletions, judgeOverwrites } from '../core/deletion-budget.js';
import type { EntryKey, KeyPrefix } from '../core/observation.js';
import type { MappingHold } from '../core/mapping-state.js';
import type { EntryMark } from '../ports/archive.js';
import type { Due } from './attention.js';
import type { MappingContext } from './context.js';
import type { Examined } from './examine.js';
import type { MappingMemory } from './mapping-memory.js';

/** An examined entry whose decision is a write. */
export type Intended = Examined & { readonly decision: CopyDecision | RemoveDecision };

export interface Guarded {
  /** May be written. */
  readonly passed: readonly Intended[];
  /** Held back, with the marks that say so. */
  readonly held: ReadonlyMap<EntryKey, EntryMark>;
  /** What the held ones make of the mapping. */
  readonly holds: readonly MappingHold[];
  /** Overwrites decided by conflict among those that passed; they count against the budget. */
  readonly overwrites: number;
  /** Copies that go because their originals are gone, without a person's word. */
  readonly leaving: readonly EntryKey[];
}

/** What a round's writes are judged together with. */
export interface RoundsBeside {
  /** Deletions and overwrites that are due as well, in later rounds. */
  readonly due: Due;
  /** The mapping's size before the rounds that belong together: what these have created makes up for deletions. */
  readonly sizeBefore: number;
}

/** Copies of one group that are to go, and out of how many. */
export interface HeldGroup {
  /** Undefined for all copies there are. */
  readonly group: KeyPrefix | undefined;
  readonly leaving: readonly Intended[];
  readonly copies: number;
}

/** Judges copies whose originals are gone. */
export interface DepartureJudge {
  /** Groups that would keep too few copies. */
  judge(leaving: readonly Intended[]): readonly HeldGroup[];
}

/**
 * Holds back what has the shape of harm, whatever its cause: too many deletions, or too many overwrites decided by
 * conflict, measured against the mapping's size. What an operator approved passes, and nothing else of its kind while
 * a hold stands.
 */
export function guard(
  context: MappingContext,
  memory: MappingMemory,
  intended: readonly Intended[],
  sweptEntries: number,
  beside: RoundsBeside,
  departures?: DepartureJudge,
): Guarded {
  const nowMs = context.clock.nowMs();
  const deletions = intended.filter(isCountedDeletion);
  const overwrites = intended.filter(isCountedOverwrite);
  const leaving = departures === undefined ? [] : intended.filter(isDeparture);
  const isGuarded = new Set([...deletions, ...overwrites, ...leaving]);
  const rest = intended.filter((one) => !isGuarded.has(one));

  const creates = rest.filter((one) => isCountedCreate(one, memory.archive.mark(one.mark.key))).length;
  const forDeletions = holdDeletions(context, memory, deletions, creates, beside, nowMs);
  const forOverwrites = holdOverwrites(
    context,
    memory,
    overwrites,
    beside.due.overwrites,
    sweptEntries,
    nowMs,
  );
  const forLeaving = holdDepartures(memory, leaving, departures, nowMs);
  const splits = [forDeletions, forOverwrites, forLeaving];
  return {
    passed: [...rest, ...splits.flatMap(({ passed }) => passed)],
    held: new Map(splits.flatMap(({ held }) => [...held])),
    holds: splits.flatMap(({ hold }) => hold ?? []),
    overwrites: forOverwrites.passed.length,
    leaving: forLeaving.unasked,
  };
}

/** The mapping's entries, less those whose deletion an operator has approved already. */
export function effectiveSize(memory: MappingMemory): number {
  const leaving = memory.archive.markCounts().get('held-deletion:approved') ?? 0;
  return Math.max(0, memory.archive.counts().entries - leaving);
}

/** The guard that a write counts for, if it was not approved: it is judged together with all others that are due. */
export function openKind(memory: MappingMemory, one: Intended): keyof Due | undefined {
  const isOpen = (kind: 'held-deletion' | 'held-overwrite'): boolean =>
    byApproval(memory, [one], kind).open.length > 0;
  if (isCountedDeletion(one) && isOpen('held-deletion')) return 'deletions';
  return isCountedOverwrite(one) && isOpen('held-overwrite') ? 'overwrites' : undefined;
}

interface Split {
  readonly passed: readonly Intended[];
  readonly held: ReadonlyMap<EntryKey, EntryMark>;
  readonly hold: MappingHold | undefined;
}

function holdDeletions(
  context: MappingContext,
  memory: MappingMemory,
  deletions: readonly Intended[],
  creates: number,
  beside: RoundsBeside,
  nowMs: number,
): Split {
  const { approved, open } = byApproval(memory, deletions, 'held-deletion');
  const standing = memory.known.holds.find((hold) => hold.reason === 'mass-deletion');
  // Entries that only the ledger proves to have been agreed on are not in the archive's count yet.
  const unrecorded = open.filter(({ situation }) => situation.record?.kind !== 'entry').length;
  const due = open.length + beside.due.deletions;
  const size = effectiveSize(memory) + unrecorded;
  const created = standing === undefined ? Math.max(0, size - beside.sizeBefore) : 0;
  const judged = judgeDeletions({
    history: memory.known.sizes,
    size: size - created,
    creates: creates + created,
    deletions: due,
    holding: standing !== undefined,
    budget: context.maxDelete,
  });
  if (open.length === 0 || (judged.held === 0 && standing === undefined)) {
    return { passed: deletions, held: new Map(), hold: undefined };
  }
  const why = judged.reason === 'emptied' ? 'that would empty the mapping' : `of ${judged.largest} entries`;
  const hold: MappingHold = standing ?? {
    reason: 'mass-deletion',
    sinceMs: nowMs,
    side: undefined,
    detail: `${due} deletions ${why} wait for approval`,
  };
  return { passed: approved, held: marksFor(memory, open, 'held-deletion', nowMs), hold };
}

/** Copies that would leave too few of their group behind wait for a person, or for their originals to come back. */
function holdDepartures(
  memory: MappingMemory,
  leaving: readonly Intended[],
  departures: DepartureJudge | undefined,
  nowMs: number,
): Split & { readonly unasked: readonly EntryKey[] } {
  const { approved, open } = byApproval(memory, leaving, 'held-deletion');
  const groups = departures?.judge(open) ?? [];
  const [first] = groups;
  const keysOf = (some: readonly Intended[]): EntryKey[] => some.map(({ mark }) => mark.key);
  if (first === undefined)
    return { passed: leaving, held: new Map(), hold: undefined, unasked: keysOf(open) };
  const held = groups.flatMap((group) => group.leaving);
  const more = groups.length === 1 ? '' : `, and of ${groups.length - 1} others`;
  const whose = first.group === undefined ? 'all groups' : JSON.stringify(first.group);
  const hold: MappingHold = memory.known.holds.find(({ reason }) => reason === 'mass-deletion') ?? {
    reason: 'mass-deletion',
    sinceMs: nowMs,
    side: undefined,
    detail: `${first.leaving.length} of ${first.copies} copies of ${whose}${more} would go at once; they wait for approval`,
  };
  const isHeld = new Set(held);
  const unasked = open.filter((one) => !isHeld.has(one));
  const marks = marksFor(memory, held, 'held-deletion', nowMs);
  return { passed: [...approved, ...unasked], held: marks, hold, unasked: keysOf(unasked) };
}

function holdOverwrites(
  context: MappingContext,
  memory: MappingMemory,
  overwrites: readonly Intended[],
  later: number,
  sweptEntries: number,
  nowMs: number,
): Split {
  const { approved, open } = byApproval(memory, overwrites, 'held-overwrite');
  const standing = memory.known.holds.find((hold) => hold.reason === 'mass-conflict');
  const size = Math.max(memory.archive.counts().entries, sweptEntries);
  const judged = judgeOverwrites({
    history: memory.known.overwrites,
    size,
    overwrites: open.length + later,
    budget: context.maxOverwrite,
  });
  // An operator who said whose content stands has said so for all of it.
  const ordered = memory.known.resyncFrom === 'left' || memory.known.resyncFrom === 'right';
  if (open.length === 0 || ordered || (judged.held === 0 && standing === undefined)) {
    return { passed: overwrites, held: new Map(), hold: undefined };
  }
  const hold: MappingHold = standing ?? {
    reason: 'mass-conflict',
    sinceMs: nowMs,
    side: undefined,
    detail: `${judged.total} of ${size} entries would be overwritten by decision of a conflict; they wait for approval`,
  };
  return { passed: approved, held: marksFor(memory, open, 'held-overwrite', nowMs), hold };
}

function byApproval(
  memory: MappingMemory,
  intended: readonly Intended[],
  kind: 'held-deletion' | 'held-overwrite',
): { approved: Intended[]; open: Intended[] } {
  const approved: Intended[] = [];
  const open: Intended[] = [];
  for (const one of intended) {
    const mark = memory.archive.mark(one.mark.key);
    const passes = mark?.kind === kind && mark.approved && mark.on === one.decision.on;
    (passes ? approved : open).push(one);
  }
  return { approved, open };
}

function marksFor(
  memory: MappingMemory,
  held: readonly Intended[],
  kind: 'held-deletion' | 'held-overwrite',
  nowMs: number,
): Map<EntryKey, EntryMark> {
  const marks = new Map<EntryKey, EntryMark>();
  for (const { mark, decision } of held) {
    const known = memory.archive.mark(mark.key);
    const same = known?.kind === kind && known.on === decision.on;
    marks.set(mark.key, { kind, on: decision.on, sinceMs: same ? known.sinceMs : nowMs, approved: false });
  }
  return marks;
}

/** The copy of an original that its owner has taken away. */
export function isDeparture({ decision }: Intended): boolean {
  return decision.do === 'remove' && decision.cause === 'session-ended';
}

/** A parent that the daemon has made, and below which nothing is any more. */
export function isPruned({ decision }: Examined): boolean {
  return decision.do === 'remove' && decision.cause === 'pruned';
}

/** Whether a write counts against `maxDelete`. */
export function isCountedDeletion({ decision }: Intended): boolean {
  return decision.do === 'remove' && decision.cause === 'deleted' && !isOrdered(decision);
}

/** Whether a write counts against `maxOverwrite`. */
export function isCountedOverwrite({ decision }: Intended): boolean {
  return (
    decision.do === 'copy' &&
    decision.conflict !== undefined &&
    decision.base !== undefined &&
    !isEmpty(decision.base) &&
    !isOrdered(decision)
  );
}

/** A person decided on this very entry: no guard asks again, and would make the word that was given be forgotten. */
function isOrdered({ conflict, ordered }: Intended['decision']): boolean {
  return conflict?.rule === 'operator' || ordered !== undefined;
}

/**
 * Whether a write makes up for a deletion. Mirrors of session-bound entries don't: they come and go with sessions. Nor
 * does what was refused before, and is only tried again; and what is put back at both sides counts once.
 */
export function isCountedCreate({ decision }: Intended, mark: EntryMark | undefined): boolean {
  if (mark?.kind === 'skip') return false;
  if (decision.do !== 'copy' || decision.ordered?.isLast === false) return false;
  return decision.base === undefined && decision.session === undefined;
}

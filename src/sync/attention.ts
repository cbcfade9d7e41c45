import type { EntryKey, KeyPrefix } from '../core/observation.js';
import type { Pair, Side } from '../core/pair.js';
import { SIDES } from '../core/pair.js';
import type { Clock } from '../ports/clock.js';
import type { HintListener, PartView } from '../ports/replica.js';
import type { RescanReason } from '../ports/rescan.js';
import type { Found } from './found.js';
import { MarkSet } from './mark-set.js';
import type { Mark } from './mark-set.js';
import { RetrySchedule } from './retry-schedule.js';
import { joinPrefix } from './walked-parts.js';

const MARKS_MAX = 100_000;
const RETRIES_MAX = 10_000;
/** Entries in views that wait to be compared. Of more, the parts are walked. */
const VIEWED_MAX = 50_000;
/** Entries touched while a side is walked that are told apart. Of more, all are taken to be touched. */
const TOUCHED_MAX = 10_000;

/** A walk that is due: because something stirred there, or because changes may have been missed. */
export interface SweepRequest {
  /** Undefined for a stir: the store said that something changed, not what. */
  readonly reason: RescanReason | undefined;
  /** What is to be walked, no part within another one. */
  readonly parts: readonly KeyPrefix[];
  /** Whether something is known that it may find, which a verification by itself is not expected to. */
  readonly mayFind: boolean;
}

/** How many writes of the kinds that guards judge together are known to be due. */
export interface Due {
  readonly deletions: number;
  readonly overwrites: number;
}

/**
 * What a mapping's loop has to look at. Watchers only ever get here: they mark, and the loop decides (S9: all of it is
 * bounded, and what is too much becomes a walk).
 */
export class Attention {
  private readonly marks = new MarkSet(MARKS_MAX);
  /** Writes that are judged together wait until everything else is looked at; by the side they come from. */
  private readonly deferred = { deletions: markSets(), overwrites: markSets() };
  private readonly told = { left: 0, right: 0 };
  private readonly putOff = { deletions: { left: 0, right: 0 }, overwrites: { left: 0, right: 0 } };
  private readonly retries = new RetrySchedule(RETRIES_MAX);
  private readonly sweeps = new Map<Side, SweepRequest>();
  private readonly views: Pair<PartView[]> = { left: [], right: [] };
  private viewed = 0;
  /** What was touched since the walk of a side began: of such an entry, the walk may have read what is no more. */
  private readonly touchedSince = new Map<Side, Set<EntryKey>>();
  /** Sides of which no changes are told, and why. */
  private readonly blind = new Map<Side, string>();
  /** An entry that is to be tried again found no room among the retries: it is left to a walk. */
  private leftToWalk = false;
  private wake: (() => void) | undefined;
  /** Told when a store is watched again, after some time in which nothing was told. */
  onReconnect: () => void = () => undefined;

  constructor(private readonly clock: Clock) {}

  /** What the watch of one side tells. */
  listener(side: Side): HintListener {
    return {
      changed: (keys) => this.noticed(keys, side),
      saw: (view) => this.addView(side, view),
      stirred: (within) => this.requestSweep(side, undefined, within),
      rescan: (reason) => {
        this.blind.delete(side);
        if (reason === 'reconnect') this.onReconnect();
        this.requestSweep(side, reason);
      },
      lost: (why) => void this.blind.set(side, why),
    };
  }

  /** Marks entries as worth a look, at one side or at both. */
  look(keys: Iterable<EntryKey>, at?: Side): void {
    const noticedMs = this.clock.monotonicMs();
    for (const key of keys) {
      if (!this.marks.add({ key, at, noticedMs })) this.overflow();
    }
    this.notify();
  }

  /** Marks what was told of one side: that it may have changed there. */
  noticed(keys: readonly EntryKey[], side: Side): void {
    this.countTold(side, keys.length);
    this.touched(keys, side);
    this.look(keys, side);
  }

  countTold(side: Side, count: number): void {
    this.told[side] += count;
  }

  /** How many changes were told of one side, since the loop began. */
  changesTold(side: Side): number {
    return this.told[side];
  }

  /** From now on, what is touched there is remembered, until the walk is over. */
  walkBegins(side: Side): void {
    this.touchedSince.set(side, new Set());
  }

  walkEnds(side: Side): void {
    this.touchedSince.delete(side);
  }

  /** These may have changed there, or are about to: what a walk has read of them until now is no good any more. */
  touched(keys: Iterable<EntryKey>, side: Side): void {
    const touched = this.touchedSince.get(side);
    if (touched === undefined) return;
    for (const key of keys) if (touched.size < TOUCHED_MAX) touched.add(key);
  }

  /** Marks what a walk has found. What it has read is good for a decision, unless it was touched there since. */
  lookAtFound(side: Side, found: readonly Found[]): void {
    const noticedMs = this.clock.monotonicMs();
    const touched = this.touchedSince.get(side);
    const tellsAll = touched !== undefined && touched.size < TOUCHED_MAX;
    for (const { key, reading } of found) {
      const isFresh = reading !== undefined && tellsAll && !touched.has(key);
      const walked = isFresh ? { side, reading: reading() } : undefined;
      if (!this.marks.add({ key, at: undefined, noticedMs, walked })) this.overflow();
    }
    this.notify();
  }

  /** Puts back what was taken and could not be dealt with. */
  putBack(marks: Iterable<Mark>): void {
    for (const { key, noticedMs } of marks) {
      if (!this.marks.add({ key, at: undefined, noticedMs })) this.overflow();
    }
  }

  /** @param within the part to walk; all, without. Where changes may have been missed, all is walked. */
  requestSweep(side: Side, reason: RescanReason | undefined, within: KeyPrefix = ''): void {
    const known = this.sweeps.get(side);
    const parts = joinPrefix(known?.parts ?? [], reason === undefined ? within : '');
    const mayFind = known?.mayFind === true || reason !== 'verify';
    this.sweeps.set(side, { reason: known?.reason ?? reason, parts, mayFind });
    this.notify();
  }

  /** Whether a part of it, or all, is to be walked since something stirred there. */
  hasStirred(side: Side): boolean {
    return this.sweeps.get(side)?.mayFind === true;
  }

  takeSweep(side: Side): SweepRequest | undefined {
    const request = this.sweeps.get(side);
    this.sweeps.delete(side);
    return request;
  }

  /** What was seen of a side since this was asked last, to be compared with what is known. */
  takeViews(side: Side): readonly PartView[] {
    const views = this.views[side].splice(0);
    for (const { entries } of views) this.viewed -= entries.length;
    return views;
  }

  takeMarks(count: number): Mark[] {
    return this.marks.take(count);
  }

  /** Only marks of what a walk has read, or only others. */
  takeWalked(count: number): Mark[] {
    return this.marks.take(count, ({ walked }) => walked !== undefined);
  }

  takeUnwalked(count: number): Mark[] {
    return this.marks.take(count, ({ walked }) => walked === undefined);
  }

  /**
   * Puts an entry off until everything else is looked at, to be judged with all others of its kind.
   * @param from the side whose change it is
   * @returns false when there is no room: it has to be judged now, with those that are put off
   */
  defer(mark: Mark, kind: keyof Due, from: Side): boolean {
    const set = this.deferred[kind][from];
    const { key, noticedMs } = mark;
    if (!set.has(key)) {
      this.withdraw(key);
      this.putOff[kind][from]++;
    }
    return set.add({ key, at: undefined, noticedMs });
  }

  /** An entry that was put off has changed again: what was due is due no more. */
  withdraw(key: EntryKey): void {
    for (const { left, right } of Object.values(this.deferred)) {
      left.delete(key);
      right.delete(key);
    }
  }

  /** How many changes of this side were put off, since the loop began. */
  putOffFrom(side: Side): Due {
    const { deletions, overwrites } = this.putOff;
    return { deletions: deletions[side], overwrites: overwrites[side] };
  }

  takeDeferred(count: number): Mark[] {
    const { deletions, overwrites } = this.deferred;
    const taken: Mark[] = [];
    for (const set of [deletions.left, deletions.right, overwrites.left, overwrites.right]) {
      taken.push(...set.take(count - taken.length));
    }
    return taken;
  }

  /** How many are put off. */
  get due(): Due {
    const [left, right] = [this.dueFrom('left'), this.dueFrom('right')];
    return { deletions: left.deletions + right.deletions, overwrites: left.overwrites + right.overwrites };
  }

  /** How many of them are changes of this side. */
  dueFrom(side: Side): Due {
    const { deletions, overwrites } = this.deferred;
    return { deletions: deletions[side].size, overwrites: overwrites[side].size };
  }

  get deferrals(): number {
    const { deletions, overwrites } = this.due;
    return deletions + overwrites;
  }

  /** @param aside the entry is listed as left out, and tried again only in case that what stood in the way is gone */
  retryLater(key: EntryKey, aside = false): void {
    const found = this.retries.later(key, this.clock.monotonicMs(), aside);
    // What is listed as left out is looked at with every walk anyway.
    if (!found && !aside) this.leftToWalk = true;
  }

  /** What only time has to pass for. */
  lookAt(key: EntryKey, dueMs: number): void {
    if (!this.retries.at(key, dueMs)) this.leftToWalk = true;
  }

  settled(key: EntryKey): void {
    this.retries.settled(key);
    this.withdraw(key);
  }

  /** Moves the entries whose wait is over among the marks. */
  takeUpRetries(): void {
    const due = this.retries.due(this.clock.monotonicMs());
    if (due.length > 0) this.look(due);
    if (!this.leftToWalk || this.retries.size > RETRIES_MAX / 2) return;
    this.leftToWalk = false;
    for (const side of SIDES) this.requestSweep(side, 'retry');
  }

  nextRetryMs(): number {
    return this.retries.nextDueMs();
  }

  get marked(): number {
    return this.marks.size;
  }

  /** How many of the marked a walk has read. */
  get walked(): number {
    return this.marks.walked;
  }

  /** Whether anything is known that may have changed and was not looked at; a verification is no such thing. */
  get unseen(): boolean {
    const walks = [...this.sweeps.values()].some(({ mayFind }) => mayFind);
    const marked = this.marks.size + this.deferrals > 0;
    return marked || this.hasViews || this.retries.waiting > 0 || this.leftToWalk || walks;
  }

  isBlind(side: Side): boolean {
    return this.blind.has(side);
  }

  /** Why changes may happen without being told; undefined while both sides are watched. */
  get blindness(): string | undefined {
    return this.blind.values().next().value;
  }

  get busy(): boolean {
    return this.marks.size + this.deferrals > 0 || this.hasViews || this.sweeps.size > 0;
  }

  private get hasViews(): boolean {
    return this.views.left.length + this.views.right.length > 0;
  }

  /** Forgets everything but that all is to be walked again. */
  startOver(reason: RescanReason): void {
    this.marks.clear();
    for (const side of SIDES) this.takeViews(side);
    for (const { left, right } of Object.values(this.deferred)) {
      left.clear();
      right.clear();
    }
    this.retries.clear();
    this.leftToWalk = false;
    for (const side of SIDES) this.requestSweep(side, reason);
  }

  /** Waits until there is something to do, `ms` have passed, or `signal` aborts. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (this.busy || signal.aborted) return;
    const early = new AbortController();
    const stop = (): void => early.abort();
    this.wake = stop;
    signal.addEventListener('abort', stop, { once: true });
    try {
      await this.clock.sleep(ms, early.signal);
    } finally {
      signal.removeEventListener('abort', stop);
      this.wake = undefined;
    }
  }

  /** Ends a wait. */
  notify(): void {
    this.wake?.();
  }

  private addView(side: Side, view: PartView): void {
    const isWalkedAnyway = this.sweeps.get(side)?.parts.includes('') === true;
    if (isWalkedAnyway || this.viewed + view.entries.length > VIEWED_MAX) {
      this.requestSweep(side, undefined, view.within);
      return;
    }
    this.viewed += view.entries.length;
    this.views[side].push(view);
    this.notify();
  }

  private overflow(): void {
    this.startOver('overflow');
  }
}

function markSets(): Pair<MarkSet> {
  return { left: new MarkSet(MARKS_MAX), right: new MarkSet(MARKS_MAX) };
}

const PENDING_MAX = 100_000;

/** Entries known to need a write, by the side that needs it. What is beyond the bound is only counted as "more". */
export class PendingWrites {
  private readonly keys: Pair<Set<EntryKey>> = { left: new Set(), right: new Set() };
  private overflowed = false;

  needs(key: EntryKey, on: Side): void {
    this.settled(key);
    if (this.keys[on].size < PENDING_MAX) this.keys[on].add(key);
    else this.overflowed = true;
  }

  settled(key: EntryKey): void {
    this.keys.left.delete(key);
    this.keys.right.delete(key);
  }

  listed(): EntryKey[] {
    return [...this.keys.left, ...this.keys.right];
  }

  /** Whether there were more than can be listed, since they were last walked for. */
  takeOverflow(): boolean {
    const { overflowed } = this;
    this.overflowed = false;
    return overflowed;
  }

  get count(): Pair<number> {
    return { left: this.keys.left.size, right: this.keys.right.size };
  }

  clear(): void {
    this.keys.left.clear();
    this.keys.right.clear();
    this.overflowed = false;
  }
}

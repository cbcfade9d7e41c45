import type { EntryKey } from '../core/observation.js';
import type { Pair, Side } from '../core/pair.js';
import { SIDES, withSide } from '../core/pair.js';
import type { Attention, PendingWrites } from './attention.js';
import type { MappingContext } from './context.js';
import type { Permission } from './drain.js';
import type { Found } from './found.js';
import type { MappingMemory } from './mapping-memory.js';
import { differing, sweepSide } from './sweep.js';
import type { WholeView } from './whole-view.js';

/** A walk is noted in the archive at most this often, unless both sides were walked. */
const NOTE_EVERY_MS = 10_000;

const LISTED_PAGE = 1_000;

/** Walks the sides that are to be walked, and keeps account of what a complete pair of walks means. */
export class Walks {
  private entries: Pair<number> = { left: 0, right: 0 };
  private sizeIsKnown = false;
  private readonly walked = new Set<Side>();
  private completedOnce = false;
  private underWay = false;

  constructor(
    private readonly context: MappingContext,
    private readonly memory: MappingMemory,
    private readonly attention: Attention,
    private readonly pending: PendingWrites,
    private readonly wholeView?: WholeView,
  ) {}

  /** Whether both sides were walked, and all that was found dealt with, since the loop began. */
  get completed(): boolean {
    return this.completedOnce;
  }

  /** Whether a walk is under way that may find something, which a verification is not expected to. */
  get searching(): boolean {
    return this.underWay;
  }

  startOver(): void {
    this.walked.clear();
    this.completedOnce = false;
    this.sizeIsKnown = false;
  }

  /**
   * How many entries the larger side has, as far as known. Before the first reconciliation is complete nothing tells, and
   * they are counted on both sides.
   * @param goingOn told of every page
   */
  async entriesSeen(goingOn: () => void, signal: AbortSignal): Promise<number> {
    if (!this.sizeIsKnown && this.memory.known.firstCompletedAtMs === undefined) {
      const { replicas, scope } = this.context;
      for (const side of SIDES) {
        let count = 0;
        for await (const keys of replicas[side].listKeys(signal)) {
          count += keys.filter((key) => scope.includes(key)).length;
          goingOn();
        }
        this.entries = withSide(this.entries, side, count);
      }
      this.sizeIsKnown = true;
    }
    return Math.max(this.entries.left, this.entries.right);
  }

  /**
   * Walks `side`, or parts of it, if that is due.
   * @param dealWith deals with what was marked so far; called whenever enough was found, and at the end
   * @returns whether all of it was walked
   */
  async walkIfDue(
    side: Side,
    dealWith: (options: { all: boolean }) => Promise<void>,
    permission: () => Permission,
    signal: AbortSignal,
  ): Promise<boolean> {
    const request = this.attention.takeSweep(side);
    if (request === undefined) return false;
    if (request.reason !== undefined) this.context.metrics.rescan(request.reason);
    const startedAtMs = this.context.clock.nowMs();
    const unrecorded = this.memory.state?.unrecorded[side] ?? [];
    this.underWay = request.mayFind;
    const isWhole = request.parts.includes('');
    this.attention.walkBegins(side);
    const walked = this.wholeView?.walkBegins(side, isWhole);
    try {
      const report = async (found: readonly Found[]): Promise<void> => {
        // The walk of a part is what a watch has told of.
        if (!isWhole) this.attention.countTold(side, found.length);
        this.attention.lookAtFound(side, found);
        await dealWith({ all: false });
      };
      for (const part of request.parts) {
        const { present } = await sweepSide(this.context, this.memory, side, report, signal, part);
        if (isWhole) this.entries = withSide(this.entries, side, present);
      }
      if (request.reason !== undefined) await this.reportListed(report);
      this.attention.walkEnds(side);
      walked?.();
      await dealWith({ all: true });
    } catch (error) {
      for (const part of request.parts) {
        this.attention.requestSweep(side, request.reason ?? (isWhole ? 'retry' : undefined), part);
        if (request.mayFind) this.attention.requestSweep(side, undefined, part);
      }
      throw error;
    } finally {
      this.underWay = false;
      this.attention.walkEnds(side);
    }
    if (!isWhole) return false;
    await this.note(side, { startedAtMs, unrecorded }, permission());
    return true;
  }

  /** Marks what was seen of a side, and what the archive has otherwise. */
  compareViews(): void {
    for (const side of SIDES) {
      for (const view of this.attention.takeViews(side)) {
        const keys = [...differing(this.context, this.memory, side, view)];
        this.attention.noticed(keys, side);
      }
    }
  }

  /** Of an entry that is gone and has no record, walks find nothing; what is listed of it would stay for ever. */
  private async reportListed(report: (found: readonly Found[]) => Promise<void>): Promise<void> {
    const unread = (key: EntryKey): Found => ({ key, reading: undefined });
    let page = this.memory.archive.marksAfter(undefined, LISTED_PAGE);
    while (page.length > 0) {
      await report(page.map(([key]) => unread(key)));
      page = this.memory.archive.marksAfter(page.at(-1)?.[0], LISTED_PAGE);
    }
    const pending = this.pending.listed();
    while (pending.length > 0) await report(pending.splice(0, LISTED_PAGE).map(unread));
  }

  private async note(side: Side, walk: Walk, permission: Permission): Promise<void> {
    const { startedAtMs } = walk;
    this.walked.add(side);
    const complete = this.walked.size === SIDES.length;
    if (complete) {
      this.walked.clear();
      this.completedOnce = true;
    }
    if (complete) this.context.observed?.allSeen();
    if (permission === 'count') return;
    const { left, right } = this.pending.count;
    // To a standby that the active is still at it, nothing is complete.
    const isOpen = permission === 'follow' && left + right > 0;
    // What still waits to be dealt with was not found as it was agreed: such a walk dates no deletion.
    const isSettled = !this.attention.unseen && !isOpen;
    const recorded = isSettled && this.nothingIsListed ? walk.unrecorded : [];
    const noted = this.memory.known.lastSweptAtMs[side] ?? -Infinity;
    const isRecent = Math.abs(startedAtMs - noted) < NOTE_EVERY_MS;
    if (isRecent && !complete && recorded.length === 0) return;
    await this.memory.commit((state) => ({
      state: {
        ...(isSettled && { lastSweptAtMs: withSide(state.lastSweptAtMs, side, startedAtMs) }),
        ...(recorded.length > 0 && {
          unrecorded: withSide(state.unrecorded, side, without(state.unrecorded[side], recorded)),
        }),
        ...(complete &&
          !isOpen && {
            firstCompletedAtMs: state.firstCompletedAtMs ?? startedAtMs,
            lastVerifiedAtMs: startedAtMs,
            resyncFrom: undefined,
            agreedUnseenUpTo: undefined,
          }),
      },
    }));
  }

  /** Held and left out entries were looked at, and yet not recorded as they are. */
  private get nothingIsListed(): boolean {
    return [...this.memory.archive.markCounts().values()].every((count) => count === 0);
  }
}

/** A walk that is over. */
interface Walk {
  readonly startedAtMs: number;
  /** The daemon's own writes on that side that were not recorded when it began. */
  readonly unrecorded: readonly bigint[];
}

function without(numbers: readonly bigint[], gone: readonly bigint[]): readonly bigint[] {
  return numbers.filter((number) => !gone.includes(number));
}

import type { ArchiveRecord } from '../core/archive-record.js';
import { isEmpty } from '../core/classify.js';
import { DaemonWrites, NUMBERS_WANTED_MAX } from '../core/daemon-writes.js';
import type { LedgerMirror } from '../core/mapping-state.js';
import type { EntryKey } from '../core/observation.js';
import type { Pair, Side } from '../core/pair.js';
import { otherSide, pairOf, SIDES, withSide } from '../core/pair.js';
import type { Situation } from '../core/situation.js';
import { sameVersion } from '../core/version.js';
import type { Attention, PendingWrites } from './attention.js';
import type { Examined } from './examine.js';

/** More open entries than this are counted, not listed. */
const LISTED_MAX = 1_000;

/** What stood on each side. */
type Stand = Pair<bigint | undefined>;

/**
 * What a standby must know to take over without a full scan: which of the stores' writes are the daemons' own, and of
 * every entry on which the sides differ, what they last agreed on. Without that, a copy whose original was deleted would
 * come back, so would an entry that clients had made on both sides, and a copy that is behind would be taken for a conflict.
 *
 * Who wrote an entry tells it where that was a daemon: what it wrote was agreed on. A client's entry may have been agreed on
 * with another client's, of which no ledger tells. So that it was not, is certain only of what was written after everything
 * was compared, or when nobody led any more.
 */
export class Following {
  private readonly writes: Pair<DaemonWrites> = pairOf(() => new DaemonWrites());
  /** Sides to be walked before every difference is known. */
  private readonly unwalked = new Set<Side>(SIDES);
  /** Entries that differ, of which it is not known whether, or on what, they were agreed on before. */
  private readonly doubtful = new Map<EntryKey, Stand>();
  /** Other entries that differ, as they stood: as long as they do, nobody has settled them. */
  private readonly waiting = new Map<EntryKey, Stand>();
  private overflowed = false;
  private gapCount = 0;
  /** Up to there, clients' entries may have been agreed on by a daemon that led while this one did not look. */
  private unseenUpTo: Pair<bigint> = NOTHING_UNSEEN;
  /** Where the ledgers were when everything was last compared. */
  private comparedFrom: Pair<bigint> = { left: -1n, right: -1n };
  private walkedFrom: Pair<bigint | undefined> = { left: undefined, right: undefined };

  constructor(
    private readonly attention: Attention,
    private readonly pending: PendingWrites,
    /** Whether another daemon leads. */
    private readonly isLed: () => boolean,
    /** Whether the archive began empty, and was not complete since. */
    private readonly isNew: () => boolean,
  ) {}

  /** The archive is settled up to these ledgers: nothing open is older. */
  beginSettled(mirrors: Pair<LedgerMirror | undefined>): void {
    for (const side of SIDES) this.writes[side].beginSettled(mirrors[side]);
    this.forgetDoubts();
    this.unwalked.clear();
    this.unseenUpTo = NOTHING_UNSEEN;
  }

  /** The archive is empty now, and begins to follow. */
  beginEmpty(mirrors: Pair<LedgerMirror | undefined>): void {
    this.waiting.clear();
    this.follow(mirrors);
    this.compareAgain();
  }

  /** Takes note of the ledgers as they were just read, or just written. */
  follow(mirrors: Pair<LedgerMirror | undefined>): void {
    const missed = SIDES.filter((side) => !this.writes[side].follow(mirrors[side]));
    if (missed.length > 0) this.compareAgain();
  }

  /** What is open may have been agreed on unseen: everything is to be walked again. */
  compareAgain(): void {
    this.gapCount++;
    this.forgetDoubts();
    // Whoever leads moves the ledgers about a second after what clients write. What is above was not agreed on by any.
    this.unseenUpTo = this.positions;
    this.comparedFrom = this.positions;
    for (const side of SIDES) {
      this.unwalked.add(side);
      this.attention.requestSweep(side, 'overflow');
    }
  }

  /** Rises whenever a walk that is under way will not do. */
  get gaps(): number {
    return this.gapCount;
  }

  /** A daemon wrote this, as far back as is known. */
  has(side: Side, modified: bigint): boolean {
    return this.writes[side].has(modified);
  }

  /**
   * Entries were looked at, with the ledgers read behind them.
   * @param open those that whoever leads would write
   */
  noteExamined(examined: readonly Examined[], open: ReadonlySet<EntryKey>): void {
    for (const one of examined) {
      const { key } = one.mark;
      const stands = open.has(key) ? versionsOf(one.situation) : undefined;
      const isDoubtful = stands !== undefined && !this.isCertain(one);
      this.doubtful.delete(key);
      this.waiting.delete(key);
      if (stands === undefined) continue;
      const known = isDoubtful ? this.doubtful : this.waiting;
      if (known.size < LISTED_MAX) known.set(key, stands);
      else if (isDoubtful) this.overflowed = true;
    }
    this.listOthers();
  }

  /**
   * Nodes without data or children that only one side has, and had when all was last compared. Structure stays structure
   * when its children go, which its looks don't tell; and an empty entry the active would long have copied.
   */
  stickyStructure(examined: readonly Examined[]): Map<EntryKey, ArchiveRecord> {
    const records = new Map<EntryKey, ArchiveRecord>();
    for (const { mark, decision } of examined) {
      if (decision.do !== 'copy' || decision.base !== undefined || !isEmpty(decision.source)) continue;
      const side = otherSide(decision.on);
      const { version } = decision.source;
      // Where nobody leads, nobody was there to copy it.
      if (!this.isLed() || version.modified > this.comparedFrom[side]) continue;
      records.set(mark.key, { kind: 'structure', side, version, owner: 'client' });
    }
    return records;
  }

  /** Where both ledgers are now, as far as known. */
  get positions(): Pair<bigint> {
    return pairOf((side) => this.writes[side].position ?? -1n);
  }

  /**
   * A side was walked, and what was found there looked at.
   * @param from `gaps` and `positions` before it began
   */
  walked(side: Side, from: { readonly gaps: number; readonly positions: Pair<bigint> }): void {
    this.comparedFrom = withSide(this.comparedFrom, side, from.positions[side]);
    if (from.gaps !== this.gapCount) return;
    this.unwalked.delete(side);
    this.walkedFrom = withSide(this.walkedFrom, side, from.positions[side]);
    this.listOthers();
  }

  /** Where everything was walked and nothing is open, what was known until the walk began will not be asked for. */
  tidy(): void {
    const { left, right } = this.pending.count;
    if (left + right > 0 || this.attention.unseen || this.unwalked.size > 0) return;
    for (const side of SIDES) {
      const number = this.walkedFrom[side];
      if (number === undefined || this.writes[side].size <= NUMBERS_WANTED_MAX) continue;
      this.writes[side].letGo(number);
    }
  }

  /** Why this daemon could not take over now; undefined when it could. */
  get obstacle(): string | undefined {
    if (this.unwalked.size > 0) return 'it is comparing everything first';
    const [example] = this.doubtful.keys();
    if (example === undefined) return undefined;
    const count = this.overflowed ? `more than ${LISTED_MAX}` : String(this.doubtful.size);
    return (
      `${count} entries differ, and were written while this daemon did not follow the active: it can't tell ` +
      `whether they are new, or were in step and then changed or deleted on one side (${JSON.stringify(example)} for one)`
    );
  }

  /** Whether an archive that had been kept all along would decide the same. */
  private isCertain({ mark, decision, situation }: Examined): boolean {
    const { record, readings } = situation;
    if (isSame(this.waiting.get(mark.key), situation)) return true;
    // Nothing is deleted without an archive, and what ledgers tell is all that a new one has: of a store that was restored
    // from a backup, with its ledger, that is not the newest.
    if (this.isNew() && decision.do === 'remove' && record === undefined && !this.isSeen(situation))
      return false;
    // Of a side that is as it was agreed on, the content is what was agreed on, whatever has happened since at the other one.
    if (!this.isNew() && SIDES.some((side) => isAsAgreed(situation, side))) return true;
    // Entries that were never agreed on have a rule of their own.
    const isInitial = decision.do === 'copy' && decision.conflict?.kind === 'initial';
    if (isInitial && this.mayStandSince(mark.key, situation)) return false;
    return SIDES.every(
      (side) =>
        readings[side].kind !== 'present' ||
        isAsAgreed(situation, side) ||
        this.isWrittenSince(side, readings[side].version.modified),
    );
  }

  /** Whether all that stands there was written after everything was compared. */
  private isSeen({ readings }: Situation): boolean {
    return SIDES.every((side) => {
      const reading = readings[side];
      return reading.kind !== 'present' || this.isWrittenSince(side, reading.version.modified);
    });
  }

  private isWrittenSince(side: Side, modified: bigint): boolean {
    return modified > this.unseenUpTo[side] && this.writes[side].isCertain(modified);
  }

  /** Whether an entry may be as it was before everything was compared. */
  private mayStandSince(key: EntryKey, situation: Situation): boolean {
    if (this.unwalked.size > 0) return true;
    return isSame(this.doubtful.get(key), situation);
  }

  /** Of more doubtful entries than can be listed, others come to light when those that are listed are settled. */
  private listOthers(): void {
    if (this.overflowed && this.doubtful.size === 0 && this.unwalked.size === 0) this.compareAgain();
  }

  private forgetDoubts(): void {
    this.doubtful.clear();
    this.overflowed = false;
  }
}

const NOTHING_UNSEEN: Pair<bigint> = { left: -1n, right: -1n };

/** At the version that was recorded, or written by a daemon. */
function isAsAgreed({ record, readings, ours }: Situation, side: Side): boolean {
  const reading = readings[side];
  if (reading.kind !== 'present') return false;
  if (ours[side]) return true;
  const known = record?.kind === 'entry' ? record.versions[side] : undefined;
  const own = record?.kind === 'structure' && record.side === side ? record.version : known;
  return own !== undefined && sameVersion(own, reading.version);
}

function isSame(before: Stand | undefined, situation: Situation): boolean {
  const now = versionsOf(situation);
  return before !== undefined && SIDES.every((side) => before[side] === now[side]);
}

function versionsOf({ readings }: Situation): Stand {
  return pairOf((side) => {
    const reading = readings[side];
    return reading.kind === 'present' ? reading.version.modified : undefined;
  });
}

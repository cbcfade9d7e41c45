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

/** More open entries of doubtful origin than this are counted, not listed. */
const DOUBTFUL_MAX = 1_000;

/**
 * What a standby must know to take over without a full scan: which of the stores' writes are the daemons' own, and of
 * every entry on which the sides differ, who wrote it. Without that, a copy whose original was deleted would come
 * back, and a copy that is behind would be taken for a conflict.
 */
export class Following {
  private readonly writes: Pair<DaemonWrites> = pairOf(() => new DaemonWrites());
  /** Sides to be walked before every difference is known. */
  private readonly unwalked = new Set<Side>(SIDES);
  /** Entries that differ, at versions from before the known writes. */
  private readonly doubtful = new Set<EntryKey>();
  private overflowed = false;
  private gapCount = 0;
  /** Where the ledgers were when everything was last compared. */
  private comparedFrom: Pair<bigint> = { left: -1n, right: -1n };
  private walkedFrom: Pair<bigint | undefined> = { left: undefined, right: undefined };

  constructor(
    private readonly attention: Attention,
    private readonly pending: PendingWrites,
  ) {}

  /** The archive is settled up to these ledgers: nothing open is older. */
  beginSettled(mirrors: Pair<LedgerMirror | undefined>): void {
    for (const side of SIDES) this.writes[side].beginSettled(mirrors[side]);
    this.forgetDoubts();
    this.unwalked.clear();
  }

  /** Takes note of the ledgers as they were just read, or just written. */
  follow(mirrors: Pair<LedgerMirror | undefined>): void {
    const missed = SIDES.filter((side) => !this.writes[side].follow(mirrors[side]));
    if (missed.length > 0) this.compareAgain();
  }

  /** What is open may be of unknown origin: everything is to be walked again. */
  compareAgain(): void {
    this.gapCount++;
    this.forgetDoubts();
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

  /** Entries were looked at, with the ledgers read behind them. */
  noteExamined(examined: readonly Examined[]): void {
    for (const { mark, decision, situation } of examined) {
      this.doubtful.delete(mark.key);
      const isOpen = decision.do === 'copy' || decision.do === 'remove';
      if (!isOpen || this.isCertain(situation)) continue;
      if (this.doubtful.size < DOUBTFUL_MAX) this.doubtful.add(mark.key);
      else this.overflowed = true;
    }
  }

  /**
   * Nodes without data or children that only one side has, and had when all was last compared. Structure stays structure
   * when its children go, which its looks don't tell; and an empty entry the active would long have copied.
   */
  stickyStructure(examined: readonly Examined[]): Map<EntryKey, ArchiveRecord> {
    const records = new Map<EntryKey, ArchiveRecord>();
    for (const { mark, decision, situation } of examined) {
      if (decision.do !== 'copy' || decision.base !== undefined || !isEmpty(decision.source)) continue;
      const side = otherSide(decision.on);
      const { version } = decision.source;
      if (situation.record !== undefined || version.modified > this.comparedFrom[side]) continue;
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
    if (this.unwalked.size === 0 && this.overflowed) this.compareAgain();
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
    const [example] = this.doubtful;
    if (example === undefined) return undefined;
    const count = this.overflowed ? `more than ${DOUBTFUL_MAX}` : String(this.doubtful.size);
    return (
      `${count} entries differ, and were written before this daemon began to follow the active: ` +
      `it can't tell who wrote them (${JSON.stringify(example)} for one)`
    );
  }

  private isCertain({ record, readings, ours }: Situation): boolean {
    return SIDES.every((side) => {
      const reading = readings[side];
      if (reading.kind !== 'present' || ours[side]) return true;
      const known = record?.kind === 'entry' ? record.versions[side] : undefined;
      const own = record?.kind === 'structure' && record.side === side ? record.version : known;
      if (own !== undefined && sameVersion(own, reading.version)) return true;
      return this.writes[side].isCertain(reading.version.modified);
    });
  }

  private forgetDoubts(): void {
    this.doubtful.clear();
    this.overflowed = false;
  }
}

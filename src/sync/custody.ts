import type { ArchiveRecord } from '../core/archive-record.js';
import type { Pair, Side } from '../core/pair.js';
import { SIDES, withSide } from '../core/pair.js';
import type { MappingMemory } from './mapping-memory.js';

/** Numbers of a store that nothing vouches for. */
interface Gap {
  /** Where the ledger was known to be at the break: what is older is still in the store's past if the ledger is. */
  readonly above: bigint;
  /**
   * The newest of the store that was recorded by then: what is newer was seen after the break. Undefined while that is
   * not known, which after a start of the daemon it is when the ledger moves.
   */
  readonly upTo: bigint | undefined;
}

/** Breaks that are remembered one by one, for a store that is walked between none of them. */
const GAPS_MAX = 8;

/**
 * What of each store's past may have been taken back without a trace. A store can only be restored to a backup while it
 * is not being watched. If its ledger is where it was afterwards, all that is older than the ledger is still in its
 * past. Of what is newer, nothing tells whether an entry that is missing was deleted or never came to be.
 */
export class Custody {
  private gaps: Pair<readonly Gap[]> = { left: [], right: [] };
  private breaks: Pair<number> = { left: 0, right: 0 };
  private walkedAfter: Pair<number> = { left: -1, right: -1 };

  constructor(private readonly memory: Pick<MappingMemory, 'state' | 'newestRecorded'>) {
    for (const side of SIDES) {
      const above = this.ledgerAt(side);
      if (above !== undefined) this.gaps = withSide(this.gaps, side, [{ above, upTo: undefined }]);
    }
  }

  /** The store is not watched, or was not until now. */
  broken(side: Side): void {
    this.breaks = withSide(this.breaks, side, this.breaks[side] + 1);
    const above = this.ledgerAt(side);
    const gaps = this.gaps[side];
    const last = gaps.at(-1);
    if (above === undefined || (last !== undefined && last.upTo === undefined)) return;
    const newest = this.memory.newestRecorded[side];
    const upTo = newest > above ? newest : above;
    const before = last?.above === above ? gaps.slice(0, -1) : gaps;
    this.gaps = withSide(this.gaps, side, bounded([...before, { above, upTo }]));
  }

  /** How often the store was not watched; what `walked` is to be told of a walk that begins now. */
  breaksOf(side: Side): number {
    return this.breaks[side];
  }

  /** A walk found all that is missing there; it began after so many `breaks`. */
  walked(side: Side, breaks: number): void {
    this.walkedAfter = withSide(this.walkedAfter, side, breaks);
  }

  /** All that was found by walks is dealt with: what they have not found missing is there. */
  settled(): void {
    for (const side of SIDES) {
      if (this.walkedAfter[side] === this.breaks[side]) this.gaps = withSide(this.gaps, side, []);
    }
  }

  /** Takes note of where the ledgers are; called before anything is read after a start. */
  follow(): void {
    for (const side of SIDES) {
      const first = this.gaps[side][0];
      const ledgerAt = this.ledgerAt(side);
      if (first === undefined || first.upTo !== undefined || ledgerAt === first.above) continue;
      this.gaps = withSide(this.gaps, side, [{ ...first, upTo: ledgerAt }]);
    }
  }

  /** Whether an entry that was agreed on, and that `side` lacks, may have been taken back there by a backup. */
  isInDoubt(side: Side, record: ArchiveRecord | undefined): boolean {
    const gaps = this.gaps[side];
    // Only the ledger proves it to have been agreed on: nobody knows what its version was here.
    if (record?.kind !== 'entry') return gaps.length > 0;
    const { modified } = record.versions[side];
    return gaps.some(({ above, upTo }) => modified > above && (upTo === undefined || modified <= upTo));
  }

  private ledgerAt(side: Side): bigint | undefined {
    return this.memory.state?.ledgers[side]?.version.modified;
  }
}

/** The two oldest become one where there are too many: it doubts more than they did, and never less. */
function bounded(gaps: readonly Gap[]): readonly Gap[] {
  const [first, second, ...rest] = gaps;
  if (gaps.length <= GAPS_MAX || first === undefined || second === undefined) return gaps;
  return [{ above: first.above, upTo: second.upTo }, ...rest];
}

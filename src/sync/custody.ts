import type { ArchiveRecord } from '../core/archive-record.js';
import type { Side } from '../core/pair.js';
import { SIDES } from '../core/pair.js';
import type { MappingMemory } from './mapping-memory.js';

/** Numbers of a store that nothing vouches for. */
interface Gap {
  /** Where the ledger was known to be when the store was last seen without a break. */
  readonly above: bigint;
  /** Where it was when the break was noticed. */
  readonly ledgerAt: bigint;
  /** Where it first was after that: what is newer was seen after the break. Undefined while it has not moved. */
  readonly upTo: bigint | undefined;
}

/**
 * What of each store's past may have been taken back without a trace. A store can only be restored to a backup while it
 * is not being watched. If its ledger is where it was afterwards, all that is older than the ledger is still in its
 * past. Of what is newer, nothing tells whether an entry that is missing was deleted or never came to be.
 */
export class Custody {
  private readonly gaps: Record<Side, Gap | undefined> = { left: undefined, right: undefined };

  constructor(private readonly memory: Pick<MappingMemory, 'state'>) {
    for (const side of SIDES) this.broken(side);
  }

  /** The store is not watched, or was not until now. */
  broken(side: Side): void {
    const ledgerAt = this.ledgerAt(side);
    if (ledgerAt === undefined) return;
    this.gaps[side] = { above: this.gaps[side]?.above ?? ledgerAt, ledgerAt, upTo: undefined };
  }

  /** All that was missing there was dealt with. */
  walked(side: Side): void {
    this.gaps[side] = undefined;
  }

  /** Takes note of where the ledgers are; called before they are next written. */
  follow(): void {
    for (const side of SIDES) {
      const gap = this.gaps[side];
      const ledgerAt = this.ledgerAt(side);
      if (gap === undefined || gap.upTo !== undefined || ledgerAt === gap.ledgerAt) continue;
      this.gaps[side] = { ...gap, upTo: ledgerAt };
    }
  }

  /** Whether an entry that was agreed on, and that `side` lacks, may have been taken back there by a backup. */
  isInDoubt(side: Side, record: ArchiveRecord | undefined): boolean {
    const gap = this.gaps[side];
    if (gap === undefined) return false;
    // Only the ledger proves it to have been agreed on: nobody knows what its version was here.
    if (record?.kind !== 'entry') return true;
    const { modified } = record.versions[side];
    return modified > gap.above && (gap.upTo === undefined || modified <= gap.upTo);
  }

  private ledgerAt(side: Side): bigint | undefined {
    return this.memory.state?.ledgers[side]?.version.modified;
  }
}

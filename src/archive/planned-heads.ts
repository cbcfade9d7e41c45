import type { MappingHead, MappingSlot } from './mapping-slot.js';
import type { JournalTally } from './tallies.js';

/** The heads of mappings as a transaction will leave them. */
export class PlannedHeads {
  private readonly changed = new Map<MappingSlot, MappingHead>();

  find(slot: MappingSlot): MappingHead | undefined {
    return this.changed.get(slot) ?? slot.head;
  }

  of(slot: MappingSlot): MappingHead {
    const head = this.find(slot);
    if (head === undefined) throw new Error('the mapping has no head');
    return head;
  }

  set(slot: MappingSlot, head: MappingHead): void {
    this.changed.set(slot, head);
  }

  count(slot: MappingSlot, journal: JournalTally): void {
    this.set(slot, { ...this.of(slot), journal });
  }

  changes(): Iterable<readonly [MappingSlot, MappingHead]> {
    return this.changed;
  }
}

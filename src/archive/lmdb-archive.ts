import type { Pair } from '../core/pair.js';
import type { Archive, MappingArchive } from '../ports/archive.js';
import { LmdbMappingArchive } from './lmdb-mapping-archive.js';
import type { ArchiveWorks } from './lmdb-mapping-archive.js';
import type { MappingSlot } from './mapping-slot.js';
import type { ProcessLock } from './process-lock.js';

export class LmdbArchive implements Archive {
  private readonly mappings = new Map<MappingSlot, MappingArchive>();

  constructor(
    private readonly works: ArchiveWorks,
    private readonly lock: ProcessLock,
  ) {}

  mapping(places: Pair<string>): MappingArchive {
    const slot = this.works.index.slot(places);
    const mapping = this.mappings.get(slot) ?? new LmdbMappingArchive(this.works, slot);
    this.mappings.set(slot, mapping);
    return mapping;
  }

  journalBytes(): number {
    return this.works.index.journals().bytes;
  }

  async close(): Promise<void> {
    await this.works.maintenance.stop();
    await this.works.queue.idle();
    await this.works.store.close();
    await this.lock.release();
  }
}

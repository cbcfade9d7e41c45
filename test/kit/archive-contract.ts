import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compareKeys } from '../../src/core/key-order.js';
import type { Pair } from '../../src/core/pair.js';
import type { Archive, ArchiveChanges, EntryMark, MappingArchive } from '../../src/ports/archive.js';
import { anyChanges, anyKey, entryRecord, mappingState, newConflict, structureRecord } from './archive-samples.js';
import { ArchiveModel } from './archive-model.js';

/** A place where an archive is, that outlives the process that has it open. */
export interface ArchivePlace {
  open(): Promise<Archive>;
  dispose(): Promise<void>;
}

export interface JournalLimits {
  readonly keepMs: number;
  readonly maxBytes: number;
}

const PLACES: Pair<string> = { left: '/config', right: 'dc1:config/' };
const OTHER_PLACES: Pair<string> = { left: '/other', right: 'dc1:other/' };
const AMPLE: JournalLimits = { keepMs: Infinity, maxBytes: 1_000_000_000 };

/**
 * What every archive promises. Run against the simulation and the real one alike.
 * @param makePlace called before each test, for a place where nothing is yet
 */
export function archiveContract(name: string, makePlace: (journal: JournalLimits) => Promise<ArchivePlace>): void {
  describe(`the archive contract: ${name}`, () => {
    const bench = new Bench(makePlace);
    beforeEach(() => bench.setUp(AMPLE));
    afterEach(() => bench.tearDown());

    records(bench);
    marks(bench);
    commits(bench);
    resets(bench);
    journals(bench);
    journalLimits(bench);
  });
}

/** One archive under test, and its ends. */
class Bench {
  private place: ArchivePlace | undefined;
  private opened: Archive | undefined;

  constructor(private readonly makePlace: (journal: JournalLimits) => Promise<ArchivePlace>) {}

  async setUp(journal: JournalLimits): Promise<void> {
    this.place = await this.makePlace(journal);
    this.opened = await this.place.open();
  }

  async tearDown(): Promise<void> {
    await this.opened?.close();
    await this.place?.dispose();
    this.opened = this.place = undefined;
  }

  /** Throws away what there is. */
  async startOver(journal: JournalLimits = AMPLE): Promise<void> {
    await this.tearDown();
    await this.setUp(journal);
  }

  async reopen(): Promise<void> {
    await this.archive.close();
    this.opened = await this.place?.open();
  }

  get archive(): Archive {
    if (this.opened === undefined) throw new Error('no archive is open');
    return this.opened;
  }

  get mapping(): MappingArchive {
    return this.archive.mapping(PLACES);
  }

  get other(): MappingArchive {
    return this.archive.mapping(OTHER_PLACES);
  }
}

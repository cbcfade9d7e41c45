import type { Pair } from '../../src/core/pair.js';
import type { Archive, MappingArchive } from '../../src/ports/archive.js';

/** A place where an archive is, that outlives the process that has it open. */
export interface ArchivePlace {
  open(): Promise<Archive>;
  dispose(): Promise<void>;
}

export interface JournalLimits {
  readonly keepMs: number;
  readonly maxBytes: number;
}

export const PLACES: Pair<string> = { left: '/config', right: 'dc1:config/' };
const OTHER_PLACES: Pair<string> = { left: '/other', right: 'dc1:other/' };

export const AMPLE: JournalLimits = { keepMs: Infinity, maxBytes: 1_000_000_000 };

/** One archive under test, and its ends. */
export class Bench {
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
  async startOver(journal: JournalLimits): Promise<void> {
    await this.tearDown();
    await this.setUp(journal);
  }

  /** Lends another archive, that shares nothing with this one. */
  async withAnother(use: (another: Bench) => Promise<void>): Promise<void> {
    const another = new Bench(this.makePlace);
    await another.setUp(AMPLE);
    try {
      await use(another);
    } finally {
      await another.tearDown();
    }
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

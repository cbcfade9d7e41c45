import type { ArchiveIndex } from './archive-index.js';
import type { CommitQueue } from './commit-queue.js';
import type { LmdbStore } from './lmdb-store.js';
import { PART_TABLES, wholeRange } from './tables.js';

/** Removed with one transaction, so that the commits of the mappings need not wait. */
const REMOVED_MAX = 1_000;

/**
 * Work left over from before, done in small pieces between the commits: removes parts that a reset has emptied, and
 * trims a journal whose limit was lowered. What a crash interrupts is taken up when the archive is opened again.
 */
export class Maintenance {
  private running: Promise<void> | undefined;
  private isDue = false;
  private isStopped = false;

  constructor(
    private readonly store: LmdbStore,
    private readonly index: ArchiveIndex,
    private readonly queue: CommitQueue,
  ) {}

  /** Looks for something to do, now or when what is under way is done. */
  begin(): void {
    this.isDue = true;
    this.running ??= this.run();
  }

  /** Resolves when no more work is under way or will begin. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.running;
  }

  private async run(): Promise<void> {
    while (this.isDue && !this.isStopped) {
      this.isDue = false;
      try {
        while (!this.isStopped && (await this.removeSomeGarbage()));
        while (!this.isStopped && (await this.trimJournals()));
      } catch {
        // The queue refuses everything from now on, and tells whoever commits next.
      }
    }
    this.running = undefined;
  }

  /** @returns whether there may be more */
  private async removeSomeGarbage(): Promise<boolean> {
    const [part] = this.index.garbage;
    if (part === undefined) return false;
    await this.queue.submit((plan) => plan.removeGarbage(part, this.someKeysOf(part)));
    return true;
  }

  private async trimJournals(): Promise<boolean> {
    const { bytes, openBytes } = this.index.journals();
    if (bytes <= this.index.journalMaxBytes || bytes === openBytes) return false;
    await this.queue.submit((plan) => plan.trimJournals());
    return this.index.journals().bytes < bytes;
  }

  private someKeysOf(part: number): Buffer[] {
    const keys: Buffer[] = [];
    for (const table of PART_TABLES) {
      keys.push(...this.store.keys({ ...wholeRange(table, part), limit: REMOVED_MAX - keys.length }));
      if (keys.length === REMOVED_MAX) break;
    }
    return keys;
  }
}

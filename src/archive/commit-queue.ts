import { setImmediate } from 'node:timers/promises';
import { SyncError } from '../ports/errors.js';
import type { ArchiveIndex } from './archive-index.js';
import { CommitPlan } from './commit-plan.js';
import type { Change, LmdbStore } from './lmdb-store.js';
import type { Seat } from './seat.js';

/** Adds itself to a plan. May throw `ARCHIVE_FULL`, having added nothing. */
export type Addition = (plan: CommitPlan) => void;

interface Waiting {
  readonly add: Addition;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Commits that go into one transaction, and share its trip to the disk, when they come at once. */
const TOGETHER_MAX = 32;

/** Callers wait for their commits, so that more than this many can only be a fault in the daemon. */
const WAITING_MAX = 10_000;

/**
 * Writes commits one transaction after the other, in the order in which they came.
 *
 * When a transaction fails, it is not certain what the disk has. Everything from then on is refused with the same error,
 * until a new process has looked.
 */
export class CommitQueue {
  private readonly waiting: Waiting[] = [];
  private running: Promise<void> | undefined;
  private failure: { readonly error: unknown } | undefined;

  constructor(
    private readonly store: LmdbStore,
    private readonly index: ArchiveIndex,
    private readonly seat: Seat,
  ) {}

  /** Resolves when the addition is on the disk. */
  async submit(add: Addition): Promise<void> {
    if (this.failure !== undefined) throw this.failure.error;
    if (this.waiting.length >= WAITING_MAX)
      throw new RangeError('too many commits are waiting for the archive');
    await new Promise<void>((resolve, reject) => {
      this.waiting.push({ add, resolve, reject });
      this.running ??= this.run();
    });
  }

  /** Resolves when nothing is waiting any more. */
  async idle(): Promise<void> {
    await this.running;
  }

  private async run(): Promise<void> {
    // Lets all that are submitted in this turn of the event loop come together.
    await setImmediate();
    while (this.waiting.length > 0 && this.failure === undefined) await this.writeNext();
    this.running = undefined;
  }

  private async writeNext(): Promise<void> {
    const plan = new CommitPlan(this.store, this.index);
    const together = this.waiting.splice(0, TOGETHER_MAX);
    try {
      for (const commit of together) addOrRefuse(commit, plan);
      await this.write(plan.changes());
      plan.publish();
      for (const { resolve } of together) resolve();
    } catch (error) {
      this.failure = { error };
      for (const { reject } of [...together, ...this.waiting.splice(0)]) reject(error);
    }
  }

  private async write(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return;
    const isOurs = this.seat.isLocked() && (await this.store.write(changes, this.seat.key));
    if (!isOurs) throw this.seat.lostError();
  }
}

function addOrRefuse({ add, reject }: Waiting, plan: CommitPlan): void {
  try {
    add(plan);
  } catch (error) {
    const isRefused = error instanceof SyncError && error.code === 'ARCHIVE_FULL';
    if (!isRefused) throw error;
    reject(error);
  }
}

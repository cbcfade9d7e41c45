import type { Side } from '../core/pair.js';
import { pairOf, SIDES } from '../core/pair.js';
import { recordOverwrites, recordSize } from '../core/deletion-budget.js';
import { stillDeparted } from '../core/departures.js';
import { recordSighting } from '../core/write-interval.js';
import type { Attention } from './attention.js';
import type { BatchWriter } from './batch-writer.js';
import type { MappingContext } from './context.js';
import type { Permission } from './drain.js';
import { effectiveSize } from './guards.js';
import type { MappingMemory } from './mapping-memory.js';

/** After foreign changes a side's ledger is moved at most this often. */
const BUMP_EVERY_MS = 1_000;
/** How often each store's progress is noted, so that later writes can be dated. */
const SIGHT_EVERY_MS = 15_000;

/** How often clients' changes are kept that were counted while nothing is recorded. */
const KEEP_COUNTS_EVERY_MS = 15_000;

/** What a mapping's loop does from time to time, whether or not anything changed. */
export class Chores {
  private readonly bumpDue = new Set<Side>();
  private bumpedMs = -Infinity;
  private sightedMs = -Infinity;
  private countsKeptMs = -Infinity;
  private verifiedMs: number | undefined;

  constructor(
    private readonly context: MappingContext,
    private readonly memory: MappingMemory,
    private readonly writer: BatchWriter,
    private readonly attention: Attention,
  ) {}

  /** After a round: the ledgers on `owed` sides have to move, those on `moved` sides have moved since. */
  noteRound(owed: ReadonlySet<Side>, moved: ReadonlySet<Side>): void {
    for (const side of owed) this.bumpDue.add(side);
    for (const side of moved) this.bumpDue.delete(side);
  }

  async run(permission: Permission, signal: AbortSignal): Promise<void> {
    await this.bumpLedgers(permission, signal);
    if (permission !== 'count') await this.noteProgress(signal);
    else await this.keepCounts();
    this.scheduleVerification();
  }

  /** How long until the next chore that can't wait for the loop's own pace. */
  dueInMs(): number {
    if (this.bumpDue.size === 0) return Infinity;
    return this.bumpedMs + BUMP_EVERY_MS - this.context.clock.monotonicMs();
  }

  /** Moves the ledgers after foreign changes, so that a store restored to before these shows in its ledger. */
  private async bumpLedgers(permission: Permission, signal: AbortSignal): Promise<void> {
    if (this.dueInMs() > 0) return;
    if (permission !== 'write') {
      this.bumpDue.clear();
      return;
    }
    this.bumpedMs = this.context.clock.monotonicMs();
    for (const side of [...this.bumpDue]) {
      const hasLedger = !this.memory.known.ledgerless.includes(side);
      const trouble = hasLedger ? await this.writer.bump(side, signal) : undefined;
      if (trouble !== undefined) throw trouble;
      this.bumpDue.delete(side);
    }
  }

  private async noteProgress(signal: AbortSignal): Promise<void> {
    const { clock, replicas } = this.context;
    if (clock.monotonicMs() - this.sightedMs < SIGHT_EVERY_MS) return;
    this.sightedMs = clock.monotonicMs();
    const atMs = clock.nowMs();
    // While one store is out of reach, the other's progress is what dates its writes.
    const [left, right] = await Promise.allSettled([
      replicas.left.position(signal),
      replicas.right.position(signal),
    ]);
    const positions = { left, right };
    const { memory, context } = this;
    await memory.commit(({ sightings, sizes, overwrites, departed }) => ({
      state: {
        // The guards' windows only move on while somebody looks.
        sizes: recordSize(sizes, atMs, effectiveSize(memory), context.maxDelete.withinMs),
        overwrites: recordOverwrites(overwrites, atMs, 0, context.maxOverwrite.withinMs),
        ...(departed !== undefined && { departed: stillDeparted(departed, atMs) }),
        sightings: pairOf((side) => {
          const position = positions[side];
          if (position.status === 'rejected') return sightings[side];
          return recordSighting(sightings[side], { atMs, version: position.value });
        }),
      },
    }));
    for (const position of [left, right]) if (position.status === 'rejected') throw position.reason;
  }

  /** Whoever is stopped commits nothing else with which it could go. */
  private async keepCounts(): Promise<void> {
    const { memory } = this;
    const nowMs = this.context.clock.monotonicMs();
    const isDue = nowMs - this.countsKeptMs >= KEEP_COUNTS_EVERY_MS;
    if (!isDue || memory.state === undefined || memory.counter?.isWaiting !== true) return;
    this.countsKeptMs = nowMs;
    await memory.commit(() => ({}));
  }

  private scheduleVerification(): void {
    const nowMs = this.context.clock.monotonicMs();
    this.verifiedMs ??= nowMs;
    if (nowMs - this.verifiedMs < this.context.verifyEveryMs) return;
    this.verifiedMs = nowMs;
    for (const side of SIDES) this.attention.requestSweep(side, 'verify');
  }
}

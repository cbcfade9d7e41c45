import PQueue from 'p-queue';
import type { Clock } from '../ports/clock.js';

/** How many batches may be under way to one store, over all mappings. */
const CONCURRENT_BATCHES_MAX = 4;
/** A batch this many times slower than the store's usual pace is taken for a sign of pressure. */
const SLOW_FACTOR = 4;
/** How much slower than ever seen before a store is never taken to be under pressure, milliseconds. */
const SLOW_FLOOR_MS = 200;
const PAUSE_MAX_MS = 2_000;
/**
 * Under a hard limit, about so many batches a second use it up: a client's own write waits behind a short one (measured with
 * ZooKeeper, at 1,000 a second: p99 30 ms behind batches of 256, 13 ms behind those of 50).
 */
const LIMITED_BATCHES_PER_SECOND = 20;
const LIMITED_OPERATIONS_MIN = 16;

/**
 * Holds writes to one store back, so that a bulk copy does not hurt a production quorum: few batches at once, longer
 * pauses the slower the store answers, and a hard limit where the operator set one.
 */
export class WriteGate {
  private readonly queue = new PQueue({ concurrency: CONCURRENT_BATCHES_MAX });
  /** The store's usual time for a batch: the fastest seen, slowly forgotten. */
  private usualMs = Infinity;
  private pauseMs = 0;
  /** Monotonic time before which no further operation may start, under a hard limit. */
  private nextStartMs = 0;

  constructor(
    private readonly clock: Clock,
    /** Operations per second at most; 0 adapts to the store alone. */
    private operationsPerSecond: number,
  ) {}

  /** From now on at most so many operations per second; 0 adapts to the store alone. */
  limit(operationsPerSecond: number): void {
    this.operationsPerSecond = operationsPerSecond;
  }

  /** Up to how many operations a batch should be filled. */
  get operationsWanted(): number {
    if (this.operationsPerSecond === 0) return Infinity;
    return Math.max(LIMITED_OPERATIONS_MIN, Math.ceil(this.operationsPerSecond / LIMITED_BATCHES_PER_SECOND));
  }

  /** Runs `write`, a batch of `operations`, as soon as the store may be given more work. */
  async pass<T>(operations: number, signal: AbortSignal, write: () => Promise<T>): Promise<T> {
    const run = async (): Promise<T> => {
      await this.waitForTurn(operations, signal);
      const startedMs = this.clock.monotonicMs();
      try {
        return await write();
      } finally {
        this.learn(this.clock.monotonicMs() - startedMs);
      }
    };
    return this.queue.add(run);
  }

  /** The store said that it has too much to do. */
  pushedBack(): void {
    this.pauseMs = Math.min(PAUSE_MAX_MS, Math.max(50, this.pauseMs * 2));
  }

  private async waitForTurn(operations: number, signal: AbortSignal): Promise<void> {
    const nowMs = this.clock.monotonicMs();
    let waitMs = this.pauseMs;
    if (this.operationsPerSecond > 0) {
      const startMs = Math.max(nowMs, this.nextStartMs);
      this.nextStartMs = startMs + (operations * 1000) / this.operationsPerSecond;
      waitMs = Math.max(waitMs, startMs - nowMs);
    }
    if (waitMs > 0) await this.clock.sleep(waitMs, signal);
  }

  private learn(tookMs: number): void {
    this.usualMs = Math.min(tookMs, this.usualMs === Infinity ? tookMs : this.usualMs * 1.01);
    const slow = tookMs > Math.max(SLOW_FLOOR_MS, this.usualMs * SLOW_FACTOR);
    this.pauseMs = slow
      ? Math.min(PAUSE_MAX_MS, Math.max(tookMs, this.pauseMs))
      : Math.floor(this.pauseMs / 2);
  }
}

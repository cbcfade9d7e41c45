import PQueue from 'p-queue';
import type { Clock } from '../ports/clock.js';

/** Enough for a store that is far away, and few enough that one that hangs does not hold up all. */
const LOOKS_MAX = 4;
const REST_MS_MAX = 1_000;

/** How many milliseconds this process has been busy since it began. */
export type BusyMs = () => number;

/**
 * Looks into the parts of all mappings take turns. A look into a part costs about the same however much has changed in it:
 * under load each waits longer, and finds more. For as long as looks have kept the process busy, none is begun after
 * them, so that looking never takes more than half of it from those who write.
 */
export class LookTurns {
  private readonly queue = new PQueue({ concurrency: LOOKS_MAX });
  private restedMs = -Infinity;
  private looking = 0;
  /** Of how much of what the process was busy it has been rested. */
  private accountedMs = 0;

  constructor(
    private readonly clock: Clock,
    /** Taken for busy all the time, without. */
    private readonly busyMs: BusyMs = () => clock.monotonicMs(),
  ) {}

  /**
   * Looks as soon as it is its turn.
   * @param look is told whether it had to wait
   * @throws what `look` throws, or the reason of `signal`
   */
  async take<T>(look: (hasWaited: boolean) => Promise<T>, signal: AbortSignal): Promise<T> {
    const hasToWait = this.queue.pending >= LOOKS_MAX || this.restedMs > this.clock.monotonicMs();
    const place = async (): Promise<T> => {
      await this.rest(signal);
      signal.throwIfAborted();
      if (this.looking++ === 0) this.accountedMs = this.busyMs();
      try {
        return await look(hasToWait);
      } finally {
        this.looking--;
        this.restForBusy();
      }
    };
    return this.queue.add(place, { signal });
  }

  private async rest(signal: AbortSignal): Promise<void> {
    for (;;) {
      const restMs = this.restedMs - this.clock.monotonicMs();
      if (restMs <= 0 || signal.aborted) return;
      await this.clock.sleep(restMs, signal);
    }
  }

  private restForBusy(): void {
    const [nowMs, busyMs] = [this.clock.monotonicMs(), this.busyMs()];
    const restedMs = Math.max(nowMs, this.restedMs) + busyMs - this.accountedMs;
    this.restedMs = Math.min(nowMs + REST_MS_MAX, restedMs);
    this.accountedMs = busyMs;
  }
}

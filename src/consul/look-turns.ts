import PQueue from 'p-queue';
import type { Clock } from '../ports/clock.js';

/** One look that hangs must not hold up all others. */
const LOOKS_MAX = 2;
/** After a look, its place stays empty for as long as the look took: others need the store, too. */
const REST_MS_MAX = 1_000;

/**
 * Looks into the parts of all mappings take turns. A look into a part costs the same however much has changed in it: under
 * load each waits longer, and finds more, so that looking never takes the store and this process from those who write.
 */
export class LookTurns {
  private readonly queue = new PQueue({ concurrency: LOOKS_MAX });

  constructor(private readonly clock: Clock) {}

  /**
   * Looks as soon as it is its turn.
   * @param look is told whether others came first
   * @throws what `look` throws, or the reason of `signal`
   */
  async take<T>(look: (hasWaited: boolean) => Promise<T>, signal: AbortSignal): Promise<T> {
    const hasWaited = this.queue.pending >= LOOKS_MAX;
    return new Promise((resolve, reject) => {
      const place = async (): Promise<void> => {
        const startedMs = this.clock.monotonicMs();
        await look(hasWaited).then(resolve, reject);
        const tookMs = this.clock.monotonicMs() - startedMs;
        await this.clock.sleep(Math.min(REST_MS_MAX, tookMs), signal);
      };
      this.queue.add(place, { signal }).catch(reject);
    });
  }
}

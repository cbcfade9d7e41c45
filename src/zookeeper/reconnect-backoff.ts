import type { Random } from '../ports/clock.js';

const FIRST_DELAY_MS = 100;
const DELAY_MS_MAX = 5_000;
/** A connection that lived at least this long was a good one: after it, the servers are tried at once again. */
const STABLE_MS = 5_000;

/**
 * How long to wait before the next connection attempt. Each server is tried once without delay, so that a failover
 * is fast; from then on the delay doubles up to a bound, with full jitter, so that many clients of a restarted
 * ensemble don't come back all at once. A connection that is lost soon after it was made counts as a failed attempt.
 */
export class ReconnectBackoff {
  #failures = 0;

  constructor(
    private readonly servers: number,
    private readonly random: Random,
  ) {}

  /** @returns the delay before the next attempt, milliseconds */
  nextDelayMs(): number {
    const failures = this.#failures++;
    if (failures < this.servers) return 0;
    const ceilingMs = Math.min(DELAY_MS_MAX, FIRST_DELAY_MS * 2 ** Math.min(failures - this.servers, 16));
    return ceilingMs * (0.5 + this.random.next() / 2);
  }

  /** To be told of every connection that had become usable, when it is lost. */
  connectionLost(livedMs: number): void {
    if (livedMs >= STABLE_MS) this.#failures = 0;
  }
}

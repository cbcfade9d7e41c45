import type { Random } from '../ports/clock.js';

/** Waits that double with each failure in a row, with jitter, between two bounds. */
export class Backoff {
  private failures = 0;

  constructor(
    private readonly random: Random,
    private readonly minMs = 100,
    private readonly maxMs = 10_000,
  ) {}

  /** The wait before the next attempt, after one more failure. */
  nextMs(): number {
    const ceiling = Math.min(this.maxMs, this.minMs * 2 ** Math.min(this.failures, 20));
    this.failures++;
    return ceiling / 2 + (this.random.next() * ceiling) / 2;
  }

  reset(): void {
    this.failures = 0;
  }
}

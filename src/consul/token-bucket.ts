import type { Clock } from '../ports/clock.js';

export interface TokenBucketOptions {
  /** The longest burst. */
  readonly capacity: number;
  /** The rate that can go on for ever. */
  readonly refillPerSecond: number;
}

/** Allows bursts, and a fixed rate in the long run. May be overdrawn; the debt is waited for. */
export class TokenBucket {
  #tokens: number;
  #filledAtMs: number;

  constructor(
    readonly options: TokenBucketOptions,
    readonly clock: Clock,
  ) {
    this.#tokens = options.capacity;
    this.#filledAtMs = clock.monotonicMs();
  }

  /** Takes `tokens`, at once, whether they are there or not. */
  charge(tokens: number): void {
    this.#refill();
    this.#tokens -= tokens;
  }

  /** Takes one token, when there is one. Ends early when `signal` aborts. */
  async take(signal: AbortSignal): Promise<void> {
    this.charge(1);
    if (this.#tokens < 0) {
      await this.clock.sleep(Math.ceil((-this.#tokens * 1000) / this.options.refillPerSecond), signal);
    }
  }

  #refill(): void {
    const nowMs = this.clock.monotonicMs();
    const added = ((nowMs - this.#filledAtMs) * this.options.refillPerSecond) / 1000;
    this.#tokens = Math.min(this.options.capacity, this.#tokens + added);
    this.#filledAtMs = nowMs;
  }
}

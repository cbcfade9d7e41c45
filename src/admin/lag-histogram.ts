/** The upper bounds of the buckets are 1 ms and its multiples by this, the last one some 20 minutes. */
const STEP = 1.2;
const BUCKETS = 78;

/** The quantiles of what was seen in one stretch of time. */
export interface Lag {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Quantiles of any number of durations in little memory: at most a fifth too high, and never above the largest. */
export class LagHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;
  #maxMs = 0;

  add(ms: number): void {
    const above = Math.ceil(Math.log(Math.max(1, ms)) / Math.log(STEP));
    const bucket = Math.min(above, BUCKETS - 1);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total++;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  /** What was added since the last call; undefined where nothing was. */
  take(): Lag | undefined {
    if (this.#total === 0) return undefined;
    const lag = { p50Ms: this.#quantile(0.5), p99Ms: this.#quantile(0.99), maxMs: Math.round(this.#maxMs) };
    this.#counts.fill(0);
    this.#total = 0;
    this.#maxMs = 0;
    return lag;
  }

  #quantile(share: number): number {
    let below = 0;
    const at = this.#counts.findIndex((count) => (below += count) >= share * this.#total);
    // The last bucket is open above.
    return Math.round(at === BUCKETS - 1 ? this.#maxMs : Math.min(STEP ** at, this.#maxMs));
  }
}

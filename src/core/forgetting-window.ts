/**
 * Numbers of the recent past, one for each small stretch of it. Persisted.
 *
 * Its time passes only while somebody looks, and no faster than one bucket from one look to the next. So no jump of
 * the clock, forward or back, and no downtime makes it forget; looked at too rarely, it remembers for longer.
 */
export interface ForgettingWindow {
  /** Oldest first. The last one is still being filled. */
  readonly buckets: readonly number[];
  /** How much time has passed in the last bucket. */
  readonly bucketAgeMs: number;
  readonly lookedAtMs: number;
}

/** How many whole buckets the window's length is divided into; one more is being filled. */
export const WINDOW_BUCKETS = 60;

export function openWindow(nowMs: number, first: number): ForgettingWindow {
  return { buckets: [first], bucketAgeMs: 0, lookedAtMs: nowMs };
}

/**
 * Lets time pass up to now, then changes the newest bucket; a new one begins at 0.
 * @param lengthMs how long a number is remembered at least
 */
export function updateWindow(
  window: ForgettingWindow,
  nowMs: number,
  lengthMs: number,
  change: (newest: number) => number,
): ForgettingWindow {
  const ageMs = window.bucketAgeMs + Math.max(nowMs - window.lookedAtMs, 0);
  const begins = ageMs >= lengthMs / WINDOW_BUCKETS;
  const buckets = begins ? [...window.buckets, 0].slice(-WINDOW_BUCKETS - 1) : window.buckets;
  return {
    buckets: buckets.with(-1, change(buckets.at(-1) ?? 0)),
    bucketAgeMs: begins ? 0 : ageMs,
    lookedAtMs: nowMs,
  };
}

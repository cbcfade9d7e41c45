import type { Clock } from '../ports/clock.js';

/**
 * Lets `work` go on for a while after `signal` aborted. A write that is broken off would leave nobody knowing whether
 * it was applied; one that is under way when the daemon stops is better finished.
 */
export async function withGrace<T>(
  clock: Clock,
  signal: AbortSignal,
  graceMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const cut = new AbortController();
  let grace: AbortController | undefined;
  const begin = (): void => {
    grace = new AbortController();
    void clock.sleep(graceMs, grace.signal).then(() => cut.abort());
  };
  if (signal.aborted) begin();
  else signal.addEventListener('abort', begin, { once: true });
  try {
    return await work(cut.signal);
  } finally {
    signal.removeEventListener('abort', begin);
    grace?.abort();
  }
}

import { setTimeout as sleep } from 'node:timers/promises';

const POLL_INTERVAL_MS = 20;

/**
 * Asks `probe` again and again until it gives a value (not undefined, not false).
 * @param what names the condition in the error: `waited 5000 ms in vain for ${what}`
 * @throws when the deadline passes, with the last error of the probe as cause
 */
export async function waitUntil<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = 10_000, everyMs = POLL_INTERVAL_MS }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= deadlineMs) {
      throw new Error(`waited ${String(timeoutMs)} ms in vain for ${what}`, { cause: lastError });
    }
    await sleep(everyMs);
  }
}

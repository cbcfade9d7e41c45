import { setMaxListeners } from 'node:events';
import type { Clock } from '../ports/clock.js';

/**
 * Sleeps for `ms`, or until it is woken, or until `signal` aborts.
 * @param handOver is given what ends the sleep, at once
 */
export async function sleepUntilWoken(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  handOver: (wake: () => void) => void,
): Promise<void> {
  if (signal.aborted) return;
  const early = new AbortController();
  const wake = (): void => early.abort();
  handOver(wake);
  // Many sleepers share one signal, and Node warns of more than ten listeners.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', wake, { once: true });
  await clock.sleep(ms, early.signal);
  signal.removeEventListener('abort', wake);
}

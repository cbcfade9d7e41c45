import { createHash, randomInt } from 'node:crypto';
import type { Digest } from '../core/observation.js';
import type { Clock, Random } from '../ports/clock.js';

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
    }),
};

/** How many milliseconds the event loop has not been waiting for anything. */
export function systemBusyMs(): number {
  return performance.eventLoopUtilization().active;
}

const RANDOM_STEPS = 2 ** 47;

/** Good enough to name pairs of ledgers, not only to spread retries. */
export const systemRandom: Random = { next: () => randomInt(RANDOM_STEPS) / RANDOM_STEPS };

/** 192 bits of SHA-256: far beyond chance and malice, in 32 characters. */
export function digestOf(value: Uint8Array): Digest {
  return createHash('sha256').update(value).digest('base64url').slice(0, 32);
}

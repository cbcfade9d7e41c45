import type { EntryKey } from '../core/observation.js';
import type { Pair, Side } from '../core/pair.js';
import type { Clock } from '../ports/clock.js';

/** Of more, the oldest are forgotten. */
const KEYS_MAX = 4_096;

/** An echo comes within moments. */
const EXPECTED_MS = 2_000;

/**
 * Entries that the daemon has just written. What a watch tells of them next is probably that write. No more than a guess,
 * which saves looking at the other side.
 */
export class ExpectedEchoes {
  private readonly writtenMs: Pair<Map<EntryKey, number>> = { left: new Map(), right: new Map() };

  constructor(private readonly clock: Pick<Clock, 'monotonicMs'>) {}

  wrote(side: Side, keys: readonly EntryKey[]): void {
    const written = this.writtenMs[side];
    const nowMs = this.clock.monotonicMs();
    for (const key of keys) {
      written.delete(key);
      written.set(key, nowMs);
    }
    for (const oldest of written.keys()) {
      if (written.size <= KEYS_MAX) return;
      written.delete(oldest);
    }
  }

  /** Whether the next that is told of the entry may be an echo. */
  has(side: Side, key: EntryKey): boolean {
    return this.clock.monotonicMs() - (this.writtenMs[side].get(key) ?? -Infinity) < EXPECTED_MS;
  }

  came(side: Side, key: EntryKey): void {
    this.writtenMs[side].delete(key);
  }
}

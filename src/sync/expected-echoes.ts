import type { EntryKey } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import { pairOf } from '../core/pair.js';
import type { Clock } from '../ports/clock.js';
import { RecentMap } from './recent-map.js';

/** Of more, the oldest are forgotten. */
const KEYS_MAX = 4_096;

/** An echo comes within moments. */
const EXPECTED_MS = 2_000;

/**
 * Entries that the daemon has just written. What a watch tells of them next is probably that write. No more than a guess,
 * which saves looking at the other side.
 */
export class ExpectedEchoes {
  private readonly writtenMs = pairOf(() => new RecentMap<EntryKey, number>(KEYS_MAX));

  constructor(private readonly clock: Pick<Clock, 'monotonicMs'>) {}

  wrote(side: Side, keys: readonly EntryKey[]): void {
    const nowMs = this.clock.monotonicMs();
    for (const key of keys) this.writtenMs[side].set(key, nowMs);
  }

  /** Whether the next that is told of the entry may be an echo. */
  has(side: Side, key: EntryKey): boolean {
    return this.clock.monotonicMs() - (this.writtenMs[side].get(key) ?? -Infinity) < EXPECTED_MS;
  }

  came(side: Side, key: EntryKey): void {
    this.writtenMs[side].delete(key);
  }
}

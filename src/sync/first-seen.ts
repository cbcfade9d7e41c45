import type { EntryKey, Reading } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import { pairOf } from '../core/pair.js';
import type { Clock } from '../ports/clock.js';
import { RecentMap } from './recent-map.js';

/** Of so many entries on each side; of others, when they were read last has to do. */
const REMEMBERED_MAX = 10_000;

interface Seen {
  readonly modified: bigint;
  readonly atMs: number;
}

/**
 * When a store's version of an entry was read first, wall-clock time: the write was made before. An entry may wait for
 * the other side for a long time, and be written again meanwhile, so that only the version tells what was seen when.
 */
export class FirstSeen {
  private readonly seen = pairOf(() => new RecentMap<EntryKey, Seen>(REMEMBERED_MAX));

  constructor(private readonly clock: Pick<Clock, 'nowMs'>) {}

  note(side: Side, readings: ReadonlyMap<EntryKey, Reading>): void {
    const atMs = this.clock.nowMs();
    const seen = this.seen[side];
    for (const [key, reading] of readings) {
      if (reading.kind !== 'present') continue;
      const { modified } = reading.version;
      if (seen.get(key)?.modified !== modified) seen.set(key, { modified, atMs });
    }
  }

  /** When what was just read can have been there at the latest. */
  atMs(side: Side, key: EntryKey, reading: Reading): number {
    const seen = this.seen[side].get(key);
    const isKnown = reading.kind === 'present' && seen?.modified === reading.version.modified;
    return isKnown ? seen.atMs : this.clock.nowMs();
  }

  clear(): void {
    this.seen.left.clear();
    this.seen.right.clear();
  }
}

import type { Digest, EntryKey } from '../core/observation.js';
import type { Pair, Side } from '../core/pair.js';
import { otherSide, withSide } from '../core/pair.js';
import type { RingTrail, RingVerdict } from '../core/ring.js';
import {
  isRestored,
  judgeRecurrence,
  NO_TRAIL,
  noteInStep,
  noteWritten,
  RING_RESTORED_MAX,
  RING_UNDONE_MAX,
} from '../core/ring.js';
import type { Clock } from '../ports/clock.js';
import { RecentMap } from './recent-map.js';

/** Of so many entries, those written last, it is remembered what was written; a ring's are always among them. */
const ENTRIES_MAX = 1_000;

/** What each replica holds of an entry; undefined where it has none. */
type Contents = Pair<Digest | undefined>;

/** What this process wrote lately, entry by entry, to notice rings. A start begins with nothing, as a ring does. */
export class Rings {
  private readonly trails = new RecentMap<EntryKey, Pair<RingTrail>>(ENTRIES_MAX);

  constructor(private readonly clock: Pick<Clock, 'monotonicMs'>) {}

  /** Asked before `contents` are made equal by a write on `side`. */
  judge(key: EntryKey, side: Side, contents: Contents): RingVerdict {
    const trails = this.trails.get(key);
    if (trails === undefined) return 'write';
    const nowMs = this.clock.monotonicMs();
    const source = otherSide(side);
    const restores = isRestored(trails[source], contents[source], nowMs);
    if (restores && trails[source].restored + 1 >= RING_RESTORED_MAX) return 'ring';
    const { trail, verdict } = judgeRecurrence(trails[side], contents[side], contents[source], nowMs);
    this.trails.set(key, withSide(trails, side, trail));
    return verdict;
  }

  /** @param contents what was there before the write on `side` */
  wrote(key: EntryKey, side: Side, contents: Contents): void {
    const known = this.trails.get(key) ?? { left: NO_TRAIL, right: NO_TRAIL };
    const nowMs = this.clock.monotonicMs();
    const source = otherSide(side);
    const { restored } = known[source];
    const restores = isRestored(known[source], contents[source], nowMs);
    const there = restores ? { ...known[source], restored: restored + 1 } : known[source];
    const here = noteWritten(known[side], contents[side], contents[source], nowMs);
    this.trails.set(key, side === 'left' ? { left: here, right: there } : { left: there, right: here });
  }

  /** Both sides were found equal without a write. `look-again`: it is not clear yet what that means. */
  inStep(key: EntryKey): 'in-step' | 'look-again' | 'ring' {
    const trails = this.trails.get(key);
    if (trails === undefined) return 'in-step';
    const nowMs = this.clock.monotonicMs();
    const left = noteInStep(trails.left, nowMs);
    const right = noteInStep(trails.right, nowMs);
    this.trails.set(key, { left: left.trail, right: right.trail });
    const verdicts = [left.verdict, right.verdict];
    if (verdicts.includes('ring')) return 'ring';
    return verdicts.includes('silent-yet') ? 'look-again' : 'in-step';
  }

  /**
   * Whether a hold rests on no more than one silence, and is refuted by a change that came while the daemon was silent:
   * a ring has nothing to carry then, so that it was a client's, and was before.
   */
  isRefuted(key: EntryKey, side: Side, contents: Contents): boolean {
    const trail = this.trails.get(key)?.[side];
    if (trail?.test?.inStepMs === undefined || trail.undone >= RING_UNDONE_MAX) return false;
    return trail.written.at(-1)?.content === contents[side];
  }

  /** An operator decided: what was before counts for nothing. */
  forget(key: EntryKey): void {
    this.trails.delete(key);
  }

  clear(): void {
    this.trails.clear();
  }
}

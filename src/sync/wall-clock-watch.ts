import type { Clock } from '../ports/clock.js';

/** The fastest at which NTP slews a clock, doubled. */
const SLEW_MAX = 1e-3;
/** What two clocks, read one after the other, may differ by. */
const JITTER_MS = 50;

/** Notices when the wall clock was set: against the monotonic one it then moves by more than any slewing explains. */
export class WallClockWatch {
  private lastWallMs: number;
  private lastMonotonicMs: number;

  constructor(private readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>) {
    this.lastWallMs = clock.nowMs();
    this.lastMonotonicMs = clock.monotonicMs();
  }

  /** By how much it was set since the last call, milliseconds; 0 when it was not. */
  stepMs(): number {
    const [wallMs, monotonicMs] = [this.clock.nowMs(), this.clock.monotonicMs()];
    const elapsedMs = monotonicMs - this.lastMonotonicMs;
    const stepMs = wallMs - this.lastWallMs - elapsedMs;
    this.lastWallMs = wallMs;
    this.lastMonotonicMs = monotonicMs;
    return Math.abs(stepMs) > JITTER_MS + elapsedMs * SLEW_MAX ? stepMs : 0;
  }
}

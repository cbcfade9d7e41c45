import type { Clock } from '../ports/clock.js';

/** How long nobody may have asked before what was found then says nothing of now. Loops ask far more often, in any trouble. */
const SILENCE_MAX_MS = 60_000;

/**
 * How far the ensemble is known to have come, over all sessions. A session keeps its client from servers that are behind
 * what it has seen; a new one knows nothing of that, and a leader that stood still while another one was elected answers
 * it from the past, `sync` included, until it notices (3.8.0: some ticks). Believed, that is a store that was rolled back.
 *
 * An ensemble that was restored from a backup may be behind for good: after a while it is taken as it is.
 */
export class ReachedZxid {
  private reached = 0n;
  private behindSinceMs: number | undefined;
  private behindAtMs = -Infinity;

  /** @param graceMs for how long what is behind is not believed */
  constructor(
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    private readonly graceMs: number,
  ) {}

  /** The ensemble has come as far as that before. */
  expect(zxid: bigint): void {
    if (zxid > this.reached) this.reached = zxid;
  }

  /**
   * Takes note of how far a server has come that was asked behind a `sync`.
   * @returns how far it should have come, if what it answers is not to be believed
   */
  judge(zxid: bigint): bigint | undefined {
    // Not every reply tells one.
    if (zxid <= 0n) return undefined;
    if (zxid >= this.reached) {
      this.behindSinceMs = undefined;
      this.reached = zxid;
      return undefined;
    }
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.behindAtMs > SILENCE_MAX_MS) this.behindSinceMs = undefined;
    this.behindAtMs = nowMs;
    this.behindSinceMs ??= nowMs;
    if (nowMs - this.behindSinceMs < this.graceMs) return this.reached;
    this.behindSinceMs = undefined;
    this.reached = zxid;
    return undefined;
  }
}

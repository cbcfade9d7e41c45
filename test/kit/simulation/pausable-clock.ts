import type { Clock } from '../../../src/ports/clock.js';

/** A process's view of time: while it is stopped (SIGSTOP) nobody in it wakes, and time goes on without it. */
export class PausableClock implements Clock {
  private resumed: Promise<void> | undefined;
  private wake: () => void = () => undefined;

  constructor(private readonly clock: Clock) {}

  nowMs(): number {
    return this.clock.nowMs();
  }

  monotonicMs(): number {
    return this.clock.monotonicMs();
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    await this.clock.sleep(ms, signal);
    while (this.resumed !== undefined) await this.resumed;
  }

  get isPaused(): boolean {
    return this.resumed !== undefined;
  }

  pause(): void {
    this.resumed ??= new Promise((resolve) => (this.wake = resolve));
  }

  resume(): void {
    this.resumed = undefined;
    this.wake();
  }
}

import { setMaxListeners } from 'node:events';
import type { Clock } from '../../../src/ports/clock.js';

interface Timer {
  readonly atMs: number;
  readonly wake: () => void;
}

/** So many sleeps may end without time passing before it is taken for an endless loop. */
const WAKES_AT_ONE_MOMENT_MAX = 100_000;

/**
 * Virtual time: it stands still until it is told to pass, and then wakes each sleeper at its own moment, one after the
 * other, those of one moment in the order in which they fell asleep. Between two of them everything that can go on
 * without time passing does so. Whatever waits for promises and this clock only runs the same way every time.
 */
export class SimClock implements Clock {
  readonly #timers = new Set<Timer>();
  #elapsedMs = 0;
  #wallOffsetMs: number;
  #wakesAtThisMoment = 0;

  constructor(startAtMs: number = Date.UTC(2030, 0, 1)) {
    this.#wallOffsetMs = startAtMs;
  }

  nowMs(): number {
    return this.#wallOffsetMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  /** The wall clock is set forward, or back; nobody sleeps longer or shorter for it. */
  jumpWallClock(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#timers.delete(timer);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = { atMs: this.#elapsedMs + Math.max(0, ms), wake };
      this.#timers.add(timer);
      // Whole fleets may sleep on one signal, which Node would take for a leak.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', wake);
    });
  }

  /** How many sleep now. */
  get sleepers(): number {
    return this.#timers.size;
  }

  /** Lets everything go on that needs no time. */
  settle(): Promise<void> {
    // Node empties its queue of microtasks, those that they add included, before it runs an immediate.
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets so much time pass. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms;
    await this.settle();
    while (await this.#wakeNext(untilMs));
    this.#moveTo(untilMs);
  }

  /**
   * Lets time pass until `condition` holds, which is looked at whenever somebody has woken.
   * @throws when it doesn't hold within `limitMs`, or nobody is left who waits for time to pass
   */
  async runUntil(
    condition: () => boolean,
    { limitMs, what = 'the condition' }: { limitMs: number; what?: string },
  ): Promise<void> {
    const untilMs = this.#elapsedMs + limitMs;
    await this.settle();
    while (!condition()) {
      if (await this.#wakeNext(untilMs)) continue;
      const reason = this.sleepers === 0 ? ': nobody waits for time to pass' : '';
      throw new Error(`waited ${limitMs} ms of virtual time in vain for ${what}${reason}`);
    }
  }

  async #wakeNext(untilMs: number): Promise<boolean> {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.atMs < next.atMs) next = timer;
    if (next === undefined || next.atMs > untilMs) return false;
    this.#moveTo(next.atMs);
    if (++this.#wakesAtThisMoment > WAKES_AT_ONE_MOMENT_MAX) {
      throw new Error(`something sleeps again and again without time passing, at ${this.#elapsedMs} ms`);
    }
    next.wake();
    await this.settle();
    return true;
  }

  #moveTo(elapsedMs: number): void {
    if (elapsedMs <= this.#elapsedMs) return;
    this.#elapsedMs = elapsedMs;
    this.#wakesAtThisMoment = 0;
  }
}

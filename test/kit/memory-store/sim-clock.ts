import { setMaxListeners } from 'node:events';
import type { Clock } from '../../../src/ports/clock.js';

interface Timer {
  readonly atMs: number;
  /** Rises with each sleep: those of one moment wake in this order. */
  readonly order: number;
  /** Undefined once it has woken. */
  wake: (() => void) | undefined;
}

/** So many sleeps may end without time passing before it is taken for an endless loop. */
const WAKES_AT_ONE_MOMENT_MAX = 20_000;

/**
 * Virtual time: it stands still until it is told to pass, and then wakes each sleeper at its own moment, one after the
 * other, those of one moment in the order in which they fell asleep. Between two of them everything that can go on
 * without time passing does so. Whatever waits for promises and this clock only runs the same way every time.
 */
export class SimClock implements Clock {
  /** A binary heap; those woken before their time stay in it until it has come. */
  readonly #timers: Timer[] = [];
  readonly #signals = new WeakSet<AbortSignal>();
  #sleepers = 0;
  #slept = 0;
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
        timer.wake = undefined;
        this.#sleepers--;
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer: Timer = { atMs: this.#elapsedMs + Math.max(0, ms), order: ++this.#slept, wake };
      this.#sleepers++;
      push(this.#timers, timer);
      this.#allowManyListeners(signal);
      signal.addEventListener('abort', wake);
    });
  }

  /** How many sleep now. */
  get sleepers(): number {
    return this.#sleepers;
  }

  /** Lets everything go on that needs no time. */
  settle(): Promise<void> {
    // Between two of its ticks Node empties the queue of microtasks, those that they add included.
    return new Promise((resolve) => process.nextTick(resolve));
  }

  /** Lets so much time pass. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms;
    await this.settle();
    while (this.#wakeNext(untilMs)) await this.settle();
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
      if (this.#wakeNext(untilMs)) {
        await this.settle();
        continue;
      }
      const reason = this.sleepers === 0 ? ': nobody waits for time to pass' : '';
      throw new Error(`waited ${limitMs} ms of virtual time in vain for ${what}${reason}`);
    }
  }

  #wakeNext(untilMs: number): boolean {
    for (let next = this.#timers[0]; next !== undefined; next = this.#timers[0]) {
      if (next.wake !== undefined && next.atMs > untilMs) return false;
      pop(this.#timers);
      if (next.wake === undefined) continue;
      this.#moveTo(next.atMs);
      if (++this.#wakesAtThisMoment > WAKES_AT_ONE_MOMENT_MAX) {
        throw new Error(`something sleeps again and again without time passing, at ${this.#elapsedMs} ms`);
      }
      next.wake();
      return true;
    }
    return false;
  }

  #moveTo(elapsedMs: number): void {
    if (elapsedMs <= this.#elapsedMs) return;
    this.#elapsedMs = elapsedMs;
    this.#wakesAtThisMoment = 0;
  }

  /** Whole fleets may sleep on one signal, which Node would take for a leak. */
  #allowManyListeners(signal: AbortSignal): void {
    if (this.#signals.has(signal)) return;
    this.#signals.add(signal);
    setMaxListeners(0, signal);
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function push(heap: Timer[], timer: Timer): void {
  let place = heap.length;
  while (place > 0) {
    const above = (place - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || !isBefore(timer, parent)) break;
    heap[place] = parent;
    place = above;
  }
  heap[place] = timer;
}

/** Takes the first one out. */
function pop(heap: Timer[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let place = 0;
  for (;;) {
    const [left, right] = [heap[2 * place + 1], heap[2 * place + 2]];
    if (left === undefined) break;
    const isRight = right !== undefined && isBefore(right, left);
    const child = isRight ? right : left;
    if (!isBefore(child, last)) break;
    heap[place] = child;
    place = 2 * place + (isRight ? 2 : 1);
  }
  heap[place] = last;
}

import { pairOf } from '../core/pair.js';
import type { Pair, Side } from '../core/pair.js';
import type { Clock } from '../ports/clock.js';
import type { MappingMetrics } from '../ports/metrics.js';
import type { MappingStatus } from '../ports/status.js';
import type { WrittenEntry } from '../ports/written.js';
import { BoundedRing } from './bounded-ring.js';
import { LagHistogram } from './lag-histogram.js';
import type { Lag } from './lag-histogram.js';

const SAMPLE_EVERY_MS = 10_000;
/** An hour. */
const SAMPLES_MAX = 360;
const CHANGES_MAX = 100;

/** What happened to one mapping since the sample before. */
export interface ActivitySample {
  /** When it ended, wall-clock milliseconds. */
  readonly atMs: number;
  /** How long it took. */
  readonly lengthMs: number;
  /** Entries written on each side. */
  readonly writes: Pair<number>;
  /** From a change being noticed to its write on the side being recorded; undefined where nothing was written. */
  readonly lag: Pair<Lag | undefined>;
  /** At its end. */
  readonly pending: Pair<number>;
}

/** What one mapping did of late, kept in memory: the last hour in samples, and the last writes. */
export class MappingActivity {
  readonly #samples = new BoundedRing<ActivitySample>(SAMPLES_MAX);
  readonly #changes = new BoundedRing<WrittenEntry>(CHANGES_MAX);
  #writes = { left: 0, right: 0 };
  readonly #lag = pairOf(() => new LagHistogram());

  /** Counts what `metrics` counts. */
  over(metrics: MappingMetrics): MappingMetrics {
    return {
      write: (on, operation, result, count) => {
        if (result === 'applied') this.#writes[on] += count;
        metrics.write(on, operation, result, count);
      },
      batch: (on) => metrics.batch(on),
      echoes: (at, count) => metrics.echoes(at, count),
      conflict: (result) => metrics.conflict(result),
      rescan: (reason) => metrics.rescan(reason),
      clientChange: (at) => metrics.clientChange(at),
      propagated: (on, seconds) => {
        this.#lag[on].add(seconds * 1_000);
        metrics.propagated(on, seconds);
      },
      reconciled: (seconds) => metrics.reconciled(seconds),
    };
  }

  written(entries: readonly WrittenEntry[]): void {
    for (const entry of entries) this.#changes.add(entry);
  }

  sample(atMs: number, lengthMs: number, pending: Pair<number>): void {
    const lagOf = (side: Side) => this.#lag[side].take();
    this.#samples.add({ atMs, lengthMs, writes: this.#writes, lag: pairOf(lagOf), pending });
    this.#writes = { left: 0, right: 0 };
  }

  /** The oldest first. */
  get samples(): readonly ActivitySample[] {
    return this.#samples.toArray();
  }

  /** The newest first. */
  get changes(): readonly WrittenEntry[] {
    return this.#changes.toArray().toReversed();
  }
}

/** What all mappings did of late. */
export class RecentActivity {
  readonly #mappings = new Map<string, MappingActivity>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The same mapping goes on with what is known of it until it is removed. */
  forMapping(name: string): MappingActivity {
    const known = this.#mappings.get(name) ?? new MappingActivity();
    this.#mappings.set(name, known);
    return known;
  }

  removeMapping(name: string): void {
    this.#mappings.delete(name);
  }

  /** Takes a sample of every mapping every 10 s until `signal` aborts. */
  async run(mappings: () => readonly MappingStatus[], signal: AbortSignal): Promise<void> {
    let begunMs = this.#clock.monotonicMs();
    for (;;) {
      await this.#clock.sleep(SAMPLE_EVERY_MS, signal);
      if (signal.aborted) return;
      const nowMs = this.#clock.monotonicMs();
      for (const { name, pending } of mappings()) {
        this.#mappings.get(name)?.sample(this.#clock.nowMs(), nowMs - begunMs, pending);
      }
      begunMs = nowMs;
    }
  }
}

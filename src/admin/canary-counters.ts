import type { Histogram } from 'prom-client';
import { SIDES } from '../core/pair.js';
import type { Side } from '../core/pair.js';
import type { MetricFactory } from './metric-factory.js';
import { REPLICA_NAMES } from './replica-names.js';

/** From one hop on a quiet machine to an outage of some minutes. */
const LAG_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** What the canary has measured. */
export class CanaryCounters {
  readonly #lag: Histogram<'replica'>;

  constructor(factory: MetricFactory) {
    this.#lag = factory.histogram(
      'canary_lag_seconds',
      "From the write of a canary's marker being sent to the marker being read at the replica",
      ['replica'],
      LAG_BUCKETS_SECONDS,
    );
  }

  /** Series stand at 0 from the start, and are gone where there is no canary. */
  show(enabled: boolean): void {
    for (const side of SIDES) {
      const labels = { replica: REPLICA_NAMES[side] };
      if (enabled) this.#lag.zero(labels);
      else this.#lag.remove(labels);
    }
  }

  arrived(at: Side, seconds: number): void {
    this.#lag.observe({ replica: REPLICA_NAMES[at] }, seconds);
  }
}

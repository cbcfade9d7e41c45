import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Counter, Histogram } from 'prom-client';
import type { MappingMetrics } from '../ports/metrics.js';
import type { DaemonStatus } from '../ports/status.js';
import { CanaryCounters } from './canary-counters.js';
import { MappingCounters, mappingInstruments } from './mapping-counters.js';
import type { MappingInstruments } from './mapping-counters.js';
import { MetricFactory } from './metric-factory.js';
import { bounded, OTHER, REQUEST_OPERATIONS, REQUEST_RESULTS } from './metric-labels.js';
import type { ReplicaName } from './replica-names.js';
import { StatusGauges } from './status-gauges.js';

const REQUEST_BUCKETS_SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/** All metrics of the daemon; docs/metrics.md lists them. Every label but `mapping` has a fixed set of values. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #gauges: StatusGauges;
  readonly #instruments: MappingInstruments;
  readonly #mappings = new Map<string, MappingCounters>();
  readonly #canary: CanaryCounters;
  readonly #requests: Counter<'replica' | 'operation' | 'result'>;
  readonly #requestSeconds: Histogram<'replica' | 'operation'>;

  constructor() {
    const factory = new MetricFactory(this.#registry);
    this.#gauges = new StatusGauges(factory);
    this.#instruments = mappingInstruments(factory);
    this.#canary = new CanaryCounters(factory);
    this.#requests = factory.counter('replica_requests_total', 'Requests to the store, by outcome', [
      'replica',
      'operation',
      'result',
    ]);
    this.#requestSeconds = factory.histogram(
      'replica_request_seconds',
      'How long the store took to answer, failures included',
      ['replica', 'operation'],
      REQUEST_BUCKETS_SECONDS,
    );
    collectDefaultMetrics({ register: this.#registry });
  }

  /** What the loops of one mapping count in. The same mapping goes on with its counts until it is removed. */
  forMapping(mapping: string): MappingMetrics {
    const existing = this.#mappings.get(mapping);
    if (existing !== undefined) return existing;
    const counters = new MappingCounters(this.#instruments, mapping);
    this.#mappings.set(mapping, counters);
    return counters;
  }

  /** What the canary counts in; its series are there only while there is one. */
  forCanary(enabled: boolean): CanaryCounters {
    this.#canary.show(enabled);
    return this.#canary;
  }

  /** Ends the series of a mapping that is no longer configured. */
  removeMapping(mapping: string): void {
    this.#mappings.get(mapping)?.remove();
    this.#mappings.delete(mapping);
  }

  /**
   * Counts one request to a store.
   * @param operation one of `REQUEST_OPERATIONS`; anything else counts as `other`
   * @param result one of `REQUEST_RESULTS`; anything else counts as `other`
   */
  request(replica: ReplicaName, operation: string, result: string, seconds: number): void {
    const known = bounded(operation, REQUEST_OPERATIONS[replica]);
    this.#requests.inc({ replica, operation: known, result: REQUEST_RESULTS.get(result) ?? OTHER });
    this.#requestSeconds.observe({ replica, operation: known }, seconds);
  }

  /** The Prometheus text of all metrics, with what `status` tells set into the gauges. */
  async expose(status: DaemonStatus): Promise<{ contentType: string; text: string }> {
    this.#gauges.set(status);
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}

import type { Counter, Histogram, LabelValues } from 'prom-client';
import { SIDES } from '../core/pair.js';
import type { Side } from '../core/pair.js';
import type { ConflictResult, MappingMetrics, WriteResult } from '../ports/metrics.js';
import type { RescanReason } from '../ports/rescan.js';
import { CONFLICT_RESULTS, RESCAN_REASONS, WRITE_OPERATIONS, WRITE_RESULTS } from './metric-labels.js';
import type { WriteOperationName } from './metric-labels.js';
import type { MetricFactory } from './metric-factory.js';
import { REPLICA_NAMES } from './replica-names.js';

/** From one hop on a quiet machine to the minute after which somebody should have been told. */
const PROPAGATION_BUCKETS_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];
const RECONCILE_BUCKETS_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60];

/** The metrics that the loops of all mappings count in. */
export type MappingInstruments = ReturnType<typeof mappingInstruments>;

export function mappingInstruments(factory: MetricFactory) {
  return {
    writes: factory.counter('writes_total', 'Entries written to the replica, by outcome', [
      'mapping',
      'replica',
      'operation',
      'result',
    ]),
    batches: factory.counter('write_batches_total', 'Atomic batches sent to the replica', [
      'mapping',
      'replica',
    ]),
    echoes: factory.counter('echoes_total', "The daemon's own writes that the replica notified it of", [
      'mapping',
      'replica',
    ]),
    conflicts: factory.counter('conflicts_total', 'Conflicts, by how they were decided', [
      'mapping',
      'result',
    ]),
    clientChanges: factory.counter(
      'client_changes_total',
      'Changes of entries that clients made at the replica, as far as they were noticed',
      ['mapping', 'replica'],
    ),
    rescans: factory.counter('rescans_total', 'Walks over all entries, by cause', ['mapping', 'reason']),
    propagation: factory.histogram(
      'propagation_seconds',
      'From a change being noticed to its write to the replica being acknowledged',
      ['mapping', 'replica'],
      PROPAGATION_BUCKETS_SECONDS,
    ),
    reconcile: factory.histogram(
      'reconcile_seconds',
      'One round of the loop: read, decide, write, record',
      ['mapping'],
      RECONCILE_BUCKETS_SECONDS,
    ),
  };
}

/** One mapping's share of the instruments: its series stand at 0 from the start, and go when it is removed. */
export class MappingCounters implements MappingMetrics {
  readonly #instruments: MappingInstruments;
  readonly #mapping: string;
  readonly #series: readonly Series[];
  #removed = false;

  constructor(instruments: MappingInstruments, mapping: string) {
    this.#instruments = instruments;
    this.#mapping = mapping;
    this.#series = [...seriesOf(instruments, mapping)];
    for (const series of this.#series) series.zero();
  }

  /** Takes the series away for good: a loop that is still on its way out must not bring them back. */
  remove(): void {
    this.#removed = true;
    for (const series of this.#series) series.remove();
  }

  write(on: Side, operation: WriteOperationName, result: WriteResult, count: number): void {
    if (this.#removed) return;
    this.#instruments.writes.inc(
      { mapping: this.#mapping, replica: REPLICA_NAMES[on], operation, result },
      count,
    );
  }

  batch(on: Side): void {
    if (this.#removed) return;
    this.#instruments.batches.inc({ mapping: this.#mapping, replica: REPLICA_NAMES[on] });
  }

  echoes(at: Side, count: number): void {
    if (this.#removed) return;
    this.#instruments.echoes.inc({ mapping: this.#mapping, replica: REPLICA_NAMES[at] }, count);
  }

  conflict(result: ConflictResult): void {
    if (this.#removed) return;
    this.#instruments.conflicts.inc({ mapping: this.#mapping, result: CONFLICT_RESULTS[result] });
  }

  rescan(reason: RescanReason): void {
    if (this.#removed) return;
    this.#instruments.rescans.inc({ mapping: this.#mapping, reason });
  }

  clientChange(at: Side): void {
    if (this.#removed) return;
    this.#instruments.clientChanges.inc({ mapping: this.#mapping, replica: REPLICA_NAMES[at] });
  }

  propagated(on: Side, seconds: number): void {
    if (this.#removed) return;
    this.#instruments.propagation.observe({ mapping: this.#mapping, replica: REPLICA_NAMES[on] }, seconds);
  }

  reconciled(seconds: number): void {
    if (this.#removed) return;
    this.#instruments.reconcile.observe({ mapping: this.#mapping }, seconds);
  }
}

interface Series {
  zero(): void;
  remove(): void;
}

function* seriesOf(instruments: MappingInstruments, mapping: string): Iterable<Series> {
  for (const replica of SIDES.map((side) => REPLICA_NAMES[side])) {
    for (const operation of WRITE_OPERATIONS) {
      for (const result of WRITE_RESULTS) {
        yield countedSeries(instruments.writes, { mapping, replica, operation, result });
      }
    }
    yield countedSeries(instruments.batches, { mapping, replica });
    yield countedSeries(instruments.echoes, { mapping, replica });
    yield countedSeries(instruments.clientChanges, { mapping, replica });
    yield observedSeries(instruments.propagation, { mapping, replica });
  }
  for (const result of Object.values(CONFLICT_RESULTS)) {
    yield countedSeries(instruments.conflicts, { mapping, result });
  }
  for (const reason of RESCAN_REASONS) yield countedSeries(instruments.rescans, { mapping, reason });
  yield observedSeries(instruments.reconcile, { mapping });
}

function countedSeries<L extends string>(counter: Counter<L>, labels: LabelValues<L>): Series {
  return { zero: () => counter.inc(labels, 0), remove: () => counter.remove(labels) };
}

function observedSeries<L extends string>(histogram: Histogram<L>, labels: LabelValues<L>): Series {
  return { zero: () => histogram.zero(labels), remove: () => histogram.remove(labels) };
}

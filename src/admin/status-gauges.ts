import { CUTOVER_STEPS } from '../core/cutover.js';
import { SIDES } from '../core/pair.js';
import { MAPPING_STATES } from '../ports/status.js';
import type { DaemonStatus, MappingStatus } from '../ports/status.js';
import type { MetricFactory } from './metric-factory.js';
import { bounded, SKIP_REASONS } from './metric-labels.js';
import { REPLICA_NAMES } from './replica-names.js';

/** What the daemon's status tells, as gauges: written anew for each scrape, so that no stale mapping stays. */
export class StatusGauges {
  readonly #gauges: ReturnType<typeof statusGauges>;

  constructor(factory: MetricFactory) {
    this.#gauges = statusGauges(factory);
  }

  set(status: DaemonStatus): void {
    for (const gauge of Object.values(this.#gauges)) gauge.reset();
    for (const mapping of status.mappings) this.#setMapping(mapping);
    for (const side of SIDES) {
      const replica = REPLICA_NAMES[side];
      this.#gauges.replicaConnected.set({ replica }, Number(status.replicas[replica].connected));
    }
    for (const side of status.canary === undefined ? [] : SIDES) {
      const seconds = status.canary?.arrivals[side].ageSeconds ?? 0;
      this.#gauges.canaryAge.set({ replica: REPLICA_NAMES[side] }, seconds);
    }
    this.#gauges.buildInfo.set({ version: status.version, node: process.versions.node }, 1);
  }

  #setMapping(status: MappingStatus): void {
    const mapping = status.name;
    this.#gauges.leader.set({ mapping }, Number(status.role === 'active'));
    this.#gauges.entries.set({ mapping }, status.entries);
    for (const side of SIDES) {
      this.#gauges.pendingEntries.set({ mapping, replica: REPLICA_NAMES[side] }, status.pending[side]);
    }
    this.#gauges.conflictsOpen.set({ mapping }, status.conflicts.open);
    for (const reason of SKIP_REASONS) this.#gauges.skippedEntries.set({ mapping, reason }, 0);
    for (const [reason, count] of status.skippedByReason) {
      this.#gauges.skippedEntries.inc({ mapping, reason: bounded(reason, SKIP_REASONS) }, count);
    }
    this.#gauges.driftedEntries.set({ mapping }, status.driftedTotal);
    for (const state of MAPPING_STATES) {
      this.#gauges.mappingState.set({ mapping, state }, Number(status.state === state));
    }
    this.#gauges.inSync.set({ mapping }, Number(status.inSync));
    this.#gauges.observing.set({ mapping }, Number(status.observing));
    const { step } = status.cutover;
    this.#gauges.cutoverStep.set({ mapping }, step === undefined ? 0 : CUTOVER_STEPS.indexOf(step));
    this.#gauges.lastVerified.set({ mapping }, (status.lastVerifiedAtMs ?? 0) / 1_000);
  }
}

function statusGauges(factory: MetricFactory) {
  return {
    entries: factory.gauge('entries', 'Entries that both replicas agree on', ['mapping']),
    pendingEntries: factory.gauge('pending_entries', 'Entries known to need a write to the replica', [
      'mapping',
      'replica',
    ]),
    conflictsOpen: factory.gauge('conflicts_open', 'Conflicts in the journal that are not settled', [
      'mapping',
    ]),
    skippedEntries: factory.gauge('skipped_entries', 'Entries that are left out, by reason', [
      'mapping',
      'reason',
    ]),
    driftedEntries: factory.gauge(
      'drifted_entries',
      'Foreign changes on the target of a one-way mapping that were left alone',
      ['mapping'],
    ),
    mappingState: factory.gauge('mapping_state', '1 for the state that the mapping is in, else 0', [
      'mapping',
      'state',
    ]),
    inSync: factory.gauge('in_sync', '1 while both replicas are equal, held and skipped entries aside', [
      'mapping',
    ]),
    observing: factory.gauge('observing', '1 while the mapping only observes, and writes nothing', [
      'mapping',
    ]),
    lastVerified: factory.gauge(
      'last_verified_timestamp_seconds',
      'When both replicas were last compared in full, in Unix time; 0 before the first time',
      ['mapping'],
    ),
    cutoverStep: factory.gauge(
      'cutover_step',
      'How far the mapping was moved over to Consul: 0 both, 1 Consul leads, 2 ZooKeeper is a mirror',
      ['mapping'],
    ),
    replicaConnected: factory.gauge('replica_connected', '1 while the daemon is connected to the store', [
      'replica',
    ]),
    canaryAge: factory.gauge(
      'canary_last_seen_age_seconds',
      "How long ago a canary's marker arrived at the replica; 0 while another daemon sends them",
      ['replica'],
    ),
    leader: factory.gauge('leader', '1 while this process leads the mapping, and writes', ['mapping']),
    buildInfo: factory.gauge('build_info', 'Always 1; the labels tell what runs', ['version', 'node']),
  };
}

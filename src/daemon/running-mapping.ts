import { setMaxListeners } from 'node:events';
import { ObservedFile } from '../archive/observed-file.js';
import type { MappingConfig } from '../config/schema.js';
import type { MappingControl } from '../ports/control.js';
import type { MappingMetrics } from '../ports/metrics.js';
import type { MappingStatus } from '../ports/status.js';
import type { WriteListener } from '../ports/written.js';
import { MappingSync } from '../sync/mapping-sync.js';
import { mappingStatus } from '../sync/mapping-status.js';
import { Operator } from '../sync/operator.js';
import { cutoverControl } from './cutover-control.js';
import { Observation } from './observation.js';
import { mappingControl } from './mapping-control.js';
import { mappingContext } from './mapping-context.js';
import type { MappingSurroundings } from './mapping-context.js';

/** A mapping's loop that has not turned for so long is taken for dead. */
const TURN_MS_MAX = 120_000;

/** One configured mapping with its loop. */
export class RunningMapping {
  readonly control: MappingControl;
  private readonly sync: MappingSync;
  /** Where it only observes. */
  private readonly observation: Observation | undefined;
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;

  constructor(
    readonly config: MappingConfig,
    private readonly surroundings: MappingSurroundings,
    metrics: MappingMetrics,
    onWritten: WriteListener,
  ) {
    const context = mappingContext(config, surroundings, metrics, (keys) => this.sync.noticeUnread(keys));
    const file = new ObservedFile(surroundings.config.archive.path, config.name, context.places);
    const { clock, logger, policy } = context;
    this.observation =
      config.mode === 'observe' ? new Observation(file, clock, logger, policy.source) : undefined;
    const { observation } = this;
    this.sync = new MappingSync({
      ...context,
      onWritten,
      ...(observation !== undefined && { observed: observation.writes }),
    });
    const reached = this.sync.memory.state?.ledgers.left?.version.modified;
    if (reached !== undefined) surroundings.stores.zookeeper.expectReached(reached);
    const observed = () => ({
      observing: observation !== undefined,
      report: observation === undefined ? file.read() : observation.report,
    });
    const operator = new Operator(this.sync);
    const { signal: stopping } = this.stopping;
    const status = (): MappingStatus => this.status();
    const watchers = (signal: AbortSignal) =>
      surroundings.stores.watchersOf(config.zookeeper, surroundings.leaderships?.sessions ?? [], signal);
    const cutover = cutoverControl({ sync: this.sync, operator, stopping, status, watchers });
    this.control = mappingControl(this.sync, operator, stopping, { observed, ...cutover });
    // All that is in flight listens to the one signal; how much that is, is bounded elsewhere.
    setMaxListeners(0, this.stopping.signal);
    this.running = this.begin();
  }

  status(): MappingStatus {
    const { zookeeper, consul } = this.surroundings.stores.status();
    return mappingStatus(this.sync, zookeeper.connected && consul.connected);
  }

  get role(): MappingStatus['role'] {
    return this.sync.role;
  }

  get isPaused(): boolean {
    return this.sync.memory.state?.paused === true;
  }

  /** What keeps it from going on; undefined while nothing does. */
  get problem(): string | undefined {
    return this.sync.problem;
  }

  /** Ends whatever holds it, with new ledgers and an empty archive. Deletes nothing. */
  async beginAnew(): Promise<void> {
    const { signal } = this.stopping;
    await this.sync.exclusively(() => this.sync.startOver('merge', signal));
  }

  get alive(): boolean {
    return this.sync.context.clock.monotonicMs() - this.sync.turnedMs < TURN_MS_MAX;
  }

  /** Finishes what is in flight, and leaves the archive as it is. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async begin(): Promise<void> {
    await this.surroundings.stores.firstAnswers(this.stopping.signal);
    const { signal } = this.stopping;
    await Promise.all([this.sync.run(signal), this.observation?.run(signal)]);
    // The last round may have come to its end later.
    await this.observation?.save();
  }
}

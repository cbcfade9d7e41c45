import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConfigChanges } from '../config/config-changes.js';
import { describeChanges } from '../config/config-changes.js';
import type { Config, MappingConfig } from '../config/schema.js';
import { startAdminServer } from '../admin/server.js';
import type { AdminServer } from '../admin/server.js';
import { Metrics } from '../admin/metrics.js';
import { RecentActivity } from '../admin/recent-activity.js';
import { openArchive } from '../archive/open-archive.js';
import { AuditFile } from '../logging/audit-file.js';
import type { Archive } from '../ports/archive.js';
import type { DaemonControl } from '../ports/control.js';
import type { Logger } from '../ports/logger.js';
import type { DaemonStatus } from '../ports/status.js';
import type { WriteListener } from '../ports/written.js';
import { pairOf, SIDES } from '../core/pair.js';
import type { Side } from '../core/pair.js';
import { randomId } from '../sync/establish.js';
import { Leaderships } from '../sync/leaderships.js';
import { WriteGate } from '../sync/write-gate.js';
import { ZooKeeperElection } from '../zookeeper/zookeeper-election.js';
import type { MappingSurroundings } from './mapping-context.js';
import { CANARY } from './canary-place.js';
import { aclOf, NAMESPACE, SIDE_NAMES } from './mapping-context.js';
import { RunningCanary } from './running-canary.js';
import { RunningMapping } from './running-mapping.js';
import { Stores } from './stores.js';
import { systemClock, systemRandom } from './system.js';
import { VERSION } from './version.js';

/** How long a stop waits for what is in flight. */
const STOP_TIMEOUT_MS = 6_000;

/** The daemon: the stores' connections, the archive, one loop per mapping, and the admin server. */
export class Daemon implements DaemonControl {
  private readonly mappings = new Map<string, RunningMapping>();
  private readonly activity = new RecentActivity(systemClock);
  private readonly startedMs = systemClock.monotonicMs();
  private admin: AdminServer | undefined;
  private canary: RunningCanary | undefined;
  private readonly leaving = new AbortController();
  private electing: Promise<void> = Promise.resolve();

  private constructor(
    private surroundings: MappingSurroundings,
    private readonly archive: Archive,
    private readonly metrics: Metrics,
    private readonly audit: AuditFile,
    private readonly logger: Logger,
  ) {}

  /**
   * Starts everything; does not wait for the stores.
   * @throws SyncError when the archive can't be opened or the admin address can't be listened on
   */
  static async start(config: Config, logger: Logger): Promise<Daemon> {
    const metrics = new Metrics();
    const archive = await openArchive({ path: config.archive.path, journal: config.journal });
    const stores = await Stores.open(config, (store, operation, result, seconds) =>
      metrics.request(store, operation, result, seconds),
    ).catch(async (error: unknown) => {
      await archive.close();
      throw error;
    });
    const { limits } = config;
    const audit = new AuditFile(config.log.audit, logger);
    const surroundings: MappingSurroundings = {
      config,
      stores,
      archive,
      writer: randomId(() => systemRandom.next()),
      leaderships: undefined,
      gates: pairOf((side) => new WriteGate(systemClock, limits[SIDE_NAMES[side]].writesPerSecond)),
      logger,
      audit,
    };
    const daemon = new Daemon(surroundings, archive, metrics, audit, logger);
    try {
      await daemon.listen(config);
      if (config.highAvailability.enabled) daemon.takePartInElections();
      for (const mapping of config.mappings) daemon.startMapping(mapping);
      daemon.startCanary(config);
    } catch (error) {
      await daemon.stop();
      throw error;
    }
    logger.info({ version: VERSION, instance: config.instance, admin: daemon.adminAddress }, 'started');
    return daemon;
  }

  /** Where the admin server can be reached; undefined when it is off. */
  get adminAddress(): string | undefined {
    return this.admin?.address;
  }

  /** Takes over what may change while running; other mappings than those that changed go on undisturbed. */
  async reload(config: Config): Promise<ConfigChanges> {
    const before = this.surroundings.config;
    const changes = describeChanges(before, config);
    // What needs a restart keeps its old settings until then, also for the mappings that start now.
    const { mappings, limits, log, canary } = config;
    this.surroundings = { ...this.surroundings, config: { ...before, mappings, limits, log, canary } };
    this.audit.reopen(log.audit);
    for (const side of SIDES) this.surroundings.gates[side].limit(limits[SIDE_NAMES[side]].writesPerSecond);
    for (const name of [...changes.removed, ...changes.changed.map(({ mapping }) => mapping)]) {
      await this.mappings.get(name)?.stop();
      this.mappings.delete(name);
    }
    for (const name of changes.removed) {
      this.metrics.removeMapping(name);
      this.activity.removeMapping(name);
    }
    for (const mapping of mappings) if (!this.mappings.has(mapping.name)) this.startMapping(mapping);
    if (changes.sections.includes('canary')) {
      await this.canary?.stop();
      this.startCanary(this.surroundings.config);
    }
    return changes;
  }

  /** For logrotate: what was moved away is written no more. */
  reopenFiles(): void {
    this.audit.reopen();
  }

  /** Finishes what is in flight, closes the archive and the connections. Ends within 10 s. */
  async stop(): Promise<void> {
    await this.admin?.close();
    const running = [...this.mappings.values(), ...(this.canary === undefined ? [] : [this.canary])];
    const stopped = Promise.all(running.map((one) => one.stop()));
    await Promise.race([stopped, delay(STOP_TIMEOUT_MS, undefined, { ref: false })]);
    this.leaving.abort();
    await this.electing;
    await this.archive.close();
    await this.audit.close();
    await this.surroundings.stores.close();
    this.logger.info({}, 'stopped');
  }

  status(): DaemonStatus {
    const mappings = [...this.mappings.values()].map((mapping) => mapping.status());
    return {
      version: VERSION,
      instance: this.surroundings.config.instance,
      role: mappings.some(({ role }) => role === 'active') ? 'active' : 'standby',
      uptimeSeconds: (systemClock.monotonicMs() - this.startedMs) / 1000,
      replicas: this.surroundings.stores.status(),
      mappings,
      audit: this.audit.state,
      canary: this.canary?.status(),
    };
  }

  alive(): boolean {
    return [...this.mappings.values()].every((mapping) => mapping.alive);
  }

  mapping(name: string): RunningMapping['control'] | undefined {
    return this.mappings.get(name)?.control;
  }

  /** Other daemons of this instance share the mappings: see `Leaderships`. */
  private takePartInElections(): void {
    const { config, stores, writer, logger } = this.surroundings;
    const self = { id: writer, host: hostname(), admin: this.adminUrl };
    const election = new ZooKeeperElection({
      session: stores.zookeeper,
      namespaceRoot: `/${NAMESPACE}`,
      instance: config.instance,
      self,
      acl: aclOf(config),
      sessionTimeoutMs: config.zookeeper.sessionTimeoutMs,
    });
    const leaderships = new Leaderships({ election, clock: systemClock, logger, follower: CANARY });
    this.surroundings = { ...this.surroundings, leaderships };
    this.electing = leaderships.run(this.leaving.signal);
  }

  /** As other machines may reach it, as far as can be told from here. */
  private get adminUrl(): string | undefined {
    return this.adminAddress?.replace(/(0\.0\.0\.0|\[::\])(?=:\d+$)/, hostname());
  }

  private startMapping(mapping: MappingConfig): void {
    const activity = this.activity.forMapping(mapping.name);
    const metrics = activity.over(this.metrics.forMapping(mapping.name));
    const onWritten: WriteListener = (written) => activity.written(written);
    this.mappings.set(mapping.name, new RunningMapping(mapping, this.surroundings, metrics, onWritten));
  }

  private startCanary(config: Config): void {
    this.canary = undefined;
    const { enabled } = config.canary;
    const counters = this.metrics.forCanary(enabled);
    if (!enabled) return;
    const { surroundings } = this;
    const isPaused = (): boolean => [...this.mappings.values()].every((mapping) => mapping.isPaused);
    const onArrival = (at: Side, seconds: number): void => counters.arrived(at, seconds);
    this.canary = new RunningCanary({ config, surroundings, isPaused, onArrival });
  }

  private async listen({ admin }: Config): Promise<void> {
    if (admin.listen === undefined) return;
    this.admin = await startAdminServer({
      listen: admin.listen,
      token: admin.token?.reveal(),
      control: this,
      metrics: this.metrics,
      activity: this.activity,
      logger: this.logger,
    });
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../kit/servers/wait-until.js';
import type { Disturbance, Lane, Step } from './chaos-plan.js';
import type { ChaosStage, StoreServer } from './chaos-stage.js';

const START_TIMEOUT_MS = 60_000;

type Undo = () => Promise<void>;

export interface FaultEvents {
  readonly nowMs: () => number;
  readonly tell: (atMs: number, what: string) => void;
  /** A daemon's process is about to be killed or ended, and takes its counters with it. */
  readonly beforeDaemonEnds: (daemon: number) => Promise<void>;
}

/**
 * A ZooKeeper server that is back has to have caught up before the next fault of its ensemble. Otherwise ZooKeeper itself
 * loses what it has acknowledged: 3.8.0 did so three times in twenty minutes, whenever the leader was lost within a second
 * after another server had come back, and without a daemon running at the time. (The daemon that then found its ledger
 * gone held the mapping as `rolled-back`.) With three servers that is one fault more than they promise to survive.
 */
const ENSEMBLE_SETTLING_MS = 4_000;

/** Carries out a plan, and afterwards makes everything whole. */
export class FaultRunner {
  /** How often each kind of disturbance was begun. */
  readonly counts = new Map<string, number>();
  /** How often each daemon was started again. */
  readonly restarts = new Map<number, number>();
  /** Daemons that were down though nobody had ended them. */
  readonly foundDead: string[] = [];
  readonly #downOnPurpose = new Set<number>();

  constructor(
    private readonly stage: ChaosStage,
    private readonly events: FaultEvents,
  ) {}

  /** Ends when all lanes are through or, with the faults of that moment still there, soon after `signal` aborts. */
  async run(lanes: readonly Lane[], signal: AbortSignal): Promise<void> {
    await Promise.all(lanes.map((lane) => this.#runLane(lane, signal)));
  }

  /** Ends every fault, and starts whatever does not run. */
  async heal(): Promise<void> {
    const { stage } = this;
    stage.daemons.forEach(({ process }, number) => {
      if (process.isRunning || this.#downOnPurpose.has(number)) return;
      this.foundDead.push(`daemon ${number} had ended by itself`);
    });
    const { zookeeper, consul, daemons } = stage;
    await Promise.all([...zookeeper, ...consul.servers, consul.agent].map((server) => revive(server)));
    for (const { process, zookeeper: proxies, consul: proxy } of daemons) {
      process.signal('SIGCONT');
      for (const each of [...proxies, proxy]) await each.lift();
      proxy.switchTo(consul.agent);
    }
    for (const number of daemons.keys()) await this.#startDaemon(number);
  }

  async #runLane(lane: Lane, signal: AbortSignal): Promise<void> {
    for (const step of lane) {
      await pause(step.atMs - this.events.nowMs(), signal);
      if (signal.aborted) return;
      const undo = await this.#begin(step);
      await pause(step.lastsMs, signal);
      if (signal.aborted) return;
      await undo?.();
      this.events.tell(this.events.nowMs(), `  over: ${describe(step.disturbance)}`);
      await pause(settlingMs(step.disturbance), signal);
    }
  }

  async #begin(step: Step): Promise<Undo | undefined> {
    const { disturbance } = step;
    const undo = await this.#disturb(disturbance);
    if (undo === undefined) return undefined;
    const name = nameOf(disturbance);
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    this.events.tell(this.events.nowMs(), `${describe(disturbance)} for ${step.lastsMs} ms`);
    return undo;
  }

  /** @returns undefined when there is nobody to do it to */
  async #disturb(disturbance: Disturbance): Promise<Undo | undefined> {
    const { stage } = this;
    switch (disturbance.kind) {
      case 'kill-server':
        return killed(await stage.serverInRole(disturbance.store, disturbance.role));
      case 'pause-server':
        return paused(await stage.serverInRole(disturbance.store, disturbance.role));
      case 'lose-quorum': {
        const majority = stage.servers(disturbance.store).filter((_, index) => index !== disturbance.spared);
        const undos = await Promise.all(majority.map((server) => killed(server)));
        return async () => {
          await Promise.all(undos.map(async (undo) => undo?.()));
        };
      }
      case 'kill-agent':
        return killed(stage.consul.agent);
      case 'pause-agent':
        return paused(stage.consul.agent);
      case 'switch-agent':
        return this.#switchAgent(disturbance.server);
      case 'network':
        return this.#breakNetwork(disturbance);
      case 'kill-daemon':
      case 'pause-daemon':
      case 'stop-daemon':
        return this.#disturbDaemon(disturbance);
    }
  }

  #switchAgent(number: number): Undo | undefined {
    const { consul, daemons } = this.stage;
    const server = consul.servers[number];
    if (server === undefined) return undefined;
    for (const daemon of daemons) daemon.consul.switchTo(server);
    return async () => {
      for (const daemon of daemons) daemon.consul.switchTo(consul.agent);
    };
  }

  async #breakNetwork(disturbance: Disturbance & { kind: 'network' }): Promise<Undo> {
    const { daemon, store, fault, server } = disturbance;
    const all = this.stage.proxies(daemon, store);
    const one = server === 'all' || store !== 'zookeeper' ? undefined : all[server];
    const proxies = one === undefined ? all : [one];
    for (const proxy of proxies) await proxy.set(fault);
    return async () => {
      for (const proxy of proxies) await proxy.lift();
    };
  }

  async #disturbDaemon({
    kind,
    daemon,
  }: Disturbance & { daemon: number | 'busiest' }): Promise<Undo | undefined> {
    const number = daemon === 'busiest' ? await this.stage.busiestDaemon() : daemon;
    const { process } = this.stage.daemon(number);
    if (!process.isRunning) return undefined;
    if (kind === 'pause-daemon') {
      process.signal('SIGSTOP');
      return async () => process.signal('SIGCONT');
    }
    await this.events.beforeDaemonEnds(number);
    this.#downOnPurpose.add(number);
    if (kind === 'kill-daemon') await process.kill();
    else await process.stop();
    return () => this.#startDaemon(number);
  }

  async #startDaemon(number: number): Promise<void> {
    const { process } = this.stage.daemon(number);
    this.#downOnPurpose.delete(number);
    if (process.isRunning) return;
    this.restarts.set(number, (this.restarts.get(number) ?? 0) + 1);
    await process.start();
  }
}

async function killed(server: StoreServer | undefined): Promise<Undo | undefined> {
  if (server?.pid === undefined) return undefined;
  await server.kill();
  return () => revive(server);
}

async function paused(server: StoreServer | undefined): Promise<Undo | undefined> {
  if (server?.pid === undefined) return undefined;
  await server.pause();
  return async () => server.resume();
}

async function revive(server: StoreServer): Promise<void> {
  server.resume();
  // A port of its own may have been taken for a moment by somebody else's test.
  await waitUntil(
    'a server to start again',
    async () => {
      if (server.pid === undefined) await server.launch();
      return true;
    },
    { timeoutMs: START_TIMEOUT_MS },
  );
}

async function pause(forMs: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, forMs), undefined, { signal }).catch(() => undefined);
}

/** What is counted together. */
function nameOf(disturbance: Disturbance): string {
  switch (disturbance.kind) {
    case 'kill-server':
    case 'pause-server':
      return `${disturbance.kind} ${disturbance.store} ${disturbance.role}`;
    case 'lose-quorum':
      return `lose-quorum ${disturbance.store}`;
    case 'network':
      return `network ${disturbance.fault.kind} ${disturbance.store}`;
    case 'kill-agent':
    case 'pause-agent':
    case 'switch-agent':
    case 'kill-daemon':
    case 'pause-daemon':
    case 'stop-daemon':
      return disturbance.kind;
  }
}

function describe(disturbance: Disturbance): string {
  if (disturbance.kind !== 'network') {
    return 'daemon' in disturbance
      ? `${nameOf(disturbance)} ${String(disturbance.daemon)}`
      : nameOf(disturbance);
  }
  const { daemon, server, fault } = disturbance;
  return `${nameOf(disturbance)}, daemon ${daemon}, server ${server}, ${JSON.stringify(fault)}`;
}

function settlingMs(disturbance: Disturbance): number {
  return 'store' in disturbance && disturbance.kind !== 'network' && disturbance.store === 'zookeeper'
    ? ENSEMBLE_SETTLING_MS
    : 0;
}

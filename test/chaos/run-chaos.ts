import { setTimeout as sleep } from 'node:timers/promises';
import { StatusError, type DaemonProcess, type MappingAnswer } from '../kit/daemon/daemon-process.js';
import { checkExactLoss } from '../kit/history/exact-loss.js';
import { checkHistory } from '../kit/history/check-history.js';
import { checkExactResurrection } from '../kit/history/exact-resurrection.js';
import type { History, JournaledConflict, LedgerSighting, Violation } from '../kit/history/history.js';
import { checkOneWriter } from '../kit/history/one-writer.js';
import { SeededRandom } from '../kit/memory-store/seeded-random.js';
import { waitUntil } from '../kit/servers/wait-until.js';
import { planChaos } from './chaos-plan.js';
import { ChaosStage, type MappingPlace } from './chaos-stage.js';
import { ClientWrites } from './client-writes.js';
import { readJournal } from './daemon-journal.js';
import { FaultRunner } from './fault-runner.js';
import { LedgerWatch } from './ledger-watch.js';
import { Propagation } from './propagation.js';
import { holdEphemerals, holdLocks } from './session-holders.js';
import { ConsulClient, ZooKeeperClient } from './store-clients.js';
import { readContents, type Contents } from './store-contents.js';
import { runWriter } from './writer.js';

/** What the admin server answers while the daemon stops. */
const UNAVAILABLE = 503;
const WRITERS_A_STORE = 4;
const CONVERGENCE_TIMEOUT_MS = 180_000;
const HOLDS_INTERVAL_MS = 500;
/** Foreign changes move a ledger up to a second later. */
const SETTLE_MS = 3_000;
/** With several daemons: how long the lead must have stayed where it is. */
const LEAD_SETTLED_MS = 15_000;

export interface ChaosOptions {
  readonly seed: number;
  /** How long clients write and faults come and go. */
  readonly forMs: number;
  /** How long nothing may move afterwards. */
  readonly quietMs: number;
  readonly daemons: number;
  readonly mappings: number;
  readonly tell: (line: string) => void;
  /** Is given the stage before it is taken down, when something was found. */
  readonly keep?: (stage: ChaosStage, result: ChaosResult) => Promise<void>;
}

export interface ChaosResult {
  readonly violations: readonly Violation[];
  readonly histories: ReadonlyMap<string, History>;
  readonly ledgers: ReadonlyMap<string, readonly LedgerSighting[]>;
  readonly faults: ReadonlyMap<string, number>;
  /** From the end of all faults and writes until both sides were equal and said to be. */
  readonly convergedAfterMs: number | undefined;
  readonly propagation: Propagation;
  readonly holdsSeen: ReadonlyMap<string, number>;
  readonly events: readonly string[];
}

/** Clusters, daemons, clients and faults for a while; then peace, and the verdict. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const stage = await ChaosStage.start(options);
  try {
    const result = await new ChaosRun(stage, options).run();
    if (result.violations.length > 0) await options.keep?.(stage, result);
    return result;
  } finally {
    await stage.dispose();
  }
}

class ChaosRun {
  private readonly writes = new ClientWrites();
  private readonly ledgers: LedgerWatch;
  private readonly faults: FaultRunner;
  private readonly propagation = new Propagation();
  private readonly holdsSeen = new Map<string, number>();
  private readonly events: string[] = [];
  private readonly violations: Violation[] = [];

  constructor(
    private readonly stage: ChaosStage,
    private readonly options: ChaosOptions,
  ) {
    this.ledgers = new LedgerWatch(stage);
    this.faults = new FaultRunner(stage, {
      nowMs: () => this.writes.nowMs(),
      tell: (atMs, what) => this.tell(atMs, what),
      beforeDaemonEnds: (daemon) =>
        this.propagation.take(stage.daemon(daemon).process).catch(() => undefined),
    });
  }

  async run(): Promise<ChaosResult> {
    const { stage } = this;
    const watching = new AbortController();
    const background = [this.ledgers.run(watching.signal), this.watchHolds(watching.signal)];
    await this.disturb();
    const healedMs = this.writes.nowMs();
    this.tell(healedMs, 'all faults are over, and clients have stopped');
    const contents = new Map<MappingPlace, Contents | undefined>();
    for (const mapping of stage.mappings) contents.set(mapping, await this.converge(mapping));
    const hasConverged = [...contents.values()].every((each) => each !== undefined);
    const convergedAfterMs = hasConverged ? this.writes.nowMs() - healedMs : undefined;
    this.tell(this.writes.nowMs(), hasConverged ? 'both sides are equal' : 'the sides did not become equal');
    if (hasConverged) await this.expectQuiet();
    watching.abort();
    await Promise.all(background);
    const histories = new Map<string, History>();
    for (const mapping of stage.mappings) histories.set(mapping.name, await this.judge(mapping));
    for (const { process } of stage.daemons) await this.propagation.take(process);
    for (const explanation of this.faults.foundDead) this.found('daemons stay up', explanation);
    return {
      ...{ violations: this.violations, histories, convergedAfterMs, propagation: this.propagation },
      ledgers: new Map(stage.mappings.map(({ name }) => [name, this.ledgers.of(name)])),
      ...{ faults: this.faults.counts, holdsSeen: this.holdsSeen, events: this.events },
    };
  }

  private async disturb(): Promise<void> {
    const { seed, forMs, daemons } = this.options;
    const random = new SeededRandom(seed);
    const lanes = planChaos(random, { forMs, daemons });
    const over = AbortSignal.timeout(forMs);
    const ended = new AbortController();
    const writers = this.startWriters(random, ended.signal);
    await this.faults.run(lanes, over);
    await sleep(Math.max(0, forMs - this.writes.nowMs()));
    await this.faults.heal();
    // Clients go on for a moment without any fault.
    await sleep(1_000);
    ended.abort();
    await Promise.all(writers);
  }

  private startWriters(random: SeededRandom, signal: AbortSignal): Promise<void>[] {
    const { zookeeper, consul, mappings } = this.stage;
    const connect = zookeeper.map((server) => server.connect).join(',');
    const fork = (): SeededRandom => new SeededRandom(random.below(2 ** 31));
    const common = [mappings, this.writes] as const;
    const started = [
      holdEphemerals(connect, ...common, fork(), signal),
      holdLocks(consul.servers, ...common, fork(), signal),
    ];
    for (let number = 0; number < WRITERS_A_STORE; number++) {
      started.push(
        runWriter('zookeeper', new ZooKeeperClient(connect), ...common, fork(), signal),
        runWriter('consul', new ConsulClient(consul.servers, number), ...common, fork(), signal),
      );
    }
    return started;
  }

  /** What both sides hold once they are equal and the mapping says so; undefined when that takes too long. */
  private async converge(mapping: MappingPlace): Promise<Contents | undefined> {
    try {
      return await waitUntil(`${mapping.name} to converge`, () => this.equalContents(mapping), {
        timeoutMs: CONVERGENCE_TIMEOUT_MS,
      });
    } catch (error) {
      const cause = error instanceof Error ? String(error.cause) : '';
      this.found('convergence', `${String(error)}; ${cause}`);
      return undefined;
    }
  }

  private async equalContents(mapping: MappingPlace): Promise<Contents> {
    const status = await this.activeStatus(mapping);
    if (!status.inSync) throw new Error(`it says ${JSON.stringify(status)}`);
    const contents = await readContents(this.stage, mapping);
    if (contents.sessionBound.length > 0)
      throw new Error(`sessions still have ${contents.sessionBound.join()}`);
    const { zookeeper, consul } = contents.values;
    for (const key of new Set([...zookeeper.keys(), ...consul.keys()])) {
      if ((zookeeper.get(key) ?? '') !== (consul.get(key) ?? '')) throw new Error(`${key} differs`);
    }
    return contents;
  }

  private async activeStatus({ name }: MappingPlace): Promise<MappingAnswer> {
    const answers = await Promise.all(this.stage.daemons.map(({ process }) => process.mapping(name)));
    const active = answers.filter(({ role }) => role === 'active');
    if (active.length !== 1 || active[0] === undefined) {
      throw new Error(`${active.length} daemons are active for ${name}`);
    }
    return active[0];
  }

  /** S2: with no client writing, no version moves in either store. */
  private async expectQuiet(): Promise<void> {
    const { stage, options } = this;
    await sleep(SETTLE_MS);
    if (stage.daemons.length > 1) await this.leadSettled();
    const before = await Promise.all(stage.mappings.map((mapping) => readContents(stage, mapping)));
    await sleep(options.quietMs);
    const after = await Promise.all(stage.mappings.map((mapping) => readContents(stage, mapping)));
    after.forEach(({ versions }, index) => {
      const known = before[index]?.versions ?? new Map<string, string>();
      for (const name of new Set([...known.keys(), ...versions.keys()])) {
        const [was, is] = [known.get(name), versions.get(name)];
        if (was !== is) this.found('quiet', `${name} went from ${was} to ${is} with no client writing`);
      }
    });
  }

  /** Daemons that came back take over some mappings from those that lead more, which moves the ledgers. */
  private async leadSettled(): Promise<void> {
    let before = '';
    let sinceMs = performance.now();
    const isSettled = async (): Promise<boolean> => {
      const leaders = await Promise.all(stage.mappings.map((mapping) => this.activeStatus(mapping)));
      const now = JSON.stringify(leaders.map(({ leader }) => leader));
      if (now !== before) sinceMs = performance.now();
      before = now;
      return performance.now() - sinceMs > LEAD_SETTLED_MS;
    };
    const { stage } = this;
    await waitUntil('the lead of all mappings to settle', isSettled, { timeoutMs: CONVERGENCE_TIMEOUT_MS });
  }

  private async judge(mapping: MappingPlace): Promise<History> {
    const { stage } = this;
    const { values } = await readContents(stage, mapping);
    const journal: JournaledConflict[] = [];
    for (const [number, { process }] of stage.daemons.entries()) {
      journal.push(...(await readJournal(`daemon ${number}`, process, mapping.name)));
    }
    const history: History = {
      writes: this.writes.of(mapping.name),
      finals: values,
      journal,
      ending: await this.ending(mapping),
      replacements: [],
      restartsOfAgreement: [],
      restarts: new Map([...this.faults.restarts].map(([number, times]) => [`daemon ${number}`, times])),
      source: undefined,
    };
    this.violations.push(...checkHistory(history));
    this.violations.push(...checkExactLoss(history), ...checkExactResurrection(history));
    this.violations.push(...checkOneWriter(this.ledgers.of(mapping.name)));
    return history;
  }

  private async ending(mapping: MappingPlace): Promise<History['ending']> {
    const { holds, skipped } = await this.activeStatus(mapping);
    const setAside = new Set<string>();
    const mappingHolds: string[] = [];
    for (const { reason, key, detail } of holds) {
      // Nothing that happens here is a reason for one.
      this.found('no holds', `${mapping.name} ${key ?? ''} is held: ${reason}, ${detail}`);
      if (typeof key === 'string') setAside.add(key);
      else mappingHolds.push(reason);
    }
    for (const { key } of skipped) setAside.add(key);
    return { mappingHolds, setAside };
  }

  /** Holds that came and went, and whether a daemon that runs can say how it is. */
  private async watchHolds(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const { process } of this.stage.daemons) {
        for (const { reason, detail } of await this.holdsOf(process)) {
          if (!this.holdsSeen.has(reason)) this.tell(this.writes.nowMs(), `held ${reason}: ${detail}`);
          this.holdsSeen.set(reason, (this.holdsSeen.get(reason) ?? 0) + 1);
        }
      }
      await sleep(HOLDS_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async holdsOf(process: DaemonProcess): Promise<MappingAnswer['holds']> {
    try {
      const { mappings } = await process.status(HOLDS_INTERVAL_MS);
      return mappings.flatMap(({ holds }) => holds);
    } catch (error) {
      // It may be paused, down or about to stop, but not confused.
      if (error instanceof StatusError && error.status !== UNAVAILABLE) this.found('status', error.message);
      return [];
    }
  }

  private found(checker: string, explanation: string): void {
    this.violations.push({ checker, key: undefined, explanation });
  }

  private tell(atMs: number, what: string): void {
    const line = `${(atMs / 1000).toFixed(1).padStart(7)} s  ${what}`;
    this.events.push(line);
    this.options.tell(line);
  }
}

import type { Pair, Side } from '../../src/core/pair.js';
import { ReplicaError } from '../../src/ports/errors.js';
import type { AnswerFault, Faults } from '../kit/memory-store/faults.js';
import type { Link } from '../kit/memory-store/link.js';
import { SeededRandom } from '../kit/memory-store/seeded-random.js';
import type { SimClock } from '../kit/memory-store/sim-clock.js';
import type { FaultAct, ReadFailure } from './plan.js';

type WindowAct = Extract<FaultAct, { chance: number }>;
type DenyAct = Extract<FaultAct, { do: 'deny' }>;

/** A fault that may strike for a while. */
interface OpenWindow {
  readonly act: WindowAct;
  readonly untilMs: number;
  readonly random: SeededRandom;
}

/** What lies between every daemon and the two stores, and what goes wrong there. */
export class Network {
  readonly requests = { left: 0, right: 0 };
  /** How often each kind of fault struck. */
  readonly struck = new Map<string, number>();
  readonly #links: Pair<Set<Link>> = { left: new Set(), right: new Set() };
  readonly #windows: Pair<OpenWindow[]> = { left: [], right: [] };
  readonly #denials: Pair<{ act: DenyAct; untilMs: number }[]> = { left: [], right: [] };
  readonly #downUntilMs = { left: 0, right: 0 };
  readonly #lagUntilMs = { left: 0, right: 0 };
  readonly #leaderlessUntilMs = { left: 0, right: 0 };
  readonly #leaderlessCode: { left: ReadFailure | undefined; right: ReadFailure | undefined } = {
    left: undefined,
    right: undefined,
  };

  constructor(
    private readonly clock: SimClock,
    private readonly over: AbortSignal,
  ) {}

  connect(side: Side, link: Link): void {
    this.#links[side].add(link);
    link.faults = this.#faults(side);
    if (this.#isDown(side)) link.disconnect();
    if (this.#leaderlessUntilMs[side] > this.clock.monotonicMs()) this.#leaveLeaderless(side, link);
  }

  forget(side: Side, link: Link): void {
    this.#links[side].delete(link);
  }

  open(act: WindowAct): void {
    const untilMs = this.clock.monotonicMs() + act.forMs;
    this.#windows[act.side].push({ act, untilMs, random: new SeededRandom(act.seed) });
  }

  deny(act: DenyAct): void {
    this.#denials[act.side].push({ act, untilMs: this.clock.monotonicMs() + act.forMs });
  }

  disconnect(side: Side, forMs: number): void {
    this.#downUntilMs[side] = Math.max(this.#downUntilMs[side], this.clock.monotonicMs() + forMs);
    for (const link of this.#links[side]) link.disconnect();
    this.#count('disconnect');
    void this.clock.sleep(forMs, this.over).then(() => this.#reconnect(side));
  }

  expireSession(side: Side): void {
    this.#count('expire-session');
    for (const link of this.#links[side]) link.renew();
  }

  wakeWatches(side: Side): void {
    this.#count('wake-watches');
    for (const link of this.#links[side]) link.wakeSpuriously();
  }

  loseLeader({ side, forMs, code }: FaultAct & { do: 'lose-leader' }): void {
    this.#count('lose-leader');
    this.#leaderlessCode[side] = code;
    this.#leaderlessUntilMs[side] = Math.max(this.#leaderlessUntilMs[side], this.clock.monotonicMs() + forMs);
    for (const link of this.#links[side]) this.#leaveLeaderless(side, link);
    void this.clock.sleep(forMs, this.over).then(() => this.#findLeader(side));
  }

  /** A server of the store falls behind; who makes daemons ask it knows what it shows. */
  lag(side: Side, forMs: number): void {
    this.#lagUntilMs[side] = this.clock.monotonicMs() + forMs;
  }

  lags(side: Side): boolean {
    const lags = this.#lagUntilMs[side] > this.clock.monotonicMs();
    if (lags) this.#count('lag');
    return lags;
  }

  /** Nothing goes wrong any more. */
  heal(): void {
    for (const side of ['left', 'right'] as const) {
      this.#windows[side].length = 0;
      this.#denials[side].length = 0;
      this.#downUntilMs[side] = 0;
      this.#leaderlessUntilMs[side] = 0;
      this.#findLeader(side);
      this.#lagUntilMs[side] = 0;
      this.#reconnect(side);
    }
  }

  #faults(side: Side): Faults {
    const strikes = <K extends WindowAct['do']>(kind: K): Extract<WindowAct, { do: K }> | undefined =>
      this.#strikes(side, kind);
    const afterAnswer = (): AnswerFault | undefined => {
      const delay = strikes('delay-replies');
      if (delay !== undefined) return { delayedByMs: delay.byMs };
      return strikes('cut-replies') && 'broken-off';
    };
    return {
      beforeRead: () => {
        this.requests[side]++;
        const failing = strikes('fail-reads');
        if (failing) return new ReplicaError(failing.code, `simulated: ${failing.code}`, true);
        return strikes('lose-reads') && 'request-lost';
      },
      afterRead: afterAnswer,
      answersOnly: (_, keys) => strikes('answer-in-part') && Math.floor(keys / 2),
      lagsBehind: () => strikes('follow-behind')?.writes ?? 0,
      beforeWrite: () => {
        this.requests[side]++;
        if (strikes('refuse-writes')) return 'refused';
        if (strikes('lose-requests')) return 'request-lost';
        const delay = strikes('delay-writes');
        return delay && { delayedByMs: delay.byMs };
      },
      afterWrite: () => (strikes('lose-replies') ? 'reply-lost' : afterAnswer()),
      losesHint: () => strikes('lose-hints') !== undefined,
      distortsHint: () => {
        const delay = strikes('delay-hints');
        if (delay !== undefined) return { delayedByMs: delay.byMs };
        return strikes('double-hints') && 'doubled';
      },
      denies: (access, name) => this.#denies(side, access, name),
    };
  }

  #strikes<K extends WindowAct['do']>(side: Side, kind: K): Extract<WindowAct, { do: K }> | undefined {
    const windows = this.#windows[side];
    if (windows.length === 0) return undefined;
    const nowMs = this.clock.monotonicMs();
    for (const { act, untilMs, random } of windows) {
      if (act.do !== kind || untilMs < nowMs || !random.chance(act.chance)) continue;
      this.#count(kind);
      return act as Extract<WindowAct, { do: K }>;
    }
    return undefined;
  }

  #denies(side: Side, access: 'read' | 'write', name: string): boolean {
    const denials = this.#denials[side];
    if (denials.length === 0) return false;
    const nowMs = this.clock.monotonicMs();
    const denied = denials.some(
      ({ act, untilMs }) =>
        untilMs >= nowMs && (act.access === 'both' || act.access === access) && name.startsWith(act.below),
    );
    if (denied) this.#count('deny');
    return denied;
  }

  #count(kind: string): void {
    this.struck.set(kind, (this.struck.get(kind) ?? 0) + 1);
  }

  #isDown(side: Side): boolean {
    return this.#downUntilMs[side] > this.clock.monotonicMs();
  }

  #reconnect(side: Side): void {
    if (this.#isDown(side)) return;
    for (const link of this.#links[side]) link.reconnect();
  }

  #leaveLeaderless(side: Side, link: Link): void {
    const code = this.#leaderlessCode[side];
    link.loseLeader(code && new ReplicaError(code, `simulated: ${code}, no leader`, true));
  }

  #findLeader(side: Side): void {
    if (this.#leaderlessUntilMs[side] > this.clock.monotonicMs()) return;
    for (const link of this.#links[side]) link.findLeader();
  }
}

import type { Clock, Random } from '../../../src/ports/clock.js';
import { ReplicaError } from '../../../src/ports/errors.js';
import type { HintListener, WriteBatch, WriteOutcome } from '../../../src/ports/replica.js';
import type { AnswerFault, Faults, ReadRequest, WriteFault } from './faults.js';

export interface LinkOptions {
  /** Names the store in errors. */
  readonly storeName: string;
  readonly clock: Clock;
  readonly random: Random;
  /** How long a request or an answer travels, each way; 0 unless given. */
  readonly travelMs?: { readonly min: number; readonly max: number };
  /** After so long without an answer a request is given up. */
  readonly requestTimeoutMs?: number;
}

const REQUEST_TIMEOUT_MS = 10_000;
const NEVER = new AbortController().signal;

interface Watch {
  readonly signal: AbortSignal;
  readonly listener: HintListener;
  /** Asks for a rescan, now that changes are told. */
  arm(): void;
}

/** A daemon's connection to one store: what travels on it takes time, and gets lost where `faults` say so. */
export class Link {
  faults: Faults = {};
  readonly #options: LinkOptions;
  readonly #timeoutMs: number;
  readonly #watches = new Set<Watch>();
  #isConnected = true;
  /** Rises whenever the connection breaks: what still travels belongs to an earlier one, and is lost. */
  #connection = 0;
  /** Rises whenever watches are lost, and with them what they had to tell. */
  #blindnesses = 0;
  /** Aborts when the connection breaks; made where somebody waits for an answer that won't come. */
  #breaking: AbortController | undefined;
  /** What every request is answered with, while the store can serve none. */
  #refusal: ReplicaError | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#timeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  }

  /** The connection breaks: calls fail at once, what is under way is lost, and so are hints; watches are told. */
  disconnect(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.#connection++;
    this.#breaking?.abort();
    this.#breaking = undefined;
    if (this.#refusal === undefined) this.#tellLost('the connection is broken');
  }

  /** It is there again: every watch is armed anew, and asks for a rescan. */
  reconnect(): void {
    if (this.#isConnected) return;
    this.#isConnected = true;
    if (this.#refusal === undefined) this.rearm();
  }

  /** It breaks and is there again at once, unless it was broken already: an expired session, or another server. */
  renew(): void {
    if (!this.#isConnected) return;
    this.disconnect();
    this.reconnect();
  }

  /**
   * Until `findLeader`, the store answers everything with this error and does nothing (Consul: 500, 429, 503), and no
   * change is told. What it has done already it may still answer.
   */
  loseLeader(answer?: ReplicaError): void {
    const message = `${this.#options.storeName} has no leader`;
    this.#refusal = answer ?? new ReplicaError('STORE_UNREACHABLE', message, true);
    if (this.#isConnected) this.#tellLost(this.#refusal.message);
  }

  findLeader(): void {
    if (this.#refusal === undefined) return;
    this.#refusal = undefined;
    if (this.#isConnected) this.rearm();
  }

  /** Every watch is armed anew without having been lost. */
  rearm(): void {
    for (const watch of [...this.#watches]) watch.arm();
  }

  /** Watches return without a change: Consul's blocking queries may (docs, "Blocking Queries"). */
  wakeSpuriously(): void {
    for (const { listener, signal } of [...this.#watches]) this.hint(signal, () => listener.stirred());
  }

  /** @throws ReplicaError when the store can't be asked, or its answer doesn't arrive */
  async read<T>(request: ReadRequest, signal: AbortSignal, serve: () => T): Promise<T> {
    const connection = this.#connection;
    const mustStand = (): void => {
      const obstacle = this.#obstacle(request, connection, signal);
      if (obstacle !== undefined) throw obstacle;
    };
    const timeOut = async (): Promise<never> => {
      await this.#waitInVain(this.#timeoutMs, signal);
      mustStand();
      throw this.#timedOut(request);
    };
    mustStand();
    const fault = this.faults.beforeRead?.(request);
    if (fault === 'request-lost') return timeOut();
    if (fault !== undefined && !(fault instanceof ReplicaError)) {
      if (fault.delayedByMs >= this.#timeoutMs) return timeOut();
      await this.#options.clock.sleep(fault.delayedByMs, signal);
    }
    await this.#travel(signal);
    mustStand();
    if (fault instanceof ReplicaError) throw fault;
    if (this.#refusal !== undefined) throw this.#refusal;
    const answer = serve();
    const spoilt = this.faults.afterRead?.(request);
    if (spoilt === 'reply-lost') return timeOut();
    if (spoilt !== undefined && spoilt !== 'broken-off') {
      if (spoilt.delayedByMs >= this.#timeoutMs) return timeOut();
      await this.#options.clock.sleep(spoilt.delayedByMs, signal);
    }
    await this.#travel(signal);
    mustStand();
    if (spoilt === 'broken-off') throw this.#unreachable(request);
    return answer;
  }

  /** @param serve applies the batch in the store, when it arrives there */
  async write(batch: WriteBatch, signal: AbortSignal, serve: () => WriteOutcome): Promise<WriteOutcome> {
    const obstacle = this.#obstacle('write', this.#connection, signal);
    if (obstacle !== undefined) return { kind: 'retriable', cause: obstacle };
    const fault = this.faults.beforeWrite?.(batch);
    if (fault === 'refused') return { kind: 'retriable', cause: this.#unreachable('write') };
    if (fault instanceof ReplicaError) return { kind: 'retriable', cause: fault };
    const sentMs = this.#options.clock.monotonicMs();
    const carried = this.#carry(fault, serve);
    // Only what is sure to be late is waited for beside a timer: an aborted timer for each write would cost more than it.
    const outcome = await unlessAborted(fault === undefined ? carried : this.#inTime(carried), signal);
    if (outcome !== 'no-answer' && outcome !== 'aborted') return outcome;
    if (outcome === 'no-answer') {
      await this.#options.clock.sleep(sentMs + this.#timeoutMs - this.#options.clock.monotonicMs(), signal);
    }
    return { kind: 'unknown', cause: signal.aborted ? this.#aborted('write') : this.#timedOut('write') };
  }

  /**
   * Arms a watch, and arms it again after every reconnect. It first watches and then asks for a rescan, so that
   * nothing falls between the two.
   * @param subscribe begins to watch the store, and returns what ends it
   */
  async watch(listener: HintListener, signal: AbortSignal, subscribe: () => () => void): Promise<void> {
    if (signal.aborted) return;
    const unsubscribe = subscribe();
    let hasStarted = false;
    const watch: Watch = {
      listener,
      signal,
      arm: () =>
        this.#deliver(signal, () => {
          listener.rescan(hasStarted ? 'reconnect' : 'start');
          hasStarted = true;
        }),
    };
    this.#watches.add(watch);
    if (this.#isWatching) watch.arm();
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    this.#watches.delete(watch);
    unsubscribe();
  }

  /**
   * Brings a hint to the daemon, unless it gets lost.
   * @returns whether it is on its way
   */
  hint(signal: AbortSignal, tell: () => void): boolean {
    if (!this.#isWatching || this.faults.losesHint?.() === true) return false;
    const fault = this.faults.distortsHint?.();
    const lateByMs = fault === undefined || fault === 'doubled' ? 0 : fault.delayedByMs;
    this.#deliver(signal, tell, lateByMs);
    if (fault === 'doubled') this.#deliver(signal, tell);
    return true;
  }

  /** How a batch ends whose ledger may not be written: not for anything that is wrong with its entries. */
  ledgerDenied(name: string): WriteOutcome {
    const message = `the ledger ${name} at ${this.#options.storeName} can't be written: permission denied`;
    return { kind: 'retriable', cause: new ReplicaError('STORE_DENIED', message, false) };
  }

  /** Takes a write to the store and its answer back. */
  async #carry(
    fault: Exclude<WriteFault, 'refused' | ReplicaError> | undefined,
    serve: () => WriteOutcome,
  ): Promise<WriteOutcome | 'no-answer'> {
    if (fault === 'request-lost') return 'no-answer';
    const connection = this.#connection;
    const brokenOff = { kind: 'unknown', cause: this.#unreachable('write') } as const;
    await this.#travel(NEVER);
    if (fault !== undefined) await this.#options.clock.sleep(fault.delayedByMs, NEVER);
    // What is delayed waits in a queue of the store, which it doesn't leave when its connection breaks.
    else if (connection !== this.#connection) return brokenOff;
    if (this.#refusal !== undefined) return { kind: 'retriable', cause: this.#refusal };
    const outcome = serve();
    const spoilt: AnswerFault | undefined = this.faults.afterWrite?.(outcome);
    if (spoilt === 'reply-lost') return 'no-answer';
    if (spoilt !== undefined && spoilt !== 'broken-off') {
      if (spoilt.delayedByMs >= this.#timeoutMs) return 'no-answer';
      await this.#options.clock.sleep(spoilt.delayedByMs, NEVER);
    }
    await this.#travel(NEVER);
    return spoilt === 'broken-off' || connection !== this.#connection ? brokenOff : outcome;
  }

  async #inTime<T>(answer: Promise<T>): Promise<T | 'no-answer'> {
    const answered = new AbortController();
    const tooLate = this.#options.clock.sleep(this.#timeoutMs, answered.signal);
    const outcome = await Promise.race([answer, tooLate.then(() => 'no-answer' as const)]);
    answered.abort();
    return outcome;
  }

  get #isWatching(): boolean {
    return this.#isConnected && this.#refusal === undefined;
  }

  /** Known at once, however long an answer would travel. */
  #tellLost(why: string): void {
    this.#blindnesses++;
    for (const { listener, signal } of [...this.#watches]) {
      if (!signal.aborted) listener.lost(`${this.#options.storeName}: ${why}`);
    }
  }

  #deliver(signal: AbortSignal, tell: () => void, lateByMs = 0): void {
    if (!this.#isWatching) return;
    const blindnesses = this.#blindnesses;
    const late = lateByMs === 0 ? undefined : this.#options.clock.sleep(lateByMs, NEVER);
    void Promise.all([late, this.#travel(NEVER)]).then(() => {
      if (blindnesses === this.#blindnesses && !signal.aborted) tell();
    });
  }

  async #travel(signal: AbortSignal): Promise<void> {
    const { travelMs, clock, random } = this.#options;
    if (travelMs === undefined) return;
    await clock.sleep(travelMs.min + random.next() * (travelMs.max - travelMs.min), signal);
  }

  /** Until the time is over, `signal` aborts, or the connection breaks. */
  async #waitInVain(ms: number, signal: AbortSignal): Promise<void> {
    this.#breaking ??= new AbortController();
    await this.#options.clock.sleep(ms, AbortSignal.any([signal, this.#breaking.signal]));
  }

  #obstacle(
    request: ReadRequest | 'write',
    connection: number,
    signal: AbortSignal,
  ): ReplicaError | undefined {
    if (signal.aborted) return this.#aborted(request);
    const stands = this.#isConnected && connection === this.#connection;
    return stands ? undefined : this.#unreachable(request);
  }

  #aborted(request: string): ReplicaError {
    return new ReplicaError('ABORTED', `${request} at ${this.#options.storeName} was aborted`, false);
  }

  #unreachable(request: string): ReplicaError {
    const message = `${request} at ${this.#options.storeName}: the connection is broken`;
    return new ReplicaError('STORE_UNREACHABLE', message, true);
  }

  #timedOut(request: string): ReplicaError {
    const message = `${request} at ${this.#options.storeName} got no answer within ${this.#timeoutMs} ms`;
    return new ReplicaError('STORE_TIMEOUT', message, true);
  }
}

/** Waits for what goes on regardless, until `signal` aborts. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | 'aborted'> {
  let abort = (): void => undefined;
  const aborted = new Promise<'aborted'>((resolve) => {
    abort = () => resolve('aborted');
  });
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

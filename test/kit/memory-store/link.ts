import type { Clock, Random } from '../../../src/ports/clock.js';
import { ReplicaError } from '../../../src/ports/errors.js';
import type { HintListener, WriteBatch, WriteOutcome } from '../../../src/ports/replica.js';
import type { Faults, ReadRequest, WriteFault } from './faults.js';

export interface LinkOptions {
  /** Names the store in errors. */
  readonly storeName: string;
  readonly clock: Clock;
  readonly random: Random;
  /** How long a request or an answer travels, each way; 0 unless given. */
  readonly travelMs?: { readonly min: number; readonly max: number };
  /** After so long without an answer a write is given up. */
  readonly requestTimeoutMs?: number;
}

const REQUEST_TIMEOUT_MS = 10_000;
const NEVER = new AbortController().signal;

/** A daemon's connection to one store: what travels on it takes time, and gets lost where `faults` say so. */
export class Link {
  faults: Faults = {};
  readonly #options: LinkOptions;
  readonly #watches = new Set<() => void>();
  #isConnected = true;
  /** Rises whenever the connection breaks: what still travels belongs to an earlier one, and is lost. */
  #connection = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** The connection breaks: calls fail at once, what is under way is lost, and so are hints. */
  disconnect(): void {
    this.#isConnected = false;
    this.#connection++;
  }

  /** It is there again: every watch is armed anew, and asks for a rescan. */
  reconnect(): void {
    if (this.#isConnected) return;
    this.#isConnected = true;
    for (const arm of [...this.#watches]) arm();
  }

  /** It breaks and is there again at once, unless it was broken already. */
  renew(): void {
    if (!this.#isConnected) return;
    this.disconnect();
    this.reconnect();
  }

  /** @throws ReplicaError when the store can't be asked, or its answer doesn't arrive */
  async read<T>(request: ReadRequest, signal: AbortSignal, serve: () => T): Promise<T> {
    const connection = this.#connection;
    const mustStand = (): void => {
      const obstacle = this.#obstacle(request, connection, signal);
      if (obstacle !== undefined) throw obstacle;
    };
    mustStand();
    const fault = this.faults.beforeRead?.(request);
    await this.#travel(signal);
    mustStand();
    if (fault !== undefined) throw fault;
    const answer = serve();
    await this.#travel(signal);
    mustStand();
    return answer;
  }

  /** @param serve applies the batch in the store, when it arrives there */
  async write(batch: WriteBatch, signal: AbortSignal, serve: () => WriteOutcome): Promise<WriteOutcome> {
    const obstacle = this.#obstacle('write', this.#connection, signal);
    if (obstacle !== undefined) return { kind: 'retriable', cause: obstacle };
    const fault = this.faults.beforeWrite?.(batch);
    if (fault === 'refused') return { kind: 'retriable', cause: this.#unreachable('write') };
    const answered = new AbortController();
    const timeoutMs = this.#options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    const givenUp = this.#options.clock.sleep(timeoutMs, AbortSignal.any([signal, answered.signal]));
    const answer = this.#carry(fault, serve);
    const outcome = await Promise.race([answer, givenUp.then(() => 'no-answer' as const)]);
    if (outcome === 'no-answer') {
      await givenUp;
      return { kind: 'unknown', cause: signal.aborted ? this.#aborted('write') : this.#timedOut(timeoutMs) };
    }
    answered.abort();
    return outcome;
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
    const arm = (): void =>
      this.#deliver(signal, () => {
        listener.rescan(hasStarted ? 'reconnect' : 'start');
        hasStarted = true;
      });
    this.#watches.add(arm);
    if (this.#isConnected) arm();
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    this.#watches.delete(arm);
    unsubscribe();
  }

  /** Brings a hint to the daemon, unless it gets lost. */
  hint(signal: AbortSignal, tell: () => void): void {
    if (this.faults.losesHint?.() !== true) this.#deliver(signal, tell);
  }

  /** How a batch ends whose ledger may not be written: not for anything that is wrong with its entries. */
  ledgerDenied(name: string): WriteOutcome {
    const message = `the ledger ${name} at ${this.#options.storeName} can't be written: permission denied`;
    return { kind: 'retriable', cause: new ReplicaError('STORE_DENIED', message, false) };
  }

  /** Takes a write to the store and its answer back. */
  async #carry(
    fault: Exclude<WriteFault, 'refused'> | undefined,
    serve: () => WriteOutcome,
  ): Promise<WriteOutcome | 'no-answer'> {
    if (fault === 'request-lost') return 'no-answer';
    const connection = this.#connection;
    const brokenOff = { kind: 'unknown', cause: this.#unreachable('write') } as const;
    await this.#travel(NEVER);
    if (fault !== undefined) await this.#options.clock.sleep(fault.delayedByMs, NEVER);
    // What is delayed waits in a queue of the store, which it doesn't leave when its connection breaks.
    else if (connection !== this.#connection) return brokenOff;
    const outcome = serve();
    if (this.faults.afterWrite?.(outcome) === 'reply-lost') return 'no-answer';
    await this.#travel(NEVER);
    return connection === this.#connection ? outcome : brokenOff;
  }

  #deliver(signal: AbortSignal, tell: () => void): void {
    if (!this.#isConnected) return;
    const connection = this.#connection;
    void this.#travel(NEVER).then(() => {
      if (connection === this.#connection && !signal.aborted) tell();
    });
  }

  async #travel(signal: AbortSignal): Promise<void> {
    const { travelMs, clock, random } = this.#options;
    if (travelMs === undefined) return;
    await clock.sleep(travelMs.min + random.next() * (travelMs.max - travelMs.min), signal);
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

  #timedOut(timeoutMs: number): ReplicaError {
    const message = `write at ${this.#options.storeName} got no answer within ${timeoutMs} ms`;
    return new ReplicaError('STORE_TIMEOUT', message, true);
  }
}

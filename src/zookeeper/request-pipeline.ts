import type { Clock } from '../ports/clock.js';
import type { Reply, ReplyCallback } from './client-seam.js';
import type { OperationName, ReplyHeader, WireRequest } from './protocol.js';
import { isRefusal, ReplyTooLargeError, unanswered, type Unanswered } from './zookeeper-errors.js';

/** Bounds of what one connection has under way. */
export interface PipelineLimits {
  /** Requests sent and not yet answered. ZooKeeper throttles a server's clients above 1000 of all of them together. */
  readonly inFlightMax: number;
  readonly inFlightBytesMax: number;
  /** Requests waiting for their turn; above this, more are refused. */
  readonly queuedMax: number;
}

/** Where requests go. */
export interface Transport {
  readonly isReady: boolean;
  readonly server: string;
  /** Why it is not ready. */
  readonly lastFailure: Error;
  send(request: WireRequest, callback: ReplyCallback): void;
}

export type RequestResult = 'ok' | 'refused' | 'lost' | 'timeout' | 'aborted' | 'overloaded';

/** Told of each request's end; `seconds` count from the moment it was asked for. */
export type RequestObserver = (operation: OperationName, result: RequestResult, seconds: number) => void;

export interface PipelineOptions {
  readonly limits: PipelineLimits;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly onRequest: RequestObserver;
}

/** A request under way. It is settled once: by its reply, its timeout, its signal or the loss of the connection. */
interface Pending {
  readonly request: WireRequest;
  readonly signal: AbortSignal;
  readonly startedAtMs: number;
  sent: boolean;
  isSettled: boolean;
  resolve(reply: ReplyHeader): void;
  reject(error: Error): void;
}

interface Refusal {
  readonly why: Unanswered;
  readonly detail: string;
  readonly cause?: unknown;
}

/**
 * Sends requests in the order in which they were submitted, many at a time within bounds, and sees to it that each
 * of them ends: in time, also when the server is silent, and saying whether it was sent.
 */
export class RequestPipeline {
  readonly #options: PipelineOptions;
  readonly #queue: Pending[][] = [];
  #queued = 0;
  #inFlight = 0;
  #inFlightBytes = 0;
  /** All unsettled requests in the order of their deadlines, which is that of their start. */
  readonly #unsettled = new Set<Pending>();
  readonly #bySignal = new Map<
    AbortSignal,
    { readonly pending: Set<Pending>; readonly unlisten: () => void }
  >();
  #isTimekeeping = false;
  #isPumping = false;
  readonly #closed = new AbortController();

  constructor(
    private readonly transport: () => Transport,
    options: PipelineOptions,
  ) {
    this.#options = options;
  }

  /**
   * Submits requests that are to leave together, in this order and with nothing between them.
   * @returns one promise per request: of its reply, whatever status that has, or rejected with a `ZooKeeperError`
   */
  submit(requests: readonly WireRequest[], signal: AbortSignal): Promise<ReplyHeader>[] {
    const group: Pending[] = [];
    const startedAtMs = this.#options.clock.monotonicMs();
    const replies = requests.map(
      (request) =>
        new Promise<ReplyHeader>((resolve, reject) => {
          group.push({ request, signal, startedAtMs, sent: false, isSettled: false, resolve, reject });
        }),
    );
    this.#admit(group, signal);
    return replies;
  }

  /** The connection is gone: nothing that waits for its turn is going to be sent. What was sent is told by the transport. */
  connectionLost(cause: Error): void {
    const waiting = this.#queue.splice(0).flat();
    this.#queued = 0;
    for (const pending of waiting) this.#fail(pending, 'connection-lost', cause.message, cause);
  }

  /** Ends the timekeeping; to be called after the transport has answered everything. */
  close(): void {
    this.#closed.abort();
  }

  #admit(group: readonly Pending[], signal: AbortSignal): void {
    const refusal = this.#refusal(group, signal);
    for (const pending of group) {
      this.#unsettled.add(pending);
      if (refusal !== undefined) this.#fail(pending, refusal.why, refusal.detail, refusal.cause);
      else this.#listenForAbort(pending);
    }
    if (refusal !== undefined || group.length === 0) return;
    this.#queue.push([...group]);
    this.#queued += group.length;
    this.#keepTime();
    this.#pump();
  }

  #refusal(group: readonly Pending[], signal: AbortSignal): Refusal | undefined {
    const { isReady, lastFailure } = this.transport();
    if (signal.aborted) return { why: 'aborted', detail: 'aborted', cause: signal.reason };
    if (!isReady) return { why: 'not-connected', detail: lastFailure.message, cause: lastFailure };
    if (this.#queued + group.length > this.#options.limits.queuedMax) {
      return { why: 'overloaded', detail: `${this.#queued} requests are waiting already` };
    }
    return undefined;
  }

  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    for (let group = this.#queue[0]; group !== undefined && this.#fits(group); group = this.#queue[0]) {
      this.#queue.shift();
      this.#queued -= group.length;
      for (const pending of group) if (!pending.isSettled) this.#send(pending);
    }
    this.#isPumping = false;
  }

  /** One group always fits into an idle connection, however large it is. */
  #fits(group: readonly Pending[]): boolean {
    const { inFlightMax, inFlightBytesMax } = this.#options.limits;
    const bytes = group.reduce((sum, { request }) => sum + request.frame.length, 0);
    const isWithin =
      this.#inFlight + group.length <= inFlightMax && this.#inFlightBytes + bytes <= inFlightBytesMax;
    return isWithin || this.#inFlight === 0;
  }

  #send(pending: Pending): void {
    const bytes = pending.request.frame.length;
    this.#inFlight++;
    this.#inFlightBytes += bytes;
    pending.sent = true;
    this.transport().send(pending.request, (reply) => {
      this.#inFlight--;
      this.#inFlightBytes -= bytes;
      this.#onReply(pending, reply);
      this.#pump();
    });
  }

  #onReply(pending: Pending, reply: Reply): void {
    switch (reply.kind) {
      case 'reply':
        if (!this.#settle(pending, isRefusal(reply.status) ? 'refused' : 'ok')) return;
        pending.resolve(reply);
        return;
      case 'too-large':
        if (!this.#settle(pending, 'refused')) return;
        pending.reject(
          new ReplyTooLargeError(describe(pending.request), this.transport().server, reply.bytes),
        );
        return;
      case 'lost':
        pending.sent = reply.sent;
        this.#fail(pending, 'connection-lost', reply.cause.message, reply.cause);
    }
  }

  #fail(pending: Pending, why: Unanswered, detail: string, cause?: unknown): void {
    const results = {
      'not-connected': 'lost',
      'connection-lost': 'lost',
      closed: 'lost',
      timeout: 'timeout',
      aborted: 'aborted',
      overloaded: 'overloaded',
    } as const;
    if (!this.#settle(pending, results[why])) return;
    const what = `${describe(pending.request)} on ${this.transport().server}`;
    pending.reject(unanswered(why, what, detail, pending.sent, cause));
  }

  /** @returns false when it had been settled before */
  #settle(pending: Pending, result: RequestResult): boolean {
    if (pending.isSettled) return false;
    pending.isSettled = true;
    this.#unsettled.delete(pending);
    const watched = this.#bySignal.get(pending.signal);
    if (watched?.pending.delete(pending) === true && watched.pending.size === 0) {
      watched.unlisten();
      this.#bySignal.delete(pending.signal);
    }
    const seconds = (this.#options.clock.monotonicMs() - pending.startedAtMs) / 1_000;
    this.#options.onRequest(pending.request.operation, result, seconds);
    return true;
  }

  /** One listener per signal, however many requests share it. */
  #listenForAbort(pending: Pending): void {
    const { signal } = pending;
    const known = this.#bySignal.get(signal);
    if (known !== undefined) {
      known.pending.add(pending);
      return;
    }
    const all = new Set([pending]);
    const onAbort = () => {
      for (const each of [...all]) this.#fail(each, 'aborted', 'aborted', signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#bySignal.set(signal, {
      pending: all,
      unlisten: () => signal.removeEventListener('abort', onAbort),
    });
  }

  /** One timer for all requests: they share one timeout, so the oldest is due first. */
  #keepTime(): void {
    if (this.#isTimekeeping) return;
    this.#isTimekeeping = true;
    void this.#timekeeping();
  }

  async #timekeeping(): Promise<void> {
    const { clock, timeoutMs } = this.#options;
    const { signal } = this.#closed;
    for (
      let [oldest] = this.#unsettled;
      oldest !== undefined && !signal.aborted;
      [oldest] = this.#unsettled
    ) {
      const leftMs = oldest.startedAtMs + timeoutMs - clock.monotonicMs();
      if (leftMs > 0) await clock.sleep(leftMs, signal);
      else this.#fail(oldest, 'timeout', `no answer within ${timeoutMs} ms`);
    }
    this.#isTimekeeping = false;
  }
}

function describe(request: WireRequest): string {
  return `${request.operation} ${request.path}`;
}

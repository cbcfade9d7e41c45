import type { Clock, Random } from '../ports/clock.js';
import { TokenBucket } from './token-bucket.js';
import type { TokenBucketOptions } from './token-bucket.js';

/** What one blocking query asks for, and what came back. */
export interface BlockingQuery<A extends BlockingAnswer = BlockingAnswer> {
  /**
   * Asks until the index rises above `index`, or for `waitMs`; with index 0, at once.
   * @throws Error when there is no valid answer
   */
  ask(index: bigint, waitMs: number, signal: AbortSignal): Promise<A>;
}

export interface BlockingAnswer {
  /** `X-Consul-Index`. */
  readonly index: bigint;
  /** Whether the answer tells of something that matters; without, a new index is only noise. */
  readonly matters: boolean;
}

export interface BlockingListener<A extends BlockingAnswer = BlockingAnswer> {
  /** The query is in place: whatever happens from now on will be told. Again after every loss. */
  armed(answer: A): void;
  /** Something happened. */
  woken(answer: A): void;
  /** The query is not in place, and is tried again after `retryInMs`. */
  failed(error: unknown, retryInMs: number): void;
}

export interface BlockingLoopOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How long a query waits for a change. Below the usual minute after which balancers cut idle connections. */
  readonly waitMs?: number;
  /** How often it is asked at most. */
  readonly pace?: TokenBucketOptions;
  /** Monotonic milliseconds of when queries like this one were first asked by this process; now, without. */
  readonly sinceMs?: number;
}

const WAIT_MS = 55_000;
/**
 * No query waits longer than it has been asked for since `sinceMs`, or than this. An agent keeps the connection of a client
 * that is gone for as long as its query was to wait (measured with 1.8.7), and counts it (`http_max_conns_per_client`): a
 * daemon that is started again and again would shut itself out, and others with it.
 */
const WAIT_MS_MIN = 20_000;
const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 10_000;
/** A busy prefix is asked for ten times a second, a lone change at once. */
const PACE = { capacity: 20, refillPerSecond: 10 };
/**
 * Added to the price of an answer that told nothing, as when unrelated writes wake an empty prefix: one query in 1.6 s,
 * which stays below two requests a second with the second one that has to be asked to tell noise from news.
 */
const NOISE_TOKENS = 15;

/**
 * Follows an index of Consul by blocking queries until `signal` aborts; never throws.
 *
 * The rules are Consul's: an index that goes back starts over, one below 1 counts as 1, a return need not mean a change.
 * One more was measured (1.8.7): a restored snapshot ends every query at once, with the index and content of *before* the
 * restore, and the next query would then wait on an index that the restored store has not reached. So a query that returns
 * before its time without a new index starts over too.
 */
export async function followIndex<A extends BlockingAnswer>(
  query: BlockingQuery<A>,
  listener: BlockingListener<A>,
  options: BlockingLoopOptions,
  signal: AbortSignal,
): Promise<void> {
  await new BlockingLoop(query, listener, options).run(signal);
}

class BlockingLoop<A extends BlockingAnswer> {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #waitMs: number;
  readonly #bucket: TokenBucket;
  /** 0 while the query is not in place. */
  #index = 0n;
  #failures = 0;
  #startedOver = false;
  readonly #sinceMs: number;

  constructor(
    readonly query: BlockingQuery<A>,
    readonly listener: BlockingListener<A>,
    options: BlockingLoopOptions,
  ) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#waitMs = options.waitMs ?? WAIT_MS;
    this.#bucket = new TokenBucket(options.pace ?? PACE, options.clock);
    this.#sinceMs = options.sinceMs ?? options.clock.monotonicMs();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#bucket.take(signal);
      if (signal.aborted) return;
      try {
        await this.#askOnce(signal);
        if (!this.#startedOver) this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        await this.#backOff(error, signal);
      }
    }
  }

  async #askOnce(signal: AbortSignal): Promise<void> {
    const askedAtMs = this.#clock.monotonicMs();
    const longestMs = Math.min(this.#waitMs, Math.max(WAIT_MS_MIN, askedAtMs - this.#sinceMs));
    // Spread, so that the queries of many mappings do not all end together.
    const waitMs = Math.round(longestMs * (0.9 + 0.1 * this.#random.next()));
    const answer = await this.query.ask(this.#index, waitMs, signal);
    const index = answer.index < 1n ? 1n : answer.index;
    if (this.#index === 0n) {
      this.#index = index;
      this.listener.armed(answer);
    } else if (index !== this.#index) {
      this.#startedOver = false;
      this.#index = index;
      if (answer.matters) this.listener.woken(answer);
      else this.#bucket.charge(NOISE_TOKENS);
    } else if (this.#clock.monotonicMs() - askedAtMs < 0.9 * waitMs) {
      this.#startOver();
    } else {
      this.#startedOver = false;
    }
  }

  /** A restored store does this once; something between that answers by itself would do it for ever. */
  #startOver(): void {
    this.#index = 0n;
    if (this.#startedOver) {
      throw new Error(
        'blocking queries return before their time without a change: is a proxy answering them?',
      );
    }
    this.#startedOver = true;
  }

  async #backOff(error: unknown, signal: AbortSignal): Promise<void> {
    this.#index = 0n;
    const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(this.#failures, 10));
    const delayMs = Math.round(ceilingMs * (0.5 + 0.5 * this.#random.next()));
    this.#failures++;
    this.listener.failed(error, delayMs);
    await this.#clock.sleep(delayMs, signal);
  }
}

import { compareKeys } from '../core/key-order.js';
import type { KeyPrefix } from '../core/observation.js';
import { setMaxListeners } from 'node:events';
import type { Clock, Random } from '../ports/clock.js';
import type { HintListener } from '../ports/replica.js';
import { followIndex } from './blocking-query.js';
import type { BlockingQuery } from './blocking-query.js';
import type { ConsulClient } from './consul-client.js';
import type { KeySpace } from './kv-keys.js';
import type { PrefixIndex } from './prefix-watch.js';
import { PrefixWatch } from './prefix-watch.js';
import type { PrefixAnswer } from './prefix-watch.js';
import { Remainder } from './remainder.js';
import { sleepUntilWoken } from './sleep-until-woken.js';
import { WatchedPart } from './watched-part.js';
import type { PartAnswer } from './watched-part.js';
import type { WatchPlan } from './watch-plan.js';

export interface PartedWatchOptions {
  readonly client: ConsulClient;
  readonly keys: KeySpace;
  readonly index: PrefixIndex;
  readonly clock: Clock;
  readonly random: Random;
  /** Up to how many keys are walked rather than looked through for what has changed. */
  readonly walkedKeysMax: () => number;
  /** Told whenever the watch of the whole is put in place or lost. */
  readonly onWatch: (state: WatchState) => void;
}

export type WatchState =
  { readonly kind: 'armed' } | { readonly kind: 'lost'; readonly error: unknown; readonly retryInMs: number };

/** A busy part is asked for twice a second, which is enough to find a thousand changes together. */
const PART_PACE = { capacity: 8, refillPerSecond: 2 };
/** How long a wake of the whole waits for that of the part in which something has changed. */
const EXPLAINED_WITHIN_MS = 250;

/** How long no part is watched after one has failed. */
const REST_MS_MIN = 5_000;
const REST_MS_MAX = 600_000;

interface Running {
  readonly listener: HintListener;
  readonly signal: AbortSignal;
}

/** A part that is watched. */
interface Part {
  readonly stop: AbortController;
  /** Undefined until it is watched. */
  index: bigint | undefined;
}

/**
 * The watch of a mapping. One blocking query covers all of it and tells nothing but that something changed; where a plan
 * has parts, each has one of its own, which tells where. What changes in no part is found by the difference: the whole
 * has an index that no part has.
 */
export class PartedWatch {
  private readonly parts = new Map<string, Part>();
  private running: Running | undefined;
  private restMs = 0;
  private restedUntilMs = -Infinity;
  private readonly remainder: Remainder;
  /** Ends the wait of whoever waits for a part to move. */
  private moved: () => void = () => undefined;

  constructor(private readonly options: PartedWatchOptions) {
    this.remainder = new Remainder(options, () => [...this.parts.keys()].sort(compareKeys));
  }

  /** Watches the parts of `plan` from now on. It was made from a list whose keys are all about to be looked at. */
  follow(plan: WatchPlan): void {
    const { running } = this;
    if (running === undefined || this.options.clock.monotonicMs() < this.restedUntilMs) return;
    this.remainder.expect(plan.uncovered);
    const planned = new Set(plan.parts);
    for (const [prefix, part] of this.parts) if (!planned.has(prefix)) this.drop(prefix, part);
    for (const prefix of planned) {
      if (!this.parts.has(prefix)) this.watchPart(prefix, plan.listedAt, running);
    }
  }

  /** Tells `listener` until `signal` aborts; never throws. */
  async run(listener: HintListener, signal: AbortSignal): Promise<void> {
    const { onWatch } = this.options;
    this.running = { listener, signal };
    let hasStarted = false;
    const whole = new PrefixWatch(this.options.index);
    const query: BlockingQuery<PrefixAnswer> = {
      ask: async (...asked) => this.explained(await whole.ask(...asked), signal),
    };
    const following = followIndex(
      query,
      {
        armed: () => {
          onWatch({ kind: 'armed' });
          listener.rescan(hasStarted ? 'reconnect' : 'start');
          hasStarted = true;
        },
        woken: () => {
          if (this.parts.size === 0) listener.stirred();
          else this.remainder.look('now');
        },
        failed: (error, retryInMs) => {
          onWatch({ kind: 'lost', error, retryInMs });
          listener.lost(error instanceof Error ? error.message : String(error));
        },
      },
      this.options,
      signal,
    );
    await Promise.all([following, this.remainder.run(listener, signal)]);
    this.dropAll();
    this.running = undefined;
  }

  /** An answer of the whole matters only where no part tells of the same. */
  private async explained(answer: PrefixAnswer, signal: AbortSignal): Promise<PrefixAnswer> {
    if (!answer.matters || this.parts.size === 0) return answer;
    const deadlineMs = this.options.clock.monotonicMs() + EXPLAINED_WITHIN_MS;
    for (;;) {
      const parts = [...this.parts.values()];
      if (parts.some(({ index }) => index === answer.exactIndex)) {
        // Something else may have changed between that and what was known before.
        this.remainder.look('later');
        return { ...answer, matters: false };
      }
      const waitMs = deadlineMs - this.options.clock.monotonicMs();
      if (waitMs <= 0 || signal.aborted) return answer;
      await sleepUntilWoken(this.options.clock, waitMs, signal, (wake) => {
        this.moved = wake;
      });
    }
  }

  private watchPart(prefix: string, listedAt: bigint, { listener, signal }: Running): void {
    if (signal.aborted) return;
    const part: Part = { stop: new AbortController(), index: undefined };
    this.parts.set(prefix, part);
    const stop = (): void => part.stop.abort();
    setMaxListeners(0, signal);
    signal.addEventListener('abort', stop, { once: true });
    const tell = (answer: PartAnswer): void => {
      part.index = answer.index;
      for (const stirred of answer.stirred) listener.stirred(this.entryPrefix(stirred));
      // Without keys it would wake for whatever is written in the store.
      if (answer.isEmpty) this.drop(prefix, part);
      this.moved();
    };
    const following = followIndex(
      new WatchedPart(prefix, this.options),
      {
        armed: (answer) => {
          const isFirst = part.index === undefined;
          tell(isFirst && answer.index <= listedAt ? { ...answer, stirred: [] } : answer);
        },
        woken: tell,
        failed: () => {
          // The whole is watched as if there were no parts, and walked, which comes to a plan again.
          listener.stirred();
          this.rest();
        },
      },
      { ...this.options, pace: PART_PACE },
      part.stop.signal,
    );
    void following.finally(() => signal.removeEventListener('abort', stop));
  }

  /** Goes without parts for a while, the longer the more often they fail: there may be too few connections for them. */
  private rest(): void {
    const nowMs = this.options.clock.monotonicMs();
    if (nowMs - this.restedUntilMs > REST_MS_MAX) this.restMs = 0;
    this.restMs = Math.min(REST_MS_MAX, Math.max(REST_MS_MIN, 2 * this.restMs));
    this.restedUntilMs = nowMs + this.restMs;
    this.dropAll();
  }

  private drop(prefix: string, part: Part): void {
    part.stop.abort();
    this.parts.delete(prefix);
  }

  private dropAll(): void {
    for (const [prefix, part] of this.parts) this.drop(prefix, part);
  }

  private entryPrefix(storedPrefix: string): KeyPrefix {
    return storedPrefix.slice(this.options.keys.prefix.length);
  }
}

import { compareKeys } from '../core/key-order.js';
import type { KeyPrefix } from '../core/observation.js';
import { setMaxListeners } from 'node:events';
import type { Clock, Random } from '../ports/clock.js';
import type { HintListener } from '../ports/replica.js';
import { RefusedPrefixError } from './askable-prefixes.js';
import type { AskablePrefixes } from './askable-prefixes.js';
import { followIndex } from './blocking-query.js';
import type { BlockingQuery } from './blocking-query.js';
import type { ConsulClient } from './consul-client.js';
import { inOrderAhead } from './in-order-ahead.js';
import { listKeysBelow } from './key-list.js';
import type { KeySpace } from './kv-keys.js';
import type { LookLine } from './look-turns.js';
import type { PrefixIndex } from './prefix-watch.js';
import { PrefixWatch } from './prefix-watch.js';
import type { PrefixAnswer } from './prefix-watch.js';
import { Remainder } from './remainder.js';
import { sleepUntilWoken } from './sleep-until-woken.js';
import { WatchedPart } from './watched-part.js';
import type { PartAnswer, PartLook } from './watched-part.js';
import type { ValueSizes } from './value-sizes.js';
import type { WatchPlan } from './watch-plan.js';

export interface PartedWatchOptions {
  readonly client: ConsulClient;
  readonly keys: KeySpace;
  readonly index: PrefixIndex;
  readonly clock: Clock;
  readonly random: Random;
  readonly sizes: ValueSizes;
  readonly askable: AskablePrefixes;
  readonly turns: LookLine;
  /** Up to how many keys are looked at together. */
  readonly groupKeysMax: () => number;
  /** Told whenever the watch of the whole is put in place or lost. */
  readonly onWatch: (state: WatchState) => void;
}

export type WatchState =
  { readonly kind: 'armed' } | { readonly kind: 'lost'; readonly error: unknown; readonly retryInMs: number };

/**
 * Consul goes through all keys for the index of the whole, which is asked for once a second at most while parts tell what
 * changes.
 */
const WHOLE_REST_MS = 1_000;
/** How long a wake of the whole waits for that of the part in which something has changed. */
const EXPLAINED_WITHIN_MS = 250;

const CHECKS_AHEAD = 8;
/** How long after a change a part is still expected to tell of it. */
const BEHIND_MS_MAX = 5_000;

/** A part that has failed so often in a row is no longer asked for, and no other either. */
const FAILURES_MAX = 3;
/** A failure so long after the one before begins a new row. That it could be armed between says nothing: a socket was there. */
const FORGIVEN_AFTER_MS = 60_000;
/** How long no part is watched after that. */
const REST_MS_MIN = 5_000;
const REST_MS_MAX = 600_000;

interface Running {
  readonly listener: HintListener;
  readonly signal: AbortSignal;
  readonly sinceMs: number;
}

/** A part that is watched. */
interface Part {
  readonly query: WatchedPart;
  readonly stop: AbortController;
  /** Undefined until it is watched. */
  index: bigint | undefined;
  /** In a row, each soon after the one before. */
  failures: number;
  failedAtMs: number;
  /** Since it was armed. */
  hasFailed: boolean;
}

/**
 * The watch of a mapping. One blocking query covers all of it and tells nothing but that something changed; the parts of
 * a plan have one of their own each, which tells what. What changes in no part is found by the difference: the whole
 * has an index that no part has.
 */
export class PartedWatch {
  private readonly parts = new Map<string, Part>();
  private running: Running | undefined;
  private restMs = 0;
  private restedUntilMs = -Infinity;
  private wholeRestedMs = -Infinity;
  private readonly remainder: Remainder;
  private checking: Promise<void> | undefined;
  /** Ends the wait of whoever waits for a part to move. */
  private moved: () => void = () => undefined;

  constructor(private readonly options: PartedWatchOptions) {
    this.remainder = new Remainder(options, () => [...this.parts.keys()].sort(compareKeys));
  }

  /** Watches the parts of `plan` from now on. It was made from a list whose keys are all about to be looked at. */
  follow(plan: WatchPlan): void {
    const { running } = this;
    if (running === undefined || this.options.clock.monotonicMs() < this.restedUntilMs) return;
    const planned = new Set(plan.parts);
    for (const [prefix, part] of this.parts) if (!planned.has(prefix)) this.drop(prefix, part);
    for (const prefix of planned) {
      if (!this.parts.has(prefix)) this.watchPart(prefix, plan.listedAt, running);
    }
  }

  /** Tells `listener` until `signal` aborts; never throws. */
  async run(listener: HintListener, signal: AbortSignal): Promise<void> {
    const { onWatch } = this.options;
    this.running = { listener, signal, sinceMs: this.options.clock.monotonicMs() };
    let hasStarted = false;
    const whole = new PrefixWatch(this.options.index);
    const query: BlockingQuery<PrefixAnswer> = {
      ask: async (...asked) => {
        await this.restWhole(signal);
        return this.explained(await whole.ask(...asked), signal);
      },
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
          if (this.parts.size === 0) {
            listener.stirred();
            return;
          }
          this.remainder.look('now');
          this.checking ??= this.checkParts(signal).finally(() => {
            this.checking = undefined;
          });
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
    await this.checking;
    this.dropAll();
    this.running = undefined;
  }

  private restWholeNow(): void {
    this.wholeRestedMs = this.options.clock.monotonicMs() + WHOLE_REST_MS;
  }

  private async restWhole(signal: AbortSignal): Promise<void> {
    const { clock } = this.options;
    const restMs = this.wholeRestedMs - clock.monotonicMs();
    if (restMs > 0) await clock.sleep(restMs, signal);
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
        this.restWholeNow();
        return { ...answer, matters: false };
      }
      const waitMs = deadlineMs - this.options.clock.monotonicMs();
      if (waitMs <= 0 || signal.aborted) {
        // Parts that are told of late and together explain nothing.
        if (parts.some(({ query }) => query.isLooking)) this.restWholeNow();
        return answer;
      }
      await sleepUntilWoken(this.options.clock, waitMs, signal, (wake) => {
        this.moved = wake;
      });
    }
  }

  private watchPart(prefix: string, listedAt: bigint, { listener, signal, sinceMs }: Running): void {
    if (signal.aborted) return;
    const part: Part = {
      query: new WatchedPart(prefix, this.options),
      stop: new AbortController(),
      index: undefined,
      failures: 0,
      failedAtMs: -Infinity,
      hasFailed: false,
    };
    this.parts.set(prefix, part);
    const stop = (): void => part.stop.abort();
    setMaxListeners(0, signal);
    signal.addEventListener('abort', stop, { once: true });
    const tell = (answer: PartAnswer): void => {
      part.index = answer.index;
      this.tell(answer, listener);
      // Without keys it would wake for whatever is written in the store.
      if (answer.isEmpty) this.drop(prefix, part);
      this.moved();
    };
    const following = followIndex(
      part.query,
      {
        armed: (answer) => {
          const { index, hasFailed } = part;
          part.hasFailed = false;
          const isUnchanged = index === undefined && answer.index <= listedAt;
          // Without a failure it is armed again only where the store was restored, which the whole may not notice.
          const isRestored = index !== undefined && (!hasFailed || answer.index < index);
          if (isRestored) listener.rescan('reconnect');
          // What it is armed again with tells that all of the part is to be walked.
          tell(isUnchanged ? { ...answer, stirred: [] } : answer);
        },
        woken: tell,
        failed: (error) => {
          const nowMs = this.options.clock.monotonicMs();
          part.failures = nowMs - part.failedAtMs > FORGIVEN_AFTER_MS ? 1 : part.failures + 1;
          part.failedAtMs = nowMs;
          part.hasFailed = true;
          const isRefused = error instanceof RefusedPrefixError;
          if (!isRefused && part.failures < FAILURES_MAX) return;
          // A walk comes to a plan again.
          listener.stirred();
          if (isRefused) this.drop(prefix, part);
          else this.rest();
        },
      },
      { ...this.options, sinceMs },
      part.stop.signal,
    );
    void following.finally(() => signal.removeEventListener('abort', stop));
  }

  /**
   * Something has changed of which no part told. Should one of them be waiting for an answer that never comes, what has
   * changed is in it: a part that stays behind what can be seen there is walked, and asked anew.
   */
  private async checkParts(signal: AbortSignal): Promise<void> {
    const { client, clock } = this.options;
    const look = async ([prefix, part]: [string, Part], askSignal: AbortSignal) => {
      const { index } = await listKeysBelow(
        client,
        prefix,
        { operation: 'watch', query: ['separator=%2F'] },
        askSignal,
      );
      return { prefix, part, index };
    };
    const behind: { prefix: string; part: Part; index: bigint }[] = [];
    // One that looks has had its answer.
    const waiting = [...this.parts].filter(([, { query }]) => !query.isLooking);
    try {
      for await (const seen of inOrderAhead(waiting, CHECKS_AHEAD, look, signal)) {
        if (seen.part.index !== undefined && seen.part.index < seen.index) behind.push(seen);
      }
    } catch {
      // Why it failed comes to light in the watch of the whole.
      return;
    }
    if (behind.length > 0) await clock.sleep(BEHIND_MS_MAX, signal);
    for (const { prefix, part, index } of behind) {
      const isBehind = this.parts.get(prefix) === part && part.index !== undefined && part.index < index;
      if (!isBehind || part.query.isLooking || this.running === undefined) continue;
      this.drop(prefix, part);
      this.running.listener.stirred(this.entryPrefix(prefix));
      this.watchPart(prefix, index, this.running);
    }
  }

  private tell({ seen, stirred }: PartLook, listener: HintListener): void {
    for (const prefix of stirred) listener.stirred(this.entryPrefix(prefix));
    if (seen === undefined) return;
    const entries = seen.entries.flatMap(([storedKey, version]) => {
      const key = this.options.keys.entryKey(storedKey);
      return key === undefined ? [] : { key, version };
    });
    const except = seen.except.map((prefix) => this.entryPrefix(prefix));
    listener.saw({ within: this.entryPrefix(seen.prefix), entries, except });
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

import { compareKeys } from '../core/key-order.js';
import type { Version } from '../core/version.js';
import type { Clock } from '../ports/clock.js';
import type { AskablePrefixes } from './askable-prefixes.js';
import { RefusedPrefixError } from './askable-prefixes.js';
import type { BlockingAnswer, BlockingQuery } from './blocking-query.js';
import type { ConsulClient, ConsulRequest } from './consul-client.js';
import { AnswerTooLargeError } from './consul-errors.js';
import { LISTED_BYTES_MAX, listEntries } from './entry-list.js';
import { inOrderAhead } from './in-order-ahead.js';
import { listKeysBelow } from './key-list.js';
import type { KeyList, ListRequest } from './key-list.js';
import type { LookLine } from './look-turns.js';
import { isCertain } from './kv-keys.js';
import { PartDescent } from './part-descent.js';
import type { Descent } from './part-descent.js';
import { LISTED_KEYS_MAX } from './scan-pager.js';
import { versionOf } from './settled-reads.js';
import type { ValueSizes } from './value-sizes.js';

/** On top of the longest time that Consul itself may wait, which is up to a 16th more than it was asked to. */
const ANSWER_MARGIN_MS = 10_000;
/** So many keys that are in none of them are taken for changed whenever something is. */
const LOOSE_MAX = 16;
const REQUESTS_AHEAD = 4;
/** A look that takes longer would hold up others: it has failed, and is begun again. */
const LOOK_MS_MAX = 30_000;
/** A part in which so many entries have changed at once is listed whole, as long as it has no more than `LISTED_KEYS_MAX`. */
const BUSY_CHANGES_MIN = 8;

/** What a look into a part has found, by the names of the store. */
export interface PartLook {
  /** What is there; undefined where it has to be walked. */
  readonly seen: SeenPart | undefined;
  /** Prefixes that are to be walked. */
  readonly stirred: readonly string[];
}

export interface SeenPart {
  readonly prefix: string;
  /** In the order of `compareKeys`. */
  readonly entries: ReadonlyArray<readonly [storedKey: string, Version | undefined]>;
  /** Prefixes in which nothing has changed, or that are to be walked. */
  readonly except: readonly string[];
}

export interface PartAnswer extends BlockingAnswer, PartLook {
  readonly isEmpty: boolean;
}

export interface PartOptions {
  readonly client: ConsulClient;
  readonly clock: Clock;
  readonly turns: LookLine;
  readonly sizes: ValueSizes;
  readonly askable: AskablePrefixes;
  /** Up to how many keys are looked at together. */
  readonly groupKeysMax: () => number;
}

/**
 * The blocking query of one part of a mapping: a list of names, whose index rises with whatever changes below them. The
 * lists of smaller prefixes tell by their indexes where to look. Where values are small, what is there is listed at once.
 */
export class WatchedPart implements BlockingQuery<PartAnswer> {
  /** Its query was answered, and it looks into it, or waits for its turn to do so. */
  isLooking = false;
  /** So much changed lately that lists of what is in it come to as much as a list of it. */
  private isBusy = false;
  /** Monotonic milliseconds until which the look has to be done. */
  private deadlineMs = Infinity;

  /** @param prefix one that can be asked for */
  constructor(
    readonly prefix: string,
    private readonly options: PartOptions,
  ) {}

  async ask(index: bigint, waitMs: number, signal: AbortSignal): Promise<PartAnswer> {
    const list = await this.list(this.prefix, index === 0n ? {} : waiting(index, waitMs), signal);
    if (list.index === index) return answerOf(list, NOTHING);
    // A store that was restored does not tell by its indexes what has changed.
    if (index === 0n || list.index < index) return answerOf(list, this.walked());
    this.isLooking = true;
    try {
      return await this.options.turns.take(
        (hasWaited) => this.lookNow(list, index, hasWaited, signal),
        signal,
      );
    } finally {
      this.isLooking = false;
    }
  }

  private async lookNow(
    answered: KeyList,
    since: bigint,
    hasWaited: boolean,
    signal: AbortSignal,
  ): Promise<PartAnswer> {
    this.deadlineMs = this.options.clock.monotonicMs() + LOOK_MS_MAX;
    if (!hasWaited) return answerOf(answered, await this.look(answered, since, signal));
    // What has changed meanwhile is found by the same look.
    const whole =
      this.isBusy && this.options.sizes.areSmall ? await this.lookAtAll(since, signal) : undefined;
    if (whole !== undefined) return whole;
    const list = await this.list(this.prefix, this.looking(), signal);
    return answerOf(list, await this.look(list, since, signal));
  }

  /** @returns undefined where the values are more than can be listed */
  private async lookAtAll(since: bigint, signal: AbortSignal): Promise<PartAnswer | undefined> {
    this.isBusy = false;
    const all = await this.listed(this.prefix, signal).catch((error: unknown) => {
      // How many entries that were, nobody knows: it says nothing of their sizes.
      if (error instanceof AnswerTooLargeError) return undefined;
      throw error;
    });
    if (all === undefined || all.index < since) return undefined;
    this.isBusy = isBusy([all], 0, since);
    const seen = { prefix: this.prefix, entries: seenIn([all]), except: [] };
    return { index: all.index, matters: true, isEmpty: all.entries.length === 0, seen, stirred: [] };
  }

  private async look({ index, storedKeys }: KeyList, since: bigint, signal: AbortSignal): Promise<PartLook> {
    if (index < since) return this.walked();
    const { askable, groupKeysMax } = this.options;
    const list = (prefix: string, listSignal: AbortSignal) => this.list(prefix, this.looking(), listSignal);
    const descent = new PartDescent({ askable, groupKeysMax: groupKeysMax(), list }, since);
    try {
      const found = await descent.below(this.prefix, storedKeys, signal);
      if (found === undefined || found.loose.length > LOOSE_MAX) return this.walked();
      return await this.lookInto(found, since, signal);
    } catch (error) {
      // From now on, the keys are grouped otherwise.
      if (error instanceof RefusedPrefixError) return this.walked();
      throw error;
    }
  }

  private async lookInto(
    { risen, quiet, quietKeys, loose }: Descent,
    since: bigint,
    signal: AbortSignal,
  ): Promise<PartLook> {
    const { prefix } = this;
    const listed = this.options.sizes.areSmall ? await this.listedAll(risen, signal) : undefined;
    this.isBusy = listed !== undefined && risen.length > quiet.length && isBusy(listed, quietKeys, since);
    const looseKeys = loose.map((key) => [key, undefined] as const);
    const entries = [...looseKeys, ...seenIn(listed ?? [])].sort(([a], [b]) => compareKeys(a, b));
    const stirred = listed === undefined ? risen : [];
    const except = [...quiet, ...stirred].sort(compareKeys);
    return { seen: { prefix, entries, except }, stirred };
  }

  private looking(): Required<Pick<ConsulRequest, 'timeoutMs' | 'socketPool'>> {
    const leftMs = this.deadlineMs - this.options.clock.monotonicMs();
    return { timeoutMs: Math.max(1, Math.round(leftMs)), socketPool: 'looks' };
  }

  private walked(): PartLook {
    return { seen: undefined, stirred: [this.prefix] };
  }

  /** @returns undefined where values were more than can be listed */
  private async listedAll(
    prefixes: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly SeenList[] | undefined> {
    const { sizes, groupKeysMax } = this.options;
    const listOne = (prefix: string, askSignal: AbortSignal) => this.listed(prefix, askSignal);
    const all: SeenList[] = [];
    try {
      for await (const one of inOrderAhead(prefixes, REQUESTS_AHEAD, listOne, signal)) {
        if (!sizes.areSmall) return undefined;
        all.push(one);
      }
    } catch (error) {
      if (!(error instanceof AnswerTooLargeError)) throw error;
      sizes.tooLarge(groupKeysMax(), LISTED_BYTES_MAX);
      return undefined;
    }
    return all;
  }

  private async listed(prefix: string, signal: AbortSignal): Promise<SeenList> {
    const { client, sizes } = this.options;
    const limits = { operation: 'watch', answerBytesMax: LISTED_BYTES_MAX, ...this.looking() } as const;
    const { index, entries } = await this.asked(prefix, () => listEntries(client, prefix, limits, signal));
    sizes.learn(entries);
    // Not the values: of many prefixes together, they are more than fits into memory.
    return { index, entries: entries.map((entry) => ({ key: entry.key, version: versionOf(entry) })) };
  }

  private async asked<T>(prefix: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (this.options.askable.learn(prefix, error)) throw new RefusedPrefixError(prefix, { cause: error });
      throw error;
    }
  }

  /** The names below a prefix, folders only once: a few bytes, with the index of all that is in them. */
  private list(prefix: string, { query = [], ...rest }: ListRequest, signal: AbortSignal): Promise<KeyList> {
    const request = { operation: 'watch', query: ['separator=%2F', ...query], ...rest } as const;
    return this.asked(prefix, () => listKeysBelow(this.options.client, prefix, request, signal));
  }
}

/** What `?recurse` has shown of a prefix, without values. */
interface SeenList {
  readonly index: bigint;
  readonly entries: readonly { readonly key: string; readonly version: Version }[];
}

function seenIn(lists: readonly SeenList[]): SeenPart['entries'] {
  const seen = lists.flatMap(({ entries }) =>
    entries.map(({ key, version }) => [key, isCertain(key) ? version : undefined] as const),
  );
  return seen.sort(([a], [b]) => compareKeys(a, b));
}

function isBusy(lists: readonly SeenList[], keysBeside: number, since: bigint): boolean {
  const entries = lists.flatMap((list) => list.entries);
  if (entries.length + keysBeside > LISTED_KEYS_MAX) return false;
  return entries.filter(({ version }) => version.modified > since).length >= BUSY_CHANGES_MIN;
}

const NOTHING: PartLook = { seen: undefined, stirred: [] };

function answerOf({ index, storedKeys }: KeyList, look: PartLook): PartAnswer {
  return { index, matters: true, isEmpty: storedKeys.length === 0, ...look };
}

function waiting(index: bigint, waitMs: number): Partial<ConsulRequest> {
  return {
    query: [`index=${index}`, `wait=${waitMs}ms`],
    timeoutMs: waitMs + waitMs / 16 + ANSWER_MARGIN_MS,
    socketPool: 'watches',
  };
}

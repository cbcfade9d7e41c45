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
import { isCertain } from './kv-keys.js';
import { groupByPrefix } from './prefix-groups.js';
import type { Grouping, PrefixGroup } from './prefix-groups.js';
import { versionOf } from './settled-reads.js';
import type { StoredEntry } from './transaction.js';
import type { ValueSizes } from './value-sizes.js';

/** On top of the longest time that Consul itself may wait, which is up to a 16th more than it was asked to. */
const ANSWER_MARGIN_MS = 10_000;
/** In how many smaller prefixes it is looked at once for what has changed. */
const GROUPS_MAX = 16;
/** So many keys that are in none of them are taken for changed whenever something is. */
const LOOSE_MAX = 16;
const REQUESTS_AHEAD = 8;
/** After a look into the part, it rests as long as that took: under load, parts take turns. */
const REST_MS_MAX = 1_000;

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
  readonly sizes: ValueSizes;
  readonly askable: AskablePrefixes;
  /** Up to how many keys are looked at together. */
  readonly groupKeysMax: () => number;
}

/**
 * The blocking query of one part of a mapping: the list of its keys, whose index rises with whatever changes in it.
 * Where they are many, the lists of smaller prefixes tell by their indexes where to look. Where values are small, what is
 * there is listed at once.
 */
export class WatchedPart implements BlockingQuery<PartAnswer> {
  private restedAtMs = -Infinity;

  /** @param prefix one that can be asked for */
  constructor(
    readonly prefix: string,
    private readonly options: PartOptions,
  ) {}

  async ask(index: bigint, waitMs: number, signal: AbortSignal): Promise<PartAnswer> {
    const { clock } = this.options;
    const restMs = this.restedAtMs - clock.monotonicMs();
    if (restMs > 0) await clock.sleep(restMs, signal);
    const list = await this.list(this.prefix, index === 0n ? {} : waiting(index, waitMs), signal);
    const startedMs = clock.monotonicMs();
    const look = list.index === index ? NOTHING : await this.look(list, index, signal);
    const endedMs = clock.monotonicMs();
    this.restedAtMs = endedMs + Math.min(REST_MS_MAX, endedMs - startedMs);
    return { index: list.index, matters: true, isEmpty: list.storedKeys.length === 0, ...look };
  }

  private async look({ storedKeys }: KeyList, since: bigint, signal: AbortSignal): Promise<PartLook> {
    if (since === 0n) return this.walked();
    try {
      const groups = await this.descend(
        storedKeys,
        { prefix: this.prefix, from: 0, to: storedKeys.length },
        since,
        signal,
      );
      if (groups.loose.length > LOOSE_MAX) return this.walked();
      return await this.lookInto(groups, signal);
    } catch (error) {
      // From now on, the keys are grouped otherwise.
      if (error instanceof RefusedPrefixError) return this.walked();
      throw error;
    }
  }

  private async lookInto({ risen, quiet, loose }: Descent, signal: AbortSignal): Promise<PartLook> {
    const { prefix } = this;
    const listed = this.options.sizes.areSmall ? await this.listAll(risen, signal) : undefined;
    const looseKeys = loose.map((key) => [key, undefined] as const);
    const found = (listed ?? []).map(
      (entry) => [entry.key, isCertain(entry.key) ? versionOf(entry) : undefined] as const,
    );
    const entries = [...looseKeys, ...found].sort(([a], [b]) => compareKeys(a, b));
    const stirred = listed === undefined ? prefixesOf(risen) : [];
    const except = [...prefixesOf(quiet), ...stirred].sort(compareKeys);
    return { seen: { prefix, entries, except }, stirred };
  }

  /**
   * Parts a group into smaller ones, and goes on into those in which something has a version above `since`, or has gone
   * since, until they are small enough to be looked into.
   */
  private async descend(
    storedKeys: readonly string[],
    group: PrefixGroup,
    since: bigint,
    signal: AbortSignal,
  ): Promise<Descent> {
    const { groups, loose } = this.grouped(storedKeys, group);
    const looseKeys = loose.map((at) => storedKeys[at] ?? '');
    const [only] = groups;
    if (groups.length === 1 && only?.prefix === group.prefix) return { risen: groups, quiet: [], loose: [] };
    const risen: PrefixGroup[] = [];
    const quiet: PrefixGroup[] = [];
    const askIndex = (one: PrefixGroup, askSignal: AbortSignal) => this.indexOf(one.prefix, askSignal);
    let at = 0;
    for await (const index of inOrderAhead(groups, REQUESTS_AHEAD, askIndex, signal)) {
      const one = groups[at++];
      if (one !== undefined) (index > since ? risen : quiet).push(one);
    }
    const below = { risen: [] as PrefixGroup[], quiet, loose: looseKeys };
    for (const one of risen) {
      const isSmall = one.to - one.from <= this.options.groupKeysMax();
      const deeper = isSmall
        ? { risen: [one], quiet: [], loose: [] }
        : await this.descend(storedKeys, one, since, signal);
      below.risen.push(...deeper.risen);
      below.quiet.push(...deeper.quiet);
      below.loose.push(...deeper.loose);
    }
    return below;
  }

  /** Groups as small as they are to be, or as can be without too many of them. */
  private grouped(storedKeys: readonly string[], group: PrefixGroup): Grouping {
    const { askable, groupKeysMax } = this.options;
    for (let groupMax = groupKeysMax(); ; groupMax *= 2) {
      const grouping = groupByPrefix(storedKeys, group, groupMax, askable);
      if (grouping.groups.length <= GROUPS_MAX || groupMax >= group.to - group.from) return grouping;
    }
  }

  private walked(): PartLook {
    return { seen: undefined, stirred: [this.prefix] };
  }

  /** @returns undefined where values were more than can be listed */
  private async listAll(
    groups: readonly PrefixGroup[],
    signal: AbortSignal,
  ): Promise<readonly StoredEntry[] | undefined> {
    const { client, sizes } = this.options;
    const limits = { operation: 'watch', answerBytesMax: LISTED_BYTES_MAX } as const;
    const listOne = (group: PrefixGroup, askSignal: AbortSignal) =>
      this.asked(group.prefix, () => listEntries(client, group.prefix, limits, askSignal));
    const all: StoredEntry[] = [];
    try {
      for await (const entries of inOrderAhead(groups, REQUESTS_AHEAD, listOne, signal)) {
        sizes.learn(entries);
        all.push(...entries);
      }
    } catch (error) {
      if (!(error instanceof AnswerTooLargeError)) throw error;
      sizes.tooLarge(this.options.groupKeysMax(), LISTED_BYTES_MAX);
      return undefined;
    }
    return all;
  }

  private async asked<T>(prefix: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (this.options.askable.learn(prefix, error)) throw new RefusedPrefixError(prefix, { cause: error });
      throw error;
    }
  }

  /** The index of a prefix, from a list that has folders only once. */
  private async indexOf(prefix: string, signal: AbortSignal): Promise<bigint> {
    return (await this.list(prefix, { query: ['separator=%2F'] }, signal)).index;
  }

  private list(prefix: string, request: ListRequest, signal: AbortSignal): Promise<KeyList> {
    const { client } = this.options;
    return this.asked(prefix, () =>
      listKeysBelow(client, prefix, { operation: 'watch', ...request }, signal),
    );
  }
}

/** Where in a part something has changed. */
interface Descent {
  readonly risen: readonly PrefixGroup[];
  readonly quiet: readonly PrefixGroup[];
  /** Keys in no group. */
  readonly loose: readonly string[];
}

const NOTHING: PartLook = { seen: undefined, stirred: [] };

function prefixesOf(groups: readonly PrefixGroup[]): string[] {
  return groups.map(({ prefix }) => prefix);
}

function waiting(index: bigint, waitMs: number): Partial<ConsulRequest> {
  return {
    query: [`index=${index}`, `wait=${waitMs}ms`],
    timeoutMs: waitMs + waitMs / 16 + ANSWER_MARGIN_MS,
    socketPool: 'watches',
  };
}

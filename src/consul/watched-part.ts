import type { BlockingAnswer, BlockingQuery } from './blocking-query.js';
import type { ConsulClient, ConsulRequest } from './consul-client.js';
import { inOrderAhead } from './in-order-ahead.js';
import { listKeysBelow } from './key-list.js';
import type { KeyList, ListRequest } from './key-list.js';
import { groupByPrefix } from './prefix-groups.js';

/** On top of the longest time that Consul itself may wait, which is up to a 16th more than it was asked to. */
const ANSWER_MARGIN_MS = 10_000;
/** In how many smaller prefixes a part is looked for what has changed. */
const GROUPS_MAX = 64;
const REQUESTS_AHEAD = 8;

export interface PartAnswer extends BlockingAnswer {
  /** Prefixes that hold all that has changed, but keys that came and went unseen. */
  readonly stirred: readonly string[];
  readonly isEmpty: boolean;
}

export interface PartOptions {
  readonly client: ConsulClient;
  /** Up to how many keys are walked rather than looked through for what has changed. */
  readonly walkedKeysMax: () => number;
}

/**
 * The blocking query of one part of a mapping: the list of its keys, whose index rises with whatever changes in it.
 * Where they are many, the lists of smaller prefixes tell by their indexes where to look.
 */
export class WatchedPart implements BlockingQuery<PartAnswer> {
  /** The groups that the keys were in the last time, as one text. */
  private shape: string | undefined;

  /** @param prefix one that a URL can carry */
  constructor(
    readonly prefix: string,
    private readonly options: PartOptions,
  ) {}

  async ask(index: bigint, waitMs: number, signal: AbortSignal): Promise<PartAnswer> {
    const list = await this.list(this.prefix, index === 0n ? {} : waiting(index, waitMs), signal);
    const isEmpty = list.storedKeys.length === 0;
    const stirred = isEmpty ? [this.prefix] : await this.narrow(list, index, signal);
    return { index: list.index, matters: true, stirred, isEmpty };
  }

  /** Where in the part something has a version above `since`. */
  private async narrow(list: KeyList, since: bigint, signal: AbortSignal): Promise<readonly string[]> {
    const { storedKeys } = list;
    const walkedMax = this.options.walkedKeysMax();
    const whole = [this.prefix];
    if (storedKeys.length <= walkedMax) {
      this.shape = undefined;
      return whole;
    }
    const groupMax = Math.max(walkedMax, Math.ceil(storedKeys.length / (GROUPS_MAX / 2)));
    const { groups, loose } = groupByPrefix(storedKeys, this.prefix, groupMax);
    const known = this.shape;
    this.shape = JSON.stringify([groups.map(({ prefix }) => prefix), loose.map((at) => storedKeys[at])]);
    // A group that is gone can't be asked, and a key in no group has no list of its own.
    const canNarrow = this.shape === known && loose.length === 0 && groups.length <= GROUPS_MAX;
    if (!canNarrow || since === 0n) return whole;
    const isChanged = async (prefix: string, askSignal: AbortSignal): Promise<string | undefined> => {
      const { index } = await this.list(prefix, {}, askSignal);
      return index > since ? prefix : undefined;
    };
    const stirred: string[] = [];
    const prefixes = groups.map(({ prefix }) => prefix);
    for await (const changed of inOrderAhead(prefixes, REQUESTS_AHEAD, isChanged, signal)) {
      if (changed !== undefined) stirred.push(changed);
    }
    return stirred.length === 0 ? whole : stirred;
  }

  private list(prefix: string, request: ListRequest, signal: AbortSignal): Promise<KeyList> {
    return listKeysBelow(this.options.client, prefix, { operation: 'watch', ...request }, signal);
  }
}

function waiting(index: bigint, waitMs: number): Partial<ConsulRequest> {
  return {
    query: [`index=${index}`, `wait=${waitMs}ms`],
    timeoutMs: waitMs + waitMs / 16 + ANSWER_MARGIN_MS,
    socketPool: 'watches',
  };
}

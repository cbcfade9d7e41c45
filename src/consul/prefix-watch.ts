import type { BlockingAnswer, BlockingQuery } from './blocking-query.js';
import type { ConsulClient, ConsulRequest } from './consul-client.js';
import { faultOf } from './consul-client.js';
import { ConsulError, protocolError } from './consul-errors.js';
import { indexOf, keysOf } from './key-list.js';
import { kvPath } from './kv-keys.js';

/** One level of the whole store's keys may come back, at worst. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** On top of the longest time that Consul itself may wait, which is up to a 16th more than it was asked to. */
const ANSWER_MARGIN_MS = 10_000;

interface KeyListing {
  readonly index: bigint;
  readonly keys: readonly string[];
}

/**
 * The cheapest question whose index covers everything below a prefix: `config?keys&separator=/`, without the slash, is
 * answered by a few bytes like `["config/"]` however much is below. The price is that `configuration/x` counts as well.
 */
export class PrefixIndex {
  readonly #client: ConsulClient;
  readonly prefix: string;
  /** The prefix to ask about: without its slash, or with it where the token may list nothing shorter. */
  #asked: string;

  constructor(client: ConsulClient, prefix: string) {
    this.#client = client;
    this.prefix = prefix;
    this.#asked = prefix.replace(/\/$/, '');
  }

  /**
   * A number that the store has reached: no entry below the prefix has a version above it.
   * @throws ConsulError
   */
  async current(signal: AbortSignal): Promise<bigint> {
    const now: ListRequest = { operation: 'read', parameters: ['consistent'] };
    return (await this.#listAsAllowed(now, signal)).index;
  }

  /**
   * Waits until the index rises above `index`, at most for `waitMs`; with index 0, not at all.
   * @throws ConsulError
   */
  async next(index: bigint, waitMs: number, signal: AbortSignal): Promise<KeyListing> {
    if (index === 0n) return this.#listAsAllowed({ operation: 'watch', parameters: [] }, signal);
    const timeoutMs = waitMs + waitMs / 16 + ANSWER_MARGIN_MS;
    const parameters = [`index=${index}`, `wait=${waitMs}ms`];
    return this.#listAsAllowed({ operation: 'watch', parameters, timeoutMs, socketPool: 'watches' }, signal);
  }

  /** The index without siblings, at the price of listing one level. */
  async exact(signal: AbortSignal): Promise<bigint> {
    return (await this.#list(this.prefix, { operation: 'watch', parameters: [] }, signal)).index;
  }

  /** With `acl.enable_key_list_policy`, a token may be allowed to list `config/` but not `config`. */
  async #listAsAllowed(list: ListRequest, signal: AbortSignal): Promise<KeyListing> {
    try {
      return await this.#list(this.#asked, list, signal);
    } catch (error) {
      const mayAskExactly = error instanceof ConsulError && error.code === 'STORE_DENIED';
      if (!mayAskExactly || this.#asked === this.prefix) throw error;
      const listing = await this.#list(this.prefix, list, signal);
      this.#asked = this.prefix;
      return listing;
    }
  }

  async #list(
    prefix: string,
    { parameters, ...list }: ListRequest,
    signal: AbortSignal,
  ): Promise<KeyListing> {
    const request: ConsulRequest = {
      ...list,
      method: 'GET',
      path: kvPath(prefix),
      query: ['keys', 'separator=%2F', ...parameters],
      accepts: [200, 404],
      repeatable: true,
      answerBytesMax: ANSWER_BYTES_MAX,
    };
    const answer = await this.#client.request(request, signal);
    try {
      return { index: indexOf(answer), keys: keysOf(answer) };
    } catch (cause) {
      throw protocolError(this.#client.describe(request), faultOf(cause), cause);
    }
  }
}

interface ListRequest extends Pick<ConsulRequest, 'operation' | 'timeoutMs' | 'socketPool'> {
  readonly parameters: readonly string[];
}

export interface PrefixAnswer extends BlockingAnswer {
  /** The index of the prefix without its siblings. */
  readonly exactIndex: bigint;
}

/**
 * The blocking query of a mapping. Where its answer shows that the prefix has siblings, the index of the prefix alone is
 * asked for, and the wake matters only if that one moved.
 */
export class PrefixWatch implements BlockingQuery<PrefixAnswer> {
  readonly #index: PrefixIndex;
  /** The index of the prefix alone, once siblings made it necessary to ask. */
  #exactIndex: bigint | undefined;
  #hadKeys = false;

  constructor(index: PrefixIndex) {
    this.#index = index;
  }

  async ask(index: bigint, waitMs: number, signal: AbortSignal): Promise<PrefixAnswer> {
    const listing = await this.#index.next(index, waitMs, signal);
    const own = this.#ownKeys(listing);
    const wasEmpty = !this.#hadKeys;
    this.#hadKeys = own.length > 0;
    // An empty prefix has the index of the whole store, which every write moves.
    if (wasEmpty && !this.#hadKeys) {
      const matters = index !== 0n && (await this.#hasBecomeVisible(signal));
      return { index: listing.index, exactIndex: listing.index, matters };
    }
    if (own.length === listing.keys.length) {
      return { index: listing.index, exactIndex: listing.index, matters: true };
    }
    const known = this.#exactIndex;
    const exactIndex = await this.#index.exact(signal);
    this.#exactIndex = exactIndex;
    return { index: listing.index, exactIndex, matters: exactIndex !== known };
  }

  #ownKeys({ keys }: KeyListing): readonly string[] {
    return keys.filter((key) => key.startsWith(this.#index.prefix));
  }

  /**
   * What a query answers that has waited is what the token could see when it was asked (1.8.7): keys that it may see by
   * now are in no such answer, and what woke the query may have been one of them.
   */
  async #hasBecomeVisible(signal: AbortSignal): Promise<boolean> {
    this.#hadKeys = this.#ownKeys(await this.#index.next(0n, 0, signal)).length > 0;
    return this.#hadKeys;
  }
}

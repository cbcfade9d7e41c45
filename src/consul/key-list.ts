import { compareKeys } from '../core/key-order.js';
import type { KeyPrefix } from '../core/observation.js';
import { faultOf } from './consul-client.js';
import type { ConsulClient, ConsulRequest } from './consul-client.js';
import { protocolError } from './consul-errors.js';
import type { HttpAnswer } from './client-seam.js';
import type { KeySpace } from './kv-keys.js';
import { kvPath } from './kv-keys.js';
import type { AskablePrefixes } from './askable-prefixes.js';

/** All keys of a mapping: about two million of them. */
const LIST_BYTES_MAX = 256 * 1024 * 1024;
const LIST_TIMEOUT_MS = 60_000;

export interface KeyList {
  /** The index of what was listed: nothing in it has a version above this one. */
  readonly index: bigint;
  /** As the store has them, in the order of `compareKeys`, each once. */
  readonly storedKeys: readonly string[];
}

export type ListRequest = Pick<ConsulRequest, 'query' | 'timeoutMs' | 'socketPool'>;

/**
 * The keys of a mapping that the token may see, as the leader has them.
 * @throws ConsulError
 */
export async function listKeys(client: ConsulClient, keys: KeySpace, signal: AbortSignal): Promise<KeyList> {
  const request = { operation: 'list', query: ['consistent'] } as const;
  const { index, storedKeys } = await listKeysBelow(client, keys.prefix, request, signal);
  return { index, storedKeys: storedKeys.filter((key) => keys.entryKey(key) !== undefined) };
}

/**
 * The same of those entries whose keys begin with `within`.
 * @throws ConsulError
 */
export async function listKeysWithin(
  client: ConsulClient,
  keys: KeySpace,
  within: KeyPrefix,
  askable: AskablePrefixes,
  signal: AbortSignal,
): Promise<KeyList> {
  const wanted = keys.storedKey(within);
  const isWanted = (key: string): boolean => key.startsWith(wanted) && keys.entryKey(key) !== undefined;
  if (within !== '' && askable.has(wanted)) {
    try {
      const request = { operation: 'list', query: ['consistent'] } as const;
      const { index, storedKeys } = await listKeysBelow(client, wanted, request, signal);
      return { index, storedKeys: storedKeys.filter(isWanted) };
    } catch (error) {
      if (!askable.learn(wanted, error)) throw error;
    }
  }
  // What can't be asked for is picked out of all.
  const { index, storedKeys } = await listKeys(client, keys, signal);
  return { index, storedKeys: storedKeys.filter(isWanted) };
}

/**
 * The keys that begin with `prefix` and that the token may see.
 * @throws ConsulError
 */
export async function listKeysBelow(
  client: ConsulClient,
  prefix: string,
  { query = [], ...rest }: Pick<ConsulRequest, 'operation'> & ListRequest,
  signal: AbortSignal,
): Promise<KeyList> {
  const request: ConsulRequest = {
    timeoutMs: LIST_TIMEOUT_MS,
    ...rest,
    method: 'GET',
    path: kvPath(prefix),
    query: ['keys', ...query],
    accepts: [200, 404],
    repeatable: true,
    answerBytesMax: LIST_BYTES_MAX,
  };
  const answer = await client.request(request, signal);
  try {
    return { index: indexOf(answer), storedKeys: inOrderOnce(keysOf(answer)) };
  } catch (cause) {
    throw protocolError(client.describe(request), faultOf(cause), cause);
  }
}

/** Keys that are not UTF-8 are all shown alike; and where a key goes on with less than a slash, Consul's order is another. */
function inOrderOnce(keys: readonly string[]): readonly string[] {
  const isInOrder = keys.every((key, at) => at === 0 || compareKeys(keys[at - 1] ?? '', key) < 0);
  return isInOrder ? keys : [...new Set(keys)].sort(compareKeys);
}

/**
 * The index of an answer. Without one it is not Consul's, or not Consul's alone, whatever else it says: neither a new
 * content nor an empty 404 may be believed, and asking on would never block.
 * @throws Error
 */
export function indexOf({ headers, status }: HttpAnswer): bigint {
  const index = headers['x-consul-index'];
  if (typeof index !== 'string' || !/^\d{1,20}$/.test(index)) {
    throw new Error(`status ${status} came without the header X-Consul-Index`);
  }
  return BigInt(index);
}

/**
 * The keys of an answer to `?keys`; none for a 404, which says no more than that the token sees none.
 * @throws Error
 */
export function keysOf({ status, body }: HttpAnswer): readonly string[] {
  if (status === 404) return [];
  const keys: unknown = JSON.parse(body.toString('utf8'));
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string')) {
    throw new Error('a list of keys is expected');
  }
  return keys;
}

import { faultOf } from './consul-client.js';
import type { ConsulClient, ConsulRequest } from './consul-client.js';
import { protocolError } from './consul-errors.js';
import { indexOf } from './key-list.js';
import { kvPath } from './kv-keys.js';
import { decodeEntries } from './transaction.js';
import type { StoredEntry } from './transaction.js';

/** Many times what a list of entries is expected to have: a few large values among small ones are no reason to give up. */
export const LISTED_BYTES_MAX = 4 * 1024 * 1024;

export interface EntryList {
  /** The index of what was listed: nothing in it has a version above this one. */
  readonly index: bigint;
  readonly entries: readonly StoredEntry[];
}

/**
 * The entries whose keys begin with `prefix`, with their values, as the leader has them: `GET ...?recurse`, a fifth of the
 * work that transactions of single reads are (1.8.7). The token's policy filters it without a word.
 * @param prefix one that a URL can carry
 * @throws AnswerTooLargeError when the answer is longer than `limits` allow
 * @throws ConsulError
 */
export async function listEntries(
  client: ConsulClient,
  prefix: string,
  limits: Pick<ConsulRequest, 'operation' | 'timeoutMs' | 'answerBytesMax' | 'socketPool'>,
  signal: AbortSignal,
): Promise<EntryList> {
  const request: ConsulRequest = {
    ...limits,
    method: 'GET',
    path: kvPath(prefix),
    query: ['recurse', 'consistent'],
    accepts: [200, 404],
    repeatable: true,
  };
  const answer = await client.request(request, signal);
  try {
    const index = indexOf(answer);
    return { index, entries: answer.status === 404 ? [] : decodeEntries(answer.body) };
  } catch (cause) {
    throw protocolError(client.describe(request), faultOf(cause), cause);
  }
}

import type { EntryKey } from '../core/observation.js';
import type { ConsulRequest } from './consul-client.js';
import { inOrderAhead } from './in-order-ahead.js';
import { hasUrl, isExact, kvPath } from './kv-keys.js';
import { REQUESTS_AHEAD, chunks, entryOf, settle } from './settled-reads.js';
import type { ReadContext } from './settled-reads.js';
import { failureKind } from './transaction.js';

/** Which of `keys` are certainly absent; see `Replica.proveAbsent`. */
export async function proveKeysAbsent(
  context: ReadContext,
  keys: readonly EntryKey[],
  signal: AbortSignal,
): Promise<Set<EntryKey>> {
  const stored = [...new Set(keys)].map((key) => context.keys.storedKey(key)).filter(isExact);
  const absent = new Set<EntryKey>();
  const prove = (page: readonly string[], pageSignal: AbortSignal) => provePage(context, page, pageSignal);
  for await (const proven of inOrderAhead(
    chunks(stored, context.operationsMax),
    REQUESTS_AHEAD,
    prove,
    signal,
  )) {
    for (const key of proven) absent.add(entryOf(context, key));
  }
  return absent;
}

/** `check-not-exists` asks for permission to write; for a token without, a plain read tells denied from absent too. */
async function provePage(
  context: ReadContext,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const excluded = new Set<string>();
  const denied: string[] = [];
  await settle(
    context,
    'prove-absent',
    keys.map((key) => ({ verb: 'check-not-exists', key })),
    (operation, failure) => {
      excluded.add(operation.key);
      if (failureKind(failure.what) === 'denied') denied.push(operation.key);
      return undefined;
    },
    signal,
  );
  const absent = keys.filter((key) => !excluded.has(key));
  for (const key of denied.filter(hasUrl)) if (await isAbsent(context, key, signal)) absent.push(key);
  return absent;
}

/** `GET ?consistent`: 403 unless the token may read the key, whether it exists or not (measured, 1.8.7); 400 for odd keys. */
async function isAbsent(context: ReadContext, key: string, signal: AbortSignal): Promise<boolean> {
  const request: ConsulRequest = {
    operation: 'prove-absent',
    method: 'GET',
    path: kvPath(key),
    query: ['consistent'],
    accepts: [200, 400, 403, 404],
    repeatable: true,
  };
  const { status, headers } = await context.client.request(request, signal);
  return (
    status === 404 && headers['x-consul-knownleader'] === 'true' && headers['x-consul-index'] !== undefined
  );
}

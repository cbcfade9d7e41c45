import type { EntryKey } from '../core/observation.js';
import type { Version } from '../core/version.js';
import type { Rejection, WriteApplied, WriteBatch, WriteOperation, WriteOutcome } from '../ports/replica.js';
import type { ConsulRequest } from './consul-client.js';
import { ConsulError, protocolError } from './consul-errors.js';
import { readEntries } from './entry-reads.js';
import { versionOf } from './settled-reads.js';
import type { ReadContext } from './settled-reads.js';
import { hasUrl, kvPath } from './kv-keys.js';
import { encodeTransaction, failureKind } from './transaction.js';
import type { OperationFailure, TransactionAnswer, TransactionOperation } from './transaction.js';

export interface WriteContext extends ReadContext {
  readonly ledgerKey: string;
  readonly transactionBytesMax: number;
  readonly valueBytesMax: number;
}

type ValueOperation = Exclude<WriteOperation, { kind: 'delete' }>;

/** See `Replica.write`. The ledger is the first operation of its transaction. */
export async function writeBatch(
  context: WriteContext,
  batch: WriteBatch,
  signal: AbortSignal,
): Promise<WriteOutcome> {
  const rejections = batch.operations.flatMap((operation) => rejectionOf(context, operation) ?? []);
  if (rejections.length > 0) return { kind: 'rejected', rejections };
  const operations = encodeBatch(context, batch);
  if (operations.length === 0) return applied(new Map(), undefined);
  const body = encodeTransaction(operations);
  if (operations.length > context.operationsMax) {
    throw new RangeError(`a batch of ${operations.length} operations exceeds the limits`);
  }
  if (body.length > context.transactionBytesMax) {
    const [only, ...others] = batch.operations;
    if (only === undefined || only.kind === 'delete' || others.length > 0) {
      throw new RangeError(`a batch of ${body.length} bytes exceeds the limits`);
    }
    return writeLarge(context, only, signal);
  }
  try {
    const answer = await context.client.transact(body, { reads: false, operation: 'write' }, signal);
    return outcomeOf(context, batch, answer);
  } catch (error) {
    return outcomeOfError(context, batch, error);
  }
}

/** Why an operation can't be sent at all. */
function rejectionOf(context: WriteContext, operation: WriteOperation): Rejection | undefined {
  const { key } = operation;
  const illegal = context.keys.unmappable(key);
  if (illegal !== undefined) return { key, reason: 'illegal-key', detail: illegal };
  if (operation.kind !== 'create' && operation.base.session !== undefined) {
    const detail = `the key is held by session ${operation.base.session}`;
    return { key, reason: 'session-bound', detail };
  }
  if (operation.kind !== 'delete' && operation.value.length > context.valueBytesMax) {
    const detail = `${operation.value.length} bytes; Consul takes ${context.valueBytesMax}`;
    return { key, reason: 'too-large', detail };
  }
  return undefined;
}

function encodeBatch(context: WriteContext, { operations, ledger }: WriteBatch): TransactionOperation[] {
  const encoded = operations.map((operation) => encodeOperation(context, operation));
  if (ledger === undefined) return encoded;
  const value = Buffer.from(ledger.content);
  const index = ledger.expected?.modified ?? 0n;
  return [{ verb: 'cas', key: context.ledgerKey, value, flags: 0n, index }, ...encoded];
}

function encodeOperation(context: WriteContext, operation: WriteOperation): TransactionOperation {
  const key = context.keys.storedKey(operation.key);
  switch (operation.kind) {
    case 'create':
      return { verb: 'cas', key, value: operation.value, flags: flagsOf(operation), index: 0n };
    case 'update': {
      const { modified: index } = operation.base.version;
      return { verb: 'cas', key, value: operation.value, flags: flagsOf(operation), index };
    }
    case 'delete':
      return { verb: 'delete-cas', key, index: operation.base.version.modified };
  }
}

/** A plain write would set them to 0. */
function flagsOf(operation: ValueOperation): bigint {
  return operation.kind === 'update' ? operation.base.flags : (operation.flags ?? 0n);
}

function outcomeOf(context: WriteContext, batch: WriteBatch, answer: TransactionAnswer): WriteOutcome {
  if (answer.kind === 'failed') return outcomeOfFailures(context, batch, answer.failures);
  const versions = new Map<EntryKey, Version>();
  for (const operation of batch.operations) {
    if (operation.kind === 'delete') continue;
    versions.set(operation.key, writtenVersion(context, answer, context.keys.storedKey(operation.key)));
  }
  const ledger = batch.ledger && writtenVersion(context, answer, context.ledgerKey);
  return applied(versions, ledger);
}

function writtenVersion(
  context: WriteContext,
  answer: TransactionAnswer & { kind: 'passed' },
  key: string,
): Version {
  const entry = answer.entries.get(key);
  if (entry !== undefined) return versionOf(entry);
  throw protocolError(`a transaction on ${context.client.address}`, `passed without a result for ${key}`);
}

/** The failures of a transaction, of which nothing was applied, by what they mean for each operation. */
function outcomeOfFailures(
  context: WriteContext,
  batch: WriteBatch,
  failures: readonly OperationFailure[],
): WriteOutcome {
  const ledgerOperations = batch.ledger === undefined ? 0 : 1;
  const rejections: Rejection[] = [];
  const keys: EntryKey[] = [];
  let ledger = false;
  for (const { position, what } of failures) {
    const operation = batch.operations[position - ledgerOperations];
    const kind = failureKind(what);
    if (kind === 'broken') return { kind: 'retriable', cause: brokenTransaction(context, what) };
    if (operation !== undefined) {
      if (kind === 'stale') keys.push(operation.key);
      else rejections.push(rejectionFor(operation.key, what));
    } else if (kind === 'stale') ledger = true;
    else return { kind: 'retriable', cause: ledgerRefused(context, what) };
  }
  if (rejections.length > 0) return { kind: 'rejected', rejections };
  return { kind: 'condition-failed', keys, ledger };
}

function rejectionFor(key: EntryKey, what: string): Rejection {
  return { key, reason: failureKind(what) === 'denied' ? 'denied' : 'illegal-key', detail: what };
}

/** Neither an operation's fault nor its condition's: the server failed to carry it out, and rolled all back. */
function brokenTransaction({ client }: WriteContext, what: string): ConsulError {
  return new ConsulError('STORE_UNREACHABLE', `a transaction on ${client.address}: ${what}`, true, true);
}

/** Not the entries' fault: all batches of the mapping wait until the ledger can be written. */
function ledgerRefused({ ledgerKey, client }: WriteContext, what: string): ConsulError {
  const advice = "Give the token's policy write access to it";
  const message = `the ledger ${ledgerKey} on ${client.address} can't be written: ${what}. ${advice}`;
  return new ConsulError('STORE_DENIED', message, false, true);
}

function outcomeOfError(context: WriteContext, batch: WriteBatch, error: unknown): WriteOutcome {
  if (!(error instanceof ConsulError)) return { kind: 'unknown', cause: asError(error) };
  // Within our own limits, so the server's are set lower: without its largest value the rest may fit.
  if (error.status === 413 && batch.operations.length > 0) {
    return { kind: 'rejected', rejections: [tooLargeForServer(context, batch, error)] };
  }
  return { kind: error.notApplied ? 'retriable' : 'unknown', cause: error };
}

function tooLargeForServer(context: WriteContext, batch: WriteBatch, error: ConsulError): Rejection {
  const sizeOf = (operation: WriteOperation) =>
    encodeTransaction([encodeOperation(context, operation)]).length;
  const largest = batch.operations.reduce((a, b) => (sizeOf(b) > sizeOf(a) ? b : a));
  return { key: largest.key, reason: 'too-large', detail: error.message };
}

/**
 * The route for a value that no transaction takes: a conditional PUT, whose answer is only yes or no, and a read of what
 * it made. The ledger has no part in it, so the caller records what it intends before.
 */
async function writeLarge(
  context: WriteContext,
  operation: ValueOperation,
  signal: AbortSignal,
): Promise<WriteOutcome> {
  const { key } = operation;
  const stored = context.keys.storedKey(key);
  if (!hasUrl(stored)) {
    const detail = `${operation.value.length} bytes are too many for a transaction, and a URL can't carry this key`;
    return { kind: 'rejected', rejections: [{ key, reason: 'too-large', detail }] };
  }
  try {
    const done = await putValue(context, stored, operation, signal);
    if (!done) return { kind: 'condition-failed', keys: [key], ledger: false };
    return await confirmLarge(context, operation, signal);
  } catch (error) {
    if (!(error instanceof ConsulError)) return { kind: 'unknown', cause: asError(error) };
    const reason = PUT_REFUSALS.get(error.status ?? 0);
    if (reason !== undefined && error.code !== 'STORE_AUTH_FAILED') {
      return { kind: 'rejected', rejections: [{ key, reason, detail: error.message }] };
    }
    return { kind: error.notApplied ? 'retriable' : 'unknown', cause: error };
  }
}

/** Answers to a PUT of one key that are about that key. Consul 1.22 and later refuse (400) many keys in URLs. */
const PUT_REFUSALS = new Map([
  [301, 'too-large'],
  [400, 'too-large'],
  [403, 'denied'],
  [413, 'too-large'],
] as const) as ReadonlyMap<number, Rejection['reason']>;

async function putValue(
  context: WriteContext,
  storedKey: string,
  operation: ValueOperation,
  signal: AbortSignal,
): Promise<boolean> {
  const index = operation.kind === 'update' ? operation.base.version.modified : 0n;
  const { value } = operation;
  const request: ConsulRequest = {
    operation: 'write',
    method: 'PUT',
    path: kvPath(storedKey),
    query: [`cas=${index}`, `flags=${flagsOf(operation)}`],
    body: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
    accepts: [200],
    repeatable: false,
  };
  const { body } = await context.client.request(request, signal);
  const text = body.toString('utf8').trim();
  if (text !== 'true' && text !== 'false') {
    throw protocolError(context.client.describe(request), 'neither true nor false came back');
  }
  return text === 'true';
}

/** Finds the version that a PUT made. What is read may be a later write with the same content, which is as good. */
async function confirmLarge(
  context: WriteContext,
  operation: ValueOperation,
  signal: AbortSignal,
): Promise<WriteOutcome> {
  const reading = await readEntries(context, [operation.key], signal).then(
    (readings) => readings.get(operation.key),
    (error: unknown) => asError(error),
  );
  if (reading instanceof Error) return { kind: 'unknown', cause: reading };
  if (reading?.kind === 'present' && reading.digest === context.digest(operation.value)) {
    return applied(new Map([[operation.key, reading.version]]), undefined);
  }
  const what = `the value put at ${context.keys.storedKey(operation.key)} on ${context.client.address}`;
  const message = `${what} was changed, removed or hidden before it could be read back`;
  return { kind: 'unknown', cause: new ConsulError('STORE_UNREACHABLE', message, true, false) };
}

function applied(versions: ReadonlyMap<EntryKey, Version>, ledger: Version | undefined): WriteApplied {
  return {
    kind: 'applied',
    versions,
    ledger,
    madeParents: new Map(),
    cleared: new Map(),
    overwrittenInRace: new Map(),
    stamp: undefined,
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

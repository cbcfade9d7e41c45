import type { EntryKey } from '../../core/observation.js';
import type { Version } from '../../core/version.js';
import type { CatalogRegistration } from '../../ports/catalog.js';
import type {
  Rejection,
  WriteApplied,
  WriteBatch,
  WriteOperation,
  WriteOutcome,
} from '../../ports/replica.js';
import { ConsulError, protocolError } from '../consul-errors.js';
import { failureKind } from '../transaction.js';
import type { OperationFailure } from '../transaction.js';
import { encodeCatalogTransaction } from './catalog-operation.js';
import type { CatalogOperation, CatalogResult } from './catalog-operation.js';
import { versionOf } from './catalog-reads.js';
import type { CatalogContext } from './catalog-reads.js';
import type { SyntheticNode } from './synthetic-node.js';

export interface CatalogWriteContext extends CatalogContext {
  readonly ledgerKey: string;
  readonly transactionBytesMax: number;
  readonly valueBytesMax: number;
  readonly node: SyntheticNode;
}

/** An operation of a batch as those of its transaction. */
interface Prepared {
  readonly operation: WriteOperation;
  readonly parts: readonly CatalogOperation[];
}

/** Consul says so of a service whose node is gone. */
const NODE_GONE = 'Missing node registration';

/** See `Replica.write`. The ledger is the first operation of its transaction. */
export async function writeRegistrations(
  context: CatalogWriteContext,
  batch: WriteBatch,
  signal: AbortSignal,
): Promise<WriteOutcome> {
  const prepared: Prepared[] = [];
  const rejections: Rejection[] = [];
  for (const operation of batch.operations) {
    const parts = partsOf(context, operation);
    if ('reason' in parts) rejections.push(parts);
    else prepared.push({ operation, parts });
  }
  if (rejections.length > 0) return { kind: 'rejected', rejections };
  const operations = [...ledgerPart(context, batch), ...prepared.flatMap(({ parts }) => parts)];
  if (operations.length === 0) return applied(new Map(), undefined);
  assertWithin(context, operations);
  try {
    if (prepared.some(({ operation }) => operation.kind === 'create')) await context.node.ensure(signal);
  } catch (error) {
    return { kind: 'retriable', cause: asError(error) };
  }
  try {
    const answer = await context.client.transact(operations, { reads: false, operation: 'write' }, signal);
    if (answer.kind === 'passed') return appliedBy(context, batch, prepared, answer.results);
    return outcomeOfFailures(context, batch, prepared, answer.failures);
  } catch (error) {
    if (!(error instanceof ConsulError)) return { kind: 'unknown', cause: asError(error) };
    return { kind: error.notApplied ? 'retriable' : 'unknown', cause: error };
  }
}

function assertWithin(context: CatalogWriteContext, operations: readonly CatalogOperation[]): void {
  if (operations.length > context.operationsMax) {
    throw new RangeError(`a batch of ${operations.length} operations exceeds the limits`);
  }
  const bytes = encodeCatalogTransaction(operations).length;
  if (bytes > context.transactionBytesMax)
    throw new RangeError(`a batch of ${bytes} bytes exceeds the limits`);
}

function ledgerPart({ ledgerKey }: CatalogWriteContext, { ledger }: WriteBatch): CatalogOperation[] {
  if (ledger === undefined) return [];
  const value = Buffer.from(ledger.content);
  const index = ledger.expected?.modified ?? 0n;
  return [{ on: 'key', operation: { verb: 'cas', key: ledgerKey, value, flags: 0n, index } }];
}

/** The operations that one operation takes, or why it can't be sent at all. */
function partsOf(
  context: CatalogWriteContext,
  operation: WriteOperation,
): readonly CatalogOperation[] | Rejection {
  const { key } = operation;
  const place = context.translation.placeOf(key);
  if (place === undefined) return { key, reason: 'illegal-key', detail: 'it is no instance of a service' };
  if (place.kind === 'original') {
    const detail = `the instance registered itself on node ${place.node}; only its own client writes it`;
    return { key, reason: 'session-bound', detail };
  }
  if (operation.kind === 'delete') {
    const { node, id, service } = place;
    return [{ on: 'service', verb: 'delete-cas', node, id, service, index: operation.base.version.modified }];
  }
  if (operation.value.length > context.valueBytesMax) {
    const detail = `${operation.value.length} bytes; a registration takes ${context.valueBytesMax}`;
    return { key, reason: 'too-large', detail };
  }
  const registration = registrationOf(context, key, operation.value);
  if (registration === undefined)
    return { key, reason: 'unreadable', detail: 'its value is no service record' };
  const index = operation.kind === 'create' ? 0n : operation.base.version.modified;
  return [
    { on: 'service', verb: 'cas', registration, index },
    { on: 'check', verb: 'set', registration },
  ];
}

function registrationOf(
  { translation }: CatalogWriteContext,
  key: EntryKey,
  value: Uint8Array,
): CatalogRegistration | undefined {
  try {
    return translation.registrationOf(key, value);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function appliedBy(
  context: CatalogWriteContext,
  batch: WriteBatch,
  prepared: readonly Prepared[],
  results: readonly CatalogResult[],
): WriteApplied {
  const services = results.flatMap((result) => (result.on === 'service' ? [result.service] : []));
  const written = prepared.filter(({ operation }) => operation.kind !== 'delete');
  const ledger = results.find((result) => result.on === 'key');
  if (services.length !== written.length || (batch.ledger !== undefined && ledger === undefined)) {
    throw protocolError(`a transaction on ${context.client.address}`, 'passed without all of its results');
  }
  const versions = new Map<EntryKey, Version>();
  for (const [at, { operation }] of written.entries()) {
    const service = services[at];
    if (service !== undefined) versions.set(operation.key, versionOf(service));
  }
  return applied(versions, ledger && versionOf(ledger.entry));
}

/** The failures of a transaction, of which nothing was applied, by what they mean for each operation of the batch. */
function outcomeOfFailures(
  context: CatalogWriteContext,
  batch: WriteBatch,
  prepared: readonly Prepared[],
  failures: readonly OperationFailure[],
): WriteOutcome {
  const owners: (WriteOperation | undefined)[] = [
    ...ledgerPart(context, batch).map(() => undefined),
    ...prepared.flatMap(({ operation, parts }) => parts.map(() => operation)),
  ];
  const rejections = new Map<EntryKey, Rejection>();
  const keys = new Set<EntryKey>();
  let ledger = false;
  for (const { position, what } of failures) {
    const kind = failureKind(what);
    const operation = owners[position];
    if (what === NODE_GONE) context.node.forget();
    if (what === NODE_GONE || kind === 'broken') return { kind: 'retriable', cause: passing(context, what) };
    // The check of a registration that failed has nothing to stand for.
    if (operation !== undefined && keys.has(operation.key)) continue;
    if (operation !== undefined && kind === 'stale') keys.add(operation.key);
    else if (operation !== undefined) rejections.set(operation.key, rejectionFor(operation.key, what));
    else if (kind === 'stale') ledger = true;
    else return { kind: 'retriable', cause: ledgerRefused(context, what) };
  }
  for (const key of keys) rejections.delete(key);
  if (rejections.size > 0) return { kind: 'rejected', rejections: [...rejections.values()] };
  return { kind: 'condition-failed', keys: [...keys], ledger };
}

function rejectionFor(key: EntryKey, what: string): Rejection {
  return { key, reason: failureKind(what) === 'denied' ? 'denied' : 'illegal-key', detail: what };
}

/** The server failed to carry it out, and rolled all back. */
function passing({ client }: CatalogContext, what: string): ConsulError {
  return new ConsulError('STORE_UNREACHABLE', `a transaction on ${client.address}: ${what}`, true, true);
}

function ledgerRefused({ ledgerKey, client }: CatalogWriteContext, what: string): ConsulError {
  const advice = "Give the token's policy write access to it";
  const message = `the ledger ${ledgerKey} on ${client.address} can't be written: ${what}. ${advice}`;
  return new ConsulError('STORE_DENIED', message, false, true);
}

function applied(versions: ReadonlyMap<EntryKey, Version>, ledger: Version | undefined): WriteApplied {
  const none = new Map<EntryKey, never>();
  return {
    kind: 'applied',
    versions,
    ledger,
    madeParents: none,
    cleared: none,
    overwrittenInRace: none,
    stamp: undefined,
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

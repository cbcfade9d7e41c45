import type { Rejection, ReplicaLimits, WriteBatch, WriteOperation } from '../../../src/ports/replica.js';

/** What a replica holds and takes at a time; smaller ones make a simulation meet the edges more often. */
export type AdjustableLimits = Pick<ReplicaLimits, 'batchOperationsMax' | 'batchBytesMax' | 'valueBytesMax'>;

/**
 * A single value without a ledger has a route of its own; every other batch has to fit.
 * @throws RangeError when whoever planned the batch has overlooked a limit
 */
export function mustFit({ operations, ledger }: WriteBatch, limits: ReplicaLimits): void {
  if (operations.length === 1 && ledger === undefined) return;
  const count = operations.length + (ledger === undefined ? 0 : 1);
  const bytes = operations.reduce(
    (sum, operation) => sum + limits.operationBytes(operation.key, valueBytesOf(operation)),
    ledger?.content.length ?? 0,
  );
  if (count <= limits.batchOperationsMax && bytes <= limits.batchBytesMax) return;
  throw new RangeError(`a batch of ${count} operations and ${bytes} bytes exceeds the limits`);
}

export function tooLarge(operation: WriteOperation, limits: ReplicaLimits): Rejection | undefined {
  const bytes = valueBytesOf(operation);
  if (bytes <= limits.valueBytesMax) return undefined;
  const detail = `${bytes} bytes; at most ${limits.valueBytesMax} can be stored`;
  return { key: operation.key, reason: 'too-large', detail };
}

function valueBytesOf(operation: WriteOperation): number {
  return operation.kind === 'delete' ? 0 : operation.value.length;
}

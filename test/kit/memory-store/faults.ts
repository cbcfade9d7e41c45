import type { ReplicaError } from '../../../src/ports/errors.js';
import type { WriteBatch, WriteOutcome } from '../../../src/ports/replica.js';

/** What goes wrong on the way to a store and in it, decided call by call. Nothing does by itself. */
export interface Faults {
  /** Asked when a write leaves. */
  beforeWrite?: (batch: WriteBatch) => WriteFault | undefined;
  /** Asked when the store has answered a write: whether the answer gets lost, so that the write ends `unknown`. */
  afterWrite?: (outcome: WriteOutcome) => 'reply-lost' | undefined;
  /** Asked when a request that only reads leaves: the error with which it ends. A scan asks for each page. */
  beforeRead?: (request: ReadRequest) => ReplicaError | undefined;
  /** Asked for each hint: whether the watch loses it. */
  losesHint?: () => boolean;
  /** Permissions. `name` is the store's own: a path, or a whole key. */
  denies?: (access: 'read' | 'write', name: string) => boolean;
}

export type WriteFault =
  /** It never leaves, and that is known: `retriable`. */
  | 'refused'
  /** It is lost on its way, and nobody learns of it: `unknown`. */
  | 'request-lost'
  /** It arrives late, perhaps long after it was given up as `unknown`. */
  | { readonly delayedByMs: number };

export type ReadRequest = 'scan' | 'position' | 'read' | 'prove-absent' | 'read-ledger' | 'list-ledgers';

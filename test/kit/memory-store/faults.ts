import type { ReplicaError } from '../../../src/ports/errors.js';
import type { WriteBatch, WriteOutcome } from '../../../src/ports/replica.js';

/** What goes wrong on the way to a store and in it, decided call by call. Nothing does by itself. */
export interface Faults {
  /** Asked when a write leaves. */
  beforeWrite?: (batch: WriteBatch) => WriteFault | undefined;
  /** Asked when the store has answered a write. */
  afterWrite?: (outcome: WriteOutcome) => AnswerFault | undefined;
  /** Asked when a request that only reads leaves. A scan asks for each page. */
  beforeRead?: (request: ReadRequest) => ReadFault | undefined;
  /** Asked when the store has answered such a request. */
  afterRead?: (request: ReadRequest) => AnswerFault | undefined;
  /** Asked for each read and each proof of this many keys: how many are answered, where it isn't all of them. */
  answersOnly?: (request: 'read' | 'prove-absent', keys: number) => number | undefined;
  /** Asked for each request that goes without a `sync`: how many writes the server that answers has not seen yet. */
  lagsBehind?: (request: UnsyncedRequest) => number;
  /** Asked for each hint: whether the watch loses it. */
  losesHint?: () => boolean;
  /** Asked for each hint that is not lost. */
  distortsHint?: () => HintFault | undefined;
  /** Permissions. `name` is the store's own: a path, or a whole key. */
  denies?: (access: 'read' | 'write', name: string) => boolean;
}

export type WriteFault =
  /** It never leaves, or the store answers with this error without having done anything: `retriable`. */
  | 'refused'
  | ReplicaError
  /** It is lost on its way, and nobody learns of it: `unknown`. */
  | 'request-lost'
  /** It arrives late, perhaps long after it was given up as `unknown`. */
  | { readonly delayedByMs: number };

export type ReadFault =
  /** It ends with this error. */
  | ReplicaError
  /** It is lost on its way, and ends with a timeout. */
  | 'request-lost'
  /** It arrives late, and is answered with what is true by then. */
  | { readonly delayedByMs: number };

export type AnswerFault =
  /** It never comes: a timeout, so that a write ends `unknown`. */
  | 'reply-lost'
  /** It is cut off in the middle, or an error that leaves everything open: at once, so that a write ends `unknown`. */
  | 'broken-off'
  /** It comes late, with what was true when the store gave it. */
  | { readonly delayedByMs: number };

export type HintFault =
  | 'doubled'
  /** Others, that were given after it, may overtake it. */
  | { readonly delayedByMs: number };

export type ReadRequest =
  | 'scan'
  | 'position'
  | 'read'
  | 'prove-absent'
  | 'read-ledger'
  | 'list-ledgers'
  | 'election'
  /** A look for missing parents, before a batch with creates goes to ZooKeeper. */
  | 'prepare-write'
  /** Consul's second look at a value that no transaction takes. */
  | 'read-back';

/**
 * What ZooKeeper's adapter asks without a `sync` of its own: the pages of a walk but for the first, after which the
 * session may have gone to another server; and what it looks at before it writes.
 */
export type UnsyncedRequest = 'scan' | 'glance' | 'prepare-write' | 'read-before-write';

/** One daemon of an instance, as the others see it. */
export interface Member {
  /** Names the process: the writer of the ledgers. Never used again. */
  readonly id: string;
  readonly host: string;
  /** Where its admin server can be asked; undefined when it has none. */
  readonly admin: string | undefined;
}

export interface Candidate {
  readonly member: Member;
  /** Whether it is this process, with the session that it has now. A place of an earlier session ends with that one. */
  readonly mine: boolean;
  /** The session with the store that took the place, as the store calls it. */
  readonly session: string;
}

/** The candidates for one mapping, first in line first: who is first may lead. */
export type Queue = readonly Candidate[];

/**
 * Queues of candidates, one for each mapping, kept where all daemons of an instance see them. A place in a queue ends
 * with the session that took it, so that a daemon that died makes room. It is no fence: a daemon may learn late
 * that it lost its place. Writes are fenced by the ledgers.
 *
 * Every call ends within the store's request timeout, and throws a `ReplicaError` when the store can't answer.
 */
export interface Election {
  readonly self: Member;
  /** How long after the last answer a place may still be held. */
  readonly sessionTimeoutMs: number;

  /** The queues as they are now, read with authority. From then on, whoever stands before this process is watched. */
  queues(mappings: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Queue>>;
  /** Takes a place at the end of a queue, unless this process has one. */
  enter(mapping: string, signal: AbortSignal): Promise<void>;
  /** Gives up the place, if there is one: gone when it resolves. */
  leave(mapping: string, signal: AbortSignal): Promise<void>;

  /**
   * Tells when queues should be read again: the one in front is gone, or the connection changed. Hints only.
   * @returns how to stop listening
   */
  onChange(listener: () => void): () => void;
}

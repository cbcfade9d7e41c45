/** The session that copies are bound to, while this process holds it. */
export interface Bound {
  /** As readings name it. */
  readonly session: string;
  /** What was made up to this number of the store was bound to another one. */
  readonly since: bigint;
}

/** What copies were bound to that are to stay by now. It is kept until none is bound to it any more. */
export interface FormerBinding {
  tend(tends: boolean): void;
  /** No copy is bound to it, as far as was seen. */
  end(): void;
}

/** What copies are bound to that are to go when nobody looks after them any more. */
export interface Binding {
  /** Undefined while the session is not held: nothing can be said of what is bound to it. */
  readonly bound: Bound | undefined;
  /** Whether this process is to hold it. */
  readonly isTended: boolean;
  tend(tends: boolean): void;
  /**
   * Makes sure that the session is alive: whatever went before this was called did not go with it.
   * @returns undefined where that can't be said
   */
  confirm(signal: AbortSignal): Promise<Bound | undefined>;
  /**
   * Told when another session than before is held.
   * @returns how to stop listening
   */
  onBound(listener: () => void): () => void;
}

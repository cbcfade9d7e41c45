/** One write that a store has made: all of it at one store-wide number. */
export interface Commit {
  readonly number: bigint;
  /** Who wrote: what a client or a replica calls itself. */
  readonly by: string;
  readonly changes: readonly Change[];
}

/** What a commit did to one name (a path or a key), in the store's own spelling. */
export interface Change {
  readonly name: string;
  /** Undefined when it was not there. */
  readonly before: Uint8Array | undefined;
  /** Undefined when it is gone. */
  readonly after: Uint8Array | undefined;
}

/** Watches a store: the replicas, to give hints, and whoever checks what was written and by whom. */
export interface StoreListener {
  committed(commit: Commit): void;
  /** Everything may be different: a backup was restored, or another, empty store stands in its place. */
  replaced(how: 'restored' | 'wiped'): void;
}

export class CommitFeed {
  readonly #listeners = new Set<StoreListener>();

  /** @returns ends the subscription */
  subscribe(listener: StoreListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  committed(commit: Commit): void {
    for (const listener of [...this.#listeners]) listener.committed(commit);
  }

  replaced(how: 'restored' | 'wiped'): void {
    for (const listener of [...this.#listeners]) listener.replaced(how);
  }
}

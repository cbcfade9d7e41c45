import type { RowChange } from './catalog-tables.js';
import { CatalogTables } from './catalog-tables.js';
import { CatalogTransaction } from './catalog-transaction.js';
import type { RawOperation } from './catalog-transaction.js';

export interface CatalogCommit {
  readonly index: bigint;
  /** Who wrote. */
  readonly by: string;
  readonly changes: readonly RowChange[];
}

/** Watches the store: blocking queries, and whoever checks what was written and by whom. */
export interface CatalogListener {
  committed(commit: CatalogCommit): void;
  replaced(how: 'restored' | 'wiped'): void;
}

export interface TransactionAnswer {
  readonly results: readonly unknown[];
  /** Of each operation that failed. Nothing was applied if there is one. */
  readonly failures: readonly { readonly OpIndex: number; readonly What: string }[];
}

/** `txn_max_ops` before Consul 1.14. */
const OPERATIONS_MAX = 64;
/** How many writes a server can lag behind. */
const HISTORY_MAX = 64;

/** The state of a Consul cluster: catalog and KV store under one index. Answers at once. */
export class MemoryCatalog {
  readonly #listeners = new Set<CatalogListener>();
  #history: CatalogTables[] = [];
  #tables = new CatalogTables();

  /** What the leader holds. Never changed in place. */
  get tables(): CatalogTables {
    return this.#tables;
  }

  /** @returns ends the subscription */
  subscribe(listener: CatalogListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** All of `operations` under one index, or none. */
  apply(operations: readonly RawOperation[], by: string): TransactionAnswer {
    if (operations.length > OPERATIONS_MAX)
      throw new RangeError(`${operations.length} operations: 64 at most`);
    const next = new CatalogTables(this.#tables);
    next.index++;
    const transaction = new CatalogTransaction(next, next.index);
    const outcomes = operations.map((operation) => transaction.carryOut(operation));
    const failures = outcomes.flatMap((outcome, OpIndex) =>
      outcome.kind === 'failed' ? [{ OpIndex, What: outcome.what }] : [],
    );
    if (failures.length > 0) return { results: [], failures };
    const results = outcomes.flatMap((outcome) =>
      outcome.kind === 'done' && outcome.result !== undefined ? [outcome.result] : [],
    );
    const { changes } = transaction;
    if (changes.length === 0) return { results, failures };
    this.#history.push(this.#tables);
    if (this.#history.length > HISTORY_MAX) this.#history.shift();
    this.#tables = next;
    for (const listener of [...this.#listeners]) listener.committed({ index: next.index, by, changes });
    return { results, failures };
  }

  /** What a server shows that has not seen the latest `writes` yet; it remembers 64 at most. */
  behind(writes: number): CatalogTables {
    return (writes <= 0 ? undefined : this.#history.at(-writes)) ?? this.#history.at(0) ?? this.#tables;
  }

  /** A living cluster is given a backup: rows and their indexes fall back, what is counted goes on above. */
  restore(snapshot: CatalogTables): void {
    const next = new CatalogTables(snapshot);
    next.index = (this.#tables.index > snapshot.index ? this.#tables.index : snapshot.index) + 1n;
    this.#replace(next, 'restored');
  }

  /** Another cluster, empty and new, stands in this one's place. */
  wipe(): void {
    this.#replace(new CatalogTables(), 'wiped');
  }

  #replace(tables: CatalogTables, how: 'restored' | 'wiped'): void {
    this.#tables = tables;
    this.#history = [];
    for (const listener of [...this.#listeners]) listener.replaced(how);
  }
}

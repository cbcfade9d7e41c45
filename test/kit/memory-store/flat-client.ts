import type { EntryKey } from '../../../src/core/observation.js';
import type { FlatOperation, MemoryFlat, SessionBehavior } from './memory-flat.js';

/** Another program on the same keys: it calls entries by their keys below the mapped prefix, and writes as it likes. */
export class FlatClient {
  constructor(
    private readonly flat: MemoryFlat,
    private readonly prefix: string,
    /** What it is called in the store's feed of commits. */
    private readonly name = 'client',
  ) {}

  get(key: EntryKey): Uint8Array | undefined {
    return this.flat.entry(this.prefix + key)?.value;
  }

  put(key: EntryKey, value: Uint8Array, flags = 0n): void {
    this.must({ kind: 'set', key: this.prefix + key, value, flags });
  }

  /** Sets several keys in one transaction. */
  putTogether(entries: ReadonlyMap<EntryKey, Uint8Array>): void {
    const operations = [...entries].map(
      ([key, value]) => ({ kind: 'set', key: this.prefix + key, value }) as const,
    );
    this.flat.apply(operations, this.name);
  }

  remove(key: EntryKey): void {
    this.must({ kind: 'delete', key: this.prefix + key });
  }

  /** Deletes a key and all below it, in one write. */
  removeAll(key: EntryKey): void {
    const operations: FlatOperation[] = [
      { kind: 'delete', key: this.prefix + key },
      { kind: 'delete-tree', prefix: `${this.prefix}${key}/` },
    ];
    this.flat.apply(operations, this.name);
  }

  /** Takes the lock on a key for a session, which is opened if need be. */
  lock(key: EntryKey, value: Uint8Array, session: string, behavior: SessionBehavior = 'release'): void {
    this.flat.openSession(session, behavior);
    this.must({ kind: 'lock', key: this.prefix + key, value, session });
  }

  unlock(key: EntryKey, value: Uint8Array, session: string): void {
    this.must({ kind: 'unlock', key: this.prefix + key, value, session });
  }

  private must(operation: FlatOperation): void {
    const answer = this.flat.apply([operation], this.name);
    if (answer.kind === 'refused') throw new Error(`${operation.kind} of ${this.name} was refused`);
  }
}

import type { StoredEntry } from './transaction.js';

/** Larger values cost more to send than single checks of known versions do. */
const SMALL_BYTES_MAX = 1_024;
/** What one reading weighs against all before it. */
const NEWEST_SHARE = 0.3;

/** How large the values of a mapping are on average, as far as they were read. Most mappings have small ones. */
export class ValueSizes {
  #averageBytes = 0;

  get averageBytes(): number {
    return this.#averageBytes;
  }

  /** Whether sending them costs less than asking for each one. */
  get areSmall(): boolean {
    return this.#averageBytes <= SMALL_BYTES_MAX;
  }

  learn(entries: readonly Pick<StoredEntry, 'value'>[]): void {
    if (entries.length === 0) return;
    const bytes = entries.reduce((sum, { value }) => sum + value.length, 0);
    const isFirst = this.#averageBytes === 0;
    this.#averageBytes += (isFirst ? 1 : NEWEST_SHARE) * (bytes / entries.length - this.#averageBytes);
  }

  /** So many entries took more than so many bytes of JSON, in which values are a third larger. */
  tooLarge(entries: number, bytes: number): void {
    this.#averageBytes = Math.max(this.#averageBytes, (0.75 * bytes) / entries);
  }
}

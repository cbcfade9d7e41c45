import type { EntryKey } from '../core/observation.js';

const FIRST_RETRY_MS = 10;
const LAST_RETRY_MS = 60_000;

interface Retry {
  readonly dueMs: number;
  readonly attempts: number;
}

/**
 * Entries that could not be decided or written just now, each with its own growing wait, so that a stuck one is never
 * in the way of the others (L2). Bounded: what finds no room is left to the next walk.
 */
export class RetrySchedule {
  private readonly retries = new Map<EntryKey, Retry>();
  /** Those listed as left out: being tried again does not make the mapping out of step. */
  private readonly aside = new Set<EntryKey>();

  constructor(private readonly limit: number) {}

  get size(): number {
    return this.retries.size;
  }

  /** How many entries wait, those left out not counted. */
  get waiting(): number {
    return this.retries.size - this.aside.size;
  }

  /** @returns false when the schedule is full. What is listed as left out makes room for what is not. */
  later(key: EntryKey, nowMs: number, aside: boolean): boolean {
    const known = this.retries.get(key);
    if (known === undefined && this.retries.size >= this.limit && (aside || !this.dropOneAside()))
      return false;
    const attempts = (known?.attempts ?? 0) + 1;
    const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts - 1, 16));
    this.retries.set(key, { dueMs: nowMs + waitMs, attempts });
    if (aside) this.aside.add(key);
    else this.aside.delete(key);
    return true;
  }

  /** Nothing failed: it is to be looked at again when some time is over. */
  at(key: EntryKey, dueMs: number): boolean {
    if (!this.retries.has(key) && this.retries.size >= this.limit && !this.dropOneAside()) return false;
    this.retries.set(key, { dueMs, attempts: 0 });
    this.aside.delete(key);
    return true;
  }

  private dropOneAside(): boolean {
    const [key] = this.aside;
    if (key === undefined) return false;
    this.settled(key);
    return true;
  }

  /** It was decided: forget how often it failed. */
  settled(key: EntryKey): void {
    this.retries.delete(key);
    this.aside.delete(key);
  }

  /** The keys whose wait is over. They stay known, so that the next wait is longer, until settled. */
  due(nowMs: number): EntryKey[] {
    const keys: EntryKey[] = [];
    for (const [key, retry] of this.retries) {
      if (retry.dueMs > nowMs) continue;
      keys.push(key);
      this.retries.set(key, { ...retry, dueMs: Infinity });
    }
    return keys;
  }

  /** When the next one is due, monotonic milliseconds; Infinity when none is. */
  nextDueMs(): number {
    let next = Infinity;
    for (const retry of this.retries.values()) next = Math.min(next, retry.dueMs);
    return next;
  }

  clear(): void {
    this.retries.clear();
    this.aside.clear();
  }
}

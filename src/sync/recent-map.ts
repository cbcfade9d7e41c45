/**
 * A map of what was set last. Bounded: the last `max` are remembered, and of those before them up to `max` more.
 *
 * In two halves, of which the older one is forgotten as a whole: forgetting one by one takes its time, since V8 goes over what
 * was deleted from a map before.
 */
export class RecentMap<K, V extends object | string | number> {
  private recent = new Map<K, V>();
  private older = new Map<K, V>();

  constructor(private readonly max: number) {}

  get(key: K): V | undefined {
    return this.recent.get(key) ?? this.older.get(key);
  }

  set(key: K, value: V): void {
    this.recent.set(key, value);
    if (this.recent.size < this.max) return;
    this.older = this.recent;
    this.recent = new Map();
  }

  delete(key: K): void {
    this.recent.delete(key);
    this.older.delete(key);
  }

  clear(): void {
    this.recent.clear();
    this.older.clear();
  }
}

/** So many more than are to be remembered are forgotten together: one by one, that takes its time (V8). */
const SLACK_SHARE = 8;

/** A map of what was set last. Bounded: of more than `max`, those set longest ago are forgotten sooner or later. */
export class RecentMap<K, V> {
  private readonly map = new Map<K, V>();

  constructor(private readonly max: number) {}

  get(key: K): V | undefined {
    return this.map.get(key);
  }

  set(key: K, value: V): void {
    this.map.delete(key);
    this.map.set(key, value);
    if (this.map.size <= this.max + this.max / SLACK_SHARE) return;
    for (const oldest of this.map.keys()) {
      if (this.map.size <= this.max) return;
      this.map.delete(oldest);
    }
  }

  delete(key: K): void {
    this.map.delete(key);
  }

  clear(): void {
    this.map.clear();
  }
}

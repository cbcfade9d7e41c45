import type { Change, LmdbStore, Range } from './lmdb-store.js';

/** Changes on their way into one transaction. Reads see them, and below them what the store has. */
export class Staging {
  private readonly staged = new Map<string, Change>();

  constructor(private readonly store: LmdbStore) {}

  get(key: Buffer): Buffer | undefined {
    const change = this.staged.get(nameOf(key));
    return change === undefined ? this.store.get(key) : change.value;
  }

  put(key: Buffer, value: Buffer): void {
    this.staged.set(nameOf(key), { key, value });
  }

  remove(key: Buffer): void {
    this.staged.set(nameOf(key), { key, value: undefined });
  }

  /** The keys of a range, in order. What is staged while they are walked does not show. */
  *keys({ from, to }: Pick<Range, 'from' | 'to'>): Generator<Buffer> {
    const changed = this.changes().filter(({ key }) => key.compare(from) >= 0 && key.compare(to) < 0);
    const names = new Set(changed.map(({ key }) => nameOf(key)));
    const added = changed.filter(({ value }) => value !== undefined).map(({ key }) => key);
    added.sort((a, b) => a.compare(b));
    for (const key of this.store.allKeys({ from, to })) {
      if (names.has(nameOf(key))) continue;
      while (added[0] !== undefined && added[0].compare(key) < 0) yield* added.splice(0, 1);
      yield key;
    }
    yield* added;
  }

  changes(): Change[] {
    return [...this.staged.values()];
  }
}

function nameOf(key: Buffer): string {
  return key.toString('latin1');
}

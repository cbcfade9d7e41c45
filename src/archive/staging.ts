import type { Change, LmdbStore } from './lmdb-store.js';

/** Changes on their way into one transaction. Reads see them, and below them what the store has. */
export class Staging {
  private readonly staged = new Map<string, Change>();

  constructor(private readonly store: LmdbStore) {}

  get(key: Buffer): Buffer | undefined {
    const change = this.staged.get(key.toString('latin1'));
    return change === undefined ? this.store.get(key) : change.value;
  }

  put(key: Buffer, value: Buffer): void {
    this.staged.set(key.toString('latin1'), { key, value });
  }

  remove(key: Buffer): void {
    this.staged.set(key.toString('latin1'), { key, value: undefined });
  }

  changes(): Change[] {
    return [...this.staged.values()];
  }
}

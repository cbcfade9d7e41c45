import type { ClientChanges } from '../../src/ports/client-changes.js';
import { CLIENT_CHANGES_KEPT_HOURS, sumOf } from '../../src/ports/client-changes.js';

/** What a simulated disk has of one mapping's clients. */
export class MemoryClientChanges {
  readonly #counted = new Map<string, ClientChanges>();

  add(counted: readonly ClientChanges[]): void {
    if (counted.length === 0) return;
    for (const one of counted) {
      const name = JSON.stringify([one.hour, one.side, one.folder ?? null]);
      const known = this.#counted.get(name);
      this.#counted.set(name, known === undefined ? one : sumOf(known, one));
    }
    const newest = Math.max(...counted.map(({ hour }) => hour));
    for (const [name, { hour }] of this.#counted) {
      if (hour < newest - CLIENT_CHANGES_KEPT_HOURS) this.#counted.delete(name);
    }
  }

  since(hour: number): readonly ClientChanges[] {
    return [...this.#counted.values()].filter((one) => one.hour >= hour).sort((a, b) => a.hour - b.hour);
  }

  copyTo(copy: MemoryClientChanges): void {
    for (const [name, one] of this.#counted) copy.#counted.set(name, one);
  }
}

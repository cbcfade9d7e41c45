import type { EntryKey } from '../core/observation.js';

const HELD_MAX = 10_000;

/** Collects keys for the rest of a turn of the event loop, so that a burst of events is one hint. */
export class HintBuffer {
  readonly #held = new Set<EntryKey>();
  #flushing: NodeJS.Immediate | undefined;

  constructor(private readonly give: (keys: readonly EntryKey[]) => void) {}

  add(key: EntryKey): void {
    this.#held.add(key);
    if (this.#held.size >= HELD_MAX) this.flush();
    else this.#flushing ??= setImmediate(() => this.flush());
  }

  /** Gives at once what is held. */
  flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    if (this.#held.size === 0) return;
    const keys = [...this.#held];
    this.#held.clear();
    this.give(keys);
  }
}

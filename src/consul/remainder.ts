import type { EntryKey } from '../core/observation.js';
import type { Clock } from '../ports/clock.js';
import type { HintListener } from '../ports/replica.js';
import type { ConsulClient } from './consul-client.js';
import { listKeys } from './key-list.js';
import type { KeySpace } from './kv-keys.js';
import { sleepUntilWoken } from './sleep-until-woken.js';
import { uncoveredKeys } from './watch-plan.js';

export interface RemainderOptions {
  readonly client: ConsulClient;
  readonly keys: KeySpace;
  readonly clock: Clock;
}

/** So many keys in no part are looked at one by one. Of more, all is walked, which parts the mapping anew. */
const LOOKED_AT_MAX = 256;
/** Listing all keys takes its time: so many times as long it is not done again. */
const REST_SHARE = 20;
/** The same when it is only to be made sure that nothing hid behind changes in parts. */
const LATER_SHARE = 100;
const LATER_MS_MIN = 2_000;
const LATER_MS_MAX = 30_000;

/** Looks after the keys that are in no watched part, by listing all keys and leaving out the others. */
export class Remainder {
  private expected: readonly string[] = [];
  private dueMs = Infinity;
  private restedMs = -Infinity;
  /** How long it took the last time. */
  private tookMs = 0;
  private wake: () => void = () => undefined;

  /** @param parts gives the watched prefixes, in the order of `compareKeys` */
  constructor(
    private readonly options: RemainderOptions,
    private readonly parts: () => readonly string[],
  ) {}

  /** These keys are in no part as far as is known, and are looked at by a walk. */
  expect(uncovered: readonly string[]): void {
    this.expected = uncovered.length > LOOKED_AT_MAX ? [] : uncovered;
    this.dueMs = Infinity;
  }

  look(when: 'now' | 'later'): void {
    const laterMs = Math.min(LATER_MS_MAX, Math.max(LATER_MS_MIN, LATER_SHARE * this.tookMs));
    const nowMs = this.options.clock.monotonicMs();
    this.dueMs = Math.min(this.dueMs, when === 'now' ? nowMs : nowMs + laterMs);
    this.wake();
  }

  async run(listener: HintListener, signal: AbortSignal): Promise<void> {
    const { clock } = this.options;
    while (!signal.aborted) {
      const waitMs = Math.max(this.dueMs, this.restedMs) - clock.monotonicMs();
      if (waitMs > 0) {
        await this.sleep(Math.min(waitMs, LATER_MS_MAX), signal);
        continue;
      }
      this.dueMs = Infinity;
      const startedMs = clock.monotonicMs();
      await this.lookNow(listener, signal);
      this.tookMs = clock.monotonicMs() - startedMs;
      this.restedMs = clock.monotonicMs() + REST_SHARE * this.tookMs;
    }
  }

  private async lookNow(listener: HintListener, signal: AbortSignal): Promise<void> {
    const { client, keys } = this.options;
    try {
      const { storedKeys } = await listKeys(client, keys, '', signal);
      const uncovered = uncoveredKeys(storedKeys, this.parts());
      if (uncovered.length > LOOKED_AT_MAX) {
        listener.stirred();
        return;
      }
      const suspects = new Set([...this.expected, ...uncovered]);
      this.expected = uncovered;
      if (suspects.size > 0) listener.changed([...suspects].map((key) => this.entryKey(key)));
    } catch {
      // Why it failed comes to light in the walk, or in the watch of the whole.
      if (!signal.aborted) listener.stirred();
    }
  }

  private entryKey(storedKey: string): EntryKey {
    return storedKey.slice(this.options.keys.prefix.length);
  }

  private async sleep(ms: number, signal: AbortSignal): Promise<void> {
    await sleepUntilWoken(this.options.clock, ms, signal, (wake) => {
      this.wake = wake;
    });
  }
}

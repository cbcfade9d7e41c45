import type { Clock } from '../ports/clock.js';
import type { HintListener, PartView } from '../ports/replica.js';
import type { ConsulClient } from './consul-client.js';
import { listKeys } from './key-list.js';
import type { KeySpace } from './kv-keys.js';
import { sleepUntilWoken } from './sleep-until-woken.js';
import { uncoveredKeys, UNCOVERED_MAX } from './watch-plan.js';

export interface RemainderOptions {
  readonly client: ConsulClient;
  readonly keys: KeySpace;
  readonly clock: Clock;
}

/** Listing all keys takes its time: so many times as long it is not done again. */
const REST_SHARE = 20;
/** The same when it is only to be made sure that nothing hid behind changes in parts. */
const LATER_SHARE = 100;
const LATER_MS_MIN = 2_000;
const LATER_MS_MAX = 30_000;

/**
 * Looks after what is in no watched part, by listing all keys and leaving out the others. Whoever is told of those compares
 * them with what is known to be there, so that what has gone is found as well.
 */
export class Remainder {
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
      const { storedKeys } = await listKeys(client, keys, signal);
      const parts = this.parts();
      const uncovered = uncoveredKeys(storedKeys, parts);
      // A walk parts the mapping anew.
      if (uncovered.length > UNCOVERED_MAX) listener.stirred();
      else listener.saw(this.view(uncovered, parts));
    } catch {
      // Why it failed comes to light in the walk, or in the watch of the whole.
      if (!signal.aborted) listener.stirred();
    }
  }

  private view(uncovered: readonly string[], parts: readonly string[]): PartView {
    const entryKey = (storedKey: string): string => storedKey.slice(this.options.keys.prefix.length);
    const entries = uncovered.map((storedKey) => ({ key: entryKey(storedKey), version: undefined }));
    return { within: '', entries, except: parts.map(entryKey) };
  }

  private async sleep(ms: number, signal: AbortSignal): Promise<void> {
    await sleepUntilWoken(this.options.clock, ms, signal, (wake) => {
      this.wake = wake;
    });
  }
}

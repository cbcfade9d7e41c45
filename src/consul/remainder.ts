import { compareKeys } from '../core/key-order.js';
import type { Clock } from '../ports/clock.js';
import type { AskablePrefixes } from './askable-prefixes.js';
import type { HintListener, PartView } from '../ports/replica.js';
import type { ConsulClient } from './consul-client.js';
import { listKeys, listKeysBelow } from './key-list.js';
import type { KeyList } from './key-list.js';
import type { KeySpace } from './kv-keys.js';
import { sleepUntilWoken } from './sleep-until-woken.js';
import { uncoveredKeys, UNCOVERED_MAX } from './watch-plan.js';

export interface RemainderOptions {
  readonly client: ConsulClient;
  readonly keys: KeySpace;
  readonly clock: Clock;
  readonly askable: AskablePrefixes;
}

/** It takes its time, at the server above all: so many times as long it is not done again. */
const REST_SHARE = 20;
/** The same when it is only to be made sure that nothing hid behind changes in parts. */
const LATER_SHARE = 100;
const LATER_MS_MIN = 2_000;
const LATER_MS_MAX = 30_000;

/**
 * Looks after what is in no watched part, by listing what lies beside. Whoever is told of those compares
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
    const { keys } = this.options;
    try {
      const parts = this.parts();
      const living = new Set<string>();
      const found = await this.uncoveredBelow(keys.prefix, parts, living, signal);
      const all = found ?? (await this.uncoveredOfAll(parts, living, signal));
      const uncovered = all.filter((key) => keys.entryKey(key) !== undefined).sort(compareKeys);
      // A walk parts the mapping anew.
      if (uncovered.length > UNCOVERED_MAX) listener.stirred();
      else
        listener.saw(
          this.view(
            uncovered,
            parts.filter((part) => living.has(part)),
          ),
        );
    } catch {
      // Why it failed comes to light in the walk, or in the watch of the whole.
      if (!signal.aborted) listener.stirred();
    }
  }

  /**
   * The keys below a folder that are in no part, as long as there are few. Folders that parts cover are not listed.
   * @returns undefined where there is something that can't be asked for
   */
  private async uncoveredBelow(
    folder: string,
    parts: readonly string[],
    living: Set<string>,
    signal: AbortSignal,
  ): Promise<readonly string[] | undefined> {
    const { client, askable } = this.options;
    const list = (prefix: string, query: readonly string[]): Promise<KeyList> =>
      listKeysBelow(client, prefix, { operation: 'list', query: ['consistent', ...query] }, signal);
    const { storedKeys: names } = await list(folder, ['separator=%2F']);
    const found: string[] = [];
    for (const name of names) {
      const covering = parts.find((part) => name.startsWith(part));
      if (covering !== undefined) {
        living.add(covering);
        continue;
      }
      // The key of a folder's own name is listed as it is.
      if (!name.endsWith('/') || name === folder) {
        found.push(name);
      } else if (!askable.has(name)) {
        return undefined;
      } else {
        const isParted = parts.some((part) => part.startsWith(name));
        const below = isParted
          ? await this.uncoveredBelow(name, parts, living, signal)
          : (await list(name, [])).storedKeys;
        if (below === undefined) return undefined;
        found.push(...below);
      }
      if (found.length > UNCOVERED_MAX) break;
    }
    return found;
  }

  private async uncoveredOfAll(
    parts: readonly string[],
    living: Set<string>,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const { storedKeys } = await listKeys(this.options.client, this.options.keys, signal);
    for (const part of parts) if (storedKeys.some((key) => key.startsWith(part))) living.add(part);
    return uncoveredKeys(storedKeys, parts);
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

import type { EntryKey, KeyPrefix } from './observation.js';

/**
 * How copies go whose originals are gone: not for a moment's absence, and not most of a group at once. Pure.
 */
export interface DepartureLimits {
  /** How long an original has to be gone without a break. */
  readonly removeAfterMs: number;
  /** The share of a group's copies, in percent, that has to stay. */
  readonly minHealthyPercent: number;
}

/** Which copies belong together, and how they may go. */
export interface DepartureRules extends DepartureLimits {
  /** What the keys of a copy's group begin with. */
  groupOf(key: EntryKey): KeyPrefix;
}

/** Copies of a group that go one after the other within this time go at once. */
export const AT_ONCE_MS = 60_000;

/** Fewer copies than that are no list of which most may not go at once: each may be the only one of its service. */
export const LIST_COPIES_MIN = 10;

/**
 * Copies that went a short while ago. Persisted. As that of a `ForgettingWindow`, its time passes only while somebody looks,
 * and no faster than one step from one look to the next: no restart, no downtime and no jump of the clock makes it forget.
 */
export interface Departed {
  readonly lookedAtMs: number;
  /** Oldest first. */
  readonly gone: readonly { readonly key: EntryKey; readonly ageMs: number }[];
  /** Older ones, of which nothing but the number is kept. */
  readonly more: { readonly count: number; readonly ageMs: number };
}

const DEPARTED_KEPT_MAX = 5_000;
const STEP_MS_MAX = AT_ONCE_MS / 2;

/** What is left of it by now. */
export function stillDeparted(departed: Departed | undefined, nowMs: number): Departed {
  const { lookedAtMs, gone, more } = departed ?? NOBODY_DEPARTED;
  const passedMs = Math.min(Math.max(nowMs - lookedAtMs, 0), STEP_MS_MAX);
  const moreAgeMs = more.ageMs + passedMs;
  return {
    lookedAtMs: nowMs,
    gone: gone
      .map(({ key, ageMs }) => ({ key, ageMs: ageMs + passedMs }))
      .filter(({ ageMs }) => ageMs < AT_ONCE_MS),
    more: moreAgeMs < AT_ONCE_MS ? { count: more.count, ageMs: moreAgeMs } : NOBODY_DEPARTED.more,
  };
}

/** Copies go now. */
export function noteDeparted(
  departed: Departed | undefined,
  nowMs: number,
  keys: readonly EntryKey[],
): Departed {
  const { gone, more } = stillDeparted(departed, nowMs);
  const again = new Set(keys);
  const all = [...gone.filter(({ key }) => !again.has(key)), ...keys.map((key) => ({ key, ageMs: 0 }))];
  const beyond = all.slice(0, -DEPARTED_KEPT_MAX);
  const youngest = beyond.at(-1);
  return {
    lookedAtMs: nowMs,
    gone: all.slice(-DEPARTED_KEPT_MAX),
    more: youngest === undefined ? more : { count: more.count + beyond.length, ageMs: youngest.ageMs },
  };
}

const NOBODY_DEPARTED: Departed = { lookedAtMs: 0, gone: [], more: { count: 0, ageMs: 0 } };

export interface GroupDepartures {
  /** Copies that the group has, those that are to go among them. */
  readonly copies: number;
  /** Those that are to go. */
  readonly leaving: number;
  /** Those that went within `AT_ONCE_MS`. */
  readonly left: number;
}

/**
 * Whether a group would keep too few of its copies. One that has had a single copy may lose it: every program stops some
 * day.
 */
export function leavesTooFew(group: GroupDepartures, { minHealthyPercent }: DepartureLimits): boolean {
  const before = group.copies + group.left;
  if (before < 2 || group.leaving === 0) return false;
  return (group.copies - group.leaving) * 100 < before * minHealthyPercent;
}

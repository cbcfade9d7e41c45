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

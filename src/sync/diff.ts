import { isStructure } from '../core/classify.js';
import type { EntryKey, PresentReading, Reading, UnknownReason } from '../core/observation.js';
import type { Pair, Side } from '../core/pair.js';
import { SIDES } from '../core/pair.js';
import { isRestricted } from '../core/restricted.js';
import type { Replica } from '../ports/replica.js';
import { readSideBySide } from './side-by-side.js';

/** One entry on which the two sides are not known to be equal. */
export type Difference = { readonly key: EntryKey } & (
  | { readonly kind: 'only'; readonly on: Side; readonly bytes: number; readonly session: SessionSide }
  | { readonly kind: 'content'; readonly bytes: Pair<number>; readonly session: SessionSide }
  /** One side would not show it: nothing can be said. */
  | { readonly kind: 'unknown'; readonly on: Side; readonly reason: UnknownReason }
);

/** Where a session owns the entry; undefined for an ordinary one. */
export type SessionSide = Side | 'both' | undefined;

export interface DiffOptions {
  readonly replicas: Pair<Replica>;
  readonly includes: (key: EntryKey) => boolean;
  /** Told of each difference, in the order of keys but for those that could not be read. */
  readonly report: (difference: Difference) => void;
  /** Told now and then how many keys were compared. */
  readonly progress?: (compared: number) => void;
  /** Entries that not everybody may read are left out, and no difference. */
  readonly skipsRestricted?: boolean;
  /** Gives the keys that the walks have come across since it was last called, and could not read. */
  readonly takeUnread?: () => readonly EntryKey[];
}

export interface DiffCounts {
  /** Keys that at least one side had; those of structure among them. */
  readonly compared: number;
  readonly onlyLeft: number;
  readonly onlyRight: number;
  readonly content: number;
  readonly unknown: number;
  /** Differences of entries that a session owns; they are in none of the other counts. */
  readonly sessionBound: number;
  /** Left out because not everybody may read them; in none of the other counts. */
  readonly restricted: number;
}

/**
 * Compares both sides as they are now, whatever was agreed before. Inner nodes without data agree with absence, and
 * folder markers are nobody's entries.
 *
 * Two walks side by side only tell which keys there are. What is said of each comes from reading it on both sides, so
 * that nothing is called missing because a list lacked it. Memory is bounded by a page of each walk and a chunk of
 * values.
 */
export async function diffMapping(options: DiffOptions, signal: AbortSignal): Promise<DiffCounts> {
  const { replicas, report } = options;
  const counts = {
    compared: 0,
    onlyLeft: 0,
    onlyRight: 0,
    content: 0,
    unknown: 0,
    sessionBound: 0,
    restricted: 0,
  };
  for await (const chunk of readSideBySide({ ...options, sources: replicas }, signal)) {
    for (const { key, readings, unread } of chunk) {
      const difference = (unread ? hiddenBelow(key, readings) : undefined) ?? compareReadings(key, readings);
      if (difference === undefined) continue;
      if (options.skipsRestricted === true && SIDES.some((side) => isRestricted(readings[side]))) {
        counts.restricted++;
        continue;
      }
      counts[countOf(difference)]++;
      report(difference);
    }
    counts.compared += chunk.length;
    options.progress?.(counts.compared);
  }
  return counts;
}

function countOf(difference: Difference): Exclude<keyof DiffCounts, 'compared' | 'restricted'> {
  if (difference.kind === 'unknown') return 'unknown';
  if (difference.session !== undefined) return 'sessionBound';
  if (difference.kind === 'content') return 'content';
  return difference.on === 'left' ? 'onlyLeft' : 'onlyRight';
}

/** What two readings of one entry say, taken at about the same time; undefined when the sides agree. */
export function compareReadings(key: EntryKey, readings: Pair<Reading>): Difference | undefined {
  const { left, right } = readings;
  if (left.kind === 'unknown') return { key, kind: 'unknown', on: 'left', reason: left.reason };
  if (right.kind === 'unknown') return { key, kind: 'unknown', on: 'right', reason: right.reason };
  if (left.kind === 'present' && right.kind === 'present') {
    if (left.digest === right.digest) return undefined;
    const bytes = { left: left.value.length, right: right.value.length };
    return { key, kind: 'content', bytes, session: sessionSide(left, right) };
  }
  if (left.kind === 'present') return onlyOn('left', key, left);
  return right.kind === 'present' ? onlyOn('right', key, right) : undefined;
}

function onlyOn(on: Side, key: EntryKey, reading: PresentReading): Difference | undefined {
  if (isStructure(key, reading)) return undefined;
  const session = reading.session === undefined ? undefined : on;
  return { key, kind: 'only', on, bytes: reading.value.length, session };
}

function sessionSide(left: PresentReading, right: PresentReading): SessionSide {
  if (left.session !== undefined) return right.session !== undefined ? 'both' : 'left';
  return right.session !== undefined ? 'right' : undefined;
}

/** An entry that may be read, but not the names of its children: what is below it was not walked. */
function hiddenBelow(key: EntryKey, { left, right }: Pair<Reading>): Difference | undefined {
  const hidden = { key, kind: 'unknown', reason: 'denied' } as const;
  if (left.kind === 'present' && left.children > 0) return { ...hidden, on: 'left' };
  return right.kind === 'present' && right.children > 0 ? { ...hidden, on: 'right' } : undefined;
}

import type { AskablePrefixes } from './askable-prefixes.js';

/** A string prefix, and which of some sorted keys begin with it: those from `from` to before `to`. */
export interface PrefixGroup {
  readonly prefix: string;
  readonly from: number;
  readonly to: number;
}

export interface Grouping {
  /** In the order of the keys, none with more of them than asked for. */
  readonly groups: readonly PrefixGroup[];
  /** Positions of the keys in no group: a prefix that holds them holds too many, or can't be asked for. */
  readonly loose: readonly number[];
}

/**
 * Parts keys by string prefixes, each of which can be asked for and holds at most `groupMax` of them.
 * @param keys in the order of `compareKeys`
 * @param sizeOf how many there are in a group, where some of the keys stand for more than themselves
 */
export function groupByPrefix(
  keys: readonly string[],
  whole: PrefixGroup,
  groupMax: number,
  askable: AskablePrefixes,
  sizeOf: (group: PrefixGroup) => number = ({ from, to }) => to - from,
): Grouping {
  const groups: PrefixGroup[] = [];
  const loose: number[] = [];
  const place = (group: PrefixGroup): void => {
    if (sizeOf(group) <= groupMax && askable.has(group.prefix)) {
      groups.push(group);
      return;
    }
    const parts = splitGroup(keys, group, askable);
    if (parts === undefined) {
      for (let at = group.from; at < group.to; at++) loose.push(at);
      return;
    }
    if (parts.named !== undefined) loose.push(parts.named);
    parts.groups.forEach(place);
  };
  if (whole.from < whole.to) place(whole);
  return { groups, loose };
}

export interface SplitGroup {
  /** By one more character than all of them share. */
  readonly groups: readonly PrefixGroup[];
  /** The key that all others begin with. */
  readonly named: number | undefined;
}

/** Parts a group by what follows the longest prefix that its keys share; undefined where none could be asked for. */
export function splitGroup(
  keys: readonly string[],
  group: PrefixGroup,
  askable: AskablePrefixes,
): SplitGroup | undefined {
  const { from, to } = group;
  const first = keys[from] ?? '';
  const shared = sharedLength(first, keys[to - 1] ?? '', group.prefix.length);
  if (!askable.mayContinue(first.slice(0, shared))) return undefined;
  const named = first.length === shared ? from : undefined;
  const groups: PrefixGroup[] = [];
  let start = named === undefined ? from : from + 1;
  while (start < to) {
    const prefix = throughCharacter(keys[start] ?? '', shared);
    const end = endOfPrefix(keys, prefix, start, to);
    groups.push({ prefix, from: start, to: end });
    start = end;
  }
  return { groups, named };
}

/** How much two keys share, not ending in the midst of a surrogate pair. In a sorted list, all between share as much. */
function sharedLength(a: string, b: string, atLeast: number): number {
  const longest = Math.min(a.length, b.length);
  let length = atLeast;
  while (length < longest && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length > atLeast && isHighSurrogate(a.charCodeAt(length - 1)) ? length - 1 : length;
}

/** The key up to and including the character at `at`. */
function throughCharacter(key: string, at: number): string {
  return key.slice(0, at + (isHighSurrogate(key.charCodeAt(at)) ? 2 : 1));
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** Where the keys end that begin with `prefix`, found by halving. */
export function endOfPrefix(keys: readonly string[], prefix: string, from: number, to: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle]?.startsWith(prefix) === true) low = middle + 1;
    else high = middle;
  }
  return low;
}

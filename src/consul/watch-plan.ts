import { compareKeys } from '../core/key-order.js';
import type { KeyList } from './key-list.js';
import { hasUrl } from './kv-keys.js';
import { endOfPrefix, splitGroup } from './prefix-groups.js';
import type { PrefixGroup } from './prefix-groups.js';

/** In which parts a mapping is watched, beside the watch of the whole. */
export interface WatchPlan {
  /** String prefixes, in the order of `compareKeys`, none within another. None where the whole is small enough. */
  readonly parts: readonly string[];
  /** The keys in no part. */
  readonly uncovered: readonly string[];
  /** The index of the list that the plan was made from. */
  readonly listedAt: bigint;
}

/**
 * Parts listed keys into at most `partsMax` prefixes, by parting the largest again and again that has more than
 * `partKeysMin` keys.
 */
export function planWatch(list: KeyList, prefix: string, partsMax: number, partKeysMin: number): WatchPlan {
  const { storedKeys, index: listedAt } = list;
  let groups: readonly PrefixGroup[] = [{ prefix, from: 0, to: storedKeys.length }];
  for (let next = parted(groups, list, partsMax, partKeysMin); next !== undefined;) {
    groups = next;
    next = parted(groups, list, partsMax, partKeysMin);
  }
  const parts = groups.length > 1 ? groups.map((group) => group.prefix) : [];
  return { parts, uncovered: uncoveredKeys(storedKeys, parts), listedAt };
}

/** The groups with the largest one parted for which there is room; undefined when there is none. */
function parted(
  groups: readonly PrefixGroup[],
  { storedKeys }: KeyList,
  partsMax: number,
  partKeysMin: number,
): readonly PrefixGroup[] | undefined {
  const largestFirst = groups
    .map((group, position) => ({ group, position, size: group.to - group.from }))
    .filter(({ size }) => size > partKeysMin)
    .sort((a, b) => b.size - a.size);
  for (const { group, position } of largestFirst) {
    const smaller = splitGroup(storedKeys, group)?.groups.filter((one) => hasUrl(one.prefix)) ?? [];
    if (smaller.length < 2 || groups.length - 1 + smaller.length > partsMax) continue;
    return [...groups.slice(0, position), ...smaller, ...groups.slice(position + 1)];
  }
  return undefined;
}

/** Those of some sorted keys that begin with none of some sorted prefixes. */
export function uncoveredKeys(storedKeys: readonly string[], parts: readonly string[]): string[] {
  const uncovered: string[] = [];
  let at = 0;
  for (const part of parts) {
    while (at < storedKeys.length && compareKeys(storedKeys[at] ?? '', part) < 0) {
      uncovered.push(storedKeys[at++] ?? '');
    }
    at = endOfPrefix(storedKeys, part, at, storedKeys.length);
  }
  return [...uncovered, ...storedKeys.slice(at)];
}

import type { AskablePrefixes } from './askable-prefixes.js';
import { compareKeys } from '../core/key-order.js';
import type { KeyList } from './key-list.js';
import { endOfPrefix, splitGroup } from './prefix-groups.js';
import type { PrefixGroup } from './prefix-groups.js';

/** So many keys in no part can be looked after one by one. */
export const UNCOVERED_MAX = 256;

/** A group is not parted where more of its keys would be left over, or a larger share of them. */
const LEFT_MAX = 16;
const LEFT_SHARE = 8;

/** In which parts a mapping is watched, beside the watch of the whole. */
export interface WatchPlan {
  /**
   * String prefixes, in the order of `compareKeys`, none within another. None where there are no keys, no room, or too
   * many keys that no part would hold.
   */
  readonly parts: readonly string[];
  /** The index of the list that the plan was made from. */
  readonly listedAt: bigint;
}

export interface PlanLimits {
  readonly partsMax: number;
  /** Parts with more keys than this are parted as far as there is room. */
  readonly partKeysMin: number;
  readonly askable: AskablePrefixes;
}

/** Parts listed keys into prefixes, by parting the largest again and again. */
export function planWatch(list: KeyList, prefix: string, limits: PlanLimits): WatchPlan {
  const { storedKeys, index: listedAt } = list;
  if (limits.partsMax < 1 || storedKeys.length === 0) return { parts: [], listedAt };
  const parting = new Parting(storedKeys, prefix, limits);
  while (parting.partLargest());
  const parts = parting.prefixes;
  return { parts: parts.every((part) => limits.askable.has(part)) ? parts : [], listedAt };
}

class Parting {
  private groups: readonly PrefixGroup[];
  private uncovered = 0;
  /** Groups that can't be parted. */
  private readonly whole = new Set<PrefixGroup>();

  constructor(
    private readonly storedKeys: readonly string[],
    prefix: string,
    private readonly limits: PlanLimits,
  ) {
    this.groups = [{ prefix, from: 0, to: storedKeys.length }];
  }

  get prefixes(): string[] {
    return this.groups.map(({ prefix }) => prefix);
  }

  /** @returns false when there is nothing left to part */
  partLargest(): boolean {
    const { partKeysMin, askable } = this.limits;
    const mustPart = (group: PrefixGroup): boolean =>
      sizeOf(group) > partKeysMin || !askable.has(group.prefix);
    const candidates = this.groups.filter((group) => mustPart(group) && !this.whole.has(group));
    const [largest] = candidates.sort((a, b) => sizeOf(b) - sizeOf(a));
    if (largest === undefined) return false;
    const kept = this.withinLimits(largest, this.childrenOf(largest));
    if (kept === undefined) this.whole.add(largest);
    else {
      this.uncovered += sizeOf(largest) - sum(kept);
      this.groups = this.groups.flatMap((group) => (group === largest ? kept : group));
    }
    return true;
  }

  /** The largest parts of a group for which there is room, if the others have few keys together. */
  private withinLimits(
    group: PrefixGroup,
    children: readonly PrefixGroup[],
  ): readonly PrefixGroup[] | undefined {
    const room = this.limits.partsMax - (this.groups.length - 1);
    const largest = new Set([...children].sort((a, b) => sizeOf(b) - sizeOf(a)).slice(0, room));
    const kept = children.filter((child) => largest.has(child));
    const left = sizeOf(group) - sum(kept);
    const isFew = left <= Math.min(LEFT_MAX, sizeOf(group) / LEFT_SHARE);
    if (this.uncovered + left > UNCOVERED_MAX) return undefined;
    return kept.length > 0 && isFew ? kept : undefined;
  }

  /** Smaller prefixes that can be asked for: at least two, or one with fewer keys. Keys in none of them are left over. */
  private childrenOf(group: PrefixGroup): readonly PrefixGroup[] {
    const split = splitGroup(this.storedKeys, group, this.limits.askable);
    return (split?.groups ?? []).flatMap((child) =>
      this.limits.askable.has(child.prefix) ? child : this.childrenOf(child),
    );
  }
}

function sizeOf({ from, to }: PrefixGroup): number {
  return to - from;
}

function sum(groups: readonly PrefixGroup[]): number {
  return groups.reduce((keys, group) => keys + sizeOf(group), 0);
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

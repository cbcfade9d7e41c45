import type { AskablePrefixes } from './askable-prefixes.js';
import { inOrderAhead } from './in-order-ahead.js';
import type { KeyList } from './key-list.js';
import { groupByPrefix } from './prefix-groups.js';
import type { Grouping, PrefixGroup } from './prefix-groups.js';

/** Into how many smaller prefixes one is parted, where its names allow it. */
const GROUPS_MAX = 16;
/** After so many lists, it is quicker to walk all of the part. */
const LISTS_MAX = 128;
const LISTS_AHEAD = 6;

export interface DescentOptions {
  readonly askable: AskablePrefixes;
  /** Up to how many keys are looked at together. */
  readonly groupKeysMax: number;
  /** The index of what is below a prefix, and its names there: keys, and folders that stand for all that is in them. */
  readonly list: (prefix: string, signal: AbortSignal) => Promise<KeyList>;
}

/** Where in a part something has changed. Whatever lies in nothing of this has gone. */
export interface Descent {
  /** Prefixes with few keys, in which something has. */
  readonly risen: readonly string[];
  /** Prefixes in which nothing has. */
  readonly quiet: readonly string[];
  /** How many keys these hold; infinitely many where folders are among them. */
  readonly quietKeys: number;
  /** Keys that may have, in none of the prefixes. */
  readonly loose: readonly string[];
}

/**
 * Goes down from a prefix to the few keys in which something has a version above `since`, or has gone since, by the
 * indexes of ever smaller prefixes.
 */
export class PartDescent {
  private readonly risen: string[] = [];
  private readonly quiet: string[] = [];
  private quietKeys = 0;
  private readonly loose: string[] = [];
  private lists = 0;

  constructor(
    private readonly options: DescentOptions,
    private readonly since: bigint,
  ) {}

  /**
   * @param names as `list` has them
   * @returns undefined where it would take too many lists, or one of what can't be asked for
   */
  async below(prefix: string, names: readonly string[], signal: AbortSignal): Promise<Descent | undefined> {
    const hasEnded = await this.descend(prefix, names, signal);
    const { risen, quiet, quietKeys, loose } = this;
    return hasEnded ? { risen, quiet, quietKeys, loose } : undefined;
  }

  private async descend(prefix: string, names: readonly string[], signal: AbortSignal): Promise<boolean> {
    const level = new Level(prefix, names, this.options);
    if (level.isSmall) {
      this.risen.push(prefix);
      return true;
    }
    const { groups, loose } = level.grouped();
    const looseNames = loose.map((at) => names[at] ?? '');
    const asked = groups.map((group) => level.prefixOf(group));
    const isAskable = (one: string): boolean => this.options.askable.has(one) && one !== prefix;
    this.lists += asked.length;
    if (this.lists > LISTS_MAX || !asked.every(isAskable)) return false;
    if (looseNames.some((name) => level.isFolder(name))) return false;
    this.loose.push(...looseNames);
    const risen: { prefix: string; names: readonly string[] }[] = [];
    let at = 0;
    for await (const { index, storedKeys } of inOrderAhead(asked, LISTS_AHEAD, this.options.list, signal)) {
      const one = asked[at++] ?? '';
      if (index > this.since) risen.push({ prefix: one, names: storedKeys });
      else {
        this.quiet.push(one);
        const isFlat = !storedKeys.some((name) => level.isFolder(name));
        this.quietKeys += isFlat ? storedKeys.length : Infinity;
      }
    }
    for (const below of risen) if (!(await this.descend(below.prefix, below.names, signal))) return false;
    return true;
  }
}

/** The names below a prefix, of which some are folders, with nobody knows how much in them. */
class Level {
  /** How many of the names before each are folders. */
  private readonly foldersBefore: readonly number[];
  private readonly whole: PrefixGroup;

  constructor(
    private readonly prefix: string,
    private readonly names: readonly string[],
    private readonly options: DescentOptions,
  ) {
    this.whole = { prefix, from: 0, to: names.length };
    const counted = [0];
    for (const name of names) counted.push((counted.at(-1) ?? 0) + (this.isFolder(name) ? 1 : 0));
    this.foldersBefore = counted;
  }

  /** Whether there are only keys, and few of them. */
  get isSmall(): boolean {
    const { names, options } = this;
    return names.length > 0 && names.length <= options.groupKeysMax && this.foldersIn(this.whole) === 0;
  }

  /** The key of a folder's own name is listed as it is. */
  isFolder(name: string): boolean {
    return name.endsWith('/') && name !== this.prefix;
  }

  /** A few groups, or as few as there can be; keys in none are together small enough, a folder is by itself. */
  grouped(): Grouping {
    const { askable, groupKeysMax } = this.options;
    const sizeOf = (group: PrefixGroup): number => this.sizeOf(group);
    const group = (most: number): Grouping => groupByPrefix(this.names, this.whole, most, askable, sizeOf);
    const finest = group(groupKeysMax);
    let fewest = finest;
    for (let most = groupKeysMax, found = finest; most < this.sizeOf(this.whole);) {
      if (found.groups.length <= GROUPS_MAX) return found;
      if (found.groups.length < fewest.groups.length) fewest = found;
      most *= 2;
      found = group(most);
    }
    return fewest;
  }

  /** What to ask for: a folder that is alone by its own name, which shows what is in it. */
  prefixOf({ prefix, from, to }: PrefixGroup): string {
    const name = this.names[from] ?? '';
    return to - from === 1 && this.isFolder(name) ? name : prefix;
  }

  private sizeOf(group: PrefixGroup): number {
    const names = group.to - group.from;
    const folders = this.foldersIn(group);
    if (names === 1 && folders === 1) return 0;
    // A key that is a folder's name, too, stays with it: by itself it would be taken for changed with whatever is.
    const own = `${this.names[group.from] ?? ''}/`;
    if (group !== this.whole && names === 2 && own === this.names[group.from + 1]) return 0;
    return names + folders * this.options.groupKeysMax;
  }

  private foldersIn({ from, to }: PrefixGroup): number {
    return (this.foldersBefore[to] ?? 0) - (this.foldersBefore[from] ?? 0);
  }
}

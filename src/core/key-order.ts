import type { EntryKey, KeyPrefix } from './observation.js';

/**
 * The one order of keys: parents before children, and all of a subtree before the next sibling.
 * Segment by segment, each by code points, so that it equals the byte order of UTF-8 with `/` below every other byte.
 * @returns negative, zero or positive, as for `Array.sort`
 */
export function compareKeys(a: EntryKey, b: EntryKey): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates sort above all other code units, as the code points they stand for do; `/` below all. */
function rank(codeUnit: number): number {
  if (codeUnit === 0x2f) return -1;
  return codeUnit >= 0xd800 && codeUnit <= 0xdfff ? codeUnit + 0x10000 : codeUnit;
}

/** The key of the entry above, or undefined directly below the mapping's root. */
export function parentKey(key: EntryKey): EntryKey | undefined {
  const slash = key.lastIndexOf('/');
  return slash < 0 ? undefined : key.slice(0, slash);
}

/** Whether an entry below this one, or it itself, may have a key that begins with `within`. */
export function leadsInto(key: EntryKey, within: KeyPrefix): boolean {
  return key.startsWith(within) || within.startsWith(`${key}/`);
}

/** How many segments a key has. */
export function depthOf(key: EntryKey): number {
  let depth = 1;
  for (let i = key.indexOf('/'); i >= 0; i = key.indexOf('/', i + 1)) depth++;
  return depth;
}

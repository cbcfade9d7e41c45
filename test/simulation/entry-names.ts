/**
 * How entries are called in both stores, written down by hand, so that the checkers don't depend on the product's own
 * codec: the segments of keys that a tree can't have, each with the name that docs/semantics.md promises for it.
 */
const ENCODED: ReadonlyMap<string, string> = new Map([
  ['', '%empty'],
  ['..', '%2E%2E'],
  ['.', '%2E'],
  ['%2E', '%%2E'],
  ['%2E%2E', '%%2E%2E'],
  ['t\tt', 't%09t'],
  ['\u{1f600}', '%F0%9F%98%80'],
]);
const DECODED: ReadonlyMap<string, string> = new Map([...ENCODED].map(([key, name]) => [name, key]));

/** The keys that clients fight over: parents and children, siblings, and names that only one store likes. */
export const HOT_KEYS: readonly string[] = [
  'a',
  'a/b',
  'a/b/c',
  'a/d',
  'e',
  'e/f',
  'g',
  'g/h',
  'i j',
  'k',
  'l/m/n',
  '%2E',
  '%2E%2E',
  '..',
  'x//y',
  'x/',
  't\tt/u',
  '\u{1f600}',
];

export function pathOf(key: string): string {
  const names = key.split('/').map((segment) => ENCODED.get(segment) ?? segment);
  return names.join('/');
}

export function keyOf(path: string): string {
  const segments = path.split('/').map((name) => DECODED.get(name) ?? name);
  return segments.join('/');
}

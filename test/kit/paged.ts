import type { EntryKey } from '../../src/core/observation.js';

/** Everything that pages have, asking for the next one until one is empty. */
export function paged<T>(
  after: (last: EntryKey | undefined) => readonly (readonly [EntryKey, T])[],
): [EntryKey, T][] {
  const found: [EntryKey, T][] = [];
  for (let page = after(undefined); page.length > 0; page = after(found.at(-1)?.[0])) {
    for (const [key, value] of page) found.push([key, value]);
  }
  return found;
}

import { createHash } from 'node:crypto';

/** Of the values, unless a scenario says otherwise: what a setting usually has. */
export const VALUE_BYTES = 200;

/** How keys are spread over folders. */
export type Shape =
  /** All in one folder. */
  | 'flat'
  /** A hundred in a folder, a hundred folders in one above. */
  | 'nested';

export interface Entry {
  readonly key: string;
  readonly value: Buffer;
}

const FOLDER_ENTRIES = 100;

/** The key of one entry out of as many as there may be. */
export function keyOf(number: number, shape: Shape): string {
  if (shape === 'flat') return `entry-${String(number).padStart(7, '0')}`;
  const folder = Math.floor(number / FOLDER_ENTRIES);
  const [outer, inner] = [Math.floor(folder / FOLDER_ENTRIES), folder % FOLDER_ENTRIES];
  return `group-${outer}/service-${inner}/setting-${number % FOLDER_ENTRIES}`;
}

/** The folders that the keys of so many entries lie in, parents first. */
export function foldersOf(count: number, shape: Shape): string[] {
  const folders = new Set<string>();
  if (shape === 'flat') return [];
  for (let number = 0; number < count; number += FOLDER_ENTRIES) {
    const [outer = '', inner = ''] = keyOf(number, shape).split('/');
    folders.add(outer).add(`${outer}/${inner}`);
  }
  return [...folders];
}

/** Text, as most values are, and no two alike. */
export function valueOf(number: number, round = 0, bytes = VALUE_BYTES): Buffer {
  const seed = createHash('sha256').update(`${number}/${round}`).digest('hex');
  return Buffer.from(seed.repeat(Math.ceil(bytes / seed.length)).slice(0, bytes));
}

export function* entriesOf(count: number, shape: Shape): Generator<Entry> {
  for (let number = 0; number < count; number++) yield { key: keyOf(number, shape), value: valueOf(number) };
}

import type { Parsed } from './problem.js';
import { parsed, refused } from './problem.js';

const UNIT_BYTES = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

/** A whole number, of bytes unless it has a unit. */
export const BYTE_SIZE_PATTERN = /^(\d{1,15})(B|KiB|MiB|GiB|TiB)?$/;

/** The bytes of `512KiB`, `1GiB` or `1048576`. */
export function parseByteSize(text: string): Parsed<number> {
  const match = BYTE_SIZE_PATTERN.exec(text);
  if (match === null) {
    const decimal = /^\d+\s?([KMGT])B?$/i.exec(text)?.[1]?.toUpperCase();
    if (decimal !== undefined) return refused(`sizes are counted in powers of 1024: write ${decimal}iB`);
    return refused('not a whole number followed by its unit');
  }
  const [, count, unit] = match;
  return parsed(Number(count) * UNIT_BYTES[(unit ?? 'B') as keyof typeof UNIT_BYTES]);
}

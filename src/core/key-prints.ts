import type { EntryKey } from './observation.js';

/**
 * Short prints of keys, one after the other in a text. They tell that a key was not noted; that it was, they only make
 * likely: of all keys, one in some 16 million has the same print.
 */
export type KeyPrints = string;

const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const PRINT_LENGTH = 4;
/** How many keys are noted. */
export const PRINTS_MAX = 512;

/** FNV-1a over UTF-16 code units, by both of their bytes, folded to 24 bits. */
function printOf(key: EntryKey): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) {
    const unit = key.charCodeAt(at);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >> 8), 0x01000193);
  }
  const folded = (hash >>> 24) ^ (hash & 0xffffff);
  return [18, 12, 6, 0].map((shift) => CHARACTERS[(folded >> shift) & 63]).join('');
}

/** Adds keys to those noted before, each once; of too many, those are forgotten that were noted longest ago. */
export function withPrints(noted: KeyPrints, keys: readonly EntryKey[]): KeyPrints {
  const others = withoutPrints(noted, keys);
  return (others + [...new Set(keys.map(printOf))].join('')).slice(-PRINT_LENGTH * PRINTS_MAX);
}

/** Takes keys out, however often they were noted. */
export function withoutPrints(noted: KeyPrints, keys: readonly EntryKey[]): KeyPrints {
  if (keys.length === 0 || noted === '') return noted;
  const gone = new Set(keys.map(printOf));
  const kept: string[] = [];
  for (let at = 0; at < noted.length; at += PRINT_LENGTH) {
    const print = noted.slice(at, at + PRINT_LENGTH);
    if (!gone.has(print)) kept.push(print);
  }
  return kept.join('');
}

export function mayBeNoted(noted: KeyPrints, key: EntryKey): boolean {
  const print = printOf(key);
  for (let at = noted.indexOf(print); at >= 0; at = noted.indexOf(print, at + 1)) {
    if (at % PRINT_LENGTH === 0) return true;
  }
  return false;
}

/** Whether a text that was found somewhere is one of prints. */
export function areKeyPrints(text: unknown): text is KeyPrints {
  return typeof text === 'string' && /^(?:[A-Za-z0-9_-]{4}){0,512}$/.test(text);
}

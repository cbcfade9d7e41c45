import { printableText } from '../core/printable-text.js';

/** A key that can be read, copied and told from its surroundings as it is. */
const PLAIN = /^[^\p{C}\p{Z}"'\\]+$/u;

/** A key on one line. Whatever is unusual about it shows: it is quoted then, as a string of JSON. */
export function printableKey(key: string): string {
  return PLAIN.test(key) ? key : printableText(JSON.stringify(key));
}

const SAFE_IN_SHELL = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One word of a command line for a POSIX shell. */
export function shellWord(word: string): string {
  return SAFE_IN_SHELL.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

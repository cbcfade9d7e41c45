import { printableText } from '../core/printable-text.js';

/** A key that can be read, copied and told from its surroundings as it is. */
const PLAIN = /^[^\p{C}\p{Z}"'\\]+$/u;

/** A key on one line. Whatever is unusual about it shows: it is quoted then, as a string of JSON. */
export function printableKey(key: string): string {
  return PLAIN.test(key) ? key : printableText(JSON.stringify(key));
}

const SAFE_IN_SHELL = /^[A-Za-z0-9_@%+=:,./-]+$/;

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;

/**
 * One word of a command line for a shell. What a terminal would obey or hide is written in octal, as every shell that
 * people work in, and POSIX since 2024, understands it.
 */
export function shellWord(word: string): string {
  if (SAFE_IN_SHELL.test(word)) return word;
  if (!UNPRINTABLE.test(word)) return `'${word.replaceAll("'", `'\\''`)}'`;
  return `$'${[...word].map(octal).join('')}'`;
}

function octal(character: string): string {
  if (character === "'" || character === '\\') return `\\${character}`;
  if (!UNPRINTABLE.test(character)) return character;
  return [...Buffer.from(character, 'utf8')].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}

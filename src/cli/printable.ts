/** What a terminal would obey, hide or reorder: control and format characters, lone surrogates, unusual line ends. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** A key that can be read, copied and told from its surroundings as it is. */
const PLAIN = /^[^\p{C}\p{Z}"'\\]+$/u;

/** A key on one line. Whatever is unusual about it shows: it is quoted then, as a string of JSON. */
export function printableKey(key: string): string {
  return PLAIN.test(key) ? key : printableText(JSON.stringify(key));
}

/** Text of unknown origin on one line, without anything that a terminal would obey. */
export function printableText(text: string): string {
  return text.replace(UNSAFE, escapeCodeUnits);
}

/** As in JSON: by UTF-16 code units. */
function escapeCodeUnits(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

const SAFE_IN_SHELL = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One word of a command line for a POSIX shell. */
export function shellWord(word: string): string {
  return SAFE_IN_SHELL.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

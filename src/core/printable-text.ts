/** What a terminal would obey, hide or reorder: control and format characters, lone surrogates, unusual line ends. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/gu;

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

import type { EntryKey } from './observation.js';

/**
 * A bijection between entry keys, which may be any string, and the names that a strict tree store accepts.
 *
 * A legal segment stays as it is, readable. An illegal one is percent-encoded (`a\tb` is stored as `a%09b`), which
 * takes a name that a legal segment already had. As in Hilbert's hotel, that segment moves on by one `%`, as does
 * the one after it: `a%09b` is stored as `a%%09b`, `a%%09b` as `a%%%09b`. The `%` goes in front of the first one, and
 * not in front of the name, because `%` + `25%09` would be the encoding of another segment (`%\t`).
 */

const EMPTY = '%empty';
const DOTS = /^\.\.?$/;

/** Not allowed in a segment: C0 and C1 controls, surrogates and the private use area, U+FFF0 to U+FFFF, and `/`. */
const FORBIDDEN = /[^ -.0-~\u{a0}-\u{d7ff}\u{f900}-\u{ffef}]/u;

/** What an illegal segment's encoding escapes, one code point each: the forbidden characters, and `%` itself. */
const ESCAPED = /[^ -$&-~\u{a0}-\u{d7ff}\u{f900}-\u{ffef}]/gu;

/** A lone surrogate, or UTF-8 bytes. */
const ESCAPES = /%uD[89A-F][0-9A-F]{2}|(?:%[0-9A-F]{2})+/g;

/** The stored path of an entry: its segments, encoded, joined by `/`. */
export function encodeKey(key: EntryKey): string {
  return key.split('/').map(encodeSegment).join('/');
}

/**
 * The key of the entry stored at `path`.
 * @throws RangeError when a segment of the path is illegal, so that no strict store can have it
 */
export function decodeKey(path: string): EntryKey {
  return path.split('/').map(decodeSegment).join('/');
}

/**
 * The legal name of one segment of a key.
 * @throws RangeError when `raw` has a `/`, so that it is no segment
 */
export function encodeSegment(raw: string): string {
  if (!isLegalSegment(raw)) return escapeIllegal(raw);
  return parseTaken(raw) === undefined ? raw : raw.replace('%', '%%');
}

/**
 * The segment that a legal name stands for.
 * @throws RangeError when `name` is illegal
 */
export function decodeSegment(name: string): string {
  if (!isLegalSegment(name)) throw new RangeError(`not a legal segment of a path: ${JSON.stringify(name)}`);
  const taken = parseTaken(name);
  if (taken === undefined) return name;
  return taken.shifted ? name.replace('%%', '%') : taken.illegal;
}

/** Whether a strict tree store accepts `name` as one segment of a path. */
export function isLegalSegment(name: string): boolean {
  return name !== '' && !DOTS.test(name) && !FORBIDDEN.test(name);
}

/** The canonical encoding of an illegal segment. Always has a `%`, never two in a row. */
function escapeIllegal(raw: string): string {
  if (raw.includes('/')) throw new RangeError(`not a segment of a key: ${JSON.stringify(raw)}`);
  if (raw === '') return EMPTY;
  if (DOTS.test(raw)) return raw.replaceAll('.', '%2E');
  return raw.replace(ESCAPED, escapeCodePoint);
}

function escapeCodePoint(codePoint: string): string {
  const isLoneSurrogate = /^[\ud800-\udfff]$/.test(codePoint);
  if (isLoneSurrogate) return `%u${codePoint.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(codePoint);
}

/** If the encodings took this name (or, with further `%`, a name on which it would have to move): for which segment. */
function parseTaken(name: string): { illegal: string; shifted: boolean } | undefined {
  const signs = /%+/.exec(name)?.[0];
  if (signs === undefined) return undefined;
  const encoding = name.replace(signs, '%');
  const raw = undoEscapes(encoding);
  if (raw === undefined || raw.includes('/') || isLegalSegment(raw)) return undefined;
  if (escapeIllegal(raw) !== encoding) return undefined;
  return { illegal: raw, shifted: signs.length > 1 };
}

/** Undoes every escape; undefined when bytes are not UTF-8. Whether it was canonical shows when it is encoded again. */
function undoEscapes(encoding: string): string | undefined {
  if (encoding === EMPTY) return '';
  try {
    return encoding.replace(ESCAPES, (escapes) =>
      escapes.startsWith('%u')
        ? String.fromCharCode(parseInt(escapes.slice(2), 16))
        : decodeURIComponent(escapes),
    );
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

import type { EntryKey } from './observation.js';

/**
 * The patterns of `include` and `exclude`, matched against whole entry keys, segment by segment:
 * `**` stands for any number of segments, none included; `*` for any run of characters inside a segment, none
 * included; `?` for one character; a backslash makes the next character literal. Names with a leading dot are
 * names like all others.
 *
 * What other tools read as more than this (`[a-z]`, `{a,b}`, a leading `!`) is refused instead of taken literally:
 * a pattern that quietly matches nothing would mirror what was meant to be left out.
 */
export interface Glob {
  readonly segments: readonly SegmentPattern[];
}

/** `undefined` stands for `**`. */
type SegmentPattern = readonly CharacterPattern[] | undefined;

/** One literal character, or a wildcard. */
type CharacterPattern = string | typeof ANY_CHARACTER | typeof ANY_RUN;

const ANY_CHARACTER = Symbol('?');
const ANY_RUN = Symbol('*');

export type GlobParse =
  { readonly ok: true; readonly glob: Glob } | { readonly ok: false; readonly problem: string };

/** Reads a pattern; what is wrong with it comes back as a sentence for its author. */
export function parseGlob(pattern: string): GlobParse {
  if (pattern === '') return refuse('the pattern is empty');
  if (pattern.startsWith('/')) return refuse('patterns start below the mapping, without a leading "/"');
  if (pattern.endsWith('/')) return refuse('the pattern ends in "/"; everything below a key is "key/**"');
  if (pattern.startsWith('!')) {
    return refuse('patterns are not negated with "!": use the other one of include and exclude');
  }
  const segments: SegmentPattern[] = [];
  for (const text of pattern.split('/')) {
    if (text === '**') {
      segments.push(undefined);
      continue;
    }
    const segment = parseSegment(text);
    if (typeof segment === 'string') return refuse(segment);
    segments.push(segment);
  }
  return { ok: true, glob: { segments } };
}

function refuse(problem: string): GlobParse {
  return { ok: false, problem };
}

/** @returns the segment's characters, or what is wrong with it */
function parseSegment(text: string): readonly CharacterPattern[] | string {
  const pattern: CharacterPattern[] = [];
  let escaped = false;
  for (const character of text) {
    if (escaped) {
      pattern.push(character);
      escaped = false;
    } else if (character === '\\') {
      escaped = true;
    } else if (character === '*') {
      if (pattern.at(-1) === ANY_RUN) return '"**" stands for whole segments: it needs a "/" on both sides';
      pattern.push(ANY_RUN);
    } else if ('[]{}'.includes(character)) {
      return `"${character}" is no wildcard here: write "\\${character}" for the character, or several patterns`;
    } else {
      pattern.push(character === '?' ? ANY_CHARACTER : character);
    }
  }
  return escaped ? 'a backslash has to stand in front of the character it makes literal' : pattern;
}

/** Whether the pattern matches the whole key. Takes at most (length of the pattern) x (length of the key) steps. */
export function matchesGlob(glob: Glob, key: EntryKey): boolean {
  return matchesSegments(glob, key.split('/'));
}

function matchesSegments(glob: Glob, segments: readonly string[]): boolean {
  return matchesSequence(glob.segments, segments, isAnyDepth, matchesSegment);
}

function isAnyDepth(pattern: SegmentPattern): boolean {
  return pattern === undefined;
}

function matchesSegment(pattern: SegmentPattern, segment: string): boolean {
  return pattern === undefined || matchesSequence(pattern, [...segment], isAnyRun, matchesCharacter);
}

function isAnyRun(pattern: CharacterPattern): boolean {
  return pattern === ANY_RUN;
}

function matchesCharacter(pattern: CharacterPattern, character: string): boolean {
  return pattern === ANY_CHARACTER || pattern === character;
}

/**
 * Matches a sequence against a pattern with wildcards for runs. Only the last wildcard passed is ever tried again,
 * with one item more: an earlier one could only reach places that the last one reaches as well. So there is no
 * exponential search, whatever the pattern.
 */
function matchesSequence<P, T>(
  pattern: readonly P[],
  items: readonly T[],
  isRun: (part: P) => boolean,
  matches: (part: P, item: T) => boolean,
): boolean {
  let at = 0;
  let part = 0;
  let retry: { readonly part: number; at: number } | undefined;
  while (at < items.length) {
    const wanted = pattern[part];
    if (part < pattern.length && isRun(wanted as P)) {
      part++;
      retry = { part, at };
    } else if (part < pattern.length && matches(wanted as P, items[at] as T)) {
      part++;
      at++;
    } else if (retry !== undefined) {
      part = retry.part;
      at = ++retry.at;
    } else {
      return false;
    }
  }
  return pattern.slice(part).every(isRun);
}

/**
 * The scope of a mapping: a key belongs to it when some pattern of `include` matches and none of `exclude` does.
 * @throws RangeError for a pattern that `parseGlob` refuses; a valid configuration has none
 */
export function entryFilter(
  include: readonly string[],
  exclude: readonly string[],
): (key: EntryKey) => boolean {
  const included = include.map(globOf);
  const excluded = exclude.map(globOf);
  if (exclude.length === 0 && include.includes('**')) return () => true;
  return (key) => {
    const segments = key.split('/');
    return (
      included.some((glob) => matchesSegments(glob, segments)) &&
      !excluded.some((glob) => matchesSegments(glob, segments))
    );
  };
}

function globOf(pattern: string): Glob {
  const parsed = parseGlob(pattern);
  if (!parsed.ok) throw new RangeError(`not a pattern: ${JSON.stringify(pattern)}: ${parsed.problem}`);
  return parsed.glob;
}

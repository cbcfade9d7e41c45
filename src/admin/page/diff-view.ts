import type { Conflict, ConflictSide } from './answers.js';
import { shownLine } from './format.js';
import { diffLines } from './vendor/diff/index.js';
import { h } from './vendor/preact.js';
import type { ComponentChild } from './vendor/preact.js';

/** Longer values are cut: they are to be read, and the API has them in full. */
const SHOWN_CHARACTERS_MAX = 32 * 1_024;
const HEX_BYTES_MAX = 512;
const HEX_ROW = 16;
const DIFF_TIMEOUT_MS = 200;

interface Line {
  readonly text: string | undefined;
  readonly differs: boolean;
}

type Row = readonly [left: Line, right: Line];

/** Both values side by side, line by line. */
export function diffView({ zookeeper, consul }: Conflict): ComponentChild {
  const [left, right] = [textOf(zookeeper), textOf(consul)];
  const isCut = [left, right].some((text) => (text?.length ?? 0) > SHOWN_CHARACTERS_MAX);
  const rows = sideBySide(left?.slice(0, SHOWN_CHARACTERS_MAX), right?.slice(0, SHOWN_CHARACTERS_MAX));
  return h(
    'div',
    { class: 'scroll diff', tabIndex: 0, role: 'region', 'aria-label': 'Both values' },
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h('tr', {}, h('th', { scope: 'col' }, 'In ZooKeeper'), h('th', { scope: 'col' }, 'In Consul')),
      ),
      h(
        'tbody',
        {},
        rows.map(([one, other]) => h('tr', {}, cell(one, 'removed'), cell(other, 'added'))),
      ),
    ),
    isCut && h('p', { class: 'quiet' }, 'Only the beginning is shown.'),
  );
}

function cell({ text, differs }: Line, tone: string): ComponentChild {
  if (text === undefined) return h('td', { class: 'gap' });
  const mark = differs ? h('span', { class: 'visually-hidden' }, 'differs: ') : false;
  return h('td', { class: differs ? tone : '' }, mark, shownLine(text));
}

export function sideBySide(left: string | undefined, right: string | undefined): readonly Row[] {
  const deleted = { text: '(deleted)', differs: true };
  if (left === undefined) return pair([deleted], changed(linesOf(right ?? '')));
  if (right === undefined) return pair(changed(linesOf(left)), [deleted]);
  const parts = diffLines(left, right, { timeout: DIFF_TIMEOUT_MS, ignoreNewlineAtEof: true });
  if (parts === undefined) return pair(changed(linesOf(left)), changed(linesOf(right)));
  const rows: Row[] = [];
  let removed: readonly Line[] = [];
  for (const part of parts) {
    const lines = linesOf(part.value);
    if (part.removed) {
      removed = changed(lines);
      continue;
    }
    rows.push(...pair(removed, part.added ? changed(lines) : []));
    removed = [];
    if (!part.added) rows.push(...lines.map((text): Row => [same(text), same(text)]));
  }
  return [...rows, ...pair(removed, [])];
}

function pair(left: readonly Line[], right: readonly Line[]): readonly Row[] {
  const gap = { text: undefined, differs: false };
  const length = Math.max(left.length, right.length);
  return Array.from({ length }, (_, at) => [left[at] ?? gap, right[at] ?? gap]);
}

function changed(lines: readonly string[]): readonly Line[] {
  return lines.map((text) => ({ text, differs: true }));
}

function same(text: string): Line {
  return { text, differs: false };
}

/** The end of the last line is no line of its own. */
function linesOf(text: string): readonly string[] {
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}

/** Text as it is, other values as rows of hexadecimal bytes; undefined where the entry had been deleted. */
function textOf({ value }: ConflictSide): string | undefined {
  if (value === null) return undefined;
  if (value.utf8 !== null) return value.utf8;
  const shown = [...atob(value.base64)].slice(0, HEX_BYTES_MAX);
  const codes = shown.map((character) => character.charCodeAt(0).toString(16).padStart(2, '0'));
  const rows = Array.from({ length: Math.ceil(codes.length / HEX_ROW) }, (_, at) =>
    codes.slice(at * HEX_ROW, (at + 1) * HEX_ROW).join(' '),
  );
  return [`${value.bytes} bytes that are no text:`, ...rows].join('\n');
}

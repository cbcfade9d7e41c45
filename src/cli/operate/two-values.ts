import { isUtf8 } from 'node:buffer';
import { structuredPatch } from 'diff';
import { printableText } from '../../core/printable-text.js';
import { alignedLines } from '../table.js';
import type { Terminal } from '../terminal.js';
import { showCount, showCounted } from '../times.js';

export type StoreName = 'zookeeper' | 'consul';

export const STORE_TITLES: Readonly<Record<StoreName, string>> = { zookeeper: 'ZooKeeper', consul: 'Consul' };

/** What one side has, or had. */
export interface ShownSide {
  /** undefined where there is none. */
  readonly value: Buffer | undefined;
  /** Printed as it is, made printable. */
  readonly about: string;
}

const STORES: readonly StoreName[] = ['zookeeper', 'consul'];
const LINES_MAX = 200;
const LINE_LENGTH_MAX = 1_000;
const HEX_ROWS_MAX = 16;
const HEX_ROW_BYTES = 16;
/** Texts that have less in common are shown one below the other. */
const DIFFERENCES_MAX = 2_000;
const DIFF_TIMEOUT_MS = 2_000;

/** Both values for a person: texts as their difference by lines, all else as bytes. `--json` has them in full. */
export function twoValuesLines(terminal: Terminal, sides: Readonly<Record<StoreName, ShownSide>>): string[] {
  const rows = STORES.map((store) => {
    const { value, about } = sides[store];
    return [STORE_TITLES[store], value === undefined ? '' : describe(value), printableText(about)];
  });
  return [...alignedLines(terminal, [{}, {}, {}], rows), ...contentLines(terminal, sides)].map(
    (line) => `  ${line}`,
  );
}

function describe(value: Buffer): string {
  return `${showCounted(value.length, 'byte', 'bytes')}${isText(value) ? '' : ', no text'}`;
}

/** No text has a zero byte. */
function isText(value: Buffer): boolean {
  return isUtf8(value) && !value.includes(0);
}

function contentLines(terminal: Terminal, sides: Readonly<Record<StoreName, ShownSide>>): string[] {
  const { zookeeper, consul } = { zookeeper: sides.zookeeper.value, consul: sides.consul.value };
  if (zookeeper !== undefined && consul !== undefined) {
    if (zookeeper.equals(consul)) return ['both are the same:', ...valueLines(zookeeper)];
    if (isText(zookeeper) && isText(consul)) {
      const difference = differenceLines(terminal, zookeeper.toString('utf8'), consul.toString('utf8'));
      if (difference !== undefined) return difference;
    }
  }
  return STORES.flatMap((store) => {
    const { value } = sides[store];
    return value === undefined ? [] : [`in ${STORE_TITLES[store]}:`, ...valueLines(value)];
  });
}

/** Undefined where the texts have too little in common. */
function differenceLines(terminal: Terminal, zookeeper: string, consul: string): string[] | undefined {
  const options = { context: 3, maxEditLength: DIFFERENCES_MAX, timeout: DIFF_TIMEOUT_MS };
  const patch = structuredPatch('', '', zookeeper, consul, undefined, undefined, options);
  if (patch === undefined) return undefined;
  const lines = patch.hunks.flatMap(({ oldStart, newStart, lines: hunk }) => [
    `@@ line ${oldStart} in ZooKeeper, ${newStart} in Consul @@`,
    ...hunk.map((line) => styled(terminal, line)),
  ]);
  return [
    terminal.style('- only in ZooKeeper', 'red'),
    terminal.style('+ only in Consul', 'green'),
    ...cut(lines),
  ];
}

function styled(terminal: Terminal, line: string): string {
  const shown = printableLine(line);
  if (line.startsWith('-')) return terminal.style(shown, 'red');
  return line.startsWith('+') ? terminal.style(shown, 'green') : shown;
}

function valueLines(value: Buffer): string[] {
  const lines = isText(value) ? value.toString('utf8').split('\n').map(printableLine) : hexLines(value);
  return cut(lines).map((line) => `  ${line}`);
}

/** A tab may stay: what is indented by it reads better. */
function printableLine(line: string): string {
  const shown = line.slice(0, LINE_LENGTH_MAX).split('\t').map(printableText).join('\t');
  return line.length > LINE_LENGTH_MAX ? `${shown}... (${showCount(line.length)} characters)` : shown;
}

function cut(lines: readonly string[]): string[] {
  const more = lines.length - LINES_MAX;
  return more <= 0
    ? [...lines]
    : [...lines.slice(0, LINES_MAX), `... and ${showCount(more)} more lines (--json)`];
}

/** As `xxd` shows them. */
function hexLines(value: Buffer): string[] {
  const rows: string[] = [];
  for (let at = 0; at < value.length && rows.length < HEX_ROWS_MAX; at += HEX_ROW_BYTES) {
    const row = value.subarray(at, at + HEX_ROW_BYTES);
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = row.toString('latin1').replace(/[^\x20-\x7e]/g, '.');
    rows.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(HEX_ROW_BYTES * 3 - 1)}  ${text}`);
  }
  const more = value.length - rows.length * HEX_ROW_BYTES;
  return more > 0 ? [...rows, `... and ${showCounted(more, 'byte', 'bytes')} more (--json)`] : rows;
}

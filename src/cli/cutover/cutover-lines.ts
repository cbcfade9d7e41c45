import { printableText } from '../../core/printable-text.js';
import { printableKey } from '../printable.js';
import type { Cell } from '../table.js';
import { alignedLines, tableLines } from '../table.js';
import type { Terminal } from '../terminal.js';
import { showAge, showCount, showCounted, showDuration } from '../times.js';
import type { CountsAnswer, CutoverAnswer, SideAnswer } from './cutover-answer.js';

/** What each step means, for a person. */
export const STEP_MEANS: Readonly<Record<string, string>> = {
  both: 'both sides are written, as it is configured',
  'consul-leads': 'both sides are written, and Consul wins what both changed',
  'zookeeper-mirror':
    'only Consul is to be written, and ZooKeeper follows it; other changes there are left alone as drift',
};

/** One mapping's way to Consul: the step it is at, the evidence, who still needs ZooKeeper, and what comes next. */
export function cutoverStatusLines(terminal: Terminal, answer: CutoverAnswer, nowMs: number): string[] {
  return [
    headLine(terminal, answer, nowMs),
    ...evidenceLines(terminal, answer, nowMs).map((line) => `  ${line}`),
    ...changeLines(terminal, answer, nowMs).map((line) => `  ${line}`),
    ...watcherLines(answer).map((line) => `  ${line}`),
    ...historyLines(answer).map((line) => `  ${line}`),
    ...nextLines(terminal, answer).map((line) => `  ${line}`),
  ];
}

function headLine(
  terminal: Terminal,
  { mapping, step, since, configured }: CutoverAnswer,
  nowMs: number,
): string {
  const name = printableText(mapping);
  if (step === null) {
    return terminal.style(
      `Mapping ${name}: written in ZooKeeper only (direction: zookeeper-to-consul)`,
      'bold',
    );
  }
  const by = configured ? ', by its configuration' : since === null ? '' : `, since ${showAge(since, nowMs)}`;
  return terminal.style(
    `Mapping ${name}: step ${printableText(step)}${by}: ${STEP_MEANS[step] ?? 'of a newer version'}`,
    'bold',
  );
}

function evidenceLines(terminal: Terminal, answer: CutoverAnswer, nowMs: number): string[] {
  const { inSync, inSyncSince, comparison, holds, openConflicts, drifted } = answer;
  const since =
    inSyncSince === null ? '' : `, for ${showDuration((nowMs - Date.parse(inSyncSince)) / 1_000)}`;
  const rows: Cell[][] = [
    ['in sync', verdict(inSync, inSync ? `yes${since}` : 'no')],
    ['both sides equal', comparisonCell(comparison)],
    ['holds', verdict(holds === 0, showCount(holds))],
    ['open conflicts', verdict(openConflicts === 0, showCount(openConflicts))],
    ['drift in ZooKeeper', verdict(drifted === 0, showCounted(drifted, 'entry', 'entries'))],
  ];
  return alignedLines(terminal, [{}, {}], rows);
}

function verdict(isWell: boolean, text: string): Cell {
  return { text, style: isWell ? 'green' : 'red' };
}

const DIGITS_SHOWN = 12;

function comparisonCell({ equal, by, zookeeper, compared, detail }: CutoverAnswer['comparison']): Cell {
  const why = printableText(detail ?? '');
  if (equal === null) return { text: `not known: ${why}`, style: 'yellow' };
  if (!equal) return { text: `no: ${why}`, style: 'red' };
  if (by === 'versions') return { text: `yes: ${why}`, style: 'green' };
  const digest = (zookeeper ?? '').slice(0, DIGITS_SHOWN);
  return { text: `yes, ${showCounted(compared, 'key', 'keys')}, digest ${digest}`, style: 'green' };
}

const COLUMNS = [
  { title: 'CHANGED BY CLIENTS' },
  { title: 'HOUR', align: 'right' },
  { title: 'DAY', align: 'right' },
  { title: 'WEEK', align: 'right' },
  { title: 'LAST' },
] as const;

function changeLines(terminal: Terminal, { changes }: CutoverAnswer, nowMs: number): string[] {
  const { countedSince, zookeeper, consul } = changes;
  const rows = [...sideRows('in ZooKeeper', zookeeper, nowMs), ...sideRows('in Consul', consul, nowMs)];
  const since = countedSince === null ? 'Not counted yet' : `Counted since ${printableText(countedSince)}`;
  return [...tableLines(terminal, COLUMNS, rows), `${since}, to whole hours.`];
}

function sideRows(title: string, side: SideAnswer, nowMs: number): Cell[][] {
  const row = (name: string, { hour, day, week, lastAt }: CountsAnswer): Cell[] => [
    name,
    showCount(hour),
    showCount(day),
    showCount(week),
    lastAt === null ? '' : showAge(lastAt, nowMs),
  ];
  const folders = side.folders.map(({ folder, ...counts }) =>
    row(`  ${folder === '' ? 'in no folder' : `${printableKey(folder)}/`}`, counts),
  );
  const rest = side.rest === null ? [] : [row('  other folders', side.rest)];
  return [row(title, side), ...folders, ...rest];
}

function watcherLines({ watchers: { sessions, total, untold } }: CutoverAnswer): string[] {
  const lines = sessions.map(
    ({ session, address, paths }) =>
      `  session ${printableText(session)}${address === null ? '' : ` from ${printableText(address)}`}, ${showCounted(paths, 'path', 'paths')}`,
  );
  const more = total - sessions.length;
  const told = untold.length === 0 || total > 0;
  return [
    ...(told ? [`Sessions that watch it in ZooKeeper: ${total === 0 ? 'none' : showCount(total)}`] : []),
    ...lines,
    ...(more > 0 ? [`  ... and ${showCount(more)} more`] : []),
    ...untold.map((why) => `Who watches is not told: ${printableText(why)}`),
  ];
}

function historyLines({ history }: CutoverAnswer): string[] {
  if (history.length === 0) return [];
  return [
    'Steps taken, the latest first:',
    ...history.map(({ step, at }) => `  ${printableText(at ?? '')}  ${printableText(step ?? '')}`),
  ];
}

function nextLines(terminal: Terminal, answer: CutoverAnswer): string[] {
  const { mapping, step, next, missing } = answer;
  const name = printableText(mapping);
  if (step === null) return ['To be moved over, it needs direction: both first.'];
  if (next === null) return switchOffLines(terminal, answer);
  if (missing.length > 0) return missingLines(terminal, next, missing);
  return [
    terminal.style(`Nothing stands in the way of the next step, ${next}:`, 'green'),
    `  zk-consul-sync cutover ${name} --to consul`,
  ];
}

export function missingLines(terminal: Terminal, next: string, missing: CutoverAnswer['missing']): string[] {
  return [
    terminal.style(`Missing for the next step, ${printableText(next)}:`, 'yellow'),
    ...missing.map(({ detail }) => `  ${printableText(detail)}`),
  ];
}

function switchOffLines(terminal: Terminal, { switchOff }: CutoverAnswer): string[] {
  const { possible, certain, needed } = switchOff;
  if (!possible) {
    return [
      terminal.style('ZooKeeper is still needed:', 'yellow'),
      ...needed.map(({ detail }) => `  ${printableText(detail)}`),
    ];
  }
  const known = certain ? '' : ', as far as is known (who watches is not)';
  return [
    terminal.style(`ZooKeeper can be switched off${known}.`, 'green'),
    '  Before that, stop the daemon, and remove its records: zk-consul-sync retire INSTANCE',
  ];
}

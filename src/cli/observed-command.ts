import type { Environment } from '../config/variables.js';
import { printableText } from '../core/printable-text.js';
import { systemClock } from '../daemon/system.js';
import type { ObservedAnswer, ObservedCountsAnswer } from './admin-answers.js';
import { observedAnswer } from './admin-answers.js';
import { adminClientFor } from './admin-client-for.js';
import type { ExitCode } from './exit-code.js';
import { EXIT } from './exit-code.js';
import { printableKey } from './printable.js';
import type { Cell } from './table.js';
import { alignedLines, tableLines } from './table.js';
import type { Terminal } from './terminal.js';
import { showAge, showCount, showCounted } from './times.js';

export interface ObservedOptions {
  readonly config?: string;
  readonly admin?: string;
  readonly json?: true;
  /** How many of the latest writes are listed for a person. */
  readonly limit: number;
}

/** The command `observed`: what a mapping would have written while it only observed. */
export async function observedCommand(
  terminal: Terminal,
  environment: Environment,
  mapping: string,
  options: ObservedOptions,
): Promise<ExitCode> {
  const client = await adminClientFor(options, environment);
  const path = `api/v1/mappings/${encodeURIComponent(mapping)}/observed`;
  const answer = await client.get(path, observedAnswer);
  if (options.json) terminal.printJson(answer);
  else terminal.print(...observedLines(terminal, answer, options.limit, systemClock.nowMs()));
  return answer.totals === null ? EXIT.found : EXIT.done;
}

export function observedLines(
  terminal: Terminal,
  { mapping, observing, since, totals, days, latest }: ObservedAnswer,
  limit: number,
  nowMs: number,
): string[] {
  const name = printableText(mapping);
  if (totals === null) return [`Mapping ${name} has not observed: it has no mode: observe`];
  const state = observing ? 'only observes' : 'has observed, and writes by now';
  const rows = [
    ...countRows('all', totals),
    ...days.flatMap(({ day, ...counts }) => countRows(printableText(day), counts)),
  ];
  const listed = latest.slice(0, limit);
  const undecided =
    totals.undecided === 0
      ? []
      : [
          `${showCounted(totals.undecided, 'conflict', 'conflicts')} would wait for a person (conflict: hold)`,
        ];
  return [
    terminal.style(
      `Mapping ${name} ${state}. What it would have written since ${showAge(since, nowMs)}:`,
      'bold',
    ),
    ...tableLines(terminal, COLUMNS, rows).map((line) => `  ${line}`),
    ...undecided.map((line) => `  ${line}`),
    ...(listed.length === 0 ? [] : ['The latest:']),
    ...alignedLines(terminal, [{}, {}, {}, {}], listed.map(latestRow)).map((line) => `  ${line}`),
  ];
}

const COLUMNS = [
  { title: 'DAY' },
  { title: 'IN' },
  { title: 'CREATE', align: 'right' },
  { title: 'UPDATE', align: 'right' },
  { title: 'DELETE', align: 'right' },
  { title: 'CONFLICT', align: 'right' },
] as const;

function countRows(
  day: string,
  { create, update, delete: deletes, conflict }: ObservedCountsAnswer,
): Cell[][] {
  return (['zookeeper', 'consul'] as const).map((store, i): Cell[] => [
    i === 0 ? day : '',
    store,
    showCount(create[store]),
    showCount(update[store]),
    { text: showCount(deletes[store]), style: deletes[store] > 0 ? 'red' : undefined },
    { text: showCount(conflict[store]), style: conflict[store] > 0 ? 'yellow' : undefined },
  ]);
}

function latestRow({ at, action, on, key }: ObservedAnswer['latest'][number]): Cell[] {
  return [printableText(at ?? ''), action, on === null ? '' : `in ${on}`, printableKey(key)];
}

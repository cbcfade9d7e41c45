import type { Environment } from '../config/variables.js';
import { printableText } from '../core/printable-text.js';
import type { AskedOptions } from './admin-client-for.js';
import { adminClientFor } from './admin-client-for.js';
import type { AdminClient } from './admin-client.js';
import type { ExitCode } from './exit-code.js';
import { EXIT } from './exit-code.js';
import { JsonListWriter } from './json-list-writer.js';
import { mappingPath } from './operate/operation.js';
import { printableKey } from './printable.js';
import { alignedLines, tableLines } from './table.js';
import type { Terminal } from './terminal.js';
import type { TrashSummaryAnswer } from './trash-answers.js';
import { trashEntryAnswer } from './trash-answers.js';
import type { TrashFilter } from './trash-pages.js';
import { trashPages } from './trash-pages.js';

export interface TrashListOptions extends AskedOptions, TrashFilter {
  readonly json?: true;
  readonly limit: number;
}

/** The command `trash list`: what was deleted, newest first. */
export async function trashListCommand(
  terminal: Terminal,
  environment: Environment,
  mapping: string,
  options: TrashListOptions,
): Promise<ExitCode> {
  const client = await adminClientFor(options, environment);
  const { limit } = options;
  const filter = filterOf(options);
  if (options.json === true) await writeJson(terminal, client, mapping, filter);
  else {
    const { rows, isCut } = await firstOf(trashPages(client, mapping, filter), limit);
    if (rows.length === 0) terminal.print('Nothing of that is in the trash.');
    else terminal.print(...trashLines(terminal, rows));
    if (isCut) terminal.print('... and more (--limit N, --json)');
  }
  return EXIT.done;
}

/** The command `trash show`: one deleted value with all that is kept of it. */
export async function trashShowCommand(
  terminal: Terminal,
  environment: Environment,
  wanted: { readonly mapping: string; readonly id: number },
  options: AskedOptions & { readonly json?: true },
): Promise<ExitCode> {
  const { mapping, id } = wanted;
  const client = await adminClientFor(options, environment);
  const path = `${mappingPath(mapping)}/trash/${id}`;
  const entry = await client.get(path, trashEntryAnswer, { trusted: true });
  if (options.json === true) {
    terminal.printJson({ mapping, ...entry });
    return EXIT.done;
  }
  const { value, access } = entry;
  const rows = [
    ['entry', printableKey(entry.key)],
    ['deleted', printableText(`${entry.at ?? 'at an unknown time'} in ${entry.deletedIn}`)],
    ['written', printableText(entry.writtenAt ?? 'not told by the store')],
    ['flags', printableText(entry.flags)],
    ['access', printableText(access ?? 'not known')],
    ['value', `${value.bytes} bytes${value.utf8 === null ? ', not text: see --json' : ''}`],
  ];
  terminal.print(
    terminal.style(printableText(`Trash ${id} of mapping ${mapping}`), 'bold'),
    ...alignedLines(terminal, [{}, {}], rows).map((line) => `  ${line}`),
    ...(value.utf8 === null ? [] : value.utf8.split('\n').map((line) => `  | ${printableText(line)}`)),
  );
  return EXIT.done;
}

/** Without what is of no concern to the daemon. */
export function filterOf({ folder, since, until }: TrashFilter): TrashFilter {
  return {
    ...(folder !== undefined && { folder }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
  };
}

export function trashLines(terminal: Terminal, entries: readonly TrashSummaryAnswer[]): string[] {
  const rows = entries.map(({ id, at, deletedIn, value, key }) => [
    String(id),
    printableText(at ?? ''),
    printableText(deletedIn),
    `${value.bytes} B`,
    printableKey(key),
  ]);
  return tableLines(terminal, COLUMNS, rows);
}

const COLUMNS = [
  { title: 'ID', align: 'right' as const },
  { title: 'DELETED' },
  { title: 'IN' },
  { title: 'VALUE', align: 'right' as const },
  { title: 'KEY' },
];

async function firstOf(
  pages: AsyncIterable<readonly TrashSummaryAnswer[]>,
  limit: number,
): Promise<{ rows: readonly TrashSummaryAnswer[]; isCut: boolean }> {
  const rows: TrashSummaryAnswer[] = [];
  for await (const page of pages) {
    rows.push(...page.slice(0, limit + 1 - rows.length));
    if (rows.length > limit) break;
  }
  return { rows: rows.slice(0, limit), isCut: rows.length > limit };
}

async function writeJson(
  terminal: Terminal,
  client: AdminClient,
  mapping: string,
  filter: TrashFilter,
): Promise<void> {
  const pages = trashPages(client, mapping, filter);
  // Whoever asks for a mapping that is not there gets a message, and no half an object.
  const first = await pages.next();
  const list = new JsonListWriter(terminal, { mapping }, 'trash');
  for (let page = first; page.done !== true; page = await pages.next()) {
    for (const entry of page.value) list.item(entry);
  }
  list.end({});
  terminal.write('\n');
}

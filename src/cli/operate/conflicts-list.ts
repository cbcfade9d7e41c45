import type { Environment } from '../../config/variables.js';
import { printableText } from '../../core/printable-text.js';
import type { ConflictSummaryAnswer } from '../admin-answers.js';
import { conflictsAnswer, statusAnswer } from '../admin-answers.js';
import type { AskedOptions } from '../admin-client-for.js';
import { adminClientFor } from '../admin-client-for.js';
import type { AdminClient } from '../admin-client.js';
import type { ExitCode } from '../exit-code.js';
import { EXIT } from '../exit-code.js';
import { JsonListWriter } from '../json-list-writer.js';
import { printableKey } from '../printable.js';
import type { Cell } from '../table.js';
import { tableLines } from '../table.js';
import type { Terminal } from '../terminal.js';
import { mappingPath } from './operation.js';

export interface ConflictsListOptions extends AskedOptions {
  readonly open?: true;
  readonly json?: true;
  /** How many of each mapping are listed for a person. */
  readonly limit: number;
}

/** As many as the daemon gives at once. */
const PAGE_MAX = 500;

/** The command `conflicts list`: the journal, newest first. */
export async function conflictsListCommand(
  terminal: Terminal,
  environment: Environment,
  mapping: string | undefined,
  options: ConflictsListOptions,
): Promise<ExitCode> {
  const client = await adminClientFor(options, environment);
  const names = mapping === undefined ? await mappingNames(client) : [mapping];
  if (options.json === true) await writeJson(terminal, client, names, options);
  else await printTable(terminal, client, names, options);
  return EXIT.done;
}

async function mappingNames(client: AdminClient): Promise<string[]> {
  return (await client.get('api/v1/status', statusAnswer)).mappings.map(({ name }) => name);
}

async function writeJson(
  terminal: Terminal,
  client: AdminClient,
  names: readonly string[],
  options: ConflictsListOptions,
): Promise<void> {
  const ask = (name: string) => firstPage(client, name, PAGE_MAX, options);
  const [named = ''] = names;
  // Whoever asks for a mapping that is not there gets a message, and no half an object.
  const first = names.length === 1 ? await ask(named) : undefined;
  const list = new JsonListWriter(terminal, {}, 'conflicts');
  // One after the other: the daemon makes only so many lists at once.
  for (const mapping of names) {
    for await (const some of pagesFrom(client, mapping, first ?? (await ask(mapping)), options)) {
      for (const conflict of some) list.item({ mapping, ...conflict });
    }
  }
  list.end({});
  terminal.write('\n');
}

async function printTable(
  terminal: Terminal,
  client: AdminClient,
  names: readonly string[],
  options: ConflictsListOptions,
): Promise<void> {
  const rows: Cell[][] = [];
  let isCut = false;
  for (const mapping of names) {
    let left = options.limit;
    const first = await firstPage(client, mapping, Math.min(PAGE_MAX, Math.max(1, left)), options);
    for await (const some of pagesFrom(client, mapping, first, options)) {
      rows.push(...some.slice(0, left).map((conflict) => rowOf(mapping, conflict)));
      isCut ||= some.length > left;
      left -= some.length;
      if (left < 0) break;
    }
  }
  if (rows.length === 0) terminal.print(options.open === true ? 'No open conflict.' : 'No conflict.');
  else terminal.print(...tableLines(terminal, COLUMNS, rows));
  if (isCut) terminal.print('... and more (--limit N, --json)');
}

type Page = { readonly conflicts: readonly ConflictSummaryAnswer[]; readonly next: number | null };

function firstPage(
  client: AdminClient,
  mapping: string,
  limit: number,
  options: ConflictsListOptions,
): Promise<Page> {
  return page(client, mapping, `limit=${limit}`, options);
}

async function* pagesFrom(
  client: AdminClient,
  mapping: string,
  first: Page | undefined,
  options: ConflictsListOptions,
): AsyncGenerator<readonly ConflictSummaryAnswer[]> {
  let found = first;
  while (found !== undefined) {
    yield found.conflicts;
    if (found.next === null) return;
    found = await page(client, mapping, `limit=${PAGE_MAX}&before=${found.next}`, options);
  }
}

function page(
  client: AdminClient,
  mapping: string,
  query: string,
  { open }: ConflictsListOptions,
): Promise<Page> {
  return client.get(`${mappingPath(mapping)}/conflicts?${query}&open=${open === true}`, conflictsAnswer);
}

const COLUMNS = [
  { title: 'ID', align: 'right' as const },
  { title: 'MAPPING' },
  { title: 'AT' },
  { title: 'STATE' },
  { title: 'KIND' },
  { title: 'WINNER' },
  { title: 'RULE' },
  { title: 'ZOOKEEPER', align: 'right' as const },
  { title: 'CONSUL', align: 'right' as const },
  { title: 'KEY' },
];

function rowOf(mapping: string, conflict: ConflictSummaryAnswer): Cell[] {
  const { id, at, open, kind, winner, rule, ambiguous, key, zookeeper, consul } = conflict;
  return [
    String(id),
    printableText(mapping),
    printableText(at ?? ''),
    open ? { text: 'open', style: 'yellow' } : 'settled',
    printableText(kind),
    printableText(winner ?? 'nobody'),
    printableText(ambiguous ? `${rule}, ambiguous` : rule),
    sizeOf(zookeeper.value),
    sizeOf(consul.value),
    printableKey(key),
  ];
}

function sizeOf(value: { readonly bytes: number } | null): string {
  return value === null ? 'deleted' : `${value.bytes} B`;
}

import type { ExplanationAnswer } from './admin-answers.js';
import { printableText } from '../core/printable-text.js';
import { printableKey } from './printable.js';
import type { Cell } from './table.js';
import { alignedLines } from './table.js';
import type { Terminal } from './terminal.js';

/** An explanation for a person: what is there, what was agreed on, what follows. */
export function explanationLines(
  terminal: Terminal,
  mapping: string,
  explanation: ExplanationAnswer,
): string[] {
  const { key, zookeeper, consul, archive, mark, decision, why, lastConflict } = explanation;
  const title = `Entry ${printableKey(key)} of mapping ${printableText(mapping)}`;
  const rows: Cell[][] = [
    ['in ZooKeeper', describe(zookeeper)],
    ['in Consul', describe(consul)],
    ['in the archive', archive === null ? 'nothing' : describe(archive)],
    ...(mark === null ? [] : [['marked', describe(mark)]]),
    ['decision', { text: printableText(decision), style: decision === 'nothing' ? 'green' : 'yellow' }],
    ['because', printableText(why)],
    ...(lastConflict === null ? [] : [['last conflict', describeConflict(lastConflict)]]),
  ];
  return [
    terminal.style(title, 'bold'),
    ...alignedLines(terminal, [{}, {}], rows).map((line) => `  ${line}`),
    ...hint(explanation),
  ];
}

/** Plain data on one line: `present, modified 12, bytes 3`. What an object is comes first, without a name. */
function describe(data: Readonly<Record<string, unknown>>): string {
  const { state, kind, ...rest } = data;
  const what = [state, kind].filter((word) => typeof word === 'string').map(String);
  const members = Object.entries(rest).flatMap(([name, value]) => describeMember(name, value));
  return printableText([...what, ...members].join(', '));
}

function describeMember(name: string, value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (typeof value === 'object') {
    const inner = Object.entries(value).flatMap(([innerName, one]) => describeMember(innerName, one));
    return [`${name} (${inner.join(', ')})`];
  }
  if (name.endsWith('Ms') && typeof value === 'number') {
    return [`${name.slice(0, -2)} ${new Date(value).toISOString()}`];
  }
  return [`${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`];
}

function describeConflict({
  id,
  at,
  open,
  kind,
  winner,
  rule,
  ambiguous,
}: NonNullable<ExplanationAnswer['lastConflict']>): string {
  const decided = winner === null ? 'not decided yet' : `${winner} won by ${rule}`;
  const notes = [ambiguous ? 'the times of the writes overlap' : '', open ? 'still open' : ''].filter(
    (note) => note !== '',
  );
  return printableText([`#${id} at ${at ?? 'an unknown time'}`, kind, decided, ...notes].join(', '));
}

/** People paste what the store calls the entry. */
function hint({ key, zookeeper, consul, archive }: ExplanationAnswer): string[] {
  const isNowhere = zookeeper['state'] === 'absent' && consul['state'] === 'absent' && archive === null;
  if (!isNowhere) return [];
  const slash = key.startsWith('/') ? ', and begin with no slash' : '';
  return [`  There is no such entry. Keys are relative to what is mapped${slash}.`];
}

import type { Environment } from '../../config/variables.js';
import { printableText } from '../../core/printable-text.js';
import type { ResyncFrom } from '../../ports/control.js';
import type { MappingAnswer, PreviewAnswer } from '../admin-answers.js';
import { previewAnswer } from '../admin-answers.js';
import { RefusedError } from '../admin-client.js';
import type { ExitCode } from '../exit-code.js';
import { EXIT } from '../exit-code.js';
import { groupedBy } from '../grouped.js';
import { printableKey } from '../printable.js';
import { alignedLines } from '../table.js';
import type { Terminal } from '../terminal.js';
import { showCount, showCounted } from '../times.js';
import type { OperateOptions } from './operation.js';
import { mappingPath, Operation } from './operation.js';

export interface ResyncOptions extends OperateOptions {
  readonly from: ResyncFrom;
  readonly limit: number;
}

/** The command `resync`: shows what it would do, and does it. */
export async function resyncCommand(
  terminal: Terminal,
  environment: Environment,
  name: string,
  options: ResyncOptions,
): Promise<ExitCode> {
  const { from, limit } = options;
  const operation = await Operation.begin(terminal, environment, options);
  const mapping = await operation.mapping(name, true);
  const preview = await previewed(operation, name, from);
  operation.show(
    ...headLines(terminal, mapping, from),
    ...(typeof preview === 'string'
      ? [`  ${terminal.style(preview, 'yellow')}`]
      : previewLines(terminal, preview, limit).map((line) => `  ${line}`)),
  );
  const text = `Start mapping ${name} over, ${DECIDES[from]}?`;
  if (!(await operation.consents({ kind: 'typed', text, word: name }))) return EXIT.found;
  await operation.carryOut(name, 'resync', { from });
  return EXIT.done;
}

const DECIDES: Readonly<Record<ResyncFrom, string>> = {
  zookeeper: 'what ZooKeeper has stands where both sides differ',
  consul: 'what Consul has stands where both sides differ',
  merge: 'each difference decided as a conflict',
};

/** A mapping may be too large to be looked at while a request waits; that must not keep it from being helped. */
async function previewed(
  { client, terminal }: Operation,
  name: string,
  from: ResyncFrom,
): Promise<PreviewAnswer | string> {
  const progress = terminal.progress();
  progress.show('looking at both sides');
  try {
    const path = `${mappingPath(name)}/resync?from=${from}`;
    return await client.get(path, previewAnswer, { trusted: true });
  } catch (error) {
    if (!(error instanceof RefusedError) || error.answer.code !== 'NO_ANSWER') throw error;
    return 'What it would do could not be found out while the request waited: the mapping is large, or a store slow.';
  } finally {
    progress.clear();
  }
}

function headLines(terminal: Terminal, { name, holds }: MappingAnswer, from: ResyncFrom): string[] {
  const reasons = holds.filter(({ key }) => key === null).map(({ reason }) => reason);
  const held = reasons.length === 0 ? 'not held' : `held as ${reasons.join(', ')}`;
  return [
    terminal.style(printableText(`Resync of mapping ${name}, which is ${held}: ${DECIDES[from]}.`), 'bold'),
    '  Nothing is deleted: what only one side has comes into being on the other. What is overwritten goes to the journal.',
  ];
}

/** What overwrites comes before what is only added. */
const ORDER = ['delete', 'update', 'conflict', 'hold', 'skip', 'create'];

function previewLines(terminal: Terminal, preview: PreviewAnswer, limit: number): string[] {
  const { create, update, delete: deletes, conflicts, skipped, actions, truncated, entries } = preview;
  const row = (name: string, count: PreviewAnswer['create']) => [
    name,
    showCount(count.zookeeper),
    showCount(count.consul),
  ];
  const sums = [
    ['', 'ZOOKEEPER', 'CONSUL'],
    row('create', create),
    row('update', update),
    row('delete', deletes),
  ];
  const rank = (action: string): number => (ORDER.includes(action) ? ORDER.indexOf(action) : ORDER.length);
  const groups = [...groupedBy(actions, ({ action }) => action)].sort(([a], [b]) => rank(a) - rank(b));
  const rows = groups.flatMap(([, some]) =>
    some
      .slice(0, limit)
      .map(({ action, on, key, detail }) => [
        printableText(action),
        on === null ? '' : `in ${printableText(on)}`,
        [printableKey(key), ...(action === 'create' ? [] : [`(${printableText(detail)})`])].join('  '),
      ]),
  );
  const isCut = truncated || groups.some(([, some]) => some.length > limit);
  return [
    ...alignedLines(terminal, [{}, { align: 'right' }, { align: 'right' }], sums),
    `${showCounted(conflicts, 'conflict', 'conflicts')}, ${showCount(skipped)} left out, of ${showCounted(entries, 'entry', 'entries')}`,
    ...alignedLines(terminal, [{}, {}, {}], rows),
    ...(isCut ? ['... and more (--limit N lists more of each kind, of the first 1,000)'] : []),
  ];
}

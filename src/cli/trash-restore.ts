import type { Environment } from '../config/variables.js';
import { printableText } from '../core/printable-text.js';
import type { ExitCode } from './exit-code.js';
import { CommandError, EXIT, usageError } from './exit-code.js';
import type { OperateOptions } from './operate/operation.js';
import { mappingPath, Operation } from './operate/operation.js';
import { printableKey } from './printable.js';
import { showCounted } from './times.js';
import type { TrashSummaryAnswer } from './trash-answers.js';
import { restoreAnswer } from './trash-answers.js';
import { filterOf, trashLines } from './trash-commands.js';
import type { TrashFilter } from './trash-pages.js';
import { trashPages } from './trash-pages.js';
import type { Terminal } from './terminal.js';

export interface TrashRestoreOptions extends OperateOptions, TrashFilter {
  readonly limit: number;
}

/** The command `trash restore`: puts deleted entries back on both sides, where nothing stands in their place. */
export async function trashRestoreCommand(
  terminal: Terminal,
  environment: Environment,
  wanted: { readonly mapping: string; readonly key: string | undefined },
  options: TrashRestoreOptions,
): Promise<ExitCode> {
  const { mapping, key } = wanted;
  const filter = filterOf(options);
  if ((key === undefined) === (Object.keys(filter).length === 0)) {
    throw usageError('name either a key, or what is meant by --folder, --since and --until');
  }
  const operation = await Operation.begin(terminal, environment, options);
  await operation.mapping(mapping);
  const pages = trashPages(operation.client, mapping, key === undefined ? filter : { folder: key });
  const { shown, count } = await newestOfEach(pages, key, options.limit);
  if (count === 0) throw new CommandError(EXIT.found, 'nothing of that is in the trash: see `trash list`');
  operation.show(...trashLines(terminal, shown));
  if (count > shown.length) operation.show(`... and ${count - shown.length} more (--limit N)`);
  const what = showCounted(count, 'entry', 'entries');
  const text = `Put ${what} back on both sides, where nothing stands in its place?`;
  if (!(await operation.consents({ kind: 'yes-or-no', text }))) return EXIT.found;
  const path = `${mappingPath(mapping)}/trash/restore`;
  const body = key === undefined ? { folder: '', ...filter } : { key };
  const answer = await operation.client.post(path, body, restoreAnswer);
  operation.tell(answer);
  const { refused, refusedTotal, hasMore } = answer;
  for (const one of refused) {
    terminal.note(`left as it is: ${printableKey(one.key)}: ${printableText(one.reason)}`);
  }
  if (refusedTotal > refused.length) terminal.note(`... and ${refusedTotal - refused.length} more`);
  if (hasMore) terminal.note('There is more than one request puts back: say the same again.');
  return refusedTotal > 0 || hasMore ? EXIT.found : EXIT.done;
}

/** What would be put back: the newest of each entry. Keys are all that is kept of those that are not shown. */
async function newestOfEach(
  pages: AsyncIterable<readonly TrashSummaryAnswer[]>,
  key: string | undefined,
  limit: number,
): Promise<{ shown: readonly TrashSummaryAnswer[]; count: number }> {
  const keys = new Set<string>();
  const shown: TrashSummaryAnswer[] = [];
  for await (const page of pages) {
    for (const entry of page) {
      if (keys.has(entry.key) || (key !== undefined && entry.key !== key)) continue;
      keys.add(entry.key);
      if (shown.length < limit) shown.push(entry);
    }
    if (key !== undefined && keys.size > 0) break;
  }
  return { shown, count: keys.size };
}

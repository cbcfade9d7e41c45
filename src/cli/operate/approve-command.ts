import type { Environment } from '../../config/variables.js';
import { printableText } from '../../core/printable-text.js';
import type { HeldAnswer, MappingAnswer } from '../admin-answers.js';
import { heldAnswer } from '../admin-answers.js';
import type { ExitCode } from '../exit-code.js';
import { EXIT } from '../exit-code.js';
import { printableKey } from '../printable.js';
import { alignedLines } from '../table.js';
import type { Terminal } from '../terminal.js';
import { showCount, showCounted } from '../times.js';
import type { OperateOptions } from './operation.js';
import { mappingPath, Operation } from './operation.js';

export interface ApproveOptions extends OperateOptions {
  readonly limit: number;
}

/** The daemon lists no more at once. */
const PAGE_MAX = 1_000;

/** The command `approve`: lets exactly what it has shown pass. */
export async function approveCommand(
  terminal: Terminal,
  environment: Environment,
  name: string,
  options: ApproveOptions,
): Promise<ExitCode> {
  const operation = await Operation.begin(terminal, environment, options);
  const mapping = await operation.mapping(name);
  const held = await heldBack(operation, name, options.limit);
  if (held.deletions + held.overwrites === 0) {
    const message = `mapping ${name} holds nothing back: there is nothing to approve`;
    operation.tell({ mapping: name, action: 'approve', message });
    return EXIT.done;
  }
  operation.show(...heldLines(terminal, mapping, held));
  const text = `Let ${describeHeld(held)} pass? What is held back after this stays held.`;
  if (!(await operation.consents({ kind: 'typed', text, word: name }))) return EXIT.found;
  await operation.carryOut(name, 'approve', { held: held.digest });
  return EXIT.done;
}

/** As it was when the first were listed: what is held back by the end of a long list may be other entries. */
async function heldBack({ client }: Operation, name: string, limit: number): Promise<HeldAnswer> {
  const page = (count: number, after: string): Promise<HeldAnswer> => {
    const query = new URLSearchParams({ limit: String(Math.min(Math.max(count, 1), PAGE_MAX)), after });
    return client.get(`${mappingPath(name)}/held?${query.toString()}`, heldAnswer, { trusted: true });
  };
  const held = await page(limit, '');
  const entries = [...held.entries];
  for (let { next } = held; next !== null && entries.length < limit;) {
    const further = await page(limit - entries.length, next);
    entries.push(...further.entries);
    ({ next } = further);
  }
  return { ...held, entries };
}

function heldLines(terminal: Terminal, { name, entries: size }: MappingAnswer, held: HeldAnswer): string[] {
  const { entries, deletions, overwrites } = held;
  const rows = entries.map(({ key, action, on }) => [
    { text: printableText(action), style: action === 'delete' ? ('red' as const) : ('yellow' as const) },
    `in ${printableText(on)}`,
    printableKey(key),
  ]);
  const unlisted = deletions + overwrites - entries.length;
  return [
    terminal.style(
      `Mapping ${printableText(name)}, of ${showCounted(size, 'entry', 'entries')}, holds back ${describeHeld(held)}:`,
      'bold',
    ),
    ...alignedLines(terminal, [{}, {}, {}], rows).map((line) => `  ${line}`),
    ...(unlisted > 0 ? [`  ... and ${showCount(unlisted)} more (--limit N)`] : []),
  ];
}

function describeHeld({ deletions, overwrites }: HeldAnswer): string {
  const parts = [
    ...(deletions > 0 ? [showCounted(deletions, 'deletion', 'deletions')] : []),
    ...(overwrites > 0 ? [showCounted(overwrites, 'overwrite', 'overwrites')] : []),
  ];
  return parts.join(' and ');
}

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
  const limit = Math.min(Math.max(options.limit, 1), PAGE_MAX);
  const path = `${mappingPath(name)}/held?limit=${limit}`;
  const held = await operation.client.get(path, heldAnswer, { trusted: true });
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

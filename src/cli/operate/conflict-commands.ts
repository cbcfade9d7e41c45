import type { Environment } from '../../config/variables.js';
import { printableText } from '../../core/printable-text.js';
import type { ConflictAnswer } from '../admin-answers.js';
import type { AskedOptions } from '../admin-client-for.js';
import { adminClientFor } from '../admin-client-for.js';
import type { ExitCode } from '../exit-code.js';
import { EXIT } from '../exit-code.js';
import { printableKey } from '../printable.js';
import { alignedLines } from '../table.js';
import type { Terminal } from '../terminal.js';
import type { FoundConflict } from './find-conflict.js';
import { conflictName, findConflict } from './find-conflict.js';
import type { OperateOptions } from './operation.js';
import { Operation } from './operation.js';
import type { ShownSide, StoreName } from './two-values.js';
import { STORE_TITLES, twoValuesLines } from './two-values.js';

export interface ConflictsShowOptions extends AskedOptions {
  readonly mapping?: string;
  readonly json?: true;
}

/** The command `conflicts show`: one conflict with both values. */
export async function conflictsShowCommand(
  terminal: Terminal,
  environment: Environment,
  words: readonly string[],
  options: ConflictsShowOptions,
): Promise<ExitCode> {
  const name = conflictName(words, options.mapping);
  const found = await findConflict(await adminClientFor(options, environment), name);
  if (options.json === true) terminal.printJson({ mapping: found.mapping, ...found.conflict });
  else terminal.print(...conflictLines(terminal, found));
  return EXIT.done;
}

export interface ConflictsResolveOptions extends OperateOptions {
  readonly mapping?: string;
  readonly keep: StoreName;
}

/** The command `conflicts resolve`: writes the chosen value to both sides. */
export async function conflictsResolveCommand(
  terminal: Terminal,
  environment: Environment,
  words: readonly string[],
  options: ConflictsResolveOptions,
): Promise<ExitCode> {
  const { keep } = options;
  const name = conflictName(words, options.mapping);
  const operation = await Operation.begin(terminal, environment, options);
  const found = await findConflict(operation.client, name);
  const { mapping, conflict } = found;
  await operation.mapping(mapping);
  operation.show(...conflictLines(terminal, found));
  const text = question(conflict, keep);
  if (!(await operation.consents({ kind: 'yes-or-no', text }))) return EXIT.found;
  await operation.carryOut(mapping, `conflicts/${conflict.id}/resolve`, { keep });
  return EXIT.done;
}

function question(conflict: ConflictAnswer, keep: StoreName): string {
  const { value } = conflict[keep];
  const key = printableKey(conflict.key);
  return value === null
    ? `${STORE_TITLES[keep]} had it deleted: delete entry ${key} on both sides?`
    : `Write what ${STORE_TITLES[keep]} had (${value.bytes} bytes) to entry ${key} on both sides, whatever is there now?`;
}

function conflictLines(terminal: Terminal, { mapping, conflict }: FoundConflict): string[] {
  const { id, key, at, kind, winner, rule, ambiguous, open } = conflict;
  const decided = winner === null ? 'nobody yet' : `${winner}, by ${rule}`;
  const rows = [
    ['entry', printableKey(key)],
    ['at', printableText(at ?? 'an unknown time')],
    ['kind', printableText(kind)],
    ['winner', printableText(ambiguous ? `${decided}; the times of the writes overlap` : decided)],
    ['state', open ? 'open' : 'settled'],
  ];
  return [
    terminal.style(printableText(`Conflict ${id} of mapping ${mapping}`), 'bold'),
    ...alignedLines(terminal, [{}, {}], rows).map((line) => `  ${line}`),
    ...twoValuesLines(terminal, {
      zookeeper: sideThen(conflict.zookeeper),
      consul: sideThen(conflict.consul),
    }),
  ];
}

function sideThen({ value, written: { earliest, latest } }: ConflictAnswer[StoreName]): ShownSide {
  const when = earliest === null ? `before ${latest ?? 'now'}` : `between ${earliest} and ${latest ?? 'now'}`;
  if (value === null) return { value: undefined, about: `deleted ${when}` };
  return { value: Buffer.from(value.base64, 'base64'), about: `written ${when}` };
}

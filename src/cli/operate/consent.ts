import { usageError } from '../exit-code.js';
import type { Terminal } from '../terminal.js';

export interface ConsentOptions {
  readonly yes?: true;
}

export type Question =
  | { readonly kind: 'yes-or-no'; readonly text: string }
  /** For what can delete or overwrite much: nobody types a name by habit. */
  | { readonly kind: 'typed'; readonly text: string; readonly word: string };

/**
 * Before anything is asked of a daemon or a store: whether there will be somebody to ask.
 * @throws CommandError
 */
export function mustBeAskable(terminal: Terminal, { yes }: ConsentOptions): void {
  if (yes === true || terminal.canAsk) return;
  throw usageError(
    'this changes something, and there is no terminal to ask on: say --yes to have it done without a question',
  );
}

/** Whether a person wants what they were shown; `--yes` says so beforehand. */
export async function consents(
  terminal: Terminal,
  question: Question,
  { yes }: ConsentOptions,
): Promise<boolean> {
  if (yes === true) return true;
  const answer = (await terminal.ask(prompt(question)))?.trim();
  const agreed = question.kind === 'typed' ? answer === question.word : /^y(es)?$/i.test(answer ?? '');
  if (!agreed) terminal.note('Nothing was changed.');
  return agreed;
}

function prompt(question: Question): string {
  return question.kind === 'typed'
    ? `${question.text} Type ${question.word} to go on: `
    : `${question.text} [y/N] `;
}

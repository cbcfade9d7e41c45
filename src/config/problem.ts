import { SyncError } from '../ports/errors.js';

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** The setting's place in the YAML document (`mappings[0].consul`), empty for the document as a whole. */
  readonly path: string;
  /** Where in the file, both from 1; 0 where the problem has no place in the text (the file can't be read). */
  readonly line: number;
  readonly column: number;
  /** What is wrong and what is allowed, on one line, without secrets. */
  readonly message: string;
}

/** The configuration can't be used: everything that is wrong with it, in the order of the file. */
export class ConfigurationError extends SyncError {
  constructor(
    readonly file: string,
    readonly problems: readonly ConfigProblem[],
    options?: { cause?: unknown },
  ) {
    super('CONFIG_INVALID', describeProblems(file, problems), options);
  }
}

/** More lines than this help nobody. */
const LISTED_MAX = 100;

function describeProblems(file: string, problems: readonly ConfigProblem[]): string {
  const lines = problems.slice(0, LISTED_MAX).map((problem) => describeProblem(file, problem));
  const title = `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in the configuration ${file}`;
  const rest = problems.length - lines.length;
  return [title, ...lines, ...(rest === 0 ? [] : [`and ${rest} more`])].join('\n');
}

/** One line, with the place in the form that terminals and editors make clickable. */
export function describeProblem(file: string, problem: ConfigProblem): string {
  const place = problem.line === 0 ? file : `${file}:${problem.line}:${problem.column}`;
  const path = problem.path === '' ? '' : ` ${problem.path}:`;
  return `${place}:${path} ${problem.message}`;
}

/** Longer texts are cut in messages. */
const SHOWN_LENGTH_MAX = 60;

/** Text of unknown origin for one line of a message: cut, and without characters that a terminal would obey. */
export function quoted(text: string): string {
  const cut = text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}...` : text;
  const printable = cut.replace(/\p{C}/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
  return `"${printable}"`;
}

/** A value read from text, or what is wrong with the text (without repeating it: it may hold a secret). */
export type Parsed<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

export function parsed<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

export function refused(problem: string): Parsed<never> {
  return { ok: false, problem };
}

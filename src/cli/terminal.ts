import { styleText } from 'node:util';
import type { Environment } from '../config/variables.js';
import { printableText } from '../core/printable-text.js';

/** Where a command writes. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

/** Where a person answers. */
export interface InputStream {
  readonly isTTY: boolean;
  /** The next line; undefined at the end of the input, or when `signal` aborts. */
  readonly readLine: (signal: AbortSignal) => Promise<string | undefined>;
}

/** All that a command may know of the process that it runs in. */
export interface Surroundings {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly stdin: InputStream;
  readonly environment: Environment;
  /** From now on Ctrl-C aborts this signal, and no longer ends the process by itself. */
  readonly interrupted: () => AbortSignal;
}

/** What was shown before a question gets old. */
const ANSWER_TIMEOUT_MS = 600_000;

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

/** Lines for people and data for programs on standard output; what is said about them on standard error. */
export class Terminal {
  private readonly colours: boolean;
  private shownProgress: Progress | undefined;

  constructor(
    private readonly surroundings: Surroundings,
    options: { readonly color: boolean },
  ) {
    const { stdout, environment } = surroundings;
    const forbidden = (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb';
    this.colours = options.color && stdout.isTTY === true && !forbidden;
  }

  /** Whether somebody watches standard output, rather than a program. */
  get isWatched(): boolean {
    return this.surroundings.stdout.isTTY === true;
  }

  print(...lines: readonly string[]): void {
    this.write(lines.map((line) => `${line}\n`).join(''));
  }

  write(text: string): void {
    // On a terminal, both outputs share the line.
    this.shownProgress?.clear();
    this.surroundings.stdout.write(text);
  }

  /** Tells something beside the command's own output. */
  note(line: string): void {
    this.shownProgress?.clear();
    this.surroundings.stderr.write(`${line}\n`);
  }

  /** Whether somebody sees a question and can answer it. */
  get canAsk(): boolean {
    const { stdin, stderr } = this.surroundings;
    return stdin.isTTY && stderr.isTTY === true;
  }

  /** Asks on standard error. Undefined when no answer comes, of a person who has gone away, too. */
  async ask(question: string): Promise<string | undefined> {
    this.shownProgress?.clear();
    const { stdin, stderr } = this.surroundings;
    stderr.write(printableText(question));
    const answer = await stdin.readLine(AbortSignal.timeout(ANSWER_TIMEOUT_MS));
    if (answer === undefined) stderr.write('\n');
    return answer;
  }

  /** Data for programs, on one line. */
  printJson(value: unknown): void {
    this.print(jsonText(value));
  }

  style(text: string, style: Style | undefined): string {
    if (!this.colours || style === undefined) return text;
    // Decided above: by itself, it would go by standard output of this process.
    return styleText(style, text, { validateStream: false });
  }

  /** Shows that a long work goes on, where somebody watches. */
  progress(clock: () => number = () => performance.now()): Progress {
    this.shownProgress = new Progress(this.surroundings.stderr, clock);
    return this.shownProgress;
  }
}

/** JSON in which all that a terminal would obey is escaped: it can stand in strings only. */
export function jsonText(value: unknown): string {
  return printableText(JSON.stringify(value));
}

/** Lines are rewritten at most this often. */
const REDRAW_EVERY_MS = 200;
const CLEAR_LINE = '\r\x1b[K';

/** One line on standard error that is written over and over; nothing at all where that is no terminal. */
export class Progress {
  private drawnMs: number;
  private isDrawn = false;

  constructor(
    private readonly stream: OutputStream,
    private readonly clock: () => number,
  ) {
    // What ends at once needs no line.
    this.drawnMs = clock();
  }

  show(text: string): void {
    const nowMs = this.clock();
    if (this.stream.isTTY !== true || nowMs - this.drawnMs < REDRAW_EVERY_MS) return;
    this.drawnMs = nowMs;
    this.isDrawn = true;
    this.stream.write(`${CLEAR_LINE}${text}`);
  }

  clear(): void {
    if (this.isDrawn) this.stream.write(CLEAR_LINE);
    this.isDrawn = false;
  }
}

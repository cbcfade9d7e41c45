import { runCommandLine } from '../../../src/cli/command-line.js';
import type { OutputStream, Surroundings } from '../../../src/cli/terminal.js';
import { Terminal } from '../../../src/cli/terminal.js';

export interface CapturedRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CaptureOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether the outputs are terminals. */
  readonly isTTY?: boolean;
  /** What a person types, line by line; a terminal without anybody at it when empty, none at all when left out. */
  readonly answers?: readonly string[];
  /** What Ctrl-C aborts. */
  readonly interrupt?: AbortSignal;
}

/** Runs a command inside this process, as `main.ts` would. */
export async function runCaptured(
  args: readonly string[],
  options: CaptureOptions = {},
): Promise<CapturedRun> {
  const { surroundings, written } = captured(options);
  const code = await runCommandLine(args, surroundings);
  return { code, ...written() };
}

/** A terminal that keeps what is written to it. */
export function capturedTerminal(options: CaptureOptions & { color?: boolean } = {}) {
  const { surroundings, written } = captured(options);
  return { terminal: new Terminal(surroundings, { color: options.color ?? true }), written };
}

function captured({ environment = {}, isTTY = false, answers, interrupt }: CaptureOptions) {
  const texts = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr'): OutputStream => ({
    write: (text) => (texts[name] += text),
    isTTY: isTTY || (name === 'stderr' && answers !== undefined),
  });
  const left = [...(answers ?? [])];
  const surroundings: Surroundings = {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    stdin: { isTTY: answers !== undefined, readLine: async () => left.shift() },
    environment,
    interrupted: () => interrupt ?? new AbortController().signal,
  };
  return { surroundings, written: () => ({ ...texts }) };
}

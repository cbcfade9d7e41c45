import { createInterface } from 'node:readline';

/** One line of input, without its end; undefined when the input ends first, or `signal` aborts. */
export async function readLine(
  input: NodeJS.ReadableStream,
  signal: AbortSignal,
): Promise<string | undefined> {
  // Not as a terminal: the line is edited, and Ctrl-C obeyed, by the terminal's own driver.
  const lines = createInterface({ input, terminal: false, signal });
  try {
    const first = await lines[Symbol.asyncIterator]().next();
    return first.done === true ? undefined : first.value;
  } finally {
    lines.close();
  }
}

import { EXIT } from './exit-code.js';
import type { ExitCode } from './exit-code.js';

/** A stream of this process. */
interface Output {
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/**
 * What a command prints is its result, and a result that did not arrive is none: exit code 0 would have a backup that
 * was cut by a full disk pass for a backup, and a comparison that nobody has seen for "equal". So it ends at once, with
 * 1: without a word where whoever reads has stopped reading (`plan | head`), else with the reason. Standard error is
 * only told on the side, and a command goes on without it.
 */
export function endOnLostOutput(
  stdout: Output,
  stderr: Output & { write(text: string): unknown },
  exit: (code: ExitCode) => void,
): void {
  stderr.on('error', () => undefined);
  stdout.on('error', ({ code, message }) => {
    if (code !== 'EPIPE') {
      stderr.write(
        `zk-consul-sync: standard output can't be written (${message}): what was printed is not complete\n`,
      );
    }
    exit(EXIT.found);
  });
}

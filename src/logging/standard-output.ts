import { pino } from 'pino';

/** Where lines go, each with its line break. */
export interface LogDestination {
  write(line: string): void;
}

/** What waits in memory, at most, until it can be written; what comes then is lost (S9). */
const WAITING_MAX = 1_024 * 1_024;

/**
 * The log's usual place. A line that can't be written is no reason to stop carrying changes over: where a full disk takes
 * no more, lines wait for it to have room again. Where whoever reads is gone (EPIPE), they are thrown away.
 * @param fd standard output by default
 */
export function standardOutput(fd: number = process.stdout.fd): LogDestination {
  const stream = pino.destination({ fd, sync: true, maxLength: WAITING_MAX });
  // Without a listener, the first error is thrown at whoever logs, and ends the daemon.
  stream.on('error', () => undefined);
  return stream;
}

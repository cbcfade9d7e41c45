import { pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { printableText } from '../core/printable-text.js';
import type { Logger } from '../ports/logger.js';
import { describeError } from './describe-error.js';
import { standardOutput } from './standard-output.js';
import type { LogDestination } from './standard-output.js';

export interface LoggerOptions {
  /** The least severe messages to be logged. */
  readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';
  /** JSON lines for machines, or text for people. */
  readonly format: 'json' | 'pretty';
}

const REDACTED = '[secret]';

/** Fields that are never shown, whatever they hold; a `Secret` isn't shown anywhere. */
const SECRET_FIELDS = ['token', 'password', 'credentials', 'authorization'];

/**
 * The daemon's log. Lines are written before the call returns, so that none is lost in a crash.
 * @param destination standard output by default
 */
export function createLogger(
  { level, format }: LoggerOptions,
  destination: LogDestination = standardOutput(),
): Logger {
  return pino(
    {
      level,
      // Neither the process id nor the host's name: whatever collects the lines knows where they come from.
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
        censor: REDACTED,
      },
    },
    format === 'json' ? jsonLines(destination) : prettyLines(destination),
  );
}

/** JSON leaves characters unescaped that a terminal obeys or hides (DEL to U+009F, U+202E): keys may hold them. */
function jsonLines(destination: LogDestination): LogDestination {
  return { write: (line) => destination.write(`${printableText(line.trimEnd())}\n`) };
}

/** Not as pino's transport, which is a worker thread that a crash cuts off. */
function prettyLines(destination: LogDestination): LogDestination {
  const format: (record: object) => string = prettyFactory({
    colorize: process.stdout.isTTY,
    translateTime: 'UTC:yyyy-mm-dd HH:MM:ss.l',
    singleLine: true,
  });
  return { write: (line) => destination.write(format(JSON.parse(line, printableField) as object)) };
}

/** The formatter writes messages as they are. A stack may have lines: it is indented, and can't pass for another entry. */
function printableField(name: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return name === 'stack' ? value.split('\n').map(printableText).join('\n') : printableText(value);
}

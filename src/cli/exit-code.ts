import type { ErrorCode } from '../ports/errors.js';
import { SyncError } from '../ports/errors.js';

/** How every command ends. */
export const EXIT = {
  done: 0,
  /** It found something, or failed while it ran. */
  found: 1,
  /** Wrong usage, or a configuration that can't be used. */
  usage: 2,
  /** A store, or the daemon, can't be reached or lets nobody in. */
  unreachable: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What a command can't go on after, told in its message, with the exit code that it stands for. */
export class CommandError extends Error {
  constructor(
    readonly exitCode: ExitCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'CommandError';
  }
}

export function usageError(message: string): CommandError {
  return new CommandError(EXIT.usage, message);
}

/** Why nobody answered, or whoever answered let nobody in. */
const UNREACHABLE: ReadonlySet<ErrorCode> = new Set([
  'STORE_UNREACHABLE',
  'STORE_TIMEOUT',
  'STORE_OVERLOADED',
  'STORE_AUTH_FAILED',
  'STORE_PROTOCOL',
  'SESSION_EXPIRED',
]);

/** A daemon that is there, and lets nobody in with this token, or with none. */
const LOCKED_OUT: ReadonlySet<string> = new Set([
  'TOKEN_MISSING',
  'TOKEN_WRONG',
  'TOKEN_NOT_SET',
  'HOST_REFUSED',
]);

export function isLockedOut(code: string): boolean {
  return LOCKED_OUT.has(code);
}

export function isUnreachable(code: string): boolean {
  return (UNREACHABLE as ReadonlySet<string>).has(code);
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandError) return error.exitCode;
  if (!(error instanceof SyncError)) return EXIT.found;
  if (error.code === 'CONFIG_INVALID') return EXIT.usage;
  return isUnreachable(error.code) ? EXIT.unreachable : EXIT.found;
}

/**
 * Base of every error that the project throws on purpose: a stable `code` for machines and docs, a message for the
 * person on call (what was tried, where, what came back, what to do), and the cause where there is one.
 */
export class SyncError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Every code, listed in docs/errors.md; a test compares the two. */
export type ErrorCode =
  | 'CONFIG_INVALID'
  | 'ARCHIVE_LOCKED'
  | 'ARCHIVE_DAMAGED'
  | 'ARCHIVE_NEWER'
  | 'ARCHIVE_FULL'
  /** The directory or the disk of the archive refused what had to be done. */
  | 'ARCHIVE_IO'
  | 'STORE_UNREACHABLE'
  | 'STORE_TIMEOUT'
  | 'STORE_OVERLOADED'
  | 'STORE_DENIED'
  | 'STORE_AUTH_FAILED'
  | 'STORE_PROTOCOL'
  | 'SESSION_EXPIRED'
  /** The admin server could not listen on its address. */
  | 'LISTEN_FAILED'
  /** What an operator asked for makes no sense in the present state; nothing was changed. */
  | 'REFUSED'
  | 'ABORTED';

/** A store could not answer. `retriable` only where the same request may pass later, unchanged. */
export class ReplicaError extends SyncError {
  constructor(
    code: ErrorCode,
    message: string,
    readonly retriable: boolean,
    options?: { cause?: unknown },
  ) {
    super(code, message, options);
  }
}

import { SyncError } from '../ports/errors.js';

/** What is there can't be read as it was written. Never repaired, never replaced: that is a person's decision. */
export function damagedError(path: string, what: string, cause?: unknown): SyncError {
  return new SyncError(
    'ARCHIVE_DAMAGED',
    `The archive at ${path} is damaged: ${what}. It was left as it is. Restore it from a backup made while the daemon was stopped, or move it away and start again: the mappings are then held as archive-lost until a resync (archive.onLoss says otherwise), and nothing is deleted. What its conflict journal held is lost with it.`,
    { cause },
  );
}

/** A transaction could not be written, and it is not certain what the disk has of it. */
export function writeError(path: string, cause: unknown): SyncError {
  const answer = cause instanceof Error ? cause.message : String(cause);
  return new SyncError(
    'ARCHIVE_IO',
    `Could not write to the archive at ${path}: ${answer}. Look for free space and at the kernel's log. Nothing more is written until the daemon is started again.`,
    { cause },
  );
}

/** The operating system refused something: permissions, space, the disk itself. */
export function ioError(path: string, attempt: string, cause: unknown): SyncError {
  const answer = cause instanceof Error ? cause.message : String(cause);
  return new SyncError(
    'ARCHIVE_IO',
    `Could not ${attempt} at ${path}: ${answer}. The archive needs a directory on a local disk with free space, which belongs to the user of this process (archive.path).`,
    { cause },
  );
}

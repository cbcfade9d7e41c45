import type { FileState } from '../sealed-reading.js';
import { SealedReading } from '../sealed-reading.js';
import type { BackupHeader, BackupItem } from './backup-format.js';
import { BACKUP_LINES } from './backup-format.js';

/** What a backup was found to hold. */
export interface BackupContents {
  readonly header: BackupHeader;
  /** Of each mapping, by its name. */
  readonly counts: ReadonlyMap<string, BackupCounts>;
  readonly digest: string;
  readonly state: FileState;
}

export interface BackupCounts {
  readonly entries: number;
  readonly unread: number;
}

/**
 * Reads a backup from its first line to its last, so that nothing is done with one that is cut or altered.
 * @throws CommandError that names the line
 */
export async function verifyBackup(file: string): Promise<BackupContents> {
  const reading = new SealedReading(file, BACKUP_LINES);
  const counts = new Map<string, { entries: number; unread: number }>();
  for await (const item of reading.items()) {
    const of = counts.get(item.mapping) ?? { entries: 0, unread: 0 };
    counts.set(item.mapping, of);
    if ('unread' in item) of.unread++;
    else of.entries++;
  }
  const { header, digest, state } = reading;
  return { header, digest, counts, state };
}

/**
 * Gives the entries of a backup one after the other.
 * @param state as `verifyBackup` found it
 * @throws CommandError as `verifyBackup`, at the latest at the end
 */
export function readBackup(file: string, state: FileState): AsyncGenerator<BackupItem> {
  return new SealedReading(file, BACKUP_LINES, state).items();
}

import { SealedReading } from '../sealed-reading.js';
import type { BackupHeader, BackupItem } from './backup-format.js';
import { BACKUP_LINES } from './backup-format.js';

/** What a backup was found to hold. */
export interface BackupContents {
  readonly header: BackupHeader;
  /** Of each mapping, by its name. */
  readonly counts: ReadonlyMap<string, BackupCounts>;
  readonly digest: string;
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
  const { header, digest } = reading;
  return { header, digest, counts };
}

/** Gives the entries of a backup one after the other. @throws CommandError as `verifyBackup`, at the latest at the end */
export function readBackup(file: string): AsyncGenerator<BackupItem> {
  return new SealedReading(file, BACKUP_LINES).items();
}

import { resolve } from 'node:path';
import type { Archive } from '../ports/archive.js';
import { SyncError } from '../ports/errors.js';
import { prepareData, prepareDirectory } from './archive-directory.js';
import type { ArchivePaths } from './archive-directory.js';
import { damagedError, ioError } from './archive-errors.js';
import { ArchiveIndex } from './archive-index.js';
import { CommitQueue } from './commit-queue.js';
import { checkDataFile } from './data-file.js';
import { upgradeFormat } from './format-upgrade.js';
import { LmdbArchive } from './lmdb-archive.js';
import type { ArchiveWorks } from './lmdb-mapping-archive.js';
import { LmdbStore, PAGE_BYTES } from './lmdb-store.js';
import { Maintenance } from './maintenance.js';
import { lockDirectory } from './process-lock.js';
import type { ProcessLock } from './process-lock.js';
import { Seat } from './seat.js';

export interface ArchiveOptions {
  /** A directory on a local disk; made when missing. */
  readonly path: string;
  readonly journal: {
    /** How long settled conflicts are kept. Open ones are kept until they are settled. */
    readonly keepMs: number;
    /** What the conflicts of all mappings may take together. The oldest settled ones go first, open ones never. */
    readonly maxBytes: number;
  };
}

/**
 * Opens the archive in a directory, or makes a new one where there is nothing yet.
 *
 * @throws SyncError `ARCHIVE_LOCKED` when another process has it, `ARCHIVE_DAMAGED` when what is there can't be read or
 *   is something else, `ARCHIVE_NEWER` when a newer version of this program made it, `ARCHIVE_IO` when the operating
 *   system refuses
 */
export async function openArchive(options: ArchiveOptions): Promise<Archive> {
  const path = resolve(options.path);
  const paths = await prepareDirectory(path);
  const lock = await lockArchive(path, paths);
  try {
    await prepareData(path);
    await checkDataFile(paths.dataFile, PAGE_BYTES);
    return await openData(path, paths, lock, options.journal);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function lockArchive(path: string, paths: ArchivePaths): Promise<ProcessLock> {
  try {
    return await lockDirectory(paths.lock);
  } catch (cause) {
    throw cause instanceof SyncError ? cause : ioError(path, 'lock the archive', cause);
  }
}

async function openData(
  path: string,
  paths: ArchivePaths,
  lock: ProcessLock,
  journal: ArchiveOptions['journal'],
): Promise<Archive> {
  const store = LmdbStore.open(paths.data);
  try {
    if (!(await upgradeFormat(store))) {
      throw damagedError(path, 'the data file is not the one of an archive');
    }
    const index = readIndex(path, store, journal.maxBytes);
    const seat = await Seat.take(store, path, lock);
    const queue = new CommitQueue(store, index, seat);
    const maintenance = new Maintenance(store, index, queue);
    const works: ArchiveWorks = { store, index, queue, maintenance, journalKeepMs: journal.keepMs };
    maintenance.begin();
    return new LmdbArchive(works, lock);
  } catch (error) {
    await store.close();
    throw error;
  }
}

function readIndex(path: string, store: LmdbStore, journalMaxBytes: number): ArchiveIndex {
  try {
    return new ArchiveIndex(store, journalMaxBytes);
  } catch (cause) {
    if (cause instanceof SyncError) throw cause;
    throw damagedError(path, `its tables can not be read (${String(cause)})`, cause);
  }
}

import { access, constants, mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SyncError } from '../ports/errors.js';
import { damagedError, ioError } from './archive-errors.js';
import { LmdbStore } from './lmdb-store.js';
import { tableKey } from './tables.js';
import { encodeValue } from './value-codec.js';

/**
 * The directory of an archive:
 *
 *     lock/         the sockets of process-lock.ts
 *     data/         what the archive is; made as data.new/ and then renamed, so that it is there as a whole or not at all
 *       format.json what it is, for people and for other versions of this program
 *       data.mdb    LMDB's data file
 *       lock.mdb    LMDB's own lock file, worth nothing without a process
 */
const LOCK = 'lock';
const DATA = 'data';
const NEW_DATA = 'data.new';
const FORMAT_FILE = 'format.json';
const DATA_FILE = 'data.mdb';

/** Made by the file system itself, where the directory is a volume of its own. */
const LOST_AND_FOUND = 'lost+found';

const FORMAT = 'zk-consul-sync archive';
/**
 * 1: the first. 2: of ledgers it is known who wrote them, and of the archive whether it was kept by leading or by
 * following (several daemons). 3: it keeps what is deleted, and what a person orders to be put back.
 */
const FORMAT_VERSION = 3;
const FORMAT_VERSIONS_READ: readonly number[] = [1, 2, 3];

/** Read from the data file too, so that it can't be taken for another program's, or for an empty one. */
export const FORMAT_RECORD = formatRecord(FORMAT_VERSION);

export function formatRecord(version: number): Buffer {
  return encodeValue({ format: FORMAT, version });
}

export interface ArchivePaths {
  readonly lock: string;
  /** LMDB's directory. */
  readonly data: string;
  readonly dataFile: string;
}

/** The directory of an archive, and what in it is for the daemon alone, there or not. */
export function archiveFiles(path: string): string[] {
  return [path, join(path, LOCK), join(path, DATA), join(path, DATA, DATA_FILE)];
}

/**
 * Whether there is an archive in a directory, in whatever state; makes nothing.
 * @throws SyncError `ARCHIVE_IO` when that can't be found out
 */
export async function archiveExists(path: string): Promise<boolean> {
  return attempt(path, 'look for an archive', async () => {
    try {
      return (await readdir(path)).includes(DATA);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return false;
      throw error;
    }
  });
}

/**
 * Makes sure that there is a directory, and that it is an archive's or empty.
 * @throws SyncError `ARCHIVE_IO`, or `ARCHIVE_DAMAGED` when it holds something else
 */
export async function prepareDirectory(path: string): Promise<ArchivePaths> {
  const names = await attempt(path, 'use the directory', async () => {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return readdir(path);
  });
  const foreign = names.filter((name) => ![LOCK, DATA, NEW_DATA, LOST_AND_FOUND].includes(name));
  if (foreign.length > 0 && !names.includes(DATA)) {
    throw new SyncError(
      'ARCHIVE_DAMAGED',
      `The directory ${path} is not an archive and not empty (it holds ${foreign.slice(0, 3).join(', ')}). It was left as it is. Give the archive a directory of its own (archive.path).`,
    );
  }
  const data = join(path, DATA);
  return { lock: join(path, LOCK), data, dataFile: join(data, DATA_FILE) };
}

/**
 * Makes an empty archive where there is none; where there is one, looks whether it is this version's to open. Only for
 * the process that has the lock.
 * @throws SyncError
 */
export async function prepareData(path: string): Promise<void> {
  await attempt(path, 'make an archive', async () => {
    const names = await readdir(path);
    if (!names.includes(DATA)) return makeData(path);
    await checkFormat(path);
    const found = await readdir(join(path, DATA));
    if (!found.includes(DATA_FILE)) throw damagedError(path, `${join(DATA, DATA_FILE)} is missing`);
  });
}

async function makeData(path: string): Promise<void> {
  const made = join(path, NEW_DATA);
  await rm(made, { recursive: true, force: true });
  await mkdir(made, { mode: 0o700 });
  const store = LmdbStore.open(made);
  try {
    await store.write([{ key: tableKey('format'), value: FORMAT_RECORD }]);
  } finally {
    await store.close();
  }
  await writeDurably(join(made, FORMAT_FILE), formatText());
  await syncDirectory(made);
  await rename(made, join(path, DATA));
  await syncDirectory(path);
  await syncDirectory(dirname(path));
}

async function checkFormat(path: string): Promise<void> {
  const name = join(DATA, FORMAT_FILE);
  let text: string;
  try {
    text = await readFile(join(path, name), 'utf8');
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') throw damagedError(path, `${name} is missing`);
    throw cause;
  }
  const { format, version } = parseFormat(text) ?? {};
  if (format !== FORMAT || typeof version !== 'number')
    throw damagedError(path, `${name} is not an archive's`);
  if (version > FORMAT_VERSION) {
    throw new SyncError(
      'ARCHIVE_NEWER',
      `The archive at ${path} has format ${version}, made by a newer version of zk-consul-sync; this one knows formats up to ${FORMAT_VERSION}. Nothing was changed. Run the newer version again.`,
    );
  }
  if (!FORMAT_VERSIONS_READ.includes(version))
    throw damagedError(path, `${name} names format ${version}, which never was`);
  // First, so that a version that does not know the new format finds out before it opens what is being changed.
  if (version !== FORMAT_VERSION) await replaceFormatFile(path);
}

async function replaceFormatFile(path: string): Promise<void> {
  const made = join(path, DATA, `${FORMAT_FILE}.new`);
  await rm(made, { force: true });
  await writeDurably(made, formatText());
  await rename(made, join(path, DATA, FORMAT_FILE));
  await syncDirectory(join(path, DATA));
}

function formatText(): string {
  const about =
    'Made by zk-consul-sync. What it agreed on, and the conflict journal. To be copied only while it is stopped.';
  return JSON.stringify({ format: FORMAT, version: FORMAT_VERSION, about });
}

function parseFormat(text: string): { format?: unknown; version?: unknown } | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(`${text}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the names in a directory durable. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function attempt<T>(path: string, what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw cause instanceof SyncError ? cause : ioError(path, what, cause);
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

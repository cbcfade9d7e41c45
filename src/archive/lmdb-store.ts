import { IF_EXISTS, open } from 'lmdb';
import type { RangeOptions, RootDatabase } from 'lmdb';
import { damagedError, ioError, writeError } from './archive-errors.js';
import { sealValue, unsealValue } from './sealed-value.js';

export interface Change {
  readonly key: Buffer;
  /** Undefined removes. */
  readonly value: Buffer | undefined;
}

export interface StoredValue {
  readonly key: Buffer;
  readonly value: Buffer;
}

export interface Range {
  readonly from: Buffer;
  /** Not included. */
  readonly to: Buffer;
  readonly limit: number;
  /** From the last to the first. */
  readonly reverse?: boolean;
}

/** With pages of this size, LMDB's keys go up to 4,026 bytes: twice `archiveKeyBytesMax` and a prefix. */
export const PAGE_BYTES = 0x2000;

/** Address space only. LMDB takes more when the file outgrows it. */
const MAP_BYTES = 0x1000_0000;

const PAGE_KEYS = 100;

/**
 * Values are what they are. They come in a buffer that the next one overwrites, and are copied into Node's pool: memory of
 * its own for each of many small ones, as the package has it, takes eight times as long, and as much of the collector.
 */
const AS_THEY_ARE = {
  encode: (value: Buffer): Buffer => value,
  decode: (shared: Buffer): Buffer => Buffer.from(shared.subarray(0, shared.length)),
};

/**
 * Keys and values in an LMDB environment, each value sealed. Knows nothing of what they mean.
 *
 * A write is durable when it resolves: LMDB writes the pages, calls `fdatasync`, and only then writes its meta page
 * through a descriptor opened with `O_DSYNC`, all in another thread. The package's `overlappingSync` would resolve
 * before that. Its `eventTurnBatching` is off because such batches make a promise that nobody can catch: on a full disk
 * it would end the process as an unhandled rejection.
 */
export class LmdbStore {
  private isOpen = true;

  private constructor(
    private readonly directory: string,
    private readonly database: RootDatabase<Buffer, Buffer>,
  ) {}

  /** Opens the environment in `directory`, or makes one. One that is there must have been checked: see data-file.ts. */
  static open(directory: string): LmdbStore {
    // Not in the package's types. The journal holds values, which may be secrets.
    const ownerOnly = { permissionsMode: 0o600 };
    try {
      const database = open<Buffer, Buffer>({
        path: directory,
        noSubdir: false,
        encoding: 'binary',
        encoder: AS_THEY_ARE,
        keyEncoding: 'binary',
        pageSize: PAGE_BYTES,
        mapSize: MAP_BYTES,
        overlappingSync: false,
        eventTurnBatching: false,
        ...ownerOnly,
      });
      return new LmdbStore(directory, database);
    } catch (cause) {
      throw ioError(directory, 'open the data file', cause);
    }
  }

  get(key: Buffer): Buffer | undefined {
    const sealed = this.read(() => this.database.get(key));
    return sealed === undefined ? undefined : this.unseal(key, sealed);
  }

  range(range: Range): StoredValue[] {
    const found = this.read(() => [...this.database.getRange(optionsOf(range))]);
    return found.map(({ key, value }) => ({ key, value: this.unseal(key, value) }));
  }

  /** The keys only; the values are neither read nor checked. */
  keys(range: Range): Buffer[] {
    return this.read(() => [...this.database.getKeys(optionsOf(range))]);
  }

  /** All keys of a range, read a page at a time. */
  *allKeys({ from, to }: Pick<Range, 'from' | 'to'>): Generator<Buffer> {
    for (let page = this.keys({ from, to, limit: PAGE_KEYS }); ;) {
      yield* page;
      const last = page.at(-1);
      if (last === undefined) return;
      page = this.keys({ from: successorOf(last), to, limit: PAGE_KEYS });
    }
  }

  /**
   * Applies all of `changes`; none of them where there has to be a record at `condition`, and it is missing.
   * @returns whether they were applied; everything is on the disk then
   */
  async write(changes: Iterable<Change>, condition?: Buffer): Promise<boolean> {
    // Before the transaction: if anything threw inside, what came before it would be written all the same.
    const sealed = Array.from(changes, ({ key, value }) => ({ key, value: value && sealValue(key, value) }));
    const apply = (): void => {
      // What these calls return resolves with the whole transaction, and never rejects.
      for (const { key, value } of sealed) {
        if (value === undefined) void this.database.remove(key);
        else void this.database.put(key, value);
      }
    };
    try {
      if (condition === undefined) return await this.database.batch(apply);
      return await this.database.ifVersion(condition, IF_EXISTS, apply);
    } catch (error) {
      throw writeError(this.directory, await reasonOf(error));
    }
  }

  async close(): Promise<void> {
    this.isOpen = false;
    await this.database.close();
  }

  private read<T>(attempt: () => T): T {
    if (!this.isOpen) throw new Error('the archive was closed');
    try {
      return attempt();
    } catch (cause) {
      throw damagedError(this.directory, `LMDB can not read the data file (${String(cause)})`, cause);
    }
  }

  private unseal(key: Buffer, sealed: Buffer): Buffer {
    const value = unsealValue(key, sealed);
    if (value !== undefined) return value;
    throw damagedError(
      this.directory,
      `the checksum of the record at ${key.toString('hex', 0, 40)} is wrong`,
    );
  }
}

function optionsOf({ from, to, limit, reverse = false }: Range): RangeOptions {
  if (!reverse) return { start: from, end: to, limit };
  return { start: to, exclusiveStart: true, end: from, inclusiveEnd: true, limit, reverse };
}

/** The smallest key above `key`. */
export function successorOf(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.of(0)]);
}

/** The package rejects with an error that only promises the reason. */
async function reasonOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (reason) {
    return reason;
  }
}

import { randomBytes } from 'node:crypto';
import { SyncError } from '../ports/errors.js';
import type { LmdbStore } from './lmdb-store.js';
import type { ProcessLock } from './process-lock.js';
import { seatKey, wholeRange } from './tables.js';

/**
 * The right to write an archive, in two layers. The lock keeps a second process out. Should the lock's files be removed
 * by somebody, so that another process gets in all the same, then that one takes the seat: a record under a key of its
 * own, in place of its predecessor's. Every transaction is conditional on its writer's seat, inside LMDB, so that the
 * older process can't write from then on.
 */
export class Seat {
  private constructor(
    readonly key: Buffer,
    private readonly path: string,
    private readonly lock: ProcessLock,
  ) {}

  static async take(store: LmdbStore, path: string, lock: ProcessLock): Promise<Seat> {
    const seat = new Seat(seatKey(randomBytes(16)), path, lock);
    const taken = Array.from(store.allKeys(wholeRange('seat')), (key) => ({ key, value: undefined }));
    await store.write([...taken, { key: seat.key, value: Buffer.alloc(0) }]);
    return seat;
  }

  isLocked(): boolean {
    return this.lock.isHeld();
  }

  lostError(): SyncError {
    return new SyncError(
      'ARCHIVE_LOCKED',
      `The archive at ${this.path} is no longer this process's own: its lock file was removed, or another process has taken it. Nothing was written. Stop the other process, if there is one, and start this one again.`,
    );
  }
}

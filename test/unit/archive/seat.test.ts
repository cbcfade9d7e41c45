import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ArchiveIndex } from '../../../src/archive/archive-index.js';
import { CommitQueue } from '../../../src/archive/commit-queue.js';
import { LmdbStore } from '../../../src/archive/lmdb-store.js';
import { prepareCommit } from '../../../src/archive/prepared-commit.js';
import { Seat } from '../../../src/archive/seat.js';
import { mappingState } from '../../kit/archive-samples.js';
import { temporaryDirectory } from './temporary-directory.js';
import type { TemporaryDirectory } from './temporary-directory.js';

const PLACES = { left: '/config', right: 'config/' };

describe('the seat of an archive', () => {
  let directory: TemporaryDirectory;
  let store: LmdbStore;
  beforeEach(async () => {
    directory = await temporaryDirectory();
    store = LmdbStore.open(join(directory.path, 'data'));
  });
  afterEach(async () => {
    await store.close();
    await directory.remove();
  });

  /** A process for which the lock is in its place, whoever else may have got in. */
  async function enter(): Promise<(scope: string) => Promise<void>> {
    const lock = { isHeld: () => true, release: () => Promise.resolve() };
    const seat = await Seat.take(store, directory.path, lock);
    const index = new ArchiveIndex(store, 1_000_000);
    const queue = new CommitQueue(store, index, seat);
    return (scope) => {
      const commit = prepareCommit({ state: mappingState({ scope }) }, Infinity);
      return queue.submit((plan) => plan.commit(index.slot(PLACES), commit));
    };
  }

  it('lets nobody write but the process that took it last', async () => {
    const older = await enter();
    await older('first');
    const newer = await enter();
    await expect(older('second')).rejects.toMatchObject({ code: 'ARCHIVE_LOCKED' });
    await newer('third');
    await expect(older('fourth')).rejects.toMatchObject({ code: 'ARCHIVE_LOCKED' });
  });

  it('is lost in the middle of writing, too', async () => {
    const older = await enter();
    const writes = Promise.allSettled(Array.from({ length: 200 }, (_, i) => older(`write ${i}`)));
    const newer = await enter();
    await newer('newer');
    const isWritten = (await writes).map(({ status }) => status === 'fulfilled');
    expect(isWritten.lastIndexOf(true)).toBe(isWritten.filter(Boolean).length - 1);
    await expect(older('late')).rejects.toMatchObject({ code: 'ARCHIVE_LOCKED' });
  });
});

import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openArchive } from '../../../src/archive/open-archive.js';
import type { Archive } from '../../../src/ports/archive.js';
import { archiveContract } from '../../kit/archive-contract.js';
import { entryRecord, newConflict } from '../../kit/archive-samples.js';
import { temporaryDirectory } from './temporary-directory.js';
import type { TemporaryDirectory } from './temporary-directory.js';

const PLACES = { left: '/config', right: 'config/' };
const MIB = 1024 * 1024;

archiveContract('on disk', async (journal) => {
  const directory = await temporaryDirectory();
  return {
    open: () => openArchive({ path: directory.path, journal }),
    dispose: () => directory.remove(),
  };
});

describe('a commit to an archive on disk', () => {
  it('shows marks no later than the records that came with them, while it is under way, too', async () => {
    const directory = await temporaryDirectory();
    const archive = await openArchive({ path: directory.path, journal: { keepMs: Infinity, maxBytes: MIB } });
    const mapping = archive.mapping(PLACES);
    const mark = { kind: 'skip', reason: 'too-large', detail: '', sinceMs: 0 } as const;
    let torn = 0;
    for (let round = 0; round < 200; round++) {
      const records = new Map([['k', entryRecord(1)]]);
      const committed = mapping.commit({ records, marks: new Map([['k', mark]]) }).then(() => true);
      do {
        if (mapping.record('k') !== undefined && mapping.mark('k') === undefined) torn++;
      } while (!(await Promise.race([committed, nextTurn(false)])));
      await mapping.commit({ records: new Map([['k', undefined]]), marks: new Map([['k', undefined]]) });
    }
    await archive.close();
    await directory.remove();
    expect(torn).toBe(0);
  }, 60_000);
});

describe('the memory of an archive on disk', () => {
  let directory: TemporaryDirectory;
  let archive: Archive;
  beforeEach(async () => {
    directory = await temporaryDirectory();
    archive = await openArchive({ path: directory.path, journal: { keepMs: Infinity, maxBytes: 100 * MIB } });
  });
  afterEach(async () => {
    await archive.close();
    await directory.remove();
  });

  it('S9: does not grow with the number of entries', async () => {
    const mapping = archive.mapping(PLACES);
    const key = (i: number): string => `service/${i % 100}/instance-${i}/config.yaml`;
    const put = (from: number, to: number): Promise<void> => {
      const numbers = Array.from({ length: to - from }, (_, i) => from + i);
      return mapping.commit({ records: new Map(numbers.map((i) => [key(i), entryRecord(i)])) });
    };
    for (let i = 0; i < 5_000; i += 500) await put(i, i + 500);
    const before = heapBytes();
    for (let i = 5_000; i < 50_000; i += 500) await put(i, i + 500);
    let last: string | undefined;
    let found = 0;
    for (;;) {
      const page = mapping.recordsAfter(last, 500);
      if (page.length === 0) break;
      found += page.length;
      last = page.at(-1)?.[0];
    }
    expect(found).toBe(50_000);
    // 45,000 records would take 20 MiB and more.
    expect(heapBytes() - before).toBeLessThan(2 * MIB);
  }, 60_000);

  it('S9: ends a list of conflicts early where their values are large', async () => {
    const mapping = archive.mapping(PLACES);
    for (let atMs = 1; atMs <= 12; atMs++)
      await mapping.commit({ conflicts: [newConflict(atMs, {}, 2 * MIB)] });
    const first = mapping.conflicts({ limit: 100 }).map(({ id }) => id);
    expect(first).toEqual([12, 11, 10, 9, 8, 7, 6, 5]);
    expect(mapping.conflicts({ limit: 100, beforeId: 5 }).map(({ id }) => id)).toEqual([4, 3, 2, 1]);
  });
});

/** What is really in use: after a garbage collection. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc()');
  return process.memoryUsage().heapUsed;
}

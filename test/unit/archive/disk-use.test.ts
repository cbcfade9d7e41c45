import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkDataFile } from '../../../src/archive/data-file.js';
import { PAGE_BYTES } from '../../../src/archive/lmdb-store.js';
import { openArchive } from '../../../src/archive/open-archive.js';
import { entryRecord, mappingState, newConflict } from '../../kit/archive-samples.js';
import { ArchiveProcess } from './archive-processes.js';
import { temporaryDirectory } from './temporary-directory.js';
import type { TemporaryDirectory } from './temporary-directory.js';

const PLACES = { left: '/config', right: 'config/' };
const MIB = 1024 * 1024;
const SLOW_TEST_MS = 180_000;

describe('the disk', () => {
  let directory: TemporaryDirectory;
  let dataFile: string;
  beforeEach(async () => {
    directory = await temporaryDirectory();
    dataFile = join(directory.path, 'data', 'data.mdb');
  });
  afterEach(() => directory.remove());

  it(
    'S9: is used again: months of writing the same records do not make the file grow',
    async () => {
      const archive = await openArchive({
        path: directory.path,
        journal: { keepMs: Infinity, maxBytes: MIB },
      });
      const mapping = archive.mapping(PLACES);
      const keys = Array.from({ length: 2_000 }, (_, i) => `service/${i % 40}/instance-${i}`);
      const rewrite = async (round: number): Promise<void> => {
        const from = (round * 997) % keys.length;
        const some = [...keys, ...keys].slice(from, from + 500);
        await mapping.commit({
          records: new Map(
            some.map((key, i) => [key, (round + i) % 11 === 0 ? undefined : entryRecord(round)]),
          ),
          state: mappingState({ lastVerifiedAtMs: round }),
          conflicts: [newConflict(round, {}, (round % 20) * 1_000)],
        });
      };
      for (let round = 0; round < 200; round++) await rewrite(round);
      const { size } = await stat(dataFile);
      for (let round = 200; round < 600; round++) await rewrite(round);
      expect((await stat(dataFile)).size).toBeLessThan(1.3 * size);
      await archive.close();
      expect((await checkDataFile(dataFile, PAGE_BYTES)).lostPages).toBe(0);
    },
    SLOW_TEST_MS,
  );

  it(
    'takes more than the address space that was set aside for it',
    async () => {
      const archive = await openArchive({
        path: directory.path,
        journal: { keepMs: Infinity, maxBytes: 1_000 * MIB },
      });
      const mapping = archive.mapping(PLACES);
      // The address space that LmdbStore sets aside is 256 MiB.
      for (let atMs = 1; atMs <= 140; atMs++) {
        await mapping.commit({
          records: new Map([[`${atMs}`, entryRecord(atMs)]]),
          conflicts: [newConflict(atMs, {}, 2 * MIB)],
        });
      }
      expect((await stat(dataFile)).size).toBeGreaterThan(256 * MIB);
      expect(mapping.record('1')).toEqual(entryRecord(1));
      expect(mapping.conflict(1)?.sides.left.value?.length).toBe(MIB);
      await archive.close();
      const reopened = await openArchive({
        path: directory.path,
        journal: { keepMs: Infinity, maxBytes: 1_000 * MIB },
      });
      expect(reopened.mapping(PLACES).conflictCounts().total).toBe(140);
      await reopened.close();
    },
    SLOW_TEST_MS,
  );

  it(
    'S9: is used less when the journal may take less than it did, but open conflicts stay',
    async () => {
      const open = (maxBytes: number): ReturnType<typeof openArchive> =>
        openArchive({ path: directory.path, journal: { keepMs: Infinity, maxBytes } });
      const large = await open(100 * MIB);
      const conflicts = Array.from({ length: 30 }, (_, i) => newConflict(i, { open: i < 3 }, MIB));
      for (const conflict of conflicts) await large.mapping(PLACES).commit({ conflicts: [conflict] });
      await large.close();
      const small = await open(2 * MIB);
      await expect
        .poll(() => small.mapping(PLACES).conflictCounts(), { timeout: 30_000 })
        .toEqual({ open: 3, total: 3 });
      await small.close();
    },
    SLOW_TEST_MS,
  );

  it(
    'S7: being full is told, with nothing by half and nothing that was resolved lost',
    async () => {
      // The shell's limit for the size of a file stands in for a disk of that size: in KiB, and without its signal.
      const shell = ['bash', '-c', 'trap "" XFSZ; ulimit -f 4000; exec "$0" "$@"'];
      const child = new ArchiveProcess(['fill', directory.path], shell);
      const exit = await child.exit;
      expect(exit, exit.stderr).toMatchObject({ code: 0, signal: null });
      const [full, next] = child.printed().map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(full).toMatchObject({ code: 'ARCHIVE_IO' });
      expect(full?.['message']).toMatch(
        /Could not write to the archive at .*: (Input\/output error|File too large)\. Look for free space/,
      );
      expect(full?.['resolved']).toBeGreaterThan(10);
      expect(next).toEqual({ next: 'ARCHIVE_IO', total: full?.['resolved'] });

      const archive = await openArchive({
        path: directory.path,
        journal: { keepMs: Infinity, maxBytes: 100 * MIB },
      });
      const mapping = archive.mapping(PLACES);
      expect(mapping.conflictCounts().total).toBe(full?.['resolved']);
      await mapping.commit({ conflicts: [newConflict(1, {}, 100_000)] });
      await archive.close();
      expect((await readFile(dataFile)).length).toBeGreaterThan(4_000_000);
    },
    SLOW_TEST_MS,
  );
});

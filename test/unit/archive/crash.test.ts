import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkDataFile } from '../../../src/archive/data-file.js';
import type { DataFileReport } from '../../../src/archive/data-file.js';
import { PAGE_BYTES } from '../../../src/archive/lmdb-store.js';
import { openArchive } from '../../../src/archive/open-archive.js';
import { entryRecord } from '../../kit/archive-samples.js';
import { ArchiveProcess } from './archive-processes.js';
import { expectWholeCommits } from './storm-check.js';
import type { Resolved } from './storm.js';
import { temporaryDirectory } from './temporary-directory.js';
import type { TemporaryDirectory } from './temporary-directory.js';

const JOURNAL = { keepMs: Infinity, maxBytes: 100_000_000 };
const PLACES = { left: '/config', right: 'config/' };
const SLOW_TEST_MS = 180_000;

describe('kill -9', () => {
  let directory: TemporaryDirectory;
  beforeEach(async () => {
    directory = await temporaryDirectory();
  });
  afterEach(() => directory.remove());

  function check(path: string): Promise<DataFileReport> {
    return checkDataFile(join(path, 'data', 'data.mdb'), PAGE_BYTES);
  }

  it(
    'S7: in the middle of many commits leaves all that were resolved, and each as a whole',
    async () => {
      for (const lines of [1, 131, 250]) {
        const child = new ArchiveProcess(['storm', directory.path]);
        await child.line(lines);
        child.kill('SIGKILL');
        await child.exit;
        const resolved = child
          .printed()
          .filter((line) => line.endsWith('}'))
          .map((line) => JSON.parse(line) as Resolved);

        expect((await check(directory.path)).lostPages).toBe(0);
        const archive = await openArchive({ path: directory.path, journal: JOURNAL });
        expectWholeCommits(archive, resolved);
        await archive.close();
      }
    },
    SLOW_TEST_MS,
  );

  it(
    'S7: while an archive is being made leaves a directory in which it can be made',
    async () => {
      // From the moment at which its lock is there, or a little later.
      for (const [i, delayTurns] of [0, 5, 100].entries()) {
        const path = join(directory.path, `${i}`);
        const child = new ArchiveProcess(['hold', path]);
        await expect
          .poll(() => readdir(path).catch(() => []), { timeout: 60_000, interval: 1 })
          .not.toEqual([]);
        for (let turn = 0; turn < delayTurns; turn++) await readdir(path);
        child.kill('SIGKILL');
        await child.exit;
        await (await openArchive({ path, journal: JOURNAL })).close();
      }
    },
    SLOW_TEST_MS,
  );

  it(
    'S7: while a large mapping is being removed leaves the rest to be removed when it is opened again',
    async () => {
      const child = new ArchiveProcess(['reset', directory.path]);
      await child.line(1);
      child.kill('SIGKILL');
      await child.exit;
      expect((await check(directory.path)).records).toBeGreaterThan(1_000);

      for (let opened = 0; (await check(directory.path)).records > 20; opened++) {
        expect(opened, 'the garbage does not become less').toBeLessThan(40);
        const archive = await openArchive({ path: directory.path, journal: JOURNAL });
        const mapping = archive.mapping(PLACES);
        expect(mapping.state()).toBeUndefined();
        expect(mapping.recordsAfter('new', 10)).toEqual([]);
        await mapping.commit({ records: new Map([['new', entryRecord(opened)]]) });
        await archive.close();
      }
      const { pages, freePages, lostPages } = await check(directory.path);
      expect(freePages).toBeGreaterThan(pages / 2);
      expect(lostPages).toBe(0);
    },
    SLOW_TEST_MS,
  );
});

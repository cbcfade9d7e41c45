import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openArchive } from '../../../src/archive/open-archive.js';
import { entryRecord, mappingState, newConflict } from '../../kit/archive-samples.js';
import { downgradeToFormat1 } from '../../kit/older-archive.js';
import { temporaryDirectory } from './temporary-directory.js';
import type { TemporaryDirectory } from './temporary-directory.js';

const PLACES = { left: '/config', right: 'config/' };

describe('an archive of format 1', () => {
  let directory: TemporaryDirectory;
  beforeEach(async () => {
    directory = await temporaryDirectory();
  });
  afterEach(() => directory.remove());

  const open = () =>
    openArchive({ path: directory.path, journal: { keepMs: Infinity, maxBytes: 1_000_000 } });

  it('is opened as one of the present format, with all that it held', async () => {
    const records = new Map([['a/b', entryRecord(7)]]);
    const before = await open();
    await before.mapping(PLACES).commit({ state: mappingState(), records, conflicts: [newConflict(1)] });
    await before.close();
    await downgradeToFormat1(directory.path);
    expect(await readFile(join(directory.path, 'data', 'format.json'), 'utf8')).toContain('"version":1');

    for (let opened = 0; opened < 2; opened++) {
      const archive = await open();
      const mapping = archive.mapping(PLACES);
      const { left } = mappingState().ledgers;
      expect(mapping.state()).toEqual(
        mappingState({
          unrecorded: { left: [], right: [] },
          ledgers: {
            left: left && { ...left, writer: undefined, paused: false, copied: undefined },
            right: undefined,
          },
          intents: [
            { kind: 'deletions', side: 'right', generation: 4, writer: undefined, keys: ['a/b', ''] },
          ],
        }),
      );
      expect(mapping.record('a/b')).toEqual(entryRecord(7));
      expect(mapping.conflictCounts()).toEqual({ open: 0, total: 1 });
      await archive.close();
      expect(await readFile(join(directory.path, 'data', 'format.json'), 'utf8')).toContain('"version":2');
    }
  });
});

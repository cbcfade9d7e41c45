import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openArchive } from '../../../src/archive/open-archive.js';
import { entryRecord, mappingState, newConflict, newTrash } from '../../kit/archive-samples.js';
import { downgrade } from '../../kit/older-archive.js';
import { temporaryDirectory } from './temporary-directory.js';
import type { TemporaryDirectory } from './temporary-directory.js';

const PLACES = { left: '/config', right: 'config/' };

describe('an archive of an older format', () => {
  let directory: TemporaryDirectory;
  beforeEach(async () => {
    directory = await temporaryDirectory();
  });
  afterEach(() => directory.remove());

  const open = () =>
    openArchive({ path: directory.path, journal: { keepMs: Infinity, maxBytes: 1_000_000 } });

  it('of format 1 is opened as one of the present format, with all that it held', async () => {
    const records = new Map([['a/b', entryRecord(7)]]);
    const before = await open();
    await before.mapping(PLACES).commit({ state: mappingState(), records, conflicts: [newConflict(1)] });
    await before.close();
    await downgrade(directory.path, 1);
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
      expect(await readFile(join(directory.path, 'data', 'format.json'), 'utf8')).toContain('"version":3');
    }
  });

  it('of format 2 is opened as one of the present format, and keeps what is deleted from then on', async () => {
    const before = await open();
    await before.mapping(PLACES).commit({ state: mappingState(), conflicts: [newConflict(1)] });
    await before.close();
    await downgrade(directory.path, 2);

    for (let opened = 0; opened < 2; opened++) {
      const archive = await open();
      const mapping = archive.mapping(PLACES);
      expect(mapping.state()).toEqual(mappingState());
      expect(mapping.conflictCounts()).toEqual({ open: 0, total: 1 });
      expect(mapping.trash({ limit: 9 })).toHaveLength(opened);
      const bytes = archive.journalBytes();
      await mapping.commit({ trash: [newTrash(1 + opened)] });
      expect(archive.journalBytes()).toBeGreaterThan(bytes);
      expect(mapping.trashed(1 + opened)).toEqual({ ...newTrash(1 + opened), id: 1 + opened });
      await archive.close();
      expect(await readFile(join(directory.path, 'data', 'format.json'), 'utf8')).toContain('"version":3');
    }
  });
});

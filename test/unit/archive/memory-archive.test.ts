import { describe, expect, it } from 'vitest';
import { archiveContract } from '../../kit/archive-contract.js';
import type { JournalLimits } from '../../kit/archive-bench.js';
import { entryRecord } from '../../kit/archive-samples.js';
import { MemoryArchiveDisk } from '../../kit/memory-archive.js';

const PLACES = { left: '/config', right: 'config/' };
const JOURNAL: JournalLimits = { keepMs: Infinity, maxBytes: 1_000_000 };

archiveContract('in memory', (journal) => {
  const disk = new MemoryArchiveDisk({ journal });
  return Promise.resolve({ open: () => disk.open(), dispose: () => Promise.resolve() });
});

describe('a crash of the simulated archive', () => {
  it('S7: loses whole commits that had not resolved, the last ones, and none that had', async () => {
    for (const survivors of [0, 1, 2]) {
      const disk = new MemoryArchiveDisk({ journal: JOURNAL });
      const mapping = (await disk.open()).mapping(PLACES);
      await mapping.commit({ records: new Map([['resolved', entryRecord(0)]]) });
      const isSettled = [false, false];
      for (const i of [0, 1]) {
        const both = [`a${i}`, `b${i}`].map((key) => [key, entryRecord(i)] as const);
        const settle = (): void => void (isSettled[i] = true);
        mapping.commit({ records: new Map(both) }).then(settle, settle);
      }
      disk.crash((pending) => Math.min(pending, survivors));
      expect(() => mapping.state()).toThrow();

      const after = (await disk.open()).mapping(PLACES);
      const keys = after.recordsAfter(undefined, 9).map(([key]) => key);
      const survived = [0, 1].slice(0, survivors);
      expect(keys).toEqual([...survived.map((i) => `a${i}`), ...survived.map((i) => `b${i}`), 'resolved']);
      expect(isSettled).toEqual([false, false]);
    }
  });

  it('is one archive for one process at a time', async () => {
    const disk = new MemoryArchiveDisk({ journal: JOURNAL });
    await disk.open();
    await expect(disk.open()).rejects.toMatchObject({ code: 'ARCHIVE_LOCKED' });
  });
});

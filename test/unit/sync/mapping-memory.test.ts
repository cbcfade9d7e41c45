import { expect, it } from 'vitest';
import { MappingMemory } from '../../../src/sync/mapping-memory.js';
import { entryRecord, mappingState } from '../../kit/archive-samples.js';
import { MemoryArchiveDisk } from '../../kit/memory-archive.js';

const PLACES = { left: '/config', right: 'config/' };
const JOURNAL = { keepMs: Infinity, maxBytes: 2 ** 30 };

it('a new start that a crash cuts short leaves the old archive or the new one, and never none (S7)', async () => {
  for (const survives of [0, 1]) {
    let crash = (): void => undefined;
    let trips = 0;
    const sync = async (): Promise<void> => {
      await Promise.resolve();
      if (++trips > 1) crash();
    };
    const disk = new MemoryArchiveDisk({ journal: JOURNAL, sync });
    const archive = (await disk.open()).mapping(PLACES);
    await archive.commit({ state: mappingState(), records: new Map([['k', entryRecord(1)]]) });
    // Whatever needs more than one trip to the disk can be cut between two of them.
    crash = () => disk.crash((pending) => Math.min(pending, survives));
    void new MappingMemory(archive).begin(mappingState({ pairId: 'pair-2' }));
    await new Promise((resolve) => setImmediate(resolve));

    const found = (await disk.open()).mapping(PLACES);
    expect(found.state()?.pairId).toBe(survives === 0 ? 'pair-1' : 'pair-2');
    expect(found.counts().entries).toBe(survives === 0 ? 1 : 0);
  }
});

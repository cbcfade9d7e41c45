import { expect, it } from 'vitest';
import { explain } from '../../../src/daemon/explain.js';
import type { EntryMark } from '../../../src/ports/archive.js';
import { mappingState } from '../../kit/archive-samples.js';
import { MemoryArchiveDisk } from '../../kit/memory-archive.js';

const MARKS: readonly (readonly [EntryMark, unknown])[] = [
  [
    { kind: 'held-deletion', on: 'left', sinceMs: 1, approved: false },
    { kind: 'held-deletion', on: 'zookeeper', sinceMs: 1, approved: false },
  ],
  [
    { kind: 'skip', reason: 'too-large', detail: '', sinceMs: 1, at: 'right' },
    { kind: 'skip', reason: 'too-large', detail: '', sinceMs: 1, at: 'consul' },
  ],
  [
    { kind: 'hold', reason: 'conflict', detail: '', sinceMs: 1, keep: 'right' },
    { kind: 'hold', reason: 'conflict', detail: '', sinceMs: 1, keep: 'consul' },
  ],
  [
    { kind: 'drift', drift: 'added', sinceMs: 1 },
    { kind: 'drift', drift: 'added', sinceMs: 1 },
  ],
];

it.each(MARKS)('an explanation calls the stores by their names: %j', async (mark, shown) => {
  const disk = new MemoryArchiveDisk({
    journal: { keepMs: Infinity, maxBytes: 2 ** 30 },
    sync: () => Promise.resolve(),
  });
  const archive = (await disk.open()).mapping({ left: '/config', right: 'config/' });
  await archive.commit({ state: mappingState(), marks: new Map([['a', mark]]) });
  expect(explain(archive, 'a', undefined).mark).toEqual(shown);
});

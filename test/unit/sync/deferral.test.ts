import { expect, it } from 'vitest';
import type { CopyDecision, RemoveDecision } from '../../../src/core/decision.js';
import type { MappingArchive } from '../../../src/ports/archive.js';
import { Attention } from '../../../src/sync/attention.js';
import { Deferral } from '../../../src/sync/deferral.js';
import type { Intended } from '../../../src/sync/guards.js';
import { MappingMemory } from '../../../src/sync/mapping-memory.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';
import { present } from '../core/situations.js';

/** A mapping of which nothing is recorded or marked. */
const EMPTY = { state: () => undefined, mark: () => undefined } satisfies Partial<MappingArchive>;

const WRITTEN = { earliestMs: -Infinity, latestMs: 0 };

function intended(decision: CopyDecision | RemoveDecision): Intended {
  const unread = { kind: 'unknown', reason: 'not-read' } as const;
  return {
    mark: { key: 'k', at: undefined, noticedMs: 0 },
    situation: {
      ...{ key: 'k', record: undefined, drifted: false },
      readings: { left: unread, right: unread },
      ours: { left: false, right: false },
      written: { left: WRITTEN, right: WRITTEN },
    },
    decision,
    presumed: false,
  };
}

const DELETION = intended({
  do: 'remove',
  on: 'right',
  base: present('old', 1),
  cause: 'deleted',
  conflict: undefined,
});

const UPDATE = intended({
  ...{ do: 'copy', on: 'right', source: present('new', 2), base: present('old', 1) },
  ...{ conflict: undefined, copy: undefined, session: undefined, mirrorRewrites: 0 },
});

it('an entry whose deletion was put off, and that has come back, is due no more: others are not held for it (S4)', () => {
  const attention = new Attention(new SimClock());
  const memory = new MappingMemory(EMPTY as unknown as MappingArchive);
  const deferral = new Deferral(memory, attention, undefined, undefined);
  expect(deferral.defer([DELETION])).toEqual([]);
  expect(attention.due).toEqual({ deletions: 1, overwrites: 0 });
  expect(deferral.defer([UPDATE])).toEqual([UPDATE]);
  expect(attention.due).toEqual({ deletions: 0, overwrites: 0 });
});

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ArchiveRecord } from '../../src/core/archive-record.js';
import { compareKeys } from '../../src/core/key-order.js';
import type { EntryKey } from '../../src/core/observation.js';
import type { Pair } from '../../src/core/pair.js';
import type { ArchiveChanges, EntryMark } from '../../src/ports/archive.js';
import { anyChanges, anyKey } from './archive-arbitraries.js';
import { countsOfClientChanges } from './archive-client-changes-contract.js';
import { AMPLE, Bench, PLACES } from './archive-bench.js';
import type { ArchivePlace, JournalLimits } from './archive-bench.js';
import { journalLimits, journals, trashes } from './archive-journal-contract.js';
import { ArchiveModel } from './archive-model.js';
import { entryRecord, mappingState, newConflict, structureRecord } from './archive-samples.js';

const SLOW_TEST_MS = 60_000;

/**
 * What every archive promises. Run against the simulation and the real one alike.
 * @param makePlace called before each test, for a place where nothing is yet
 */
export function archiveContract(
  name: string,
  makePlace: (journal: JournalLimits) => Promise<ArchivePlace>,
): void {
  describe(`the archive contract: ${name}`, () => {
    const bench = new Bench(makePlace);
    beforeEach(() => bench.setUp(AMPLE));
    afterEach(() => bench.tearDown());

    records(bench);
    marks(bench);
    commits(bench);
    resets(bench);
    journals(bench);
    journalLimits(bench);
    trashes(bench);
    countsOfClientChanges(bench);
  });
}

function records(bench: Bench): void {
  describe('records', () => {
    it('has nothing of a mapping that was never written', () => {
      expect(bench.mapping.state()).toBeUndefined();
      expect(bench.mapping.record('a')).toBeUndefined();
      expect(bench.mapping.recordsAfter(undefined, 10)).toEqual([]);
      expect(bench.mapping.counts()).toEqual({ entries: 0, sessionBound: 0, structure: 0 });
      expect(bench.mapping.markCounts().size).toBe(0);
      expect(bench.mapping.conflicts({ limit: 10 })).toEqual([]);
      expect(bench.mapping.conflictCounts()).toEqual({ open: 0, total: 0 });
      expect(bench.archive.journalBytes()).toBe(0);
    });

    it('gives back exactly what was put: 64-bit numbers, infinities, and what is undefined', async () => {
      const oscillation = { side: 'left', replaced: 'old', rounds: 3, lastAtMs: 1_750_000_000_123 } as const;
      const versions = {
        left: { modified: 2n ** 64n - 1n, created: 0n, revision: -1 },
        right: { modified: 2n ** 53n + 1n, created: 2n ** 53n, revision: 2 ** 31 },
      };
      const record = entryRecord(1, { versions, oscillation, copy: 'right', empty: true });
      const state = mappingState();
      await bench.mapping.commit({ records: new Map([['a', record]]), state });
      await bench.reopen();
      expect(bench.mapping.record('a')).toStrictEqual(record);
      expect(bench.mapping.state()).toStrictEqual(state);
    });

    it('has keys of up to 1,900 bytes, whatever they are made of, and refuses much longer ones', async () => {
      const keys = [
        'k'.repeat(1_900),
        '/'.repeat(1_900),
        '\0'.repeat(1_900),
        'ä'.repeat(950),
        '😀'.repeat(475),
      ];
      await bench.mapping.commit({ records: new Map(keys.map((key, i) => [key, entryRecord(i)])) });
      for (const [i, key] of keys.entries()) expect(bench.mapping.record(key)).toEqual(entryRecord(i));
      expect(bench.mapping.recordsAfter(undefined, 10)).toHaveLength(keys.length);

      const tooLong = bench.mapping.commit({
        records: new Map([
          ['fine', entryRecord(1)],
          ['k'.repeat(5_000), entryRecord(2)],
        ]),
      });
      await expect(tooLong).rejects.toThrow(RangeError);
      expect(bench.mapping.record('fine')).toBeUndefined();
      expect(bench.mapping.record('k'.repeat(5_000))).toBeUndefined();
      expect(bench.mapping.mark('k'.repeat(5_000))).toBeUndefined();
    });

    it('pages through records in the order of keys, after any key, there or not', async () => {
      const page = fc.record({
        keys: fc.uniqueArray(anyKey, { maxLength: 30 }),
        after: anyKey,
        limit: fc.integer({ min: 1, max: 7 }),
      });
      await fc.assert(
        fc.asyncProperty(page, async ({ keys, after, limit }) => {
          await bench.mapping.reset();
          await bench.mapping.commit({ records: new Map(keys.map((key) => [key, entryRecord(1)])) });
          const expected = keys
            .filter((key) => compareKeys(key, after) > 0)
            .sort(compareKeys)
            .slice(0, limit);
          expect(bench.mapping.recordsAfter(after, limit).map(([key]) => key)).toEqual(expected);
        }),
        { numRuns: 60 },
      );
    });

    it('counts records by kind, session-bound ones apart', async () => {
      const bound = entryRecord(2, { session: 'left' });
      const all = new Map<EntryKey, ArchiveRecord>([
        ['a', entryRecord(1)],
        ['b', bound],
        ['c', structureRecord(3)],
        ['d', entryRecord(4)],
      ]);
      await bench.mapping.commit({ records: all });
      expect(bench.mapping.counts()).toEqual({ entries: 2, sessionBound: 1, structure: 1 });
      await bench.mapping.commit({
        records: new Map([
          ['a', undefined],
          ['b', entryRecord(5)],
          ['x', undefined],
        ]),
      });
      expect(bench.mapping.counts()).toEqual({ entries: 2, sessionBound: 0, structure: 1 });
      await bench.reopen();
      expect(bench.mapping.counts()).toEqual({ entries: 2, sessionBound: 0, structure: 1 });
    });

    it('keeps mappings apart by both of their places', async () => {
      const places: Pair<string>[] = [
        PLACES,
        { ...PLACES, left: '/config2' },
        { ...PLACES, right: 'dc2:config/' },
        { left: 'dc1:config/', right: '/config' },
      ];
      for (const [i, place] of places.entries()) {
        await bench.archive.mapping(place).commit({ records: new Map([['a', entryRecord(i)]]) });
      }
      await bench.reopen();
      for (const [i, place] of places.entries()) {
        expect(bench.archive.mapping({ ...place }).record('a')).toEqual(entryRecord(i));
      }
    });
  });
}

function marks(bench: Bench): void {
  describe('marks', () => {
    const held: EntryMark = { kind: 'hold', reason: 'oscillating', sinceMs: 1, detail: 'to and fro' };
    const skipped: EntryMark = { kind: 'skip', reason: 'too-large', detail: '2 MiB', sinceMs: 2 };
    const drifted: EntryMark = { kind: 'drift', drift: 'changed', sinceMs: 3 };
    const deletion: EntryMark = { kind: 'held-deletion', on: 'left', sinceMs: 4, approved: false };
    const approved: EntryMark = { ...deletion, approved: true };

    it('keeps marks beside the records, in the order of keys', async () => {
      const all = new Map<EntryKey, EntryMark>([
        ['b', held],
        ['a/b', skipped],
        ['a', drifted],
        ['c', deletion],
      ]);
      await bench.mapping.commit({ marks: all, records: new Map([['a', entryRecord(1)]]) });
      await bench.reopen();
      expect(bench.mapping.mark('b')).toStrictEqual(held);
      expect(bench.mapping.mark('z')).toBeUndefined();
      expect(bench.mapping.marksAfter(undefined, 2)).toStrictEqual([
        ['a', drifted],
        ['a/b', skipped],
      ]);
      expect(bench.mapping.marksAfter('a/b', 9)).toStrictEqual([
        ['b', held],
        ['c', deletion],
      ]);
    });

    it('counts marks by kind and reason, approved ones apart', async () => {
      const all = { b: held, 'a/b': skipped, a: drifted, c: deletion, d: held, e: deletion };
      await bench.mapping.commit({ marks: new Map(Object.entries(all)) });
      await bench.mapping.commit({ marks: new Map(Object.entries({ b: undefined, a: held, e: approved })) });
      await bench.reopen();
      expect(Object.fromEntries(bench.mapping.markCounts())).toEqual({
        'hold:oscillating': 2,
        'skip:too-large': 1,
        'held-deletion': 1,
        'held-deletion:approved': 1,
      });
    });
  });
}

function commits(bench: Bench): void {
  describe('commits', () => {
    it(
      'S7: has every commit that resolved, whatever they were, and after being opened again',
      async () => {
        const step: fc.Arbitrary<Step> = fc.oneof(
          { weight: 8, arbitrary: anyChanges },
          { weight: 1, arbitrary: fc.constant('reopen' as const) },
          { weight: 1, arbitrary: fc.constant('reset' as const) },
          { weight: 1, arbitrary: fc.constant('begin' as const) },
        );
        const run = fc.record({
          steps: fc.array(step, { maxLength: 12 }),
          limit: fc.integer({ min: 1, max: 5 }),
        });
        await fc.assert(
          fc.asyncProperty(run, ({ steps, limit }) =>
            bench.withAnother((another) => checkSteps(another, steps, limit)),
          ),
          { numRuns: 20 },
        );
      },
      SLOW_TEST_MS,
    );

    it('applies commits that come at once in their order, each mapping its own', async () => {
      const [model, otherModel] = [new ArchiveModel(), new ArchiveModel()];
      const all = fc.sample(anyChanges, 120);
      const done = all.map((changes, i) => (i % 2 === 0 ? bench.mapping : bench.other).commit(changes));
      await Promise.all(done);
      for (const [i, changes] of all.entries()) (i % 2 === 0 ? model : otherModel).apply(changes);
      model.expectSameAs(bench.mapping, 50);
      otherModel.expectSameAs(bench.other, 50);
    });

    it('takes what is given at the moment of the call', async () => {
      const later = new Map([['a', entryRecord(1)]]);
      const done = bench.mapping.commit({ records: later });
      later.set('b', entryRecord(2));
      await done;
      expect(bench.mapping.record('b')).toBeUndefined();
    });

    it('writes what is waiting before it closes', async () => {
      const done = [1, 2, 3].map((i) =>
        bench.mapping.commit({ records: new Map([[`k${i}`, entryRecord(i)]]) }),
      );
      await bench.reopen();
      await Promise.all(done);
      expect(bench.mapping.counts().entries).toBe(3);
    });

    it('can not be used once it is closed', async () => {
      const { mapping } = bench;
      await mapping.commit({ state: mappingState() });
      await bench.reopen();
      expect(() => mapping.state()).toThrow();
      await expect(mapping.commit({ state: mappingState() })).rejects.toThrow();
    });
  });
}

type Step = ArchiveChanges | 'reopen' | 'reset' | 'begin';

async function checkSteps(bench: Bench, steps: readonly Step[], limit: number): Promise<void> {
  const model = new ArchiveModel();
  for (const step of steps) {
    if (step === 'reopen') {
      await bench.reopen();
    } else if (step === 'reset') {
      await bench.mapping.reset();
      model.reset();
    } else if (step === 'begin') {
      await bench.mapping.reset(mappingState());
      model.reset(mappingState());
    } else {
      await bench.mapping.commit(step);
      model.apply(step);
    }
    model.expectSameAs(bench.mapping, limit);
  }
}

function resets(bench: Bench): void {
  describe('reset', () => {
    it('forgets everything about a mapping but its journal, and nothing of another', async () => {
      const mark: EntryMark = { kind: 'skip', reason: 'denied', detail: '', sinceMs: 1 };
      const all = {
        records: new Map([['a', entryRecord(1)]]),
        marks: new Map([['a', mark]]),
        state: mappingState(),
        conflicts: [newConflict(1)],
      };
      await bench.mapping.commit(all);
      await bench.other.commit(all);
      await bench.mapping.reset();
      for (const time of ['at once', 'after being opened again']) {
        expect(bench.mapping.state(), time).toBeUndefined();
        expect(bench.mapping.recordsAfter(undefined, 9)).toEqual([]);
        expect(bench.mapping.marksAfter(undefined, 9)).toEqual([]);
        expect(bench.mapping.counts().entries).toBe(0);
        expect(bench.mapping.markCounts().size).toBe(0);
        expect(bench.mapping.conflictCounts()).toEqual({ open: 0, total: 1 });
        expect(bench.other.record('a')).toEqual(entryRecord(1));
        await bench.reopen();
      }
    });

    it('can be followed by commits at once', async () => {
      await bench.mapping.commit({ records: new Map([['old', entryRecord(1)]]) });
      await Promise.all([
        bench.mapping.reset(),
        bench.mapping.commit({ records: new Map([['new', entryRecord(2)]]) }),
      ]);
      await bench.reopen();
      expect(bench.mapping.recordsAfter(undefined, 9)).toEqual([['new', entryRecord(2)]]);
    });

    it('does nothing to a mapping that was never written', async () => {
      await bench.mapping.reset();
      expect(bench.mapping.state()).toBeUndefined();
    });

    it('puts a new state in place of the old one, also of a mapping that was never written', async () => {
      await bench.mapping.commit({ records: new Map([['a', entryRecord(1)]]), state: mappingState() });
      const next = mappingState({ pairId: 'pair-2' });
      await Promise.all([bench.mapping.reset(next), bench.other.reset(next)]);
      for (const mapping of ['mapping', 'other'] as const) {
        expect(bench[mapping].state(), mapping).toStrictEqual(next);
        expect(bench[mapping].recordsAfter(undefined, 9)).toEqual([]);
      }
      await bench.reopen();
      for (const mapping of ['mapping', 'other'] as const) {
        expect(bench[mapping].state(), mapping).toStrictEqual(next);
        expect(bench[mapping].counts().entries).toBe(0);
      }
    });
  });
}

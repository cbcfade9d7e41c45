import { describe, expect, it } from 'vitest';
import type { Conflict } from '../../src/core/conflict.js';
import { SIDES, pairOf } from '../../src/core/pair.js';
import type { MappingArchive } from '../../src/ports/archive.js';
import { AMPLE } from './archive-bench.js';
import type { Bench } from './archive-bench.js';
import { entryRecord, mappingState, newConflict, newTrash, order } from './archive-samples.js';

const KIB = 1024;
const MIB = 1024 * KIB;

export function journals(bench: Bench): void {
  describe('the conflict journal', () => {
    it('S1: gives back both values of a conflict, of up to 1 MiB each, byte for byte', async () => {
      const large = newConflict(1, { open: true }, 2 * MIB);
      const deleted = newConflict(2, {
        sides: { ...large.sides, right: { ...large.sides.right, value: undefined } },
      });
      const empty = newConflict(3, {}, 0);
      await bench.mapping.commit({ conflicts: [large, deleted, empty] });
      await bench.reopen();
      for (const [i, conflict] of [large, deleted, empty].entries()) {
        const found = bench.mapping.conflict(i + 1);
        expect(found && withoutValues(found)).toStrictEqual(
          withoutValues(Object.assign(conflict, { id: i + 1 })),
        );
        for (const side of SIDES) expectSameBytes(found?.sides[side].value, conflict.sides[side].value);
      }
    });

    it('numbers entries from 1 up for each mapping, and never uses a number again', async () => {
      await bench.mapping.commit({ conflicts: [newConflict(1), newConflict(2)] });
      await bench.other.commit({ conflicts: [newConflict(1)] });
      await bench.mapping.commit({ dropSettledBeforeMs: 1_000 });
      await bench.mapping.reset();
      await bench.reopen();
      await bench.mapping.commit({ conflicts: [newConflict(3)] });
      expect(bench.mapping.conflicts({ limit: 9 }).map(({ id }) => id)).toEqual([3]);
      expect(bench.other.conflicts({ limit: 9 }).map(({ id }) => id)).toEqual([1]);
    });

    it('lists entries from the newest, before any of them, and open ones alone', async () => {
      const conflicts = [1, 2, 3, 4, 5, 6].map((atMs) => newConflict(atMs, { open: atMs % 2 === 0 }));
      await bench.mapping.commit({ conflicts });
      const ids = (options: Parameters<MappingArchive['conflicts']>[0]): number[] =>
        bench.mapping.conflicts(options).map(({ id }) => id);
      expect(ids({ limit: 3 })).toEqual([6, 5, 4]);
      expect(ids({ limit: 3, beforeId: 4 })).toEqual([3, 2, 1]);
      expect(ids({ limit: 9, openOnly: true })).toEqual([6, 4, 2]);
      expect(ids({ limit: 9, openOnly: true, beforeId: 6 })).toEqual([4, 2]);
      expect(ids({ limit: 9, beforeId: 1 })).toEqual([]);
    });

    it('settles an entry with the side whose content stands', async () => {
      await bench.mapping.commit({ conflicts: [newConflict(1, { open: true, winner: undefined })] });
      expect(bench.mapping.conflictCounts()).toEqual({ open: 1, total: 1 });
      await bench.mapping.commit({
        settled: new Map([
          [1, 'right'],
          [99, 'left'],
        ]),
      });
      await bench.reopen();
      expect(bench.mapping.conflict(1)).toMatchObject({ open: false, winner: 'right' });
      expect(bench.mapping.conflictCounts()).toEqual({ open: 0, total: 1 });
    });
  });
}

/** Large values are compared apart: the test runner takes seconds for a megabyte. */
function withoutValues(conflict: Conflict): unknown {
  return { ...conflict, sides: pairOf((side) => ({ ...conflict.sides[side], value: 'compared apart' })) };
}

function expectSameBytes(found: Uint8Array | undefined, expected: Uint8Array | undefined): void {
  expect(found?.constructor).toBe(expected?.constructor);
  expect(found && Buffer.from(found).equals(expected ?? Buffer.alloc(0))).toBe(expected && true);
}

export function journalLimits(bench: Bench): void {
  describe('the limits of the journal', () => {
    const idsOf = (mapping: MappingArchive): number[] => mapping.conflicts({ limit: 99 }).map(({ id }) => id);

    it('S9: drops settled entries that are older than asked for, never an open one', async () => {
      const conflicts = [newConflict(10), newConflict(20, { open: true }), newConflict(30), newConflict(40)];
      await bench.mapping.commit({ conflicts });
      await bench.mapping.commit({ dropSettledBeforeMs: 40 });
      expect(idsOf(bench.mapping)).toEqual([4, 2]);
    });

    it('drops settled entries that are older than they have to be kept when a new one comes', async () => {
      await bench.startOver({ ...AMPLE, keepMs: 1_000 });
      await bench.mapping.commit({
        conflicts: [newConflict(5_000), newConflict(5_001), newConflict(1, { open: true })],
      });
      await bench.mapping.commit({ conflicts: [newConflict(6_001)] });
      expect(idsOf(bench.mapping)).toEqual([4, 3, 2]);
    });

    it('S9: makes room by dropping the oldest settled entries, of whatever mapping', async () => {
      await bench.startOver({ ...AMPLE, maxBytes: 100 * KIB });
      await bench.mapping.commit({
        conflicts: [newConflict(10, {}, 30 * KIB), newConflict(40, {}, 30 * KIB)],
      });
      await bench.other.commit({ conflicts: [newConflict(20, {}, 30 * KIB)] });
      await bench.other.commit({ conflicts: [newConflict(50, {}, 50 * KIB)] });
      expect(idsOf(bench.mapping)).toEqual([2]);
      expect(idsOf(bench.other)).toEqual([2]);
      expect(bench.archive.journalBytes()).toBeLessThanOrEqual(100 * KIB);
    });

    it('S1: refuses what does not fit beside the open entries, and applies nothing of that commit', async () => {
      await bench.startOver({ ...AMPLE, maxBytes: 120 * KIB });
      const open = [
        newConflict(1, { open: true }, 40 * KIB),
        newConflict(2, {}, 10 * KIB),
        newConflict(3, { open: true }, 40 * KIB),
      ];
      await bench.mapping.commit({ conflicts: open });
      const before = bench.archive.journalBytes();
      const tooMuch = {
        records: new Map([['a', entryRecord(1)]]),
        settled: new Map([[1, 'left' as const]]),
        state: mappingState(),
        conflicts: [newConflict(4, {}, 40 * KIB)],
      };
      await expect(bench.mapping.commit(tooMuch)).rejects.toMatchObject({ code: 'ARCHIVE_FULL' });
      expect(bench.mapping.record('a')).toBeUndefined();
      expect(bench.mapping.state()).toBeUndefined();
      expect(idsOf(bench.mapping)).toEqual([3, 2, 1]);
      expect(bench.mapping.conflictCounts()).toEqual({ open: 2, total: 3 });
      expect(bench.archive.journalBytes()).toBe(before);

      await bench.mapping.commit({ settled: new Map([[1, 'left']]) });
      await bench.mapping.commit({ conflicts: [newConflict(5, {}, 40 * KIB)] });
      expect(idsOf(bench.mapping)).toEqual([4, 3, 2]);
    });

    it('S1: has room left for what was overwritten before anybody knew, when all else is refused', async () => {
      await bench.startOver({ ...AMPLE, maxBytes: 160 * KIB });
      const open = [newConflict(1, { open: true }, 70 * KIB), newConflict(2, { open: true }, 60 * KIB)];
      await bench.mapping.commit({ conflicts: open });
      const ordinary = { conflicts: [newConflict(3, {}, 15 * KIB)] };
      await expect(bench.other.commit(ordinary)).rejects.toMatchObject({ code: 'ARCHIVE_FULL' });
      const tooLate = newConflict(4, { kind: 'overwritten-in-race' }, 15 * KIB);
      await bench.other.commit({ conflicts: [tooLate] });
      await expect(bench.other.commit(ordinary)).rejects.toMatchObject({ code: 'ARCHIVE_FULL' });
      expect(idsOf(bench.other)).toEqual([1]);
      expect(bench.archive.journalBytes()).toBeLessThanOrEqual(160 * KIB);
    });

    it('keeps within its limit when many conflicts come at once', async () => {
      await bench.startOver({ ...AMPLE, maxBytes: 100 * KIB });
      const commitsAtOnce = Array.from({ length: 40 }, (_, i) =>
        (i % 3 === 0 ? bench.other : bench.mapping).commit({ conflicts: [newConflict(i, {}, 9 * KIB)] }),
      );
      await Promise.all(commitsAtOnce);
      expect(bench.archive.journalBytes()).toBeLessThanOrEqual(100 * KIB);
      expect(bench.archive.journalBytes()).toBeGreaterThan(80 * KIB);
      const atMs = [bench.mapping, bench.other].flatMap((mapping) =>
        mapping.conflicts({ limit: 99 }).map((entry) => entry.atMs),
      );
      expect(Math.min(...atMs)).toBe(40 - atMs.length);
    });
  });
}

export function trashes(bench: Bench): void {
  describe('the trash', () => {
    const idsOf = (mapping: MappingArchive): number[] => mapping.trash({ limit: 99 }).map(({ id }) => id);

    it('S1: gives back a deleted value of up to 1 MiB with all that belongs to it', async () => {
      const large = newTrash(1, { key: 'large', access: '[{"id":"anyone"}]', writtenAtMs: 7 }, MIB);
      const empty = newTrash(2, { key: 'empty', side: 'left', inner: true }, 0);
      await bench.mapping.commit({ trash: [large, empty] });
      await bench.reopen();
      expectSameBytes(bench.mapping.trashed(1)?.value, large.value);
      expect({ ...bench.mapping.trashed(1), value: 0 }).toStrictEqual({ ...large, id: 1, value: 0 });
      expect(bench.mapping.trashed(2)).toStrictEqual({ ...empty, id: 2 });
      expect(bench.mapping.trash({ limit: 9 }).map(({ valueBytes }) => valueBytes)).toEqual([0, MIB]);
    });

    it('lists from the newest by time, before any entry, and within a span', async () => {
      const trash = [10, 30, 20, 40].map((atMs) => newTrash(atMs, { key: `k${atMs}` }));
      await bench.mapping.commit({ trash });
      await bench.other.commit({ trash: [newTrash(25)] });
      const at = (wanted: Omit<Parameters<MappingArchive['trash']>[0], 'limit'>): number[] =>
        bench.mapping.trash({ limit: 2, ...wanted }).map(({ atMs }) => atMs);
      expect(at({})).toEqual([40, 30]);
      expect(at({ beforeId: 2 })).toEqual([20, 10]);
      expect(at({ sinceMs: 20, untilMs: 40 })).toEqual([30, 20]);
      expect(at({ sinceMs: 20, beforeId: 3 })).toEqual([]);
      expect(at({ beforeId: 99 }), 'after it was dropped').toEqual([]);
    });

    it('knows the newest of an entry', async () => {
      await bench.mapping.commit({ trash: [newTrash(1, { key: 'a' }), newTrash(2, { key: 'b' })] });
      await bench.mapping.commit({ trash: [newTrash(3, { key: 'a' })] });
      await bench.reopen();
      expect(bench.mapping.lastTrashOf('a')).toMatchObject({ id: 3, atMs: 3 });
      expect(bench.mapping.lastTrashOf('c')).toBeUndefined();
    });

    it('keeps a value once however often its deletion is tried, and of an incarnation the last one', async () => {
      const version = { modified: 5n, created: 3n, revision: 1 };
      await bench.mapping.commit({ trash: [newTrash(1, { version })] });
      await bench.mapping.commit({ trash: [newTrash(2, { version })] });
      const [{ id, atMs } = {}, ...others] = bench.mapping.trash({ limit: 9 });
      expect([id, atMs, others]).toEqual([1, 2, []]);
      await bench.mapping.commit({ trash: [newTrash(3, { version: { ...version, modified: 6n } })] });
      expect(bench.mapping.trash({ limit: 9 }).map(({ atMs }) => atMs)).toEqual([3]);
      const again = { modified: 9n, created: 8n, revision: 0 };
      await bench.mapping.commit({ trash: [newTrash(4, { version: again })] });
      expect(bench.mapping.trash({ limit: 9 }).map(({ atMs }) => atMs)).toEqual([4, 3]);
    });

    it('S9: makes room by dropping what is oldest, trash and settled conflicts alike', async () => {
      await bench.startOver({ ...AMPLE, maxBytes: 100 * KIB });
      await bench.mapping.commit({ trash: [newTrash(10, { key: 'a' }, 30 * KIB)] });
      await bench.other.commit({ conflicts: [newConflict(20, {}, 30 * KIB)] });
      await bench.mapping.commit({ trash: [newTrash(30, { key: 'b' }, 30 * KIB)] });
      await bench.mapping.commit({ trash: [newTrash(40, { key: 'c' }, 60 * KIB)] });
      expect(idsOf(bench.mapping)).toEqual([3, 2]);
      expect(bench.other.conflicts({ limit: 9 })).toEqual([]);
      expect(bench.archive.journalBytes()).toBeLessThanOrEqual(100 * KIB);
    });

    it('S1: never makes room with what is about to be deleted, however long ago that was tried first', async () => {
      await bench.startOver({ ...AMPLE, maxBytes: 100 * KIB });
      const version = { modified: 5n, created: 5n, revision: 0 };
      const tried = (atMs: number) => newTrash(atMs, { key: 'a', version }, 30 * KIB);
      await bench.mapping.commit({ trash: [tried(10)] });
      await bench.other.commit({ trash: [newTrash(20, { key: 'b' }, 30 * KIB)] });
      await bench.mapping.commit({ trash: [tried(30), newTrash(30, { key: 'c' }, 60 * KIB)] });
      expect(bench.mapping.trash({ limit: 9 }).map(({ key, atMs }) => [key, atMs])).toEqual([
        ['c', 30],
        ['a', 30],
      ]);
      expect(bench.other.trash({ limit: 9 })).toEqual([]);
      const tooMuch = { trash: [tried(40), newTrash(40, { key: 'd' }, 80 * KIB)] };
      await expect(bench.mapping.commit(tooMuch)).rejects.toMatchObject({ code: 'ARCHIVE_FULL' });
      expect(bench.mapping.lastTrashOf('a')?.value).toHaveLength(30 * KIB);
      expect(bench.archive.journalBytes()).toBeLessThanOrEqual(100 * KIB);
    });

    it('S9: is what open conflicts never make room for by themselves, and never takes their room', async () => {
      await bench.startOver({ ...AMPLE, maxBytes: 160 * KIB });
      const open = [newConflict(1, { open: true }, 70 * KIB), newConflict(2, { open: true }, 60 * KIB)];
      await bench.mapping.commit({ conflicts: open });
      await bench.mapping.commit({ trash: [newTrash(3, {}, 15 * KIB)] });
      const tooMuch = { trash: [newTrash(4, { key: 'x' }, 40 * KIB)], records: new Map([['x', undefined]]) };
      await expect(bench.mapping.commit(tooMuch)).rejects.toMatchObject({ code: 'ARCHIVE_FULL' });
      expect(idsOf(bench.mapping)).toEqual([1]);
      expect(bench.mapping.conflictCounts()).toEqual({ open: 2, total: 2 });
    });

    it('drops what is older than it has to be kept', async () => {
      await bench.startOver({ ...AMPLE, keepMs: 1_000 });
      await bench.mapping.commit({ trash: [newTrash(5_000, { key: 'a' }), newTrash(5_001, { key: 'b' })] });
      await bench.mapping.commit({ trash: [newTrash(6_001, { key: 'c' })] });
      expect(idsOf(bench.mapping)).toEqual([3, 2]);
      await bench.mapping.commit({ dropSettledBeforeMs: 6_001 });
      expect(idsOf(bench.mapping)).toEqual([3]);
    });

    it('outlives a reset of its mapping, and what was ordered does not', async () => {
      const marks = new Map([['a', { kind: 'ordered', sinceMs: 1, detail: '' } as const]]);
      await bench.mapping.commit({ trash: [newTrash(1)], marks, orders: new Map([['a', order(1)]]) });
      await bench.mapping.reset(mappingState());
      await bench.reopen();
      expect(idsOf(bench.mapping)).toEqual([1]);
      expect(bench.mapping.order('a')).toBeUndefined();
    });

    it('has an order as long as its entry carries the mark of one', async () => {
      const mark = { kind: 'ordered', sinceMs: 1, detail: '' } as const;
      await bench.mapping.commit({ marks: new Map([['a', mark]]), orders: new Map([['a', order(7)]]) });
      await bench.mapping.commit({ marks: new Map([['a', { ...mark, detail: 'waits' }]]) });
      await bench.reopen();
      expect(bench.mapping.order('a')).toStrictEqual(order(7));
      expect(bench.mapping.markCounts().get('ordered')).toBe(1);
      await bench.mapping.commit({ marks: new Map([['a', undefined]]) });
      expect(bench.mapping.order('a')).toBeUndefined();
    });
  });
}

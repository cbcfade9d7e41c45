import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planBatches } from '../../../src/core/batch-plan.js';
import type { Batch, BatchLimits, PlannedWrite } from '../../../src/core/batch-plan.js';

const KEYS = ['a', 'a/b', 'a/b/c', 'a/b/d', 'a/c', 'b', 'b/', 'b/a', 'b/a/a', 'c', 'd', 'ab', 'a!', ''];
const kinds = fc.constantFrom<PlannedWrite['kind'][]>('create', 'update', 'delete');

const plans: fc.Arbitrary<PlannedWrite[]> = fc.uniqueArray(
  fc.record({
    key: fc.constantFrom(...KEYS),
    kind: kinds,
    bytes: fc.integer({ min: 1, max: 40 }),
    order: fc.bigInt({ min: 0n, max: 5n }),
  }),
  { selector: (write) => write.key, maxLength: KEYS.length },
);
const anyLimits: fc.Arbitrary<BatchLimits> = fc.record({
  operationsMax: fc.integer({ min: 2, max: 8 }),
  operationsWanted: fc.integer({ min: 2, max: 9 }),
  bytesMax: fc.integer({ min: 30, max: 120 }),
  ledgerBytes: fc.integer({ min: 0, max: 20 }),
});
const runs = { numRuns: 2_000 };

const isAbove = (a: PlannedWrite, b: PlannedWrite) => b.key.startsWith(`${a.key}/`);
const fit = (writes: readonly PlannedWrite[], limits: BatchLimits) =>
  writes.length < limits.operationsMax &&
  writes.reduce((sum, { bytes }) => sum + bytes, limits.ledgerBytes) <= limits.bytesMax;
const inOrder = (batches: readonly Batch<PlannedWrite>[]) => batches.flatMap((batch) => batch.writes);

function expectGroupsWhole(
  writes: readonly PlannedWrite[],
  batches: readonly Batch<PlannedWrite>[],
  limits: BatchLimits,
) {
  for (const order of new Set(writes.map((write) => write.order))) {
    const group = writes.filter((write) => write.order === order);
    if (!fit(group, limits)) continue;
    const holding = batches.filter((batch) => batch.writes.some((write) => write.order === order));
    expect(holding).toHaveLength(1);
  }
}

describe('a batch plan, for whatever writes and limits', () => {
  it('holds every write exactly once', () => {
    fc.assert(
      fc.property(plans, anyLimits, (writes, limits) => {
        const planned = inOrder(planBatches(writes, limits));
        expect(planned).toHaveLength(writes.length);
        expect(new Set(planned)).toEqual(new Set(writes));
      }),
      runs,
    );
  });

  it('fills no batch beyond what is wanted, save with what changed in one version or can come in no other order', () => {
    const apart = plans.map((writes) => writes.map((write) => ({ ...write, kind: 'update' as const })));
    fc.assert(
      fc.property(apart, anyLimits, (writes, limits) => {
        for (const { writes: batch } of planBatches(writes, limits)) {
          const isWanted = batch.length + 1 <= (limits.operationsWanted ?? Infinity);
          expect(isWanted || new Set(batch.map(({ order }) => order)).size === 1).toBe(true);
        }
      }),
      runs,
    );
  });

  it('keeps the limits, the ledger included, save for a lone write that nothing could make fit', () => {
    fc.assert(
      fc.property(plans, anyLimits, (writes, limits) => {
        for (const batch of planBatches(writes, limits)) {
          expect(batch.oversize).toBe(!fit(batch.writes, limits));
          if (batch.oversize) expect(batch.writes).toHaveLength(1);
          expect(batch.writes).not.toHaveLength(0);
        }
      }),
      runs,
    );
  });

  it('creates parents before children and deletes children before parents, whatever the versions say', () => {
    fc.assert(
      fc.property(plans, anyLimits, (writes, limits) => {
        const planned = inOrder(planBatches(writes, limits));
        planned.forEach((later, index) => {
          for (const earlier of planned.slice(0, index)) {
            if (earlier.kind !== later.kind) continue;
            if (later.kind === 'create') expect(isAbove(later, earlier)).toBe(false);
            if (later.kind === 'delete') expect(isAbove(earlier, later)).toBe(false);
          }
        });
      }),
      runs,
    );
  });

  it('does not depend on the order in which the writes are given', () => {
    const shuffled = plans.chain((writes) =>
      fc.tuple(fc.constant(writes), fc.shuffledSubarray(writes, { minLength: writes.length })),
    );
    fc.assert(
      fc.property(shuffled, anyLimits, ([writes, others], limits) => {
        const keys = (given: PlannedWrite[]) =>
          planBatches(given, limits).map((batch) => batch.writes.map(({ key }) => key));
        expect(keys(others)).toEqual(keys(writes));
      }),
      runs,
    );
  });
});

describe('a batch plan, where versions agree with the tree', () => {
  /** No parent was made after its children, or deleted before them. */
  const agreeing = plans.filter((writes) =>
    writes.every((a) =>
      writes.every((b) => {
        if (!isAbove(a, b) || a.kind !== b.kind) return true;
        return a.kind === 'delete' ? a.order >= b.order : a.order <= b.order;
      }),
    ),
  );

  it('never splits what changed in one source version and fits into a batch', () => {
    fc.assert(
      fc.property(agreeing, anyLimits, (writes, limits) => {
        expectGroupsWhole(writes, planBatches(writes, limits), limits);
      }),
      runs,
    );
  });

  it('takes creates and updates in the order of their versions', () => {
    fc.assert(
      fc.property(agreeing, anyLimits, (writes, limits) => {
        const orders = inOrder(planBatches(writes, limits))
          .filter((write) => write.kind !== 'delete')
          .map((write) => write.order);
        expect(orders).toEqual([...orders].sort((a, b) => Number(a - b)));
      }),
      runs,
    );
  });

  it('takes deletes after everything else, save those that a version with creates holds or needs', () => {
    fc.assert(
      fc.property(agreeing, anyLimits, (writes, limits) => {
        const planned = inOrder(planBatches(writes, limits));
        const early = planned.slice(0, planned.findLastIndex((write) => write.kind !== 'delete') + 1);
        for (const write of early.filter(({ kind }) => kind === 'delete')) {
          const held = writes.some((other) => other.order === write.order && other.kind !== 'delete');
          const deletes = writes.filter((other) => other.kind === 'delete');
          const siblings = deletes.filter((other) => other.order === write.order);
          const needed = siblings.some((child) => deletes.some((parent) => isAbove(parent, child)));
          expect(held || needed).toBe(true);
        }
      }),
      runs,
    );
  });
});

describe('a batch plan, by example', () => {
  const create = (key: string, order: bigint): PlannedWrite => ({ key, kind: 'create', bytes: 1, order });
  const remove = (key: string, order: bigint): PlannedWrite => ({ key, kind: 'delete', bytes: 1, order });
  const limits = (writesMax: number): BatchLimits => ({
    operationsMax: writesMax + 1,
    bytesMax: 1000,
    ledgerBytes: 100,
  });
  const keysOf = (writes: PlannedWrite[], max: BatchLimits) =>
    planBatches(writes, max).map((batch) => batch.writes.map(({ key }) => key));

  it('is empty for nothing', () => {
    expect(planBatches([], limits(3))).toEqual([]);
  });

  it('pulls forward the version that made a parent, whole, when it is newer than its child', () => {
    const writes = [
      create('a/b', 10n),
      create('c', 10n),
      create('z', 15n),
      create('a', 20n),
      create('d', 20n),
    ];
    expect(keysOf(writes, limits(2))).toEqual([['a', 'd'], ['a/b', 'c'], ['z']]);
  });

  it('pulls forward several such versions in their own order', () => {
    const writes = [create('a/x', 10n), create('b/x', 10n), create('a', 30n), create('b', 20n)];
    expect(keysOf(writes, limits(2))).toEqual([
      ['b', 'a'],
      ['a/x', 'b/x'],
    ]);
  });

  it('puts versions that need each other into one batch', () => {
    const writes = [create('a', 1n), create('x/y', 1n), create('x', 2n), create('a/b', 2n)];
    expect(keysOf(writes, limits(4))).toEqual([['a', 'a/b', 'x', 'x/y']]);
  });

  it('takes versions that need each other apart only when they do not fit together', () => {
    const writes = [create('a', 1n), create('x/y', 1n), create('x', 2n), create('a/b', 2n)];
    expect(keysOf(writes, limits(3))).toEqual([['a', 'a/b', 'x'], ['x/y']]);
  });

  it('keeps a rename together, and deletes children made elsewhere before it', () => {
    const writes = [create('new', 5n), remove('old', 5n), remove('old/child', 4n), create('z', 6n)];
    expect(keysOf(writes, limits(2))).toEqual([['old/child'], ['new', 'old'], ['z']]);
  });

  it('deletes the rest of a version that is too large for a batch after all creates', () => {
    const writes = [remove('a', 1n), create('b', 1n), create('c', 1n), create('d', 2n)];
    expect(keysOf(writes, limits(2))).toEqual([
      ['b', 'c'],
      ['d', 'a'],
    ]);
  });

  it('sends a write that no batch can take by itself, and says so', () => {
    const large: PlannedWrite = { key: 'b', kind: 'update', bytes: 901, order: 2n };
    const batches = planBatches([create('a', 1n), large, create('c', 3n)], limits(10));
    expect(batches.map(({ writes, oversize }) => [writes.map(({ key }) => key), oversize])).toEqual([
      [['a'], false],
      [['b'], true],
      [['c'], false],
    ]);
  });

  it('plans the first copy of a large tree with parents newer than their children', () => {
    const writes = Array.from({ length: 20_000 }, (_, i) => {
      const key = i % 2 === 0 ? `dir${String(i)}` : `dir${String(i - 1)}/leaf`;
      return create(key, BigInt(20_000 - i));
    });
    const batches = planBatches(writes, { operationsMax: 64, bytesMax: 500_000, ledgerBytes: 300 });
    expect(batches).toHaveLength(Math.ceil(20_000 / 63));
  });
});

import { dependencyOrder } from './dependency-order.js';
import { compareKeys } from './key-order.js';
import type { EntryKey } from './observation.js';

/** One write that a drain has decided on. No two of a plan have the same key. */
export interface PlannedWrite {
  readonly key: EntryKey;
  readonly kind: 'create' | 'update' | 'delete';
  /** What it takes of the target's `bytesMax`. */
  readonly bytes: number;
  /** The version of the change at its source. Equal for all that one transaction changed there. */
  readonly order: bigint;
}

export interface BatchLimits {
  /** Operations of one batch, the ledger's own included. */
  readonly operationsMax: number;
  /** No batch is filled beyond that; only what belongs together makes a larger one. `operationsMax`, without. */
  readonly operationsWanted?: number;
  /** Bytes of one batch, the ledger's included. */
  readonly bytesMax: number;
  readonly ledgerBytes: number;
}

export interface Batch<W extends PlannedWrite> {
  /** In the order in which they are to be applied. */
  readonly writes: readonly W[];
  /** One write that is too large for any batch, and needs a route of its own. */
  readonly oversize: boolean;
}

/** Writes that belong in one batch, in the order in which they are to be applied. */
type Unit<W> = readonly W[];

/**
 * Arranges the writes of one drain into atomic batches, to be applied one after the other.
 *
 * What changed in one source version stays together where it fits into a batch. Otherwise creates and updates go in
 * the order of their versions, then deletes. Whatever the versions say, a parent is created before its children (a
 * child would bring its parent into being as structure) and deleted after them (with children it can't be deleted).
 */
export function planBatches<W extends PlannedWrite>(
  writes: readonly W[],
  limits: BatchLimits,
): readonly Batch<W>[] {
  const units = unitsOf(writes, limits).sort(compareUnits);
  const needs = findNeeds(units);
  const circles = dependencyOrder(units, (unit) => [...(needs.get(unit) ?? [])].sort(compareUnits));
  return pack(
    circles.map((circle) => arrange(circle.flat())),
    limits,
  );
}

/** The writes of each source version as one unit where they fit into a batch, each by itself where they don't. */
function unitsOf<W extends PlannedWrite>(writes: readonly W[], limits: BatchLimits): Unit<W>[] {
  const byVersion = new Map<bigint, W[]>();
  for (const write of writes) {
    const sameVersion = byVersion.get(write.order);
    if (sameVersion === undefined) byVersion.set(write.order, [write]);
    else sameVersion.push(write);
  }
  return [...byVersion.values()].flatMap((unit) => {
    const fitting = fits(unit.length, bytesOf(unit), limits);
    return fitting ? [arrange(unit)] : unit.map((write) => [write]);
  });
}

/** Which units have to come before a unit, because they create its parents or delete its children. */
function findNeeds<W extends PlannedWrite>(units: readonly Unit<W>[]): Map<Unit<W>, Set<Unit<W>>> {
  const unitOf = new Map<W, Unit<W>>();
  for (const unit of units) for (const write of unit) unitOf.set(write, unit);

  const needs = new Map<Unit<W>, Set<Unit<W>>>();
  const need = (later: W, earlier: W): void => {
    const unit = unitOf.get(later);
    const needed = unitOf.get(earlier);
    if (unit === undefined || needed === undefined || unit === needed) return;
    needs.set(unit, (needs.get(unit) ?? new Set()).add(needed));
  };
  const writes = units.flat();
  forEachParent(
    writes.filter((write) => write.kind === 'create'),
    (parent, child) => need(child, parent),
  );
  forEachParent(
    writes.filter((write) => write.kind === 'delete'),
    (parent, child) => need(parent, child),
  );
  return needs;
}

/** Visits each write that has one above it, together with the nearest. */
function forEachParent<W extends PlannedWrite>(
  writes: readonly W[],
  visit: (parent: W, child: W) => void,
): void {
  const above: W[] = [];
  for (const write of [...writes].sort((a, b) => compareKeys(a.key, b.key))) {
    let parent = above.at(-1);
    while (parent !== undefined && !write.key.startsWith(`${parent.key}/`)) {
      above.pop();
      parent = above.at(-1);
    }
    if (parent !== undefined) visit(parent, write);
    above.push(write);
  }
}

/** Fills one batch after the other. What does not fit into a whole one (versions tied in a circle) is taken apart. */
function pack<W extends PlannedWrite>(units: readonly Unit<W>[], limits: BatchLimits): Batch<W>[] {
  const batches: W[][] = [];
  let filledBytes = 0;
  const wanted = {
    ...limits,
    operationsMax: Math.min(limits.operationsMax, limits.operationsWanted ?? Infinity),
  };
  const add = (unit: Unit<W>): void => {
    const current = batches.at(-1);
    const bytes = bytesOf(unit);
    if (current !== undefined && fits(current.length + unit.length, filledBytes + bytes, wanted)) {
      current.push(...unit);
      filledBytes += bytes;
    } else if (unit.length === 1 || fits(unit.length, bytes, limits)) {
      batches.push([...unit]);
      filledBytes = bytes;
    } else {
      for (const write of unit) add([write]);
    }
  };
  units.forEach(add);
  return batches.map((batch) => ({ writes: batch, oversize: !fits(batch.length, bytesOf(batch), limits) }));
}

/** Whether so many writes of so many bytes fit into one batch with the ledger's own. */
function fits(writes: number, bytes: number, limits: BatchLimits): boolean {
  return writes + 1 <= limits.operationsMax && bytes + limits.ledgerBytes <= limits.bytesMax;
}

function bytesOf(writes: readonly PlannedWrite[]): number {
  return writes.reduce((bytes, write) => bytes + write.bytes, 0);
}

/** Creates and updates, parents first, then deletes, children first. */
function arrange<W extends PlannedWrite>(writes: readonly W[]): Unit<W> {
  return [...writes].sort(compareWrites);
}

function compareWrites(a: PlannedWrite, b: PlannedWrite): number {
  if (isDelete(a) !== isDelete(b)) return isDelete(a) ? 1 : -1;
  return isDelete(a) ? compareKeys(b.key, a.key) : compareKeys(a.key, b.key);
}

/** By version, the units of nothing but deletes behind all others. Arranged units have their deletes last. */
function compareUnits(a: Unit<PlannedWrite>, b: Unit<PlannedWrite>): number {
  const [x] = a;
  const [y] = b;
  if (x === undefined || y === undefined) return 0;
  if (isDelete(x) !== isDelete(y) || x.order === y.order) return compareWrites(x, y);
  return x.order < y.order ? -1 : 1;
}

function isDelete(write: PlannedWrite): boolean {
  return write.kind === 'delete';
}

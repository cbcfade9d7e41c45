import { pairOf, SIDES } from './pair.js';
import type { Pair } from './pair.js';
import type { Version } from './version.js';

/**
 * The last versions at which both replicas were known to agree on an entry. Undefined where it was absent: a side
 * on which an entry has never been, or from which it was deleted, is below every version.
 */
export type VersionVector = Pair<Version | undefined>;

/** How one vector stands to another. Concurrent: each is ahead at one replica. */
export type VectorOrder = 'equal' | 'before' | 'after' | 'concurrent';

export function compareVectors(a: VersionVector, b: VersionVector): VectorOrder {
  const aheadInA = SIDES.some((side) => isBelow(b[side], a[side]));
  const aheadInB = SIDES.some((side) => isBelow(a[side], b[side]));
  if (aheadInA && aheadInB) return 'concurrent';
  if (aheadInA) return 'after';
  return aheadInB ? 'before' : 'equal';
}

/** The lowest vector that neither `a` nor `b` is ahead of: the newer version at each replica. */
export function mergeVectors(a: VersionVector, b: VersionVector): VersionVector {
  return pairOf((side) => (isBelow(a[side], b[side]) ? b[side] : a[side]));
}

/** A store never uses a number for two writes, so `modified` alone decides. */
function isBelow(a: Version | undefined, b: Version | undefined): boolean {
  if (b === undefined) return false;
  return a === undefined || a.modified < b.modified;
}

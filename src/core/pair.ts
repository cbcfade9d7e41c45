/**
 * The two replicas of a mapping, as the core sees them: a left and a right one. Which product stands on which
 * side is decided where the daemon is composed; nothing in the core depends on it.
 */
export type Side = 'left' | 'right';

/** One value per replica. */
export interface Pair<T> {
  readonly left: T;
  readonly right: T;
}

export const SIDES: readonly Side[] = ['left', 'right'];

export function otherSide(side: Side): Side {
  return side === 'left' ? 'right' : 'left';
}

export function pairOf<T>(make: (side: Side) => T): Pair<T> {
  return { left: make('left'), right: make('right') };
}

/** A copy of `pair` with the value at `side` replaced. */
export function withSide<T>(pair: Pair<T>, side: Side, value: T): Pair<T> {
  return side === 'left' ? { left: value, right: pair.right } : { left: pair.left, right: value };
}

/** The same pair seen in a mirror. */
export function swapSides<T>(pair: Pair<T>): Pair<T> {
  return { left: pair.right, right: pair.left };
}

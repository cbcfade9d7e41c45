import type { Side } from './pair.js';

/** How a mapping decides; the settings of its configuration in the core's own words. */
export interface Policy {
  /** The side that is never written, in a one-way mapping; undefined when both are. */
  readonly source: Side | undefined;
  readonly conflict: 'last-writer-wins' | 'left-wins' | 'right-wins' | 'hold';
  /** Who wins when the times of two writes overlap. */
  readonly tieBreak: Side;
  /** What to do with entries that differ before anything was ever agreed: decide as a conflict, or one side wins. */
  readonly initial: 'merge' | Side;
  readonly sessionBound: 'mirror' | 'skip';
  /** What to do with entries that not everybody may read on their side, and everybody could on the other. */
  readonly restricted: 'mirror' | 'skip';
  /** What to do with foreign changes on the target of a one-way mapping. */
  readonly drift: 'report' | 'revert';
}

import type { Violation } from '../../kit/history/history.js';
import type { CatalogTables } from '../../kit/memory-consul/catalog-tables.js';
import type { MemoryTree } from '../../kit/memory-store/memory-tree.js';
import type { ServicesSetup } from './plan.js';

export type Side = 'left' | 'right';

/** What judges see of the world. */
export interface Surroundings {
  readonly setup: ServicesSetup;
  readonly tree: MemoryTree;
  readonly tables: () => CatalogTables;
  readonly nowMs: () => number;
  /** How long a write may be on its way after what it was decided on was read. */
  readonly raceMs: number;
  /** Nothing goes wrong in this plan, so that whatever is there for so long is noticed. */
  readonly noticesWithinMs: number | undefined;
  /** Whether what a daemon makes is known to all that follow: the archive alone tells of parents. */
  readonly knowsParents: boolean;
  /** Whether the node of the tree with this path was made by a daemon, in its present incarnation. */
  readonly isMade: (path: string) => boolean;
  readonly report: (violation: Violation) => void;
}

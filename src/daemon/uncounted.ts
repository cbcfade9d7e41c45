import type { MappingMetrics } from '../ports/metrics.js';

/** For what is none of the mappings that a daemon tells of. */
export const UNCOUNTED: MappingMetrics = {
  write: () => undefined,
  batch: () => undefined,
  echoes: () => undefined,
  conflict: () => undefined,
  rescan: () => undefined,
  clientChange: () => undefined,
  propagated: () => undefined,
  reconciled: () => undefined,
};

import type { CutoverStepName } from '../../admin/cutover-names.js';
import { CUTOVER_STEP_NAMES } from '../../admin/cutover-names.js';
import type { MappingConfig } from '../../config/schema.js';
import type { CutoverMoves } from '../../core/cutover.js';
import { stepReached } from '../../core/cutover.js';

/** The step that a mapping's cutover has reached, as commands without a daemon read it; null where there is none. */
export function cutoverName(
  { direction }: MappingConfig,
  moves: CutoverMoves | undefined,
): CutoverStepName | null {
  return direction === 'both' ? CUTOVER_STEP_NAMES[stepReached(moves)] : null;
}

/** That the mapping is no longer as it is configured. */
export function cutoverLines(mapping: MappingConfig, moves: CutoverMoves | undefined): string[] {
  switch (cutoverName(mapping, moves)) {
    case 'consul-leads':
      return ['Cutover: at the step consul-leads, Consul wins what both sides changed.'];
    case 'zookeeper-mirror':
      return [
        'Cutover: at the step zookeeper-mirror, only Consul is carried over; other changes in ZooKeeper are drift.',
      ];
    case 'both':
    case null:
      return [];
  }
}

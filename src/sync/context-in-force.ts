import type { CutoverMoves } from '../core/cutover.js';
import { policyInForce } from '../core/cutover.js';
import type { MappingContext } from './context.js';

/**
 * A mapping as it is now: as configured, with the step that its cutover has reached laid over that.
 * @param moves what is known of the cutover at the moment
 */
export function contextInForce(
  configured: MappingContext,
  moves: () => CutoverMoves | undefined,
): MappingContext {
  return {
    ...configured,
    get policy() {
      return policyInForce(configured.policy, moves());
    },
  };
}

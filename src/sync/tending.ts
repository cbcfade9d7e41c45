import { SIDES } from '../core/pair.js';
import type { MappingContext } from './context.js';

/**
 * Tells the replicas whether this daemon looks after their entries. It does as long as it leads, also where the mapping is
 * held or paused: what is bound to the daemon that leads must not go while there is one.
 */
export function tend({ replicas, mode }: Pick<MappingContext, 'replicas' | 'mode'>, leads: boolean): void {
  for (const side of SIDES) replicas[side].tend?.(leads && mode === 'sync');
}

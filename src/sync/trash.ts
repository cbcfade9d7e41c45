import type { RemoveDecision } from '../core/decision.js';
import type { EntryKey } from '../core/observation.js';
import { SIDES } from '../core/pair.js';
import type { NewTrash } from '../ports/trash.js';
import type { MappingContext } from './context.js';
import type { Intended } from './guards.js';

/**
 * What writes are about to delete, as it is to be kept (S1). Each deletion is under the condition of the version that was
 * read, so that what is kept is what is deleted.
 */
export async function trashOf(
  context: MappingContext,
  writes: readonly Intended[],
  signal: AbortSignal,
): Promise<ReadonlyMap<EntryKey, NewTrash>> {
  const kept = new Map<EntryKey, NewTrash>();
  const atMs = context.clock.nowMs();
  for (const side of SIDES) {
    const removals = writes.filter(({ decision }) => isKept(decision) && decision.on === side);
    if (removals.length === 0) continue;
    const keys = removals.map(({ mark }) => mark.key);
    const access = await context.replicas[side].accessOf(keys, signal);
    for (const { decision, mark } of removals) {
      if (!isKept(decision)) continue;
      kept.set(mark.key, { ...asRead(decision), key: mark.key, access: access.get(mark.key), atMs });
    }
  }
  return kept;
}

/**
 * A mirror goes with the session that owned its original, as its client has asked for; and what the daemon made itself,
 * without a value, holds nothing of anybody's.
 */
function isKept(decision: Intended['decision']): decision is RemoveDecision {
  return decision.do === 'remove' && decision.cause === 'deleted';
}

function asRead({ on, base }: RemoveDecision): Omit<NewTrash, 'key' | 'access' | 'atMs'> {
  const { value, flags, version, children, stamp } = base;
  return { side: on, value, flags, version, inner: children > 0, writtenAtMs: stamp?.atMs };
}

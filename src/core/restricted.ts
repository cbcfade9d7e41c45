import type { Decision } from './decision.js';
import type { Reading } from './observation.js';
import type { Side } from './pair.js';
import { SIDES } from './pair.js';
import type { Policy } from './policy.js';
import type { Situation } from './situation.js';

/**
 * An entry that not everybody may read is left alone on both sides, where the mapping says so: its content would become
 * readable to everybody on the other one. What was copied before it was restricted stays, until the entry itself is
 * deleted. That both sides agree may be recorded.
 */
export function leaveRestricted(situation: Situation, decision: Decision, policy: Policy): Decision {
  if (policy.restricted === 'mirror' || decision.do === 'skip') return decision;
  const changesNothing = decision.do === 'nothing' || decision.do === 'record' || decision.do === 'wait';
  if (changesNothing || !SIDES.some((side) => isSecret(situation, side))) return decision;
  return {
    do: 'skip',
    reason: 'read-restricted',
    detail: 'not everybody may read it; left out by restricted: skip',
  };
}

/** The daemon's own copy of what everybody may read on the other side is none, whatever it is made with. */
function isSecret({ readings, record, ours }: Situation, side: Side): boolean {
  const isCopy =
    record?.kind === 'entry' ? record.copy === side : record?.side === side && record.owner === 'daemon';
  return isRestricted(readings[side]) && !isCopy && !ours[side];
}

export function isRestricted(reading: Reading): boolean {
  return reading.kind === 'present' && reading.restricted === true;
}

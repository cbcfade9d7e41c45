import { conflictOf, enforce } from './decide-conflict.js';
import type { Decision } from './decision.js';
import type { Side } from './pair.js';
import { otherSide } from './pair.js';
import type { Policy } from './policy.js';
import type { Judged } from './situation.js';

/**
 * In a one-way mapping the source is never written: what would be written there is a foreign change on the target,
 * drift. It is reported, or put back when the policy says so; putting back never deletes anything.
 */
export function restrictToOneWay(judged: Judged, decision: Decision, policy: Policy, source: Side): Decision {
  const target = otherSide(source);
  switch (decision.do) {
    case 'copy':
      if (decision.on === target) return decision;
      return decision.base === undefined
        ? { do: 'drift', drift: 'added' }
        : changedOnTarget(judged, policy, source);
    case 'remove':
      if (decision.on === target) {
        // Only a conflict removes what a client changed on the target; the source can't win by being gone.
        return decision.conflict === undefined ? decision : { do: 'drift', drift: 'changed' };
      }
      return decision.cause === 'deleted' ? deletedOnTarget(judged, policy, source) : { do: 'nothing' };
    case 'wait':
    case 'nothing':
    case 'record':
    case 'hold':
    case 'skip':
    case 'drift':
      return decision;
  }
}

function changedOnTarget(judged: Judged, policy: Policy, source: Side): Decision {
  if (policy.drift === 'report') return { do: 'drift', drift: 'changed' };
  const conflict = conflictOf(judged, 'drift', { winner: source, rule: 'one-way', ambiguous: false });
  return enforce(judged, source, conflict);
}

function deletedOnTarget(judged: Judged, policy: Policy, source: Side): Decision {
  const reading = judged.readings[source];
  if (policy.drift === 'report' || reading.kind !== 'present') return { do: 'drift', drift: 'deleted' };
  const on = otherSide(source);
  return {
    do: 'copy',
    on,
    source: reading,
    base: undefined,
    conflict: undefined,
    copy: on,
    session: undefined,
    mirrorRewrites: 0,
  };
}

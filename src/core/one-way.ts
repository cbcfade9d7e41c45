import { conflictOf, enforce } from './decide-conflict.js';
import type { Decision, RemoveDecision } from './decision.js';
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
      return decision.base === undefined || isFirstSeen(judged, source)
        ? { do: 'drift', drift: 'added' }
        : changedOnTarget(judged, policy, source);
    case 'remove':
      if (decision.on === target) {
        // Only a conflict removes what a client changed on the target; the source can't win by being gone, but of a mirror.
        return decision.conflict === undefined || decision.cause === 'session-ended'
          ? decision
          : { do: 'drift', drift: 'changed' };
      }
      return removedOnTarget(judged, decision, policy, source);
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

/** The source has no more than structure, which agrees with "absent": there is nothing to put back. */
function isFirstSeen(judged: Judged, source: Side): boolean {
  return judged.agreement?.kind !== 'entry' && judged.states[source] === 'structure';
}

function removedOnTarget(judged: Judged, { cause }: RemoveDecision, policy: Policy, source: Side): Decision {
  // The daemon's own structure and empty copies agree with what the target has.
  if (cause === 'pruned' || cause === 'retracted') return { do: 'nothing' };
  const reading = judged.readings[source];
  // A session that has ended is not brought back to life.
  if (policy.drift === 'report' || cause === 'session-ended' || reading.kind !== 'present') {
    return { do: 'drift', drift: 'deleted' };
  }
  const on = otherSide(source);
  const standing = judged.readings[on];
  return {
    do: 'copy',
    on,
    source: reading,
    // The daemon's own structure may stand there, made since as the parent of another entry.
    base: standing.kind === 'present' ? standing : undefined,
    conflict: undefined,
    copy: on,
    session: undefined,
    mirrorRewrites: 0,
  };
}

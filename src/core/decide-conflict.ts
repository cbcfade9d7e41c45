import type { Conflict, ConflictKind, ConflictRule, ConflictSide } from './conflict.js';
import type { Decision } from './decision.js';
import type { Reading } from './observation.js';
import type { Side } from './pair.js';
import { otherSide } from './pair.js';
import type { Policy } from './policy.js';
import type { Judged, Situation } from './situation.js';
import type { Interval } from './write-interval.js';
import { laterWriter } from './write-interval.js';

interface Outcome {
  readonly winner: Side | undefined;
  readonly rule: ConflictRule;
  readonly ambiguous: boolean;
}

/** Both sides moved away from what was agreed: one of them stands, and both go to the journal. */
export function decideConflict(judged: Judged, kind: ConflictKind, policy: Policy): Decision {
  const outcome = chooseWinner(judged, kind, policy);
  const conflict = conflictOf(judged, kind, outcome);
  if (outcome.winner === undefined) return { do: 'hold', reason: 'conflict', conflict };
  return enforce(judged, outcome.winner, conflict);
}

/** Makes the winner's state stand on the other side. */
export function enforce(judged: Judged, winner: Side, conflict: Conflict): Decision {
  const on = otherSide(winner);
  const source = judged.readings[winner];
  const base = judged.readings[on];
  if (source.kind === 'unknown' || base.kind === 'unknown') return { do: 'wait' };
  if (source.kind === 'absent') {
    if (base.kind !== 'present') return { do: 'wait' };
    return { do: 'remove', on, base, cause: 'deleted', conflict };
  }
  return {
    do: 'copy',
    on,
    source,
    base: base.kind === 'present' ? base : undefined,
    conflict,
    copy: base.kind === 'absent' ? on : undefined,
    session: undefined,
    mirrorRewrites: 0,
  };
}

export function conflictOf(
  { key, readings, written }: Pick<Situation, 'key' | 'readings' | 'written'>,
  kind: ConflictKind,
  outcome: Outcome,
): Conflict {
  return {
    key,
    kind,
    ...outcome,
    sides: {
      left: sideOf(readings.left, written.left),
      right: sideOf(readings.right, written.right),
    },
  };
}

function chooseWinner(judged: Judged, kind: ConflictKind, policy: Policy): Outcome {
  if (policy.source !== undefined) return { winner: policy.source, rule: 'one-way', ambiguous: false };
  if (kind === 'initial' && policy.initial !== 'merge') {
    return { winner: policy.initial, rule: fixedRule(policy.initial), ambiguous: false };
  }
  switch (policy.conflict) {
    case 'left-wins':
      return { winner: 'left', rule: 'left-wins', ambiguous: false };
    case 'right-wins':
      return { winner: 'right', rule: 'right-wins', ambiguous: false };
    case 'hold':
      return { winner: undefined, rule: 'hold', ambiguous: false };
    case 'last-writer-wins':
      return lastWriter(judged, policy.tieBreak);
  }
}

function lastWriter(judged: Judged, tieBreak: Side): Outcome {
  const { winner, ambiguous } = laterWriter(judged.written, tieBreak);
  if (!ambiguous) return { winner, rule: 'last-writer-wins', ambiguous };
  // Bringing back what somebody deleted is a nuisance, deleting what somebody wrote is a loss.
  if (judged.readings.left.kind === 'absent')
    return { winner: 'right', rule: 'update-beats-delete', ambiguous };
  if (judged.readings.right.kind === 'absent')
    return { winner: 'left', rule: 'update-beats-delete', ambiguous };
  return { winner, rule: 'tie-break', ambiguous };
}

function fixedRule(side: Side): ConflictRule {
  return side === 'left' ? 'left-wins' : 'right-wins';
}

function sideOf(reading: Reading, written: Interval): ConflictSide {
  if (reading.kind !== 'present') return { value: undefined, flags: 0n, version: undefined, written };
  return { value: reading.value, flags: reading.flags, version: reading.version, written };
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEmpty, isParentInPlaceOf, isStructure } from '../../../src/core/classify.js';
import type { Conflict } from '../../../src/core/conflict.js';
import type { Decision } from '../../../src/core/decision.js';
import type { Pair, Side } from '../../../src/core/pair.js';
import { otherSide, pairOf, SIDES } from '../../../src/core/pair.js';
import type { Policy } from '../../../src/core/policy.js';
import { reconcile } from '../../../src/core/reconcile.js';
import type { Situation } from '../../../src/core/situation.js';
import { sameVersion } from '../../../src/core/version.js';
import { anyPolicy, anySituation, anyTwoWayPolicy } from './any-situation.js';
import { DecisionWorld, isObscured, sidesAgree } from './decision-world.js';
import { brief, swapDecision, swapPolicy, swapSituation } from './situations.js';

const RUNS = { numRuns: 5_000 };
/** A clearing and a pruning, a copy and a retraction; then it must be quiet. */
const STEPS_MAX = 3;

/** Checks a decision in every situation, under every policy. */
function always(
  check: (decision: Decision, situation: Situation, policy: Policy) => void,
  policies: fc.Arbitrary<Policy> = anyPolicy,
): void {
  fc.assert(
    fc.property(anySituation, policies, (situation, policy) => {
      check(reconcile(situation, policy), situation, policy);
    }),
    RUNS,
  );
}

describe('reconcile, in any situation and under any policy', () => {
  it('is symmetric: with the sides and the policy swapped, the decision is swapped', () => {
    always((decision, situation, policy) => {
      const swapped = reconcile(swapSituation(situation), swapPolicy(policy));
      expect(swapDecision(swapped)).toEqual(decision);
    });
  });

  it('S5, S6: nothing is written, recorded or forgotten while a side is unknown or below its agreed version', () => {
    always((decision, situation) => {
      if (isObscured(situation)) expect(['wait', 'skip']).toContain(decision.do);
    });
  });

  it('L1: it waits for nothing but a side that is unknown or below its agreed version', () => {
    always((decision, situation) => {
      if (decision.do === 'wait') expect(isObscured(situation)).toBe(true);
    });
  });

  it('S1: what a write replaces was agreed on, or is empty, or the same, or is in the conflict that goes with it', () => {
    always((decision, situation) => {
      if (decision.do !== 'copy' && decision.do !== 'remove') return;
      const { on, base } = decision;
      if (base === undefined || isEmpty(base) || isAgreed(situation, on) || situation.ours[on]) return;
      if (decision.do === 'copy' && decision.source.digest === base.digest) return;
      expect(decision.conflict?.sides[on].value).toEqual(base.value);
    });
  });

  it('S1: every conflict carries both values with their versions, and names the winner that the write makes stand', () => {
    always((decision, situation) => {
      const conflict = 'conflict' in decision ? decision.conflict : undefined;
      if (conflict === undefined) return;
      expect(conflict.sides).toEqual(sidesOf(situation));
      if (decision.do === 'hold') expect(conflict.winner).toBeUndefined();
      if ('on' in decision) expect(conflict.winner).toBe(otherSide(decision.on));
    });
  });

  it('S2: when both sides are at the versions that were agreed on, nothing is written', () => {
    always((decision, situation) => {
      const { record } = situation;
      if (record?.kind !== 'entry' || record.empty) return;
      if (SIDES.every((side) => isAgreed(situation, side))) {
        expect(['nothing', 'record', 'skip']).toContain(decision.do);
      }
    });
  });

  it('S2: what the daemon itself has written is not copied back over a newer write of the other side', () => {
    always((decision, situation) => {
      if (decision.do !== 'copy') return;
      const { on } = decision;
      const from = otherSide(on);
      // An entry that had drifted while the mapping had another direction is a conflict of its two sides.
      if (!situation.ours[from] || situation.ours[on] || situation.drifted) return;
      if (decision.base === undefined || isAgreed(situation, on)) return;
      // Only what is to be put back by rule: a one-way mapping's target. All else would be an echo.
      expect(isEmpty(decision.base) || decision.conflict?.rule === 'one-way').toBe(true);
    }, anyPolicy);
  });

  it('S4: a side is removed only if it was agreed on and is unchanged, or loses a conflict that is journaled', () => {
    always((decision, situation) => {
      if (decision.do !== 'remove' || decision.conflict !== undefined) return;
      const { on } = decision;
      expect(isAgreed(situation, on) || situation.ours[on]).toBe(true);
      const other = situation.readings[otherSide(on)];
      // A retraction has a structure on the other side, and the daemon's own parent in the entry's place proves that it
      // is gone; every other removal has nothing there.
      const isParent = isParentInPlaceOf(situation.record, situation.readings, otherSide(on));
      expect(other.kind).toBe(decision.cause === 'retracted' || isParent ? 'present' : 'absent');
      if (decision.cause === 'retracted' || decision.cause === 'pruned')
        expect(isEmpty(decision.base)).toBe(true);
    });
  });

  it('S4: without an agreement, by archive or by ledger, nothing is removed', () => {
    always((decision, situation) => {
      if (situation.record !== undefined || situation.ours.left || situation.ours.right) return;
      expect(decision.do).not.toBe('remove');
    });
  });

  it('the original of a session-bound entry is never written', () => {
    always((decision, { readings }) => {
      if (decision.do !== 'copy' && decision.do !== 'remove') return;
      const reading = readings[decision.on];
      expect(reading.kind === 'present' ? reading.session : undefined).toBeUndefined();
    });
  });

  it('the source of a one-way mapping is never written', () => {
    always((decision, _, policy) => {
      if (decision.do === 'copy' || decision.do === 'remove') expect(decision.on).not.toBe(policy.source);
    });
  });

  it('a one-way mapping removes nothing that was not agreed on, and nothing that a client has changed', () => {
    always((decision, situation, policy) => {
      if (policy.source === undefined || decision.do !== 'remove') return;
      expect(decision.conflict).toBeUndefined();
      expect(isAgreed(situation, decision.on) || situation.ours[decision.on]).toBe(true);
    });
  });

  it('only a mapping that holds conflicts, or a mirror that is fought over, is held; only one-way mappings drift', () => {
    always((decision, situation, policy) => {
      if (decision.do === 'hold' && decision.reason === 'conflict') expect(policy.conflict).toBe('hold');
      if (decision.do === 'drift') expect(policy.source).toBeDefined();
      if (decision.do === 'skip') expect(SIDES.some((side) => hasSession(situation, side))).toBe(true);
    });
  });
});

describe('reconcile, carried out', () => {
  it('L1: from any situation that can be seen, a few decisions lead to equal sides, or to a hold, skip or drift', () => {
    always((_, situation, policy) => {
      if (isObscured(situation)) return;
      const world = new DecisionWorld(situation);
      const decisions = world.settle(policy, STEPS_MAX);
      const last = decisions.at(-1);
      expect(['nothing', 'hold', 'skip', 'drift'], decisions.map(brief).join('; ')).toContain(last?.do);
      if (last?.do === 'nothing') expect(sidesAgree(world.situation)).toBe(true);
    });
  });

  it('a drift that is reported stays as it is, look after look', () => {
    always((decision, situation, policy) => {
      if (decision.do !== 'drift') return;
      const world = new DecisionWorld(situation);
      world.carryOut(decision);
      expect(reconcile(world.situation, policy)).toEqual(decision);
    });
  });

  it('S7: a write whose record was lost is recognised, and nobody loses anything by it', () => {
    always((decision, situation, policy) => {
      if (decision.do !== 'copy' && decision.do !== 'remove') return;
      const remembered = new DecisionWorld(situation);
      remembered.carryOut(decision);
      remembered.settle(policy, STEPS_MAX);

      const forgotten = new DecisionWorld(situation);
      forgotten.carryOut(decision, { recorded: false });
      for (const next of forgotten.settle(policy, STEPS_MAX)) {
        expect('conflict' in next ? next.conflict : undefined, brief(next)).toBeUndefined();
      }
      expect(contentsOf(forgotten.situation)).toEqual(contentsOf(remembered.situation));
    });
  });

  it('L1: a two-way mapping ends with the same content wherever one of the sides has one', () => {
    always((_, situation, policy) => {
      if (isObscured(situation) || SIDES.some((side) => hasSession(situation, side))) return;
      const world = new DecisionWorld(situation);
      const last = world.settle(policy, STEPS_MAX).at(-1);
      if (policy.conflict === 'hold' && last?.do === 'hold') return;
      expect(last?.do).toBe('nothing');
    }, anyTwoWayPolicy);
  });
});

/** At the version that the archive has as agreed. */
function isAgreed({ record, readings }: Situation, side: Side): boolean {
  const reading = readings[side];
  if (record === undefined || reading.kind !== 'present') return false;
  if (record.kind === 'entry') return sameVersion(reading.version, record.versions[side]);
  return record.side === side && sameVersion(reading.version, record.version);
}

function hasSession({ readings }: Situation, side: Side): boolean {
  const reading = readings[side];
  return reading.kind === 'present' && reading.session !== undefined;
}

function sidesOf({ readings, written }: Situation): Conflict['sides'] {
  const sideOf = (side: Side): Conflict['sides']['left'] => {
    const reading = readings[side];
    if (reading.kind !== 'present')
      return { value: undefined, flags: 0n, version: undefined, written: written[side] };
    const { value, flags, version } = reading;
    return { value, flags, version, written: written[side] };
  };
  return { left: sideOf('left'), right: sideOf('right') };
}

/** What both sides hold; beside structure, which agrees with either, nothing and an empty value are the same. */
function contentsOf({ key, readings }: Situation): Pair<string | undefined> {
  const hasStructure = SIDES.some((side) => {
    const reading = readings[side];
    return reading.kind === 'present' && isStructure(key, reading);
  });
  return pairOf((side) => {
    const reading = readings[side];
    if (reading.kind !== 'present' || (hasStructure && isEmpty(reading))) return undefined;
    return reading.digest;
  });
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CutoverMoves, CutoverStep } from '../../../src/core/cutover.js';
import {
  CUTOVER_STEPS,
  decodeMoves,
  encodeMoves,
  latestMoves,
  MOVES_MAX,
  moveNumber,
  policyInForce,
  stepAfter,
  stepBefore,
  stepInForce,
  stepReached,
  withMove,
} from '../../../src/core/cutover.js';
import { decodeLedger, encodeLedger, mirrorOf, nextLedger } from '../../../src/core/ledger.js';
import type { Policy } from '../../../src/core/policy.js';
import { reconcile } from '../../../src/core/reconcile.js';
import { anySituation } from './any-situation.js';
import { POLICY } from './situations.js';

const anyStep = fc.constantFrom(...CUTOVER_STEPS);
const anyMoves = fc
  .array(fc.tuple(anyStep, fc.integer({ min: 0, max: 2 ** 42 })), { minLength: 1, maxLength: 30 })
  .map((taken) => taken.reduce<CutoverMoves>((moves, [step, atMs]) => withMove(moves, step, atMs), []));

function at(step: CutoverStep): CutoverMoves {
  return withMove(undefined, step, 1);
}

describe('the steps of a cutover', () => {
  it('are taken one after the other, and back', () => {
    expect(CUTOVER_STEPS.map(stepAfter)).toEqual(['right-leads', 'left-mirror', undefined]);
    expect(CUTOVER_STEPS.map(stepBefore)).toEqual([undefined, 'both', 'right-leads']);
    expect(stepReached(undefined)).toBe('both');
  });

  it('are remembered up to a bound, the latest, by numbers that only rise (S9)', () => {
    fc.assert(
      fc.property(anyMoves, anyStep, (moves, step) => {
        const more = withMove(moves, step, 7);
        expect(more.length).toBeLessThanOrEqual(MOVES_MAX);
        expect(moveNumber(more)).toBe(moveNumber(moves) + 1);
        expect(stepReached(more)).toBe(step);
        expect(latestMoves(moves, undefined, more)).toBe(more);
        expect(latestMoves(more, moves)).toBe(more);
      }),
    );
  });

  it('come back from a ledger as they went in, and a ledger without them reads as none were taken', () => {
    const identity = { pairId: 'p', writer: 'w', places: { left: 'l/', right: 'r/' }, paused: false };
    const before = nextLedger(identity, undefined);
    expect(encodeLedger(before)).not.toContain('cutover');
    expect(decodeLedger(encodeLedger(before))).toEqual(before);
    expect(stepReached(decodeLedger(encodeLedger(before))?.cutover)).toBe('both');
    fc.assert(
      fc.property(anyMoves, (cutover) => {
        const ledger = nextLedger({ ...identity, cutover }, undefined);
        const decoded = decodeLedger(encodeLedger(ledger))!;
        expect(decoded).toEqual(ledger);
        const version = { modified: 1n, created: 1n, revision: 0 };
        expect(mirrorOf({ ledger: decoded, version }).cutover).toEqual(cutover);
        expect(decodeMoves(encodeMoves(cutover))).toEqual(cutover);
      }),
    );
  });

  it.each([
    [[]],
    ['both'],
    [[['both', 1, 1]]],
    [[[1, 'somewhere', 1]]],
    [[[1.5, 'both', 1]]],
    [[[1, 'both']]],
  ])('are none where a ledger has %j in their place', (encoded) => {
    expect(decodeMoves(encoded)).toBeUndefined();
  });
});

describe('the policy in force', () => {
  const lww: Policy = POLICY;

  it('is the configured one until a step was taken, and again when it was taken back', () => {
    expect(policyInForce(lww, undefined)).toBe(lww);
    expect(policyInForce(lww, withMove(at('right-leads'), 'both', 2))).toBe(lww);
  });

  it('lets the right side win every conflict while it leads, whatever is configured', () => {
    for (const conflict of ['last-writer-wins', 'left-wins', 'hold'] as const) {
      for (const initial of ['merge', 'left'] as const) {
        const policy = policyInForce({ ...lww, conflict, initial, tieBreak: 'left' }, at('right-leads'));
        expect(policy).toMatchObject({ source: undefined, conflict: 'right-wins', initial: 'right' });
        expect(policy.tieBreak).toBe('right');
      }
    }
  });

  it('makes the right side the source at the last step, and keeps all else as it is configured', () => {
    const policy = policyInForce({ ...lww, drift: 'revert', sessionBound: 'skip' }, at('left-mirror'));
    expect(policy).toMatchObject({ source: 'right', drift: 'revert', sessionBound: 'skip' });
  });

  it('of a one-way mapping is the configured one, whatever step was once taken', () => {
    for (const source of ['left', 'right'] as const) {
      const oneWay = { ...lww, source };
      for (const step of CUTOVER_STEPS) expect(policyInForce(oneWay, at(step))).toBe(oneWay);
    }
    expect(stepInForce({ source: 'right' }, undefined)).toBe('left-mirror');
    expect(stepInForce({ source: 'left' }, at('right-leads'))).toBeUndefined();
    expect(stepInForce({ source: undefined }, at('right-leads'))).toBe('right-leads');
  });

  it('S4: deletes nothing that was never agreed on, at whatever step, and after whatever change of steps', () => {
    fc.assert(
      fc.property(anySituation, anyStep, (situation, step) => {
        const decision = reconcile(situation, policyInForce(lww, at(step)));
        if (decision.do !== 'remove') return;
        const isOurs = situation.ours.left || situation.ours.right;
        expect(situation.record !== undefined || isOurs).toBe(true);
      }),
    );
  });

  it('S1: what had drifted is a conflict on the way back, and what loses it is in the journal', () => {
    fc.assert(
      fc.property(anySituation, anyStep, (situation, step) => {
        if (step === 'left-mirror' || situation.record?.kind !== 'entry') return;
        const decision = reconcile({ ...situation, drifted: true }, policyInForce(lww, at(step)));
        if (decision.do !== 'remove' || decision.cause !== 'deleted') return;
        expect(decision.conflict).toBeDefined();
      }),
    );
  });

  it('S8: never writes the right side at the last step', () => {
    fc.assert(
      fc.property(anySituation, (situation) => {
        const decision = reconcile(situation, policyInForce(lww, at('left-mirror')));
        if (decision.do === 'copy' || decision.do === 'remove') expect(decision.on).toBe('left');
      }),
    );
  });
});

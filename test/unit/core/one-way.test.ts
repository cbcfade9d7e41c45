import { describe, expect, it } from 'vitest';
import type { Policy } from '../../../src/core/policy.js';
import { reconcile } from '../../../src/core/reconcile.js';
import {
  agreed,
  brief,
  inner,
  laterOn,
  LEFT_TO_RIGHT,
  present,
  situation,
  structureOf,
  swapDecision,
  swapPolicy,
  swapSituation,
  UNKNOWN,
  version,
} from './situations.js';

type Parts = Parameters<typeof situation>[0];

const REPORT: Policy = LEFT_TO_RIGHT;
const REVERT: Policy = { ...LEFT_TO_RIGHT, drift: 'revert' };

/** One sentence of the rules, checked in both directions. The source is on the left. */
function rule(sentence: string, policy: Policy, parts: Parts, expected: string): void {
  it(sentence, () => {
    const one = situation(parts);
    expect(brief(reconcile(one, policy))).toBe(expected);
    const swapped = reconcile(swapSituation(one), swapPolicy(policy));
    expect(brief(swapDecision(swapped))).toBe(expected);
  });
}

const D = agreed('D');

describe.each([
  ['reported', REPORT],
  ['reverted', REVERT],
] as const)('the source of a one-way mapping whose drift is %s', (_, policy) => {
  rule('has its creates copied', policy, { left: present('E', 11) }, 'create right with "E"');
  rule(
    'has its updates copied',
    policy,
    { record: D, left: present('E', 11), right: present('D', 20) },
    'update right with "E"',
  );
  rule('S4: has its deletes copied', policy, { record: D, right: present('D', 20) }, 'remove right, deleted');
  rule(
    'S5: has nothing copied while it is unknown',
    policy,
    { record: D, left: UNKNOWN, right: present('D', 20) },
    'wait',
  );
  rule(
    'wins every conflict, and what the target had is journaled',
    policy,
    { record: D, left: present('E', 11), right: present('F', 21), written: laterOn('right') },
    'update right with "E" as conflict',
  );
  rule(
    'wins from the beginning, and what the target had is journaled',
    policy,
    { left: present('E', 11), right: present('F', 21), written: laterOn('right') },
    'update right with "E" as conflict',
  );
  rule(
    'has a change copied that meets a deletion on the target',
    policy,
    { record: D, left: present('E', 11) },
    'create right with "E" as conflict',
  );
  rule(
    'deletes nothing that a client has changed on the target: that is drift',
    policy,
    { record: D, right: present('F', 21), written: laterOn('left') },
    'drift, changed',
  );
  rule(
    'deletes nothing that was never agreed on: what is only on the target was added there',
    policy,
    { right: present('F', 21) },
    'drift, added',
  );
  rule(
    'has no value for what it only has structure for: what is on the target was added there',
    policy,
    { left: inner(10), right: present('F', 21) },
    'drift, added',
  );
  rule(
    'keeps structure that the daemon had once made there',
    policy,
    { record: structureOf('daemon', 'left', 10), left: present('', 10) },
    'nothing',
  );
  rule(
    'keeps an empty entry whose counterpart became structure',
    policy,
    { record: agreed('', { copy: 'left' }), left: present('', 10), right: inner(20) },
    'nothing',
  );
  rule(
    'agrees with the target where both changed alike',
    policy,
    { record: D, left: present('E', 11), right: present('E', 21) },
    'record entry',
  );
  rule(
    'keeps what a session on the target had once brought, and shows that it is over there',
    policy,
    { record: agreed('D', { session: 'right' }), left: present('D', 10) },
    'drift, deleted',
  );
});

describe('a foreign change on the target of a one-way mapping', () => {
  rule(
    'is reported and left alone',
    REPORT,
    { record: D, left: present('D', 10), right: present('F', 21) },
    'drift, changed',
  );
  rule('is reported where it was a delete', REPORT, { record: D, left: present('D', 10) }, 'drift, deleted');
  rule(
    'is still only reported at the second look',
    REPORT,
    { record: D, left: present('D', 10), right: present('F', 21), drifted: true },
    'drift, changed',
  );
  rule(
    'is still only reported at the second look where it was a delete',
    REPORT,
    { record: D, left: present('D', 10), drifted: true },
    'drift, deleted',
  );
  rule(
    'is reverted, if the mapping says so, and journaled',
    REVERT,
    { record: D, left: present('D', 10), right: present('F', 21) },
    'update right with "D" as conflict',
  );
  rule(
    'is reverted where it was a delete, and there is nothing to journal',
    REVERT,
    { record: D, left: present('D', 10) },
    'create right with "D"',
  );
  rule(
    "is reverted where it was a delete, and the daemon's own structure stands there since",
    REVERT,
    {
      record: D,
      left: present('D', 10),
      right: inner(25, { version: version(25, 25) }),
      ours: { left: false, right: true },
    },
    'update right with "D"',
  );
  rule(
    'is one also where the source has become structure: an empty value was agreed on',
    REPORT,
    { record: agreed(''), left: inner(10), right: present('F', 21) },
    'drift, changed',
  );
  rule(
    'is reverted to the empty value that was agreed on, where the source has become structure',
    REVERT,
    { record: agreed(''), left: inner(10), right: present('F', 21) },
    'update right with "" as conflict',
  );
  rule(
    'is none, where only the version has moved',
    REPORT,
    { record: D, left: present('D', 10), right: present('D', 21) },
    'record entry',
  );

  it('S1: that is reverted is in the journal with its value', () => {
    const right = present('F', 21);
    expect(reconcile(situation({ record: D, left: present('D', 10), right }), REVERT)).toMatchObject({
      conflict: {
        kind: 'drift',
        winner: 'left',
        rule: 'one-way',
        ambiguous: false,
        sides: { right: { value: right.value } },
      },
    });
  });
});

describe('a mapping whose direction was turned around', () => {
  const drifted = { record: D, left: present('F', 11), right: present('D', 20), drifted: true };

  rule(
    'S1: has what had drifted on its new source copied as a conflict',
    REPORT,
    drifted,
    'update right with "F" as conflict',
  );
  rule(
    'has what was deleted on its new source decided as a conflict, which takes nothing away from the target',
    REPORT,
    { record: D, right: present('D', 20), drifted: true },
    'drift, changed',
  );
});

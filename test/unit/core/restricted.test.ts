import { describe, expect, it } from 'vitest';
import { carryOut } from '../../../src/core/carry-out-order.js';
import type { PresentReading } from '../../../src/core/observation.js';
import type { Policy } from '../../../src/core/policy.js';
import { impose, reconcile } from '../../../src/core/reconcile.js';
import {
  agreed,
  brief,
  inner,
  POLICY,
  present,
  situation,
  structureOf,
  swapDecision,
  swapPolicy,
  swapSituation,
  version,
} from './situations.js';

const SKIP: Policy = { ...POLICY, restricted: 'skip' };

/** One sentence of the rules, checked from both sides. The restricted entry is on the left. */
function rule(
  sentence: string,
  parts: Parameters<typeof situation>[0],
  expected: string,
  policy: Policy = SKIP,
): void {
  it(sentence, () => {
    const one = situation(parts);
    expect(brief(reconcile(one, policy))).toBe(expected);
    const swapped = reconcile(swapSituation(one), swapPolicy(policy));
    expect(brief(swapDecision(swapped))).toBe(expected);
  });
}

function secret(value: string, at: number): PresentReading {
  return present(value, at, { restricted: true });
}

function contentOf(value: string) {
  const { value: of, digest, flags } = present(value, 1);
  return { value: of, digest, flags, access: undefined };
}

const LEFT_OUT = 'skip, read-restricted';

describe('an entry that not everybody may read', () => {
  rule(
    'is carried over, unless the mapping says otherwise',
    { left: secret('L', 10) },
    'create right with "L"',
    POLICY,
  );
  rule('is left out, if it does', { left: secret('L', 10) }, LEFT_OUT);
  rule(
    'S4: has its copy stay, when it was restricted later',
    { record: agreed('A'), left: secret('B', 11), right: present('A', 20) },
    LEFT_OUT,
  );
  rule(
    'is not overwritten by a change of the copy',
    { record: agreed('A'), left: secret('A', 10), right: present('B', 21) },
    LEFT_OUT,
  );
  rule('S4: is not deleted with its copy', { record: agreed('A'), left: secret('A', 10) }, LEFT_OUT);
  rule('is no conflict', { left: secret('L', 10), right: present('R', 20) }, LEFT_OUT);
  rule(
    'takes its copy with it when it is deleted',
    { record: agreed('A'), right: present('A', 20) },
    'remove right, deleted',
  );
  rule(
    'may be agreed on where both sides have the same',
    { left: secret('A', 10), right: present('A', 20) },
    'record entry',
  );
  rule(
    'is in step as long as nothing changes',
    { record: agreed('A'), left: secret('A', 10), right: present('A', 20) },
    'nothing',
  );
  rule(
    'is none where the daemon has made it of what everybody may read',
    { record: agreed('A', { copy: 'left' }), left: secret('A', 10), right: present('B', 21) },
    'update left with "B"',
  );
  rule(
    'nor is a parent of such',
    { record: structureOf('daemon', 'left', 10), left: inner(10, { children: 0, restricted: true }) },
    'remove left, pruned',
  );
  rule(
    "is one as soon as a client has changed the daemon's copy",
    { record: agreed('A', { copy: 'left' }), left: secret('S', 11), right: present('A', 20) },
    LEFT_OUT,
  );
  rule(
    "also where it was made anew in the copy's place",
    {
      record: agreed('A', { copy: 'left' }),
      left: present('S', 11, { restricted: true, version: version(11, 11) }),
      right: present('A', 20),
    },
    LEFT_OUT,
  );
  rule(
    'and so is a parent that the daemon has made, when a client gives it data',
    { record: structureOf('daemon', 'left', 10), left: secret('S', 11) },
    LEFT_OUT,
  );

  it('is left out also where an operator releases it', () => {
    const held = situation({ left: secret('L', 10), right: present('R', 20) });
    for (const winner of ['left', 'right'] as const) expect(brief(impose(held, winner, SKIP))).toBe(LEFT_OUT);
  });

  it('is left alone also where an order, given before it was restricted, is still to be carried out', () => {
    const before = secret('L', 10);
    const replaces = { left: before, right: present('R', 20) };
    const origin = { kind: 'conflict', id: 1 } as const;
    const keepRight = { content: contentOf('R'), replaces, origin };
    const one = situation({ left: before, right: present('R', 20) });
    expect(carryOut(one, keepRight, SKIP)).toBeUndefined();
    expect(carryOut(one, { ...keepRight, content: undefined }, SKIP)).toBeUndefined();
    expect(carryOut(one, keepRight, POLICY)?.do).toBe('copy');
  });
});

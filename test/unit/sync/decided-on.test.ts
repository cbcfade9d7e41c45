import { describe, expect, it } from 'vitest';
import { reconcile } from '../../../src/core/reconcile.js';
import type { Situation } from '../../../src/core/situation.js';
import type { DecidedOn } from '../../../src/sync/decided-on.js';
import { changedSince, decidedOn } from '../../../src/sync/decided-on.js';
import type { Examined } from '../../../src/sync/examine.js';
import { agreed, POLICY, present, situation, structureOf, version } from '../core/situations.js';

const NAMES = { left: 'tree', right: 'flat' };
type Parts = Parameters<typeof situation>[0];

function examined(parts: Parts, policy = POLICY): Examined {
  const one: Situation = situation(parts);
  const mark = { key: one.key, at: undefined, noticedMs: 0 };
  return { mark, situation: one, decision: reconcile(one, policy), presumed: false };
}

const BEFORE: Parts = { record: agreed('A'), left: present('B', 11), right: present('A', 20) };
const planned = decidedOn(examined(BEFORE)) as DecidedOn;

describe('a write that was decided on before', () => {
  it('is the same as long as both sides, the archive and the decision are', () => {
    expect(planned).toMatchObject({ key: 'k', action: 'update', on: 'right' });
    expect(changedSince(planned, examined(BEFORE), NAMES)).toBeUndefined();
  });

  it.each<[string, Parts, RegExp]>([
    [
      'a side has another version',
      { ...BEFORE, left: present('B', 12) },
      /^tree has 12\.1\.0, and had 11\.1\.0$/,
    ],
    [
      'a side was made anew',
      { ...BEFORE, right: present('A', 20, { version: version(20, 19) }) },
      /^flat has 20\.19\.0/,
    ],
    [
      'a side is gone',
      { record: agreed('A'), left: present('B', 11) },
      /^flat has absent, and had 20\.1\.0$/,
    ],
    ['a side is not known', { ...BEFORE, right: { kind: 'unknown', reason: 'denied' } }, /^flat has unknown/],
    [
      'the archive has other versions',
      { ...BEFORE, record: agreed('A', { versions: { left: version(9), right: version(20) } }) },
      /^the archive has 9\.1\.0 20\.1\.0, and had 10\.1\.0 20\.1\.0$/,
    ],
    ['the archive has nothing', { ...BEFORE, record: undefined }, /^the archive has none/],
    [
      'the archive has structure',
      { ...BEFORE, record: structureOf('client', 'left', 10) },
      /^the archive has structure/,
    ],
    // As a ledger may show it.
    [
      'it is decided otherwise',
      { ...BEFORE, ours: { left: true, right: false } },
      /^it would now be decided otherwise/,
    ],
  ])('is another one when %s', (_what, parts, message) => {
    expect(changedSince(planned, examined(parts), NAMES)).toMatch(message);
  });
});

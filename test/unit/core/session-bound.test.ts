import { describe, expect, it } from 'vitest';
import type { EntryRecord } from '../../../src/core/archive-record.js';
import type { PresentReading, Reading } from '../../../src/core/observation.js';
import type { Policy } from '../../../src/core/policy.js';
import { impose, reconcile } from '../../../src/core/reconcile.js';
import { MIRROR_REWRITES_MAX } from '../../../src/core/session-bound.js';
import { DecisionWorld } from './decision-world.js';
import {
  ABSENT,
  agreed,
  brief,
  inner,
  laterOn,
  POLICY,
  present,
  situation,
  swapDecision,
  swapPolicy,
  swapSituation,
  UNKNOWN,
} from './situations.js';

type Parts = Parameters<typeof situation>[0];

/** One sentence of the rules, checked from both sides. The original is on the left. */
function rule(sentence: string, parts: Parts, expected: string, policy: Policy = POLICY): void {
  it(sentence, () => {
    const one = situation(parts);
    expect(brief(reconcile(one, policy))).toBe(expected);
    const swapped = reconcile(swapSituation(one), swapPolicy(policy));
    expect(brief(swapDecision(swapped))).toBe(expected);
  });
}

function bound(value: string, at: number): PresentReading {
  return present(value, at, { session: 'session 7' });
}

/** What was made up to this number has gone with its session. Entries of these tests were made at 1. */
function lapsed(upTo: number): Reading {
  return { kind: 'absent', lapsedUpTo: BigInt(upTo) };
}

/** Left is the original, right its mirror, both with this value. */
function mirrored(value: string, extras: Partial<EntryRecord> = {}): EntryRecord {
  return agreed(value, { session: 'left', ...extras });
}

describe('a session-bound entry', () => {
  rule("is mirrored from its owner's side", { left: bound('L', 10) }, 'create right with "L"');
  rule(
    'is in step with a mirror of the same content',
    { record: mirrored('L'), left: bound('L', 10), right: present('L', 20) },
    'nothing',
  );
  rule(
    'takes an entry of the same content as its mirror',
    { left: bound('L', 10), right: present('L', 20) },
    'record entry',
  );
  rule(
    'has its mirror follow its changes',
    { record: mirrored('L'), left: bound('M', 11), right: present('L', 20) },
    'update right with "M"',
  );
  rule(
    'wins over an entry of another content, which is journaled',
    { left: bound('L', 10), right: present('E', 20), written: laterOn('right') },
    'update right with "L" as conflict',
  );
  rule(
    'gives its content to structure on the other side',
    { left: bound('L', 10), right: inner(20) },
    'update right with "L"',
  );
  rule(
    'was an ordinary one that a client deleted on the other side: that is journaled',
    { record: agreed('D'), left: bound('D', 11) },
    'create right with "D" as conflict',
  );
  rule('is left out, if the mapping says so', { left: bound('L', 10) }, 'skip, session-bound', {
    ...POLICY,
    sessionBound: 'skip',
  });
  rule(
    'is left out, if sessions own it on both sides',
    { left: bound('L', 10), right: bound('M', 20) },
    'skip, session-bound',
  );
  rule('is left out on the target of a one-way mapping', { left: bound('L', 10) }, 'skip, session-bound', {
    ...POLICY,
    source: 'right',
  });
  rule(
    'has its mirror made anew where that is bound otherwise than the others, whatever it holds',
    { record: mirrored('L'), left: bound('L', 10), right: present('L', 20, { isMisbound: true }) },
    'update right with "L"',
  );
  rule(
    'has a mirror that went with its session made again, of which no client knows',
    { record: mirrored('L'), left: bound('L', 10), right: lapsed(1) },
    'create right with "L"',
  );
  rule(
    'has it made again as it is by now',
    { record: mirrored('L'), left: bound('M', 11), right: lapsed(1) },
    'create right with "M"',
  );
  rule(
    'has a mirror put back that was made since, and that a client has deleted: that is journaled',
    { record: mirrored('L'), left: bound('L', 10), right: lapsed(0) },
    'create right with "L" as conflict',
  );
  rule(
    'has an ordinary copy put back that was never bound: that is journaled',
    { record: agreed('D'), left: bound('D', 11), right: lapsed(1) },
    'create right with "D" as conflict',
  );
  rule('S5: waits while the mirror is unknown', { left: bound('L', 10), right: UNKNOWN }, 'wait');
  rule(
    'S6: waits while the mirror is below its agreed version',
    { record: mirrored('L'), left: bound('M', 11), right: present('K', 19) },
    'wait',
  );
  rule(
    'S6: waits while the original is below its agreed version',
    { record: mirrored('L'), left: bound('K', 9), right: present('L', 20) },
    'wait',
  );

  it('has both versions recorded, and on which side its session is', () => {
    const same = situation({ left: bound('L', 10), right: present('L', 20) });
    expect(reconcile(same, POLICY)).toEqual({ do: 'record', record: mirrored('L') });
    const empty = situation({ left: bound('', 10), right: present('', 20) });
    expect(reconcile(empty, POLICY)).toEqual({ do: 'record', record: mirrored('') });
  });

  it('is no more held for mirrors that went with their session, however often that happened', () => {
    const record = mirrored('L', { mirrorRewrites: MIRROR_REWRITES_MAX });
    const one = situation({ record, left: bound('L', 10), right: lapsed(1) });
    expect(reconcile(one, POLICY)).toMatchObject({ do: 'copy', mirrorRewrites: MIRROR_REWRITES_MAX });
    expect(reconcile({ ...one, readings: { ...one.readings, right: ABSENT } }, POLICY).do).toBe('hold');
  });

  it('has a new mirror recorded as such', () => {
    expect(reconcile(situation({ left: bound('L', 10) }), POLICY)).toMatchObject({ session: 'left' });
  });
});

describe('the end of a session', () => {
  rule(
    'that takes the entry with it takes the mirror, too, counted apart from other deletions',
    { record: mirrored('L'), right: present('L', 20) },
    'remove right, session-ended',
  );
  rule(
    'S5: takes nothing while the original is unknown',
    { record: mirrored('L'), left: UNKNOWN, right: present('L', 20) },
    'wait',
  );
  rule(
    'does not take what a client has made of the mirror unseen: that is a conflict of update and delete',
    { record: mirrored('L'), right: present('E', 21), written: laterOn('right') },
    'create left with "E" as conflict',
  );
  rule(
    'that leaves the entry (a lock is released, the key stays) makes it an ordinary one with the copy as base',
    { record: mirrored('L'), left: present('L', 11), right: present('L', 20) },
    'record entry',
  );
  rule(
    'is recorded also where the version did not move',
    { record: mirrored('L'), left: present('L', 10), right: present('L', 20) },
    'record entry',
  );
  rule(
    'that leaves it with another content has that written to the copy, as for any entry',
    { record: mirrored('L'), left: present('M', 11), right: present('L', 20) },
    'update right with "M"',
  );
  rule(
    'lets a client write to the former mirror',
    { record: agreed('L'), left: present('L', 10), right: present('E', 21) },
    'update left with "E"',
  );

  it('is recorded, and the count of rewrites with it ended', () => {
    const released = situation({
      record: mirrored('L', { mirrorRewrites: 5 }),
      left: present('L', 11),
      right: present('L', 20),
    });
    expect(reconcile(released, POLICY)).toMatchObject({ record: { session: undefined, mirrorRewrites: 0 } });
  });
});

describe('a mirror by its own word, without an original', () => {
  const stray = (value: string, at: number): PresentReading => present(value, at, { isMirror: true });
  rule('goes with it', { record: mirrored('L'), right: stray('L', 20) }, 'remove right, session-ended');
  rule(
    'goes also where the archive knows nothing of it, instead of being carried over',
    { right: stray('L', 20) },
    'remove right, session-ended',
  );
  rule(
    'S7: goes as a mirror also where only the ledger tells that the daemon made it',
    { right: stray('L', 20), ours: { left: false, right: true } },
    'remove right, session-ended',
  );
  rule(
    'goes also where a client has written to it, which is journaled',
    { record: mirrored('L'), right: stray('E', 21), written: laterOn('right') },
    'remove right, session-ended as conflict',
  );
  rule(
    'goes so from the target of a one-way mapping, too',
    { record: mirrored('L'), right: stray('E', 21), written: laterOn('right') },
    'remove right, session-ended as conflict',
    { ...POLICY, source: 'left' },
  );
  rule('S5: stays while the original is unknown', { left: UNKNOWN, right: stray('L', 20) }, 'wait');
  rule(
    'S6: stays while it is below its agreed version',
    { record: mirrored('L'), right: stray('K', 19) },
    'wait',
  );
  rule(
    'is recorded with an original of the same content as any other',
    { left: bound('L', 10), right: stray('L', 20) },
    'record entry',
  );

  it('can not be made to stand by an operator: nobody would take it away again', () => {
    const one = situation({ record: mirrored('L'), right: stray('E', 21) });
    expect(brief(impose(one, 'right', POLICY))).toBe('remove right, session-ended as conflict');
  });
});

describe('a client that writes to the mirror', () => {
  rule(
    'loses: its value is journaled, and the mirror rewritten',
    { record: mirrored('L'), left: bound('L', 10), right: present('E', 21), written: laterOn('right') },
    'update right with "L" as conflict',
  );
  rule(
    'loses also where it puts an old value back',
    { record: mirrored('L'), left: bound('M', 11), right: present('L', 21) },
    'update right with "M" as conflict',
  );
  rule(
    'or deletes it has it made again',
    { record: mirrored('L'), left: bound('L', 10), right: ABSENT },
    'create right with "L" as conflict',
  );
  rule(
    'or deletes it while the original changes has it made with the new content, and kept that it was deleted',
    { record: mirrored('L'), left: bound('M', 11), right: ABSENT },
    'create right with "M" as conflict',
  );
  rule(
    'and writes what stands there anyway changes nothing',
    { record: mirrored('L'), left: bound('L', 10), right: present('L', 21) },
    'record entry',
  );

  it("S1: loses nothing for good: the conflict names the session's side as winner and has both values", () => {
    const right = present('E', 21);
    const decision = reconcile(situation({ record: mirrored('L'), left: bound('L', 10), right }), POLICY);
    expect(decision).toMatchObject({
      conflict: {
        kind: 'copy-modified',
        winner: 'left',
        rule: 'session-owner',
        sides: { right: { value: right.value } },
      },
    });
  });

  it.each([
    ['by another value', present('E', 1_000)],
    ['by deleting it', ABSENT],
  ])('again and again, %s, is put back 8 times, and then the entry is held', (_, right) => {
    let world = new DecisionWorld(
      situation({ record: mirrored('L'), left: bound('L', 10), right: present('L', 20) }),
    );
    const decisions: string[] = [];
    for (let round = 0; round < MIRROR_REWRITES_MAX + 1; round++) {
      const { readings } = world.situation;
      world = new DecisionWorld({
        ...world.situation,
        readings: { ...readings, right },
        ours: { left: false, right: false },
      });
      decisions.push(brief(world.settle(POLICY, 3)[0] ?? { do: 'nothing' }));
    }
    const putBack =
      right.kind === 'absent' ? 'create right with "L" as conflict' : 'update right with "L" as conflict';
    expect(decisions).toEqual([
      ...Array.from({ length: MIRROR_REWRITES_MAX }, () => putBack),
      'hold, copy-modified as conflict',
    ]);
  });

  it('is counted anew after the original has changed', () => {
    const record = mirrored('L', { mirrorRewrites: MIRROR_REWRITES_MAX });
    const changed = situation({ record, left: bound('M', 11), right: present('L', 20) });
    expect(reconcile(changed, POLICY)).toMatchObject({ do: 'copy', mirrorRewrites: 0 });
  });

  it('is not forgiven by a rewrite of the mirror that is only recorded', () => {
    const record = mirrored('L', { mirrorRewrites: 5 });
    const rewritten = situation({ record, left: bound('L', 10), right: present('L', 21) });
    expect(reconcile(rewritten, POLICY)).toMatchObject({ record: { mirrorRewrites: 5 } });
  });
});

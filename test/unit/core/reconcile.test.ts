import { describe, expect, it } from 'vitest';
import type { EntryRecord } from '../../../src/core/archive-record.js';
import type { Policy } from '../../../src/core/policy.js';
import { impose, reconcile } from '../../../src/core/reconcile.js';
import type { Situation } from '../../../src/core/situation.js';
import {
  ABSENT,
  agreed,
  brief,
  inner,
  laterOn,
  LEFT_TO_RIGHT,
  POLICY,
  present,
  situation,
  structureOf,
  swapDecision,
  swapPolicy,
  swapSituation,
  textOf,
  UNKNOWN,
  version,
} from './situations.js';

type Parts = Parameters<typeof situation>[0];

/** One sentence of the rules, checked from both sides. */
function rule(sentence: string, parts: Parts, expected: string, policy: Policy = POLICY): void {
  it(sentence, () => {
    const one = situation(parts);
    expect(brief(reconcile(one, policy))).toBe(expected);
    const swapped = reconcile(swapSituation(one), swapPolicy(policy));
    expect(brief(swapDecision(swapped))).toBe(expected);
  });
}

function recordOf(one: Situation, policy: Policy = POLICY): EntryRecord {
  const decision = reconcile(one, policy);
  if (decision.do !== 'record' || decision.record?.kind !== 'entry') throw new Error(brief(decision));
  return decision.record;
}

const D = agreed('D');

describe('an entry that was agreed on', () => {
  rule('S5: unknown against clean: wait', { record: D, left: UNKNOWN, right: present('D', 20) }, 'wait');
  rule('S5: unknown against dirty: wait', { record: D, left: UNKNOWN, right: present('E', 21) }, 'wait');
  rule('S5: unknown against absent: wait, and forget nothing', { record: D, left: UNKNOWN }, 'wait');
  rule('S5: unknown against unknown: wait', { record: D, left: UNKNOWN, right: UNKNOWN }, 'wait');
  rule(
    'S6: below its agreed version against clean: wait, since that is a stale answer or a restored backup',
    { record: D, left: present('C', 9), right: present('D', 20) },
    'wait',
  );
  rule(
    'S6: below its agreed version against absent: wait',
    { record: D, left: present('C', 9), right: ABSENT },
    'wait',
  );
  rule(
    'S2: clean against clean: nothing',
    { record: D, left: present('D', 10), right: present('D', 20) },
    'nothing',
  );
  rule(
    'moved against clean: only the archive follows',
    { record: D, left: present('D', 11), right: present('D', 20) },
    'record entry',
  );
  rule(
    'dirty against clean: written to the other side, and nobody loses',
    { record: D, left: present('E', 11), right: present('D', 20) },
    'update right with "E"',
  );
  rule(
    'emptied against clean: an empty value is a value',
    { record: D, left: present('', 11), right: present('D', 20) },
    'update right with ""',
  );
  rule(
    'moved against moved: only the archive follows',
    { record: D, left: present('D', 11), right: present('D', 21) },
    'record entry',
  );
  rule(
    'dirty against dirty with the same content: only the archive follows',
    { record: D, left: present('E', 11), right: present('E', 21) },
    'record entry',
  );
  rule(
    'dirty against dirty with different contents: a conflict',
    { record: D, left: present('E', 11), right: present('F', 21), written: laterOn('left') },
    'update right with "E" as conflict',
  );
  rule(
    'moved against dirty: a conflict, since a rewrite of the old value is a write, too',
    { record: D, left: present('D', 11), right: present('F', 21), written: laterOn('left') },
    'update right with "D" as conflict',
  );
  rule(
    'S4: absent against clean: deleted on the other side',
    { record: D, right: present('D', 20) },
    'remove right, deleted',
  );
  rule(
    'absent against moved: a conflict of update and delete',
    { record: D, right: present('D', 21), written: laterOn('right') },
    'create left with "D" as conflict',
  );
  rule(
    'absent against dirty, which was written later: the update stands',
    { record: D, right: present('E', 21), written: laterOn('right') },
    'create left with "E" as conflict',
  );
  rule(
    'absent against dirty, but deleted later: the delete stands',
    { record: D, right: present('E', 21), written: laterOn('left') },
    'remove right, deleted as conflict',
  );
  rule('absent against absent: forgotten', { record: D }, 'forget');

  it('takes both versions into the vector when the contents are the same', () => {
    const one = situation({ record: D, left: present('E', 11), right: present('E', 21) });
    expect(recordOf(one)).toEqual(agreed('E', { versions: { left: version(11), right: version(21) } }));
  });

  it('keeps in mind who made the copy as long as no client has written it', () => {
    const record = agreed('D', { copy: 'right' });
    const changed = reconcile(situation({ record, left: present('E', 11), right: present('D', 20) }), POLICY);
    expect(changed).toMatchObject({ do: 'copy', copy: 'right' });
    const original = situation({ record, left: present('D', 11), right: present('D', 20) });
    expect(recordOf(original).copy).toBe('right');
    const rewritten = situation({ record, left: present('D', 10), right: present('D', 21) });
    expect(recordOf(rewritten).copy).toBeUndefined();
  });
});

describe('an entry that was never agreed on', () => {
  rule('S5: unknown against present: wait', { left: UNKNOWN, right: present('E', 21) }, 'wait');
  rule('on one side only: created on the other', { left: present('E', 11) }, 'create right with "E"');
  rule('on neither side: nothing', {}, 'nothing');
  rule(
    'the same on both sides: agreed on',
    { left: present('E', 11), right: present('E', 21) },
    'record entry',
  );
  rule(
    'different on both sides, merging: a conflict like any other',
    { left: present('E', 11), right: present('F', 21), written: laterOn('right') },
    'update left with "F" as conflict',
  );
  rule(
    'different on both sides, with a rule for the beginning: the side that it names wins',
    { left: present('E', 11), right: present('F', 21), written: laterOn('right') },
    'update right with "E" as conflict',
    { ...POLICY, initial: 'left' },
  );
  rule(
    'different on both sides, merging, and conflicts are held: held',
    { left: present('E', 11), right: present('F', 21) },
    'hold, conflict as conflict',
    { ...POLICY, conflict: 'hold' },
  );
});

describe('an entry that the daemon itself has written, as its ledger proves', () => {
  rule(
    'S7: the record was lost: it is recorded now, and nothing is written',
    { record: D, left: present('E', 11), right: present('E', 21), ours: { left: false, right: true } },
    'record entry',
  );
  rule(
    'S7: the record was lost, and it had put the agreed content back: its version is recorded now',
    { record: D, left: present('D', 10), right: present('D', 21), ours: { left: false, right: true } },
    'record entry',
  );
  rule(
    'S2: it is never dirty: a newer write of the other side is copied over it, and is no conflict',
    { left: present('F', 12), right: present('E', 21), ours: { left: false, right: true } },
    'update right with "F"',
  );
  rule(
    'S7: without archive it counts as agreed on: what a client then deleted is deleted here',
    { right: present('E', 21), ours: { left: false, right: true } },
    'remove right, deleted',
  );
  rule(
    'S7: the archive had it otherwise, and a client has deleted the original since',
    { record: D, right: present('E', 21), ours: { left: false, right: true } },
    'remove right, deleted',
  );
  rule(
    'S1: the other side is where the archive has it, with other content: the write came late, and is put back and kept',
    { record: D, left: present('D', 10), right: present('E', 21), ours: { left: false, right: true } },
    'update right with "D" as conflict',
  );
  rule(
    'S6: the other side is below what the archive has: wait',
    { record: D, left: present('C', 9), right: inner(21), ours: { left: false, right: true } },
    'wait',
  );
});

describe('who wins a conflict', () => {
  const conflict = { record: D, left: present('E', 11), right: present('F', 21, { flags: 7n }) };
  const deletion = { record: D, right: present('F', 21) };
  const overlapping = situation({}).written;
  const won = (by: string) => `update ${by === 'left' ? 'right with "E"' : 'left with "F"'} as conflict`;

  rule(
    'the later write, where the times can tell: the left one',
    { ...conflict, written: laterOn('left') },
    won('left'),
  );
  rule(
    'the later write, where the times can tell: the right one',
    { ...conflict, written: laterOn('right') },
    won('right'),
  );
  rule('the tie-break, where they overlap', { ...conflict, written: overlapping }, won('right'), {
    ...POLICY,
    tieBreak: 'right',
  });
  rule(
    'the update, where its time and that of a delete overlap, even against the tie-break',
    { ...deletion, written: overlapping },
    'create left with "F" as conflict',
    { ...POLICY, tieBreak: 'left' },
  );
  rule(
    'always the left one, if the mapping says so',
    { ...conflict, written: laterOn('right') },
    won('left'),
    {
      ...POLICY,
      conflict: 'left-wins',
    },
  );
  rule(
    'always the right one, if the mapping says so',
    { ...conflict, written: laterOn('left') },
    won('right'),
    {
      ...POLICY,
      conflict: 'right-wins',
    },
  );
  rule('the deleting side, if the mapping says so', deletion, 'remove right, deleted as conflict', {
    ...POLICY,
    conflict: 'left-wins',
  });
  rule('nobody, if the mapping holds conflicts', conflict, 'hold, conflict as conflict', {
    ...POLICY,
    conflict: 'hold',
  });

  it('S1: both values are journaled with flags, versions and times, so that the loser can be restored', () => {
    const decision = reconcile(situation({ ...conflict, written: laterOn('left') }), POLICY);
    expect('conflict' in decision ? decision.conflict : undefined).toEqual({
      key: 'k',
      kind: 'update-update',
      winner: 'left',
      rule: 'last-writer-wins',
      ambiguous: false,
      sides: {
        left: { value: conflict.left.value, flags: 0n, version: version(11), written: laterOn('left').left },
        right: {
          value: conflict.right.value,
          flags: 7n,
          version: version(21),
          written: laterOn('left').right,
        },
      },
    });
  });

  it('makes a copy of the daemon only of what it creates for it', () => {
    const created = reconcile(situation({ ...deletion, written: laterOn('right') }), POLICY);
    expect(created).toMatchObject({ do: 'copy', on: 'left', copy: 'left' });
    const updated = reconcile(situation({ ...conflict, written: laterOn('right') }), POLICY);
    expect(updated).toMatchObject({ do: 'copy', on: 'left', copy: undefined });
  });

  it.each([
    ['left', 'left-wins'],
    ['right', 'right-wins'],
  ] as const)('a rule for the beginning that names the %s one is journaled as %s', (initial, chosenBy) => {
    const never = situation({ left: present('E', 11), right: present('F', 21) });
    const decision = reconcile(never, { ...POLICY, initial });
    expect(decision).toMatchObject({ conflict: { kind: 'initial', winner: initial, rule: chosenBy } });
  });

  it.each([
    ['tie-break', conflict, POLICY],
    ['update-beats-delete', deletion, POLICY],
  ] as const)('a decision by %s is marked as ambiguous', (chosenBy, parts, policy) => {
    const decision = reconcile(situation({ ...parts, written: overlapping }), policy);
    expect(decision).toMatchObject({ conflict: { rule: chosenBy, ambiguous: true } });
  });
});

describe('an entry that had drifted before the mapping got another direction', () => {
  rule(
    'changed there, unchanged here: a conflict now, and not simply the newer one',
    { record: D, left: present('E', 11), right: present('D', 20), drifted: true, written: laterOn('right') },
    'update left with "D" as conflict',
  );
  rule(
    'deleted there, unchanged here: a conflict now, and not simply a deletion',
    { record: D, right: present('D', 20), drifted: true },
    'create left with "D" as conflict',
  );
  rule('S1: added there: created here', { left: present('E', 11), drifted: true }, 'create right with "E"');
});

describe('an entry that an operator has decided', () => {
  const imposed: ReadonlyArray<readonly [sentence: string, parts: Parts, expected: string]> = [
    [
      'has the chosen content on both sides',
      { left: present('E', 11), right: present('F', 21) },
      'update right with "E" as conflict',
    ],
    ['is deleted, if that was chosen', { right: present('F', 21) }, 'remove right, deleted as conflict'],
    [
      'is only recorded where the sides have become equal',
      { left: present('E', 11), right: present('E', 21) },
      'record entry',
    ],
    ['L1: is forgotten, once it was deleted on both sides', {}, 'forget'],
    ['S5: waits while a side is unknown', { left: present('E', 11), right: UNKNOWN }, 'wait'],
    [
      'S6: waits while a side is below its agreed version',
      { left: present('E', 9), right: present('F', 21) },
      'wait',
    ],
    [
      'is the original of a session, whatever was chosen',
      { left: present('E', 11), right: present('F', 21, { session: 'session 7' }) },
      'update left with "F" as conflict',
    ],
  ];

  it.each(imposed)('%s', (_, parts, expected) => {
    const one = situation({ record: D, written: laterOn('right'), ...parts });
    expect(brief(impose(one, 'left', POLICY))).toBe(expected);
    expect(brief(swapDecision(impose(swapSituation(one), 'right', swapPolicy(POLICY))))).toBe(expected);
  });

  it('stays as it is on the source of a one-way mapping, whatever was chosen', () => {
    const one = situation({ record: D, left: present('D', 10), right: present('F', 21) });
    expect(brief(impose(one, 'right', LEFT_TO_RIGHT))).toBe('drift, changed');
    expect(brief(impose(one, 'left', LEFT_TO_RIGHT))).toBe('update right with "D" as conflict');
  });

  it('has rewrites of a mirror counted anew', () => {
    const record = agreed('D', { session: 'left', mirrorRewrites: 8 });
    const left = present('D', 10, { session: 'session 7' });
    const one = situation({ record, left, right: present('F', 21) });
    expect(reconcile(one, POLICY)).toMatchObject({ do: 'hold' });
    expect(impose(one, 'left', POLICY)).toMatchObject({ do: 'copy', on: 'right', mirrorRewrites: 1 });
  });

  it('S1: names the operator in the journal, with both values', () => {
    const parts = { record: D, left: present('E', 11), right: present('F', 21) };
    expect(impose(situation(parts), 'right', POLICY)).toMatchObject({
      do: 'copy',
      on: 'left',
      conflict: {
        winner: 'right',
        rule: 'operator',
        ambiguous: false,
        sides: { left: { value: parts.left.value }, right: { value: parts.right.value } },
      },
    });
  });
});

describe('what a write takes along', () => {
  it('the update of an existing entry goes under the condition of what was read there', () => {
    const right = present('D', 20, { flags: 7n });
    const decision = reconcile(situation({ record: D, left: present('E', 11), right }), POLICY);
    expect(decision).toMatchObject({ do: 'copy', on: 'right', base: right });
  });

  it('the bytes are those that were read on the other side', () => {
    const left = present('E', 11);
    const decision = reconcile(situation({ left }), POLICY);
    expect(decision.do === 'copy' ? textOf(decision.source.value) : undefined).toBe('E');
  });

  it('the version of structure is what its deletion goes by', () => {
    const left = present('', 11);
    const record = structureOf('daemon', 'left', 11);
    expect(reconcile(situation({ record, left }), POLICY)).toMatchObject({ do: 'remove', base: left });
  });
});

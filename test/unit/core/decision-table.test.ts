import { describe, expect, it } from 'vitest';
import type { State } from '../../../src/core/classify.js';
import type { Verdict } from '../../../src/core/decision-table.js';
import { AGREED, NEVER_AGREED } from '../../../src/core/decision-table.js';

const STATES: readonly State[] = ['clean', 'moved', 'dirty', 'structure', 'absent', 'unknown'];

const IN_A_MIRROR: Readonly<Record<Verdict, Verdict>> = {
  wait: 'wait',
  none: 'none',
  adopt: 'adopt',
  left: 'right',
  right: 'left',
  compare: 'compare',
  initial: 'initial',
  'remove-left': 'remove-right',
  'remove-right': 'remove-left',
  'update-delete': 'update-delete',
  'fold-left': 'fold-right',
  'fold-right': 'fold-left',
  'note-left': 'note-right',
  'note-right': 'note-left',
  forget: 'forget',
};

describe('the table for entries that were agreed on', () => {
  const rows: ReadonlyArray<readonly [left: State, right: State, verdict: Verdict]> = [
    ['clean', 'clean', 'none'],
    ['moved', 'clean', 'adopt'],
    ['dirty', 'clean', 'left'],
    ['moved', 'moved', 'adopt'],
    ['moved', 'dirty', 'compare'],
    ['dirty', 'dirty', 'compare'],
    ['absent', 'clean', 'remove-right'],
    ['absent', 'moved', 'update-delete'],
    ['absent', 'dirty', 'update-delete'],
    ['absent', 'absent', 'forget'],
    ['structure', 'structure', 'none'],
    ['structure', 'clean', 'fold-left'],
    ['structure', 'moved', 'adopt'],
    ['structure', 'dirty', 'right'],
    ['structure', 'absent', 'note-left'],
  ];

  it.each(rows)('%s against %s: %s', (left, right, verdict) => {
    expect(AGREED[left][right]).toBe(verdict);
  });

  it('says the same from either side', () => {
    for (const a of STATES) for (const b of STATES) expect(AGREED[b][a]).toBe(IN_A_MIRROR[AGREED[a][b]]);
  });

  it('has every combination in a row above, in one of its two orders, or one side unknown', () => {
    const named = new Set(rows.flatMap(([a, b]) => [`${a} ${b}`, `${b} ${a}`]));
    for (const a of STATES) {
      for (const b of STATES) {
        expect(named.has(`${a} ${b}`), `${a} ${b}`).toBe(a !== 'unknown' && b !== 'unknown');
      }
    }
  });

  it('S4: removes a side only where it is clean and the other absent', () => {
    for (const a of STATES) {
      for (const b of STATES) {
        if (AGREED[a][b] === 'remove-right') expect([a, b]).toEqual(['absent', 'clean']);
      }
    }
  });
});

describe('the table for entries that were never agreed on', () => {
  const rows: ReadonlyArray<readonly [left: State, right: State, verdict: Verdict]> = [
    ['dirty', 'absent', 'left'],
    ['dirty', 'structure', 'left'],
    ['dirty', 'dirty', 'initial'],
    ['structure', 'absent', 'note-left'],
    ['structure', 'structure', 'none'],
    ['absent', 'absent', 'forget'],
  ];

  it.each(rows)('%s against %s: %s', (left, right, verdict) => {
    expect(NEVER_AGREED[left][right]).toBe(verdict);
  });

  it('says the same from either side', () => {
    for (const a of STATES) {
      for (const b of STATES) expect(NEVER_AGREED[b][a]).toBe(IN_A_MIRROR[NEVER_AGREED[a][b]]);
    }
  });

  it('S4: removes and retracts nothing, since nothing proves that it was ever on both sides', () => {
    const verdicts = STATES.flatMap((a) => STATES.map((b) => NEVER_AGREED[a][b]));
    for (const verdict of verdicts) expect(verdict).not.toMatch(/^(remove|fold|update-delete)/);
  });

  it('waits in the combinations that can not occur: nothing is clean or moved without an agreement', () => {
    for (const a of ['clean', 'moved'] as const)
      for (const b of STATES) expect(NEVER_AGREED[a][b]).toBe('wait');
  });
});

describe('both tables', () => {
  it('S5: conclude nothing from an unknown side, whatever the other is', () => {
    for (const table of [AGREED, NEVER_AGREED]) {
      for (const state of STATES) {
        expect(table.unknown[state]).toBe('wait');
        expect(table[state].unknown).toBe('wait');
      }
    }
  });
});

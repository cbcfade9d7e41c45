import { describe, expect, it } from 'vitest';
import type { LedgerMirror, MappingState } from '../../../src/core/mapping-state.js';
import { Custody } from '../../../src/sync/custody.js';
import { agreed, version } from '../core/situations.js';

/** The left ledger stands at a version of its own, the right side has none. */
class Ledgers {
  at = 100;

  get state(): MappingState {
    const left: LedgerMirror = {
      version: version(this.at),
      generation: 1,
      recent: [],
      writer: 'test',
      paused: false,
    };
    const state: Pick<MappingState, 'ledgers'> = { ledgers: { left, right: undefined } };
    return state as MappingState;
  }
}

function at(modified: number): ReturnType<typeof agreed> {
  return agreed('D', { versions: { left: version(modified), right: version(20) } });
}

describe('what is missing in a store', () => {
  it('S1, S4: is in doubt after a start, if it is newer than the ledger was', () => {
    const custody = new Custody(new Ledgers());
    expect(custody.isInDoubt('left', at(101))).toBe(true);
    expect(custody.isInDoubt('left', at(100))).toBe(false);
  });

  it('S1: is in doubt where only the ledger proves that it was agreed on', () => {
    const custody = new Custody(new Ledgers());
    expect(custody.isInDoubt('left', undefined)).toBe(true);
  });

  it('is not in doubt once everything was walked, and is again after the next break', () => {
    const ledgers = new Ledgers();
    const custody = new Custody(ledgers);
    custody.walked('left');
    expect(custody.isInDoubt('left', at(101))).toBe(false);
    ledgers.at = 200;
    custody.broken('left');
    expect(custody.isInDoubt('left', at(200))).toBe(false);
    expect(custody.isInDoubt('left', at(201))).toBe(true);
  });

  it('S1: stays in doubt when the ledger moves after the break, which it may do in a restored store', () => {
    const ledgers = new Ledgers();
    const custody = new Custody(ledgers);
    ledgers.at = 300;
    custody.follow();
    expect(custody.isInDoubt('left', at(250))).toBe(true);
    expect(custody.isInDoubt('left', at(301)), 'seen after the break').toBe(false);
  });

  it('S1: stays in doubt through a second break, though the ledger has moved between', () => {
    const ledgers = new Ledgers();
    const custody = new Custody(ledgers);
    ledgers.at = 300;
    custody.follow();
    custody.broken('left');
    expect(custody.isInDoubt('left', at(250))).toBe(true);
    expect(custody.isInDoubt('left', at(301))).toBe(true);
    expect(custody.isInDoubt('left', at(100))).toBe(false);
  });

  it('is never in doubt where there is no ledger to tell', () => {
    const custody = new Custody(new Ledgers());
    custody.broken('right');
    expect(custody.isInDoubt('right', at(101))).toBe(false);
  });
});

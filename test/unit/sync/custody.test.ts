import { describe, expect, it } from 'vitest';
import type { LedgerMirror, MappingState } from '../../../src/core/mapping-state.js';
import { Custody } from '../../../src/sync/custody.js';
import { agreed, version } from '../core/situations.js';

/** The left ledger stands at a version of its own, the right side has none. */
class Store {
  ledgerAt = 100;
  newest = 0;

  get newestRecorded(): { left: bigint; right: bigint } {
    return { left: BigInt(this.newest), right: 0n };
  }

  get state(): MappingState {
    const left: LedgerMirror = {
      version: version(this.ledgerAt),
      generation: 1,
      recent: [],
      writer: 'test',
      paused: false,
      copied: '',
    };
    const state: Pick<MappingState, 'ledgers'> = { ledgers: { left, right: undefined } };
    return state as MappingState;
  }
}

function at(modified: number): ReturnType<typeof agreed> {
  return agreed('D', { versions: { left: version(modified), right: version(20) } });
}

/** Everything was walked and dealt with after the start, and the ledger stands at 100 again. */
function inStep(store: Store): Custody {
  const custody = new Custody(store);
  custody.walked('left', custody.breaksOf('left'));
  custody.settled();
  return custody;
}

describe('what is missing in a store', () => {
  it('S1, S4: is in doubt after a start, if it is newer than the ledger was', () => {
    const custody = new Custody(new Store());
    expect(custody.isInDoubt('left', at(101))).toBe(true);
    expect(custody.isInDoubt('left', at(100))).toBe(false);
  });

  it('S1: is in doubt where only the ledger proves that it was agreed on', () => {
    const custody = new Custody(new Store());
    expect(custody.isInDoubt('left', undefined)).toBe(true);
  });

  it('S1: stays in doubt when the ledger moves after the start, which it may do in a restored store', () => {
    const store = new Store();
    const custody = new Custody(store);
    store.ledgerAt = 300;
    custody.follow();
    expect(custody.isInDoubt('left', at(250))).toBe(true);
    expect(custody.isInDoubt('left', at(301)), 'seen after the break').toBe(false);
  });

  it('is not in doubt once everything was walked and dealt with, and is again after the next break', () => {
    const store = new Store();
    const custody = inStep(store);
    expect(custody.isInDoubt('left', at(101))).toBe(false);
    store.ledgerAt = 200;
    store.newest = 210;
    custody.broken('left');
    expect(custody.isInDoubt('left', at(200))).toBe(false);
    expect(custody.isInDoubt('left', at(201))).toBe(true);
  });

  it('is not in doubt if it was first seen after the break, however often that is told', () => {
    const store = new Store();
    const custody = inStep(store);
    store.newest = 110;
    custody.broken('left');
    custody.broken('left');
    store.newest = 120;
    expect(custody.isInDoubt('left', at(110))).toBe(true);
    expect(custody.isInDoubt('left', at(111))).toBe(false);
  });

  it('S1: stays in doubt through a second break, though the ledger has moved between; what was seen between is not', () => {
    const store = new Store();
    const custody = inStep(store);
    store.newest = 110;
    custody.broken('left');
    store.ledgerAt = 300;
    store.newest = 310;
    custody.broken('left');
    expect(custody.isInDoubt('left', at(110))).toBe(true);
    expect(custody.isInDoubt('left', at(250))).toBe(false);
    expect(custody.isInDoubt('left', at(310))).toBe(true);
    expect(custody.isInDoubt('left', at(100))).toBe(false);
  });

  it('S1: stays in doubt after a walk that began before the break', () => {
    const store = new Store();
    const custody = inStep(store);
    const before = custody.breaksOf('left');
    store.newest = 110;
    custody.broken('left');
    custody.walked('left', before);
    custody.settled();
    expect(custody.isInDoubt('left', at(105))).toBe(true);
    custody.walked('left', custody.breaksOf('left'));
    expect(custody.isInDoubt('left', at(105)), 'not dealt with yet').toBe(true);
    custody.settled();
    expect(custody.isInDoubt('left', at(105))).toBe(false);
  });

  it('S1, S9: stays in doubt through any number of breaks, of which a bounded number is told apart', () => {
    const store = new Store();
    const custody = inStep(store);
    for (let broken = 0; broken < 20; broken++) {
      store.ledgerAt = 100 + broken * 10;
      store.newest = store.ledgerAt + 5;
      custody.broken('left');
    }
    for (let broken = 0; broken < 20; broken++) {
      expect(custody.isInDoubt('left', at(105 + broken * 10))).toBe(true);
    }
    expect(custody.isInDoubt('left', at(100 + 18 * 10)), 'between two late ones').toBe(false);
  });

  it('is never in doubt where there is no ledger to tell', () => {
    const custody = new Custody(new Store());
    custody.broken('right');
    expect(custody.isInDoubt('right', at(101))).toBe(false);
  });
});

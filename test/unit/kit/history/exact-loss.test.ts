import { describe, expect, it } from 'vitest';
import { checkExactLoss } from '../../../kit/history/exact-loss.js';
import type { ClientWrite, History, StoreName } from '../../../kit/history/history.js';

const QUIET: History = {
  writes: [],
  finals: { zookeeper: new Map(), consul: new Map() },
  journal: [],
  ending: { mappingHolds: [], setAside: new Set() },
  replacements: [],
  restartsOfAgreement: [],
  restarts: new Map(),
  source: undefined,
};

/** All at the same time: nothing but what each tells to have replaced counts. */
function put(
  store: StoreName,
  replaced: string | undefined,
  value: string | undefined,
  outcome: ClientWrite['outcome'] = 'acknowledged',
): ClientWrite {
  const endedMs = outcome === 'unknown' ? Infinity : 10;
  return { store, key: 'k', value, invokedMs: 0, endedMs, outcome, replaced: { value: replaced } };
}

function standing(zookeeper: string | undefined, consul = zookeeper): Pick<History, 'finals'> {
  const having = (value: string | undefined): ReadonlyMap<string, string> =>
    new Map(value === undefined ? [] : [['k', value]]);
  return { finals: { zookeeper: having(zookeeper), consul: having(consul) } };
}

function missing(history: Partial<History>): (string | undefined)[] {
  return checkExactLoss({ ...QUIET, ...history }).map(({ explanation }) => /^"(\w+)"/.exec(explanation)?.[1]);
}

describe('exact loss (S1)', () => {
  const first = put('zookeeper', undefined, 'a');

  it('is content with what stands on both sides, and with what a client replaced on either', () => {
    expect(missing({ writes: [first], ...standing('a') })).toEqual([]);
    expect(missing({ writes: [first, put('zookeeper', 'a', 'b')], ...standing('b') })).toEqual([]);
    expect(missing({ writes: [first, put('consul', 'a', 'b')], ...standing('b') })).toEqual([]);
    expect(missing({ writes: [first, put('consul', 'a', undefined)], ...standing(undefined) })).toEqual([]);
  });

  it('misses a value that gave way to one written at the same time, unless a journal has it', () => {
    const history = { writes: [first, put('consul', undefined, 'b')], ...standing('b') };
    expect(missing(history)).toEqual(['a']);
    const conflict = {
      ...{ daemon: 'd', key: 'k', kind: 'initial', winner: 'consul' as const },
      values: { zookeeper: 'a', consul: 'b' },
      versions: { zookeeper: '1', consul: '2' },
    };
    expect(missing({ ...history, journal: [conflict] })).toEqual([]);
  });

  it('misses a value that stands on one side only, unless the entry is set aside', () => {
    const history = { writes: [first], ...standing('a', 'b') };
    expect(missing(history)).toEqual(['a']);
    expect(missing({ ...history, ending: { mappingHolds: [], setAside: new Set(['k']) } })).toEqual([]);
    expect(missing({ ...history, ending: { mappingHolds: ['x'], setAside: new Set() } })).toEqual([]);
  });

  it('takes a write of unknown outcome for done if its value has turned up, and a deletion in any case', () => {
    const unknown = put('zookeeper', 'a', 'b', 'unknown');
    expect(missing({ writes: [first, unknown], ...standing('b') })).toEqual([]);
    expect(missing({ writes: [first, unknown, put('consul', 'b', 'c')], ...standing('c') })).toEqual([]);
    const deletion = put('zookeeper', 'a', undefined, 'unknown');
    expect(missing({ writes: [first, deletion], ...standing(undefined) })).toEqual([]);
  });

  it('misses a value whose only successor has not turned up anywhere, and does not miss that one', () => {
    const unknown = put('zookeeper', 'a', 'b', 'unknown');
    expect(missing({ writes: [first, unknown], ...standing(undefined) })).toEqual(['a']);
  });

  it('takes a refused write for nothing, neither as a successor nor as a value', () => {
    const refused = put('zookeeper', 'a', 'b', 'refused');
    expect(missing({ writes: [first, refused], ...standing('a') })).toEqual([]);
    expect(missing({ writes: [first, refused], ...standing(undefined) })).toEqual(['a']);
  });

  it('says nothing of a key that was written without a condition', () => {
    const { replaced: _, ...blind } = put('consul', undefined, 'b');
    expect(missing({ writes: [first, blind], ...standing('b') })).toEqual([]);
  });

  it('does not blame the daemon for what a store lost by itself', () => {
    const wiped = { store: 'zookeeper', atMs: 50, how: 'wiped' } as const;
    expect(missing({ writes: [first], ...standing(undefined), replacements: [wiped] })).toEqual([]);
    expect(
      missing({ writes: [first], ...standing(undefined), replacements: [{ ...wiped, store: 'consul' }] }),
    ).toEqual(['a']);
  });
});

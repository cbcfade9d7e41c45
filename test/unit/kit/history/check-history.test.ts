import { describe, expect, it } from 'vitest';
import { checkHistory } from '../../../kit/history/check-history.js';
import type { ClientWrite, History, JournaledConflict, StoreName } from '../../../kit/history/history.js';

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

/** A write that took from `atMs` to ten milliseconds later. */
function put(store: StoreName, value: string | undefined, atMs: number): ClientWrite {
  return { store, key: 'k', value, invokedMs: atMs, endedMs: atMs + 10, outcome: 'acknowledged' };
}

/** On both sides, or on each its own. */
function finally_(...[zookeeper, ...other]: readonly (string | undefined)[]): Pick<History, 'finals'> {
  const consul = other.length === 0 ? zookeeper : other[0];
  const having = (value: string | undefined): ReadonlyMap<string, string> =>
    new Map(value === undefined ? [] : [['k', value]]);
  return { finals: { zookeeper: having(zookeeper), consul: having(consul) } };
}

function journaled(
  zookeeper: string | undefined,
  consul: string | undefined,
  winner: StoreName | undefined,
): JournaledConflict {
  return {
    daemon: 'd',
    key: 'k',
    kind: 'update-update',
    winner,
    values: { zookeeper, consul },
    versions: { zookeeper: `of ${zookeeper ?? ''}`, consul: `of ${consul ?? ''}` },
  };
}

function broken(history: Partial<History>): string[] {
  return checkHistory({ ...QUIET, ...history }).map(({ checker }) => checker);
}

describe('no loss (S1)', () => {
  const first = put('zookeeper', 'a', 0);

  it('is content with a value that stands on both sides', () => {
    expect(broken({ writes: [first], ...finally_('a') })).toEqual([]);
  });

  it('misses an acknowledged value that stands nowhere', () => {
    expect(broken({ writes: [first], ...finally_(undefined) })).toEqual(['no loss']);
  });

  it('misses a value that an earlier one of the other side has replaced, unless a journal has it', () => {
    const history = { writes: [put('consul', 'b', 0), put('zookeeper', 'a', 100)], ...finally_('b') };
    expect(broken(history)).toEqual(['no loss']);
    expect(broken({ ...history, journal: [journaled('a', 'b', 'consul')] })).toEqual([]);
  });

  it('lets a later write, an overlapping one, and one that may still be done replace a value', () => {
    for (const later of [
      put('consul', 'b', 100),
      put('consul', 'b', 5),
      { ...put('consul', 'b', -100), endedMs: Infinity, outcome: 'unknown' as const },
      put('consul', undefined, 100),
    ]) {
      expect(broken({ writes: [first, later], ...finally_(later.value) })).toEqual([]);
    }
  });

  it('does not take a refused write for one that replaces', () => {
    const refused = { ...put('consul', 'b', 100), outcome: 'refused' as const };
    expect(broken({ writes: [first, refused], ...finally_(undefined) })).toEqual(['no loss']);
  });

  it('does not take a rewrite of the same value for one that replaces', () => {
    expect(broken({ writes: [first, put('zookeeper', 'a', 100)], ...finally_(undefined) })).toEqual([
      'no loss',
      'no loss',
    ]);
  });

  it('lets an entry that is set aside, or of a held mapping, stand on its own side only', () => {
    const history = { writes: [first], ...finally_('a', undefined) };
    expect(broken({ ...history, ending: { mappingHolds: [], setAside: new Set(['k']) } })).toEqual([]);
    expect(broken({ ...history, ending: { mappingHolds: ['rolled-back'], setAside: new Set() } })).toEqual(
      [],
    );
    const gone = { ...history, ...finally_(undefined, 'a') };
    expect(broken({ ...gone, ending: { mappingHolds: [], setAside: new Set(['k']) } })).toContain('no loss');
  });

  it('knows the exception of S3, where it is told that it applies', () => {
    const history = { writes: [first], ...finally_(undefined) };
    expect(broken({ ...history, lostInRaces: [{ key: 'k', value: 'a' }] })).toEqual([]);
    expect(broken({ ...history, lostInRaces: [{ key: 'k', value: 'b' }] })).toEqual(['no loss']);
  });

  it('does not blame the daemon for what a store lost by itself', () => {
    const history = { writes: [first], ...finally_(undefined) };
    const after = { store: 'zookeeper', atMs: 50, how: 'restored' } as const;
    expect(broken({ ...history, replacements: [after] })).toEqual([]);
    expect(broken({ ...history, replacements: [{ ...after, atMs: -50 }] })).toEqual(['no loss']);
    expect(broken({ ...history, replacements: [{ ...after, store: 'consul' }] })).toEqual(['no loss']);
  });
});

describe('no invention', () => {
  it('finds a value that no client wrote to that key', () => {
    expect(broken({ ...finally_('x') })).toEqual(['no invention', 'no invention']);
  });

  it('finds a value that only a refused write could have brought', () => {
    const refused = { ...put('consul', 'x', 0), outcome: 'refused' as const };
    expect(broken({ writes: [refused], ...finally_('x') })).toEqual(['no invention', 'no invention']);
    expect(broken({ writes: [{ ...refused, outcome: 'unknown' }], ...finally_('x') })).toEqual([]);
  });

  it('finds it in a journal, too', () => {
    const journal = [journaled('x', 'a', 'consul')];
    expect(broken({ writes: [put('consul', 'a', 0)], ...finally_('a'), journal })).toEqual(['no invention']);
  });
});

describe('no resurrection', () => {
  const history = {
    writes: [put('zookeeper', 'a', 0), { ...put('consul', undefined, 100), replaced: { value: 'a' } }],
    ...finally_('a'),
  };

  it('finds a value that stands although it was deleted', () => {
    expect(broken(history)).toEqual(['no resurrection', 'no resurrection']);
  });

  it('allows it where it was written again, at either store, or where the deletion overlapped', () => {
    expect(broken({ ...history, writes: [...history.writes, put('zookeeper', 'a', 105)] })).toEqual([]);
    expect(broken({ ...history, writes: [...history.writes, put('consul', 'a', 20)] })).toEqual([]);
    const overlapping = { ...put('consul', undefined, 100), replaced: { value: 'a' } };
    expect(broken({ ...history, writes: [put('zookeeper', 'a', 95), overlapping] })).toEqual([]);
  });

  it('does not know what a deletion at the other store took away, unless it is told', () => {
    const deletion = put('consul', undefined, 100);
    const deleted = (written: StoreName, removed?: string): string[] =>
      broken({
        ...history,
        writes: [
          put(written, 'a', 0),
          removed === undefined ? deletion : { ...deletion, replaced: { value: removed } },
        ],
      });
    expect(deleted('zookeeper')).toEqual([]);
    expect(deleted('zookeeper', 'older')).toEqual([]);
    expect(deleted('zookeeper', 'a')).toContain('no resurrection');
    expect(deleted('consul')).toContain('no resurrection');
  });

  it('allows it where the deletion tells that it was another value that went', () => {
    const deletion = put('consul', undefined, 100);
    const before = [put('zookeeper', 'a', 0), put('consul', 'b', 0)];
    const deleting = (value: string) => ({
      writes: [...before, { ...deletion, replaced: { value } }],
      ...finally_('a'),
      journal: [journaled('a', 'b', 'zookeeper')],
    });
    expect(broken(deleting('b'))).toEqual([]);
    expect(broken(deleting('a'))).toEqual(['no resurrection', 'no resurrection']);
  });

  it('allows it where the journal says that the value won against the deletion', () => {
    expect(broken({ ...history, journal: [journaled('a', undefined, 'zookeeper')] })).toEqual([]);
    expect(broken({ ...history, journal: [journaled('a', undefined, 'consul')] })).toContain(
      'no resurrection',
    );
  });

  it('allows it where agreement began anew, or a backup was restored, after the deletion', () => {
    expect(broken({ ...history, restartsOfAgreement: [{ atMs: 200 }] })).toEqual([]);
    expect(broken({ ...history, restartsOfAgreement: [{ atMs: 50 }] })).toContain('no resurrection');
    const restored = { store: 'zookeeper', atMs: 200, how: 'restored' } as const;
    expect(broken({ ...history, replacements: [restored] })).toEqual([]);
  });

  it('takes a deletion on the target of a one-way mapping for drift', () => {
    expect(broken({ ...history, source: 'zookeeper' })).toEqual([]);
    expect(broken({ ...history, source: 'consul' })).toContain('no resurrection');
  });
});

describe('convergence (L1)', () => {
  const writes = [put('zookeeper', 'a', 0), put('consul', '', 50), put('zookeeper', '', 50)];

  it('finds entries that differ', () => {
    const found = broken({ writes, ...finally_('a', undefined) });
    expect(found).toContain('convergence');
  });

  it('takes an empty znode for the same as no key, but not the other way round', () => {
    expect(broken({ writes, ...finally_('', undefined) })).toEqual([]);
    expect(broken({ writes, ...finally_(undefined, '') })).toEqual(['convergence']);
    const marker = { zookeeper: new Map(), consul: new Map([['folder/', '']]) };
    expect(broken({ finals: marker })).toEqual([]);
  });
});

describe('journal soundness', () => {
  const conflict = journaled('a', 'b', 'consul');
  const history = { writes: [put('zookeeper', 'a', 0), put('consul', 'b', 5)], ...finally_('b') };

  it('finds a conflict that was entered twice, more often than its daemon was started', () => {
    expect(broken({ ...history, journal: [conflict] })).toEqual([]);
    expect(broken({ ...history, journal: [conflict, conflict] })).toEqual(['journal soundness']);
    expect(broken({ ...history, journal: [conflict, conflict], restarts: new Map([['d', 1]]) })).toEqual([]);
  });

  it('does not mix up conflicts between other versions', () => {
    const versions = { ...conflict.versions, consul: 'another' };
    expect(broken({ ...history, journal: [conflict, { ...conflict, versions }] })).toEqual([]);
  });

  it('finds a conflict without two sides', () => {
    expect(broken({ ...history, journal: [journaled('a', 'a', 'consul')] })).toEqual(['journal soundness']);
  });
});

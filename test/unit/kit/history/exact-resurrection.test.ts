import { describe, expect, it } from 'vitest';
import { checkExactResurrection } from '../../../kit/history/exact-resurrection.js';
import type { ClientWrite, History, StoreName } from '../../../kit/history/history.js';

function write(
  store: StoreName,
  replaced: string | undefined,
  value: string | undefined,
  atMs: number,
): ClientWrite {
  const times = { invokedMs: atMs, endedMs: atMs + 10 };
  return { store, key: 'k', value, ...times, outcome: 'acknowledged', replaced: { value: replaced } };
}

function isBroken(history: Partial<History>): boolean {
  const nothing: History = {
    ...{ writes: [], journal: [], replacements: [], restartsOfAgreement: [], source: undefined },
    finals: { zookeeper: new Map(), consul: new Map() },
    ending: { mappingHolds: [], setAside: new Set() },
    restarts: new Map(),
  };
  return checkExactResurrection({ ...nothing, ...history }).length > 0;
}

describe('exact resurrection (S4)', () => {
  const deletion = write('zookeeper', 'a', undefined, 100);
  const finder = write('zookeeper', 'a', 'b', 200);

  it('is content while nobody finds the value there again', () => {
    expect(isBroken({ writes: [deletion, write('zookeeper', undefined, 'b', 200)] })).toBe(false);
  });

  it('finds a value that a later write took the place of, or that stands in the end', () => {
    expect(isBroken({ writes: [deletion, finder] })).toBe(true);
    const finals = { zookeeper: new Map([['k', 'a']]), consul: new Map() };
    expect(isBroken({ writes: [deletion], finals })).toBe(true);
  });

  it('lets the other store have it still, and the same one at the same time', () => {
    expect(isBroken({ writes: [deletion, write('consul', 'a', 'b', 200)] })).toBe(false);
    expect(isBroken({ writes: [deletion, write('zookeeper', 'a', 'b', 105)] })).toBe(false);
  });

  it('takes neither a refused nor an unknown write for evidence', () => {
    for (const outcome of ['refused', 'unknown'] as const) {
      expect(isBroken({ writes: [deletion, { ...finder, outcome }] })).toBe(false);
      expect(isBroken({ writes: [{ ...deletion, outcome }, finder] })).toBe(false);
    }
  });

  it('allows it where a journal has the conflict with a deletion, and only there', () => {
    const conflict = {
      ...{ daemon: 'd', key: 'k', kind: 'update-delete', winner: 'consul' as const },
      values: { zookeeper: undefined, consul: 'a' },
      versions: { zookeeper: undefined, consul: '1' },
    };
    const writes = [deletion, finder];
    expect(isBroken({ writes, journal: [conflict] })).toBe(false);
    const other = { ...conflict, values: { zookeeper: 'b', consul: 'a' } };
    expect(isBroken({ writes, journal: [other] })).toBe(true);
    expect(isBroken({ writes, journal: [{ ...conflict, key: 'other' }] })).toBe(true);
  });

  it('allows it where the value won against what was written between the deletion and the finding', () => {
    const between = write('zookeeper', undefined, 'c', 150);
    const conflict = {
      ...{ daemon: 'd', key: 'k', kind: 'update-update', winner: 'consul' as const },
      values: { zookeeper: 'c', consul: 'a' },
      versions: { zookeeper: '2', consul: '1' },
    };
    expect(isBroken({ writes: [deletion, between, finder], journal: [conflict] })).toBe(false);
    const finals = { zookeeper: new Map([['k', 'a']]), consul: new Map([['k', 'a']]) };
    expect(isBroken({ writes: [deletion, between], journal: [conflict], finals })).toBe(false);
    const lost = { ...conflict, winner: 'zookeeper' as const };
    expect(isBroken({ writes: [deletion, between, finder], journal: [lost] })).toBe(true);
    const before = write('zookeeper', undefined, 'c', 50);
    expect(isBroken({ writes: [before, deletion, finder], journal: [conflict] })).toBe(true);
  });

  it('allows it where agreement began anew, a store was replaced, or the entry or mapping is set aside', () => {
    const writes = [deletion, finder];
    expect(isBroken({ writes, restartsOfAgreement: [{ atMs: 150 }] })).toBe(false);
    expect(isBroken({ writes, restartsOfAgreement: [{ atMs: 50 }] })).toBe(true);
    const replacements = [{ store: 'zookeeper', atMs: 150, how: 'restored' }] as const;
    expect(isBroken({ writes, replacements })).toBe(false);
    expect(isBroken({ writes, ending: { mappingHolds: ['x'], setAside: new Set() } })).toBe(false);
    expect(isBroken({ writes, ending: { mappingHolds: [], setAside: new Set(['k']) } })).toBe(false);
  });
});

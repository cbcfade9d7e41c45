import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AskablePrefixes } from '../../../src/consul/askable-prefixes.js';
import type { KeyList } from '../../../src/consul/key-list.js';
import { PartDescent } from '../../../src/consul/part-descent.js';
import { compareKeys } from '../../../src/core/key-order.js';

const SINCE = 10n;
const CHANGED = 11n;
const PART = 'config/';

/** Keys with their versions, as Consul lists them; what was deleted counts for the index. */
class Store {
  readonly lists: { prefix: string; names: number }[] = [];

  constructor(
    readonly versions: ReadonlyMap<string, bigint>,
    readonly deleted: ReadonlySet<string>,
  ) {}

  list(prefix: string): Promise<KeyList> {
    const below = [...this.versions].filter(([key]) => key.startsWith(prefix));
    const gone = [...this.deleted].some((key) => key.startsWith(prefix));
    const newest = below.reduce((max, [, version]) => (version > max ? version : max), gone ? CHANGED : 0n);
    const names = below.map(([key]) => rolledUp(key, prefix));
    this.lists.push({ prefix, names: names.length });
    // Nothing below it: the index is that of the whole store.
    const index = newest === 0n ? CHANGED : newest;
    return Promise.resolve({ index, storedKeys: [...new Set(names)].sort(compareKeys) });
  }

  async descend(groupKeysMax: number, askable = new AskablePrefixes()) {
    const { storedKeys } = await this.list(PART);
    this.lists.length = 0;
    const list = (prefix: string): Promise<KeyList> => this.list(prefix);
    const descent = new PartDescent({ askable, groupKeysMax, list }, SINCE);
    return descent.below(PART, storedKeys, new AbortController().signal);
  }
}

function rolledUp(key: string, prefix: string): string {
  const slash = key.indexOf('/', prefix.length);
  return slash === -1 ? key : key.slice(0, slash + 1);
}

const plain = fc.constantFrom('a', 'ab', 'abc', 'b', 'ba', 'x y', 'ü');
const name = fc.oneof(
  { weight: 30, arbitrary: plain },
  { weight: 1, arbitrary: fc.string({ maxLength: 2 }) },
);
const keys = fc
  .uniqueArray(fc.array(name, { minLength: 1, maxLength: 4 }), {
    maxLength: 60,
    selector: (path) => path.join('/'),
  })
  .map((paths) => paths.map((path) => PART + path.join('/')));

const numbered = (count: number, make: (number: number) => string): string[] =>
  Array.from({ length: count }, (_, number) => make(number));

const unchanged = (all: readonly string[]): Map<string, bigint> =>
  new Map(all.map((key) => [key, SINCE] as const));

describe('going down to what has changed in a part', () => {
  it('L3: leaves out nothing that has changed or gone, whatever the keys are', async () => {
    const fate = fc.constantFrom('unchanged', 'unchanged', 'unchanged', 'changed', 'deleted');
    const stores = keys.chain((all) =>
      fc.array(fate, { minLength: all.length, maxLength: all.length }).map((fates) => {
        const alive = all.filter((_, at) => fates[at] !== 'deleted');
        const versions = alive.map(
          (key) => [key, fates[all.indexOf(key)] === 'changed' ? CHANGED : SINCE] as const,
        );
        return new Store(new Map(versions), new Set(all.filter((_, at) => fates[at] === 'deleted')));
      }),
    );
    let gaveUp = 0;
    let wentDown = 0;
    await fc.assert(
      fc.asyncProperty(stores, fc.integer({ min: 1, max: 8 }), async (store, groupKeysMax) => {
        const found = await store.descend(groupKeysMax);
        if (found === undefined) {
          gaveUp++;
          return;
        }
        wentDown++;
        const isIn = (prefixes: readonly string[], key: string): boolean =>
          prefixes.some((prefix) => key.startsWith(prefix));
        for (const [key, version] of store.versions) {
          const isCovered = found.loose.includes(key) || isIn(found.risen, key);
          if (version > SINCE) expect(isCovered).toBe(true);
          expect(isCovered || isIn(found.quiet, key)).toBe(true);
        }
        for (const key of store.deleted) expect(isIn(found.quiet, key)).toBe(false);
      }),
      { numRuns: 500 },
    );
    expect(wentDown).toBeGreaterThan(gaveUp);
  });

  it('S9: finds a lone change among ten thousand keys in folders without listing them all', async () => {
    const all = numbered(
      10_000,
      (n) => `${PART}group-${n % 10}/service-${Math.floor(n / 10) % 10}/entry-${n}`,
    );
    const changed = all[4_711] ?? '';
    const store = new Store(unchanged(all).set(changed, CHANGED), new Set());
    const found = await store.descend(512);
    expect(found?.risen).toEqual([changed.slice(0, changed.lastIndexOf('/') + 1)]);
    expect(found?.quiet).toHaveLength(18);
    expect(store.lists).toHaveLength(20);
    expect(found?.loose).toEqual([]);
  });

  it('S9: finds a lone change among ten thousand keys in one folder by groups of them', async () => {
    const all = numbered(10_000, (n) => `${PART}entry-${String(n).padStart(5, '0')}`);
    const changed = all[4_711] ?? '';
    const store = new Store(unchanged(all).set(changed, CHANGED), new Set());
    const found = await store.descend(512);
    expect(found?.risen).toEqual([changed.slice(0, -2)]);
    expect(store.lists.length).toBeLessThanOrEqual(20);
  });

  it('S9: finds a lone change where inner nodes have values of their own', async () => {
    const services = numbered(144, (n) => `${PART}region-${Math.floor(n / 12)}/service-${n % 12}`);
    const settings = services.flatMap((service) => numbered(40, (n) => `${service}/setting-${n}`));
    const regions = numbered(12, (n) => `${PART}region-${n}`);
    const changed = `${PART}region-7/service-5/setting-11`;
    const versions = unchanged([...regions, ...services, ...settings]).set(changed, CHANGED);
    const store = new Store(versions, new Set());
    const found = await store.descend(512);
    expect(found?.risen).toEqual([`${PART}region-7/service-5/`]);
    // Of keys that are folders, too, those are looked at below which something has changed, and few others.
    expect(found?.loose).toEqual(
      expect.arrayContaining([`${PART}region-7`, `${PART}region-7/service-5`]) as string[],
    );
    expect(found?.loose.length).toBeLessThanOrEqual(4);
    expect(store.lists.length).toBeLessThan(40);
  });

  it('S9: finds a lone change where names begin in more ways than there are groups', async () => {
    const letters = 'abcdefghijklmnopqrstuvwxyz'.split('');
    const folders = letters.flatMap((letter) => numbered(6, (n) => `${PART}${letter}${n}-service/`));
    const all = folders.flatMap((folder) => numbered(30, (n) => `${folder}setting-${n}`));
    const changed = `${PART}m3-service/setting-11`;
    const store = new Store(unchanged(all).set(changed, CHANGED), new Set());
    const found = await store.descend(512);
    expect(found?.risen).toEqual([`${PART}m3-service/`]);
    expect(store.lists.length).toBeLessThan(60);
  });

  it('S9: gives up where so much has changed that it is quicker to walk', async () => {
    const all = numbered(3_000, (n) => `${PART}${n % 300}/entry-${n}`);
    const versions = new Map(all.map((key) => [key, CHANGED] as const));
    const store = new Store(versions, new Set());
    expect(await store.descend(8)).toBeUndefined();
    expect(store.lists.length).toBeLessThanOrEqual(128);
  });

  it('gives up where a folder can not be asked for', async () => {
    const all = numbered(40, (n) => `${PART}.${n < 20 ? '/' : '.'}${n}`);
    expect(await new Store(unchanged(all), new Set()).descend(8)).toBeUndefined();
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys } from '../../../src/core/key-order.js';
import { ReplicaError } from '../../../src/ports/errors.js';
import type { DiffCounts, Difference, DiffOptions } from '../../../src/sync/diff.js';
import { diffMapping } from '../../../src/sync/diff.js';
import { contentDigest } from '../../kit/memory-store/content-digest.js';
import { FlatClient } from '../../kit/memory-store/flat-client.js';
import { Link } from '../../kit/memory-store/link.js';
import { MemoryFlat } from '../../kit/memory-store/memory-flat.js';
import { MemoryFlatReplica } from '../../kit/memory-store/memory-flat-replica.js';
import { MemoryTree } from '../../kit/memory-store/memory-tree.js';
import { MemoryTreeReplica } from '../../kit/memory-store/memory-tree-replica.js';
import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';
import { TreeClient } from '../../kit/memory-store/tree-client.js';

const NEVER = new AbortController().signal;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const common = { ledgerPlace: 'default/config', digest: contentDigest };

/** Two stores in memory, mapped below /config and config/, with other programs on both. */
class Stores {
  readonly clock = new SimClock();
  readonly tree = new MemoryTree(this.clock);
  readonly flat = new MemoryFlat(this.clock);
  readonly treeLink = this.link('tree');
  readonly flatLink = this.link('flat');
  readonly left = new TreeClient(this.tree, '/config');
  readonly right = new FlatClient(this.flat, 'config/');
  readonly replicas;

  /** @param bounds how little the replicas hold at a time */
  constructor(bounds: { pageEntries?: number; readBytesMax?: number } = {}) {
    this.replicas = {
      left: new MemoryTreeReplica({
        ...common,
        tree: this.tree,
        link: this.treeLink,
        root: '/config',
        bounds,
      }),
      right: new MemoryFlatReplica({
        ...common,
        flat: this.flat,
        link: this.flatLink,
        prefix: 'config/',
        bounds,
      }),
    };
  }

  put(side: 'left' | 'right', entries: Readonly<Record<string, string>>): void {
    for (const [key, value] of Object.entries(entries)) this[side].put(key, bytes(value));
  }

  async diff(options: Partial<DiffOptions> = {}): Promise<{ found: Difference[]; counts: DiffCounts }> {
    const found: Difference[] = [];
    const counts = await diffMapping(
      { replicas: this.replicas, includes: () => true, report: (one) => void found.push(one), ...options },
      NEVER,
    );
    return { found, counts };
  }

  private link(storeName: string): Link {
    return new Link({ storeName, clock: this.clock, random: new SeededRandom(1) });
  }
}

const NOTHING = { onlyLeft: 0, onlyRight: 0, content: 0, unknown: 0, sessionBound: 0, restricted: 0 };

describe('two sides compared as they are', () => {
  it('are equal when both are empty', async () => {
    expect(await new Stores().diff()).toEqual({ found: [], counts: { compared: 0, ...NOTHING } });
  });

  it('differ in what only one has, and in contents, told in the order of keys', async () => {
    const stores = new Stores();
    stores.put('left', { 'a/b': 'same', c: 'left', 'only-left': 'xyz' });
    stores.put('right', { 'a/b': 'same', c: 'on the right', 'only-right': '' });
    const { found, counts } = await stores.diff();
    expect(found).toEqual([
      { key: 'c', kind: 'content', bytes: { left: 4, right: 12 }, session: undefined },
      { key: 'only-left', kind: 'only', on: 'left', bytes: 3, session: undefined },
      { key: 'only-right', kind: 'only', on: 'right', bytes: 0, session: undefined },
    ]);
    expect(counts).toEqual({ ...NOTHING, compared: 5, onlyLeft: 1, onlyRight: 1, content: 1 });
  });

  it('agree on an inner node without data, whether the other side has no key or an empty one', async () => {
    const stores = new Stores();
    stores.put('left', { 'inner/a': '1', 'other/b': '2' });
    stores.put('right', { 'inner/a': '1', 'other/b': '2', other: '' });
    expect((await stores.diff()).found).toEqual([]);
  });

  it('differ where an inner node has no data and the other side has', async () => {
    const stores = new Stores();
    stores.put('left', { 'inner/a': '1' });
    stores.put('right', { 'inner/a': '1', inner: 'data' });
    expect((await stores.diff()).found).toMatchObject([{ key: 'inner', kind: 'content' }]);
  });

  it('differ in a leaf without data, which is an entry', async () => {
    const stores = new Stores();
    stores.put('left', { leaf: '' });
    expect((await stores.diff()).found).toMatchObject([{ key: 'leaf', kind: 'only', on: 'left', bytes: 0 }]);
  });

  it('are equal when one has folder markers, but not when such a key has a value', async () => {
    const stores = new Stores();
    stores.put('right', { 'folder/': '', 'a/b/': '' });
    expect((await stores.diff()).found).toEqual([]);
    stores.put('right', { 'folder/': 'value' });
    expect((await stores.diff()).found).toMatchObject([{ key: 'folder/', kind: 'only', on: 'right' }]);
  });

  it('leave out what the mapping does not include', async () => {
    const stores = new Stores();
    stores.put('left', { 'tmp/a': '1', b: '1' });
    stores.put('right', { 'tmp/c': '1', b: '1' });
    const { found, counts } = await stores.diff({ includes: (key) => !key.startsWith('tmp') });
    expect({ found, compared: counts.compared }).toEqual({ found: [], compared: 1 });
  });
});

describe('what a session owns', () => {
  it('is counted apart and said to be owned', async () => {
    const stores = new Stores();
    stores.left.putEphemeral('live', bytes('1'), 'session-1');
    stores.put('left', { lock: 'agreed' });
    stores.right.lock('lock', bytes('held'), 'session-2');
    const { found, counts } = await stores.diff();
    expect(found).toEqual([
      { key: 'live', kind: 'only', on: 'left', bytes: 1, session: 'left' },
      { key: 'lock', kind: 'content', bytes: { left: 6, right: 4 }, session: 'right' },
    ]);
    expect(counts).toEqual({ ...NOTHING, compared: 2, sessionBound: 2 });
  });

  it('is no difference when its copy is the same', async () => {
    const stores = new Stores();
    stores.left.putEphemeral('live', bytes('1'), 'session-1');
    stores.put('right', { live: '1' });
    expect((await stores.diff()).found).toEqual([]);
  });
});

describe('S5: what can not be read', () => {
  it('is unknown, not absent', async () => {
    const stores = new Stores();
    stores.put('left', { secret: '1' });
    stores.flatLink.faults = { denies: (_, name) => name === 'config/secret' };
    const { found, counts } = await stores.diff();
    expect(found).toEqual([{ key: 'secret', kind: 'unknown', on: 'right', reason: 'denied' }]);
    expect(counts).toEqual({ ...NOTHING, compared: 1, unknown: 1 });
  });

  it('is unknown also where no walk shows it, once for each key', async () => {
    const stores = new Stores();
    stores.put('left', { a: '1', b: '1' });
    stores.put('right', { a: '1', b: '1', hidden: '1' });
    stores.flatLink.faults = { denies: (_, name) => name === 'config/hidden' || name === 'config/b' };
    const unread = ['hidden', 'b', 'outside/x'];
    const { found, counts } = await stores.diff({
      includes: (key) => !key.startsWith('outside/'),
      takeUnread: () => [...unread.splice(0), ...(unread.length === 0 ? ['b'] : [])],
    });
    expect(found.map(({ key, kind }) => [key, kind])).toEqual(
      expect.arrayContaining([
        ['hidden', 'unknown'],
        ['b', 'unknown'],
      ]),
    );
    expect(counts).toEqual({ ...NOTHING, compared: 3, unknown: 2 });
  });

  it('is unknown also below an entry whose children may not be listed', async () => {
    const stores = new Stores();
    stores.put('left', { 'inner/a': '1' });
    stores.put('right', { 'inner/a': '1' });
    const unread = ['inner', 'inner/a', 'gone'];
    const { found } = await stores.diff({ takeUnread: () => unread.splice(0) });
    expect(found).toEqual([{ key: 'inner', kind: 'unknown', on: 'left', reason: 'denied' }]);
  });

  it('ends the comparison when a walk can not be completed', async () => {
    const stores = new Stores({ pageEntries: 2 });
    stores.put('left', { a: '1', b: '1', c: '1' });
    let pages = 0;
    const refusal = new ReplicaError('STORE_UNREACHABLE', 'gone', true);
    stores.treeLink.faults = {
      beforeRead: (request) => (request === 'scan' && ++pages === 2 ? refusal : undefined),
    };
    await expect(stores.diff()).rejects.toBe(refusal);
  });

  it('is unknown when a single value has no room, and the comparison ends', async () => {
    const stores = new Stores();
    stores.put('left', { a: '1', b: '1' });
    const { left } = stores.replicas;
    const read: typeof left.read = async (keys, signal) => {
      const readings = new Map(await left.read(keys, signal));
      if (readings.has('b')) readings.set('b', { kind: 'unknown', reason: 'not-read' });
      return readings;
    };
    const stubborn = Object.assign(Object.create(left) as typeof left, {
      read,
      scan: left.scan.bind(left),
    });
    const { found } = await stores.diff({ replicas: { ...stores.replicas, left: stubborn } });
    expect(found).toContainEqual({ key: 'b', kind: 'unknown', on: 'left', reason: 'not-read' });
    expect(found).toContainEqual(expect.objectContaining({ key: 'a', kind: 'only' }));
  });
});

describe('S9: a comparison of many keys', () => {
  it('says the same with tiny pages and answers that hold few values', async () => {
    const entries = Object.fromEntries(
      Array.from({ length: 2_000 }, (_, i) => [`k${i % 37}/e${i}`, `v${i}`]),
    );
    const results = [];
    for (const bounds of [{}, { pageEntries: 3, readBytesMax: 10 }]) {
      const stores = new Stores(bounds);
      stores.put('left', entries);
      stores.put('right', { ...entries, 'k3/e3': 'other', zz: 'only here' });
      stores.right.remove('k7/e7');
      const progress: number[] = [];
      results.push(await stores.diff({ progress: (compared) => progress.push(compared) }));
      expect(progress.at(-1)).toBe(results.at(-1)?.counts.compared);
      expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    }
    expect(results[0]?.found.map(({ key }) => key)).toEqual(['k3/e3', 'k7/e7', 'zz']);
    expect(results[1]).toEqual(results[0]);
  });

  it('finds exactly what a plain comparison of two maps finds', async () => {
    const segment = fc.constantFrom('a', 'b', 'B', 'é', '😀', '\uffee', '-', '.', '');
    const key = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join('/'));
    const side = fc.dictionary(key, fc.constantFrom('', '1', '2'), { noNullPrototype: true, maxKeys: 12 });
    await fc.assert(
      fc.asyncProperty(side, side, fc.integer({ min: 1, max: 5 }), async (left, right, pageEntries) => {
        const stores = new Stores({ pageEntries });
        stores.put('left', left);
        stores.put('right', right);
        const { found } = await stores.diff();
        expect(found.map(({ key: one }) => one)).toEqual(expectedKeys(left, right));
      }),
    );
  });
});

/** The keys on which a tree with `left` and flat keys with `right` differ. */
function expectedKeys(left: Record<string, string>, right: Record<string, string>): string[] {
  const inner = new Set(
    Object.keys(left).flatMap((key) => key.split('/').map((_, i, parts) => parts.slice(0, i).join('/'))),
  );
  const hasChildren = (key: string) =>
    inner.has(key) && Object.keys(left).some((other) => other.startsWith(`${key}/`));
  const isStructure = (key: string, value: string | undefined, isTree: boolean) =>
    value === '' && (key === '' || key.endsWith('/') || (isTree && hasChildren(key)));
  const keys = new Set([...Object.keys(left), ...Object.keys(right), ...inner]);
  const differing = [...keys].filter((key) => {
    const atLeft = left[key] ?? (hasChildren(key) ? '' : undefined);
    const atRight = right[key];
    if (atLeft === atRight) return false;
    if (atLeft === undefined) return !isStructure(key, atRight, false);
    return atRight === undefined ? !isStructure(key, atLeft, true) : true;
  });
  return differing.sort(compareKeys);
}

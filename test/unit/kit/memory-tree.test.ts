import { describe, expect, it } from 'vitest';
import type { Commit } from '../../kit/memory-store/commit-feed.js';
import { MemoryTree } from '../../kit/memory-store/memory-tree.js';
import { TreeClient } from '../../kit/memory-store/tree-client.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';

/** What a real ensemble does (3.8), so that a simulation on this one means something. */

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textAt = (tree: MemoryTree, path: string): string | undefined => {
  const node = tree.node(path);
  return node && new TextDecoder().decode(node.data);
};

function newTree(): { tree: MemoryTree; client: TreeClient; commits: Commit[] } {
  const tree = new MemoryTree(new SimClock(1_000));
  const commits: Commit[] = [];
  tree.feed.subscribe({ committed: (commit) => commits.push(commit), replaced: () => undefined });
  return { tree, client: new TreeClient(tree, '/config'), commits };
}

describe('MemoryTree', () => {
  it("counts the versions of a node's data, and keeps its number of creation", () => {
    const { tree, client } = newTree();
    client.put('a', bytes('1'));
    const created = tree.node('/config/a');
    client.put('a', bytes('2'));
    const written = tree.node('/config/a');
    expect([created?.version, written?.version]).toEqual([0, 1]);
    expect(written?.czxid).toBe(created?.czxid);
    expect(written?.mzxid).toBeGreaterThan(created?.mzxid ?? 0n);
  });

  it('begins a recreated node at version 0, with another number of creation', () => {
    const { tree, client } = newTree();
    client.put('a', bytes('1'));
    const first = tree.node('/config/a');
    client.remove('a');
    client.put('a', bytes('1'));
    const second = tree.node('/config/a');
    expect(second?.version).toBe(first?.version);
    expect(second?.czxid).toBeGreaterThan(first?.czxid ?? 0n);
  });

  it("moves the parent's pzxid, and not its mzxid, when a child is created or deleted", () => {
    const { tree, client } = newTree();
    client.put('a', bytes('1'));
    const before = tree.node('/config');
    client.put('b', bytes('1'));
    const after = tree.node('/config');
    expect(after?.mzxid).toBe(before?.mzxid);
    expect(after?.pzxid).toBe(tree.zxid);
    client.remove('b');
    expect(tree.node('/config')?.pzxid).toBe(tree.zxid);
  });

  it('refuses what ZooKeeper refuses', () => {
    const { tree, client } = newTree();
    client.put('a/b', bytes('1'));
    client.putEphemeral('e', bytes('1'), 'session');
    const refusalOf = (...operations: Parameters<MemoryTree['apply']>[0]): string | undefined => {
      const answer = tree.apply(operations, 'test');
      return answer.kind === 'refused' ? answer.refusal : undefined;
    };
    const data = bytes('2');
    expect(refusalOf({ kind: 'create', path: '/config/a', data })).toBe('node-exists');
    expect(refusalOf({ kind: 'create', path: '/config/x/y', data })).toBe('no-node');
    expect(refusalOf({ kind: 'create', path: '/config/e/y', data })).toBe('ephemeral-parent');
    expect(refusalOf({ kind: 'set', path: '/config/x', data })).toBe('no-node');
    expect(refusalOf({ kind: 'set', path: '/config/a/b', data, version: 1 })).toBe('bad-version');
    expect(refusalOf({ kind: 'delete', path: '/config/a/b', version: 1 })).toBe('bad-version');
    expect(refusalOf({ kind: 'delete', path: '/config/a' })).toBe('not-empty');
    expect(refusalOf({ kind: 'delete', path: '/config/x' })).toBe('no-node');
  });

  it('applies a multi under one zxid, or leaves no trace of it but the number it took', () => {
    const { tree, client, commits } = newTree();
    client.put('a/b', bytes('1'));
    const before = tree.snapshot();
    const heard = commits.length;
    const data = bytes('2');
    const operations = [
      { kind: 'delete', path: '/config/a/b' },
      { kind: 'delete', path: '/config/a' },
      { kind: 'create', path: '/config/c', data },
      { kind: 'set', path: '/config/c', data },
    ] as const;
    const refused = tree.apply([...operations, { kind: 'set', path: '/config/none', data }], 'test');
    expect(refused).toEqual({ kind: 'refused', index: 4, refusal: 'no-node' });
    expect(new Map(tree.snapshot().nodes)).toEqual(before.nodes);
    expect([...tree.children('/config/a')]).toEqual(['b']);
    expect([...tree.children('/config')]).toEqual(['a']);
    expect(commits).toHaveLength(heard);

    const applied = tree.apply(operations, 'test');
    expect(applied).toMatchObject({ kind: 'applied', zxid: tree.zxid });
    expect(tree.node('/config/c')).toMatchObject({ czxid: tree.zxid, mzxid: tree.zxid, version: 1 });
    expect([...tree.children('/config')]).toEqual(['c']);
  });

  it('tells its listeners who changed what, and leaves out parents that only got or lost a child', () => {
    const { client, commits } = newTree();
    client.put('a', bytes('1'));
    client.put('a', bytes('2'));
    client.remove('a');
    expect(commits.slice(1).map(({ by, changes }) => ({ by, changes }))).toEqual([
      { by: 'client', changes: [{ name: '/config/a', before: undefined, after: bytes('1') }] },
      { by: 'client', changes: [{ name: '/config/a', before: bytes('1'), after: bytes('2') }] },
      { by: 'client', changes: [{ name: '/config/a', before: bytes('2'), after: undefined }] },
    ]);
  });

  it('deletes all ephemeral nodes of a session in one write when it ends', () => {
    const { tree, client, commits } = newTree();
    client.putEphemeral('e1', bytes('1'), 'mine');
    client.putEphemeral('e2', bytes('1'), 'mine');
    client.putEphemeral('e3', bytes('1'), 'theirs');
    tree.closeSession('mine');
    expect([...tree.children('/config')]).toEqual(['e3']);
    expect(commits.at(-1)?.changes).toHaveLength(2);
  });

  it("stamps writes with its leader's clock, and zxids with its epoch", () => {
    const { tree, client } = newTree();
    client.put('a', bytes('1'));
    tree.electLeader();
    tree.leaderClockAheadMs = -300;
    client.put('b', bytes('1'));
    expect(tree.node('/config/a')).toMatchObject({ mtimeMs: 1_000 });
    expect(tree.node('/config/b')).toMatchObject({ mtimeMs: 700, czxid: (2n << 32n) + 1n });
  });

  it('restored from a backup has the nodes and versions of then, and goes on in a higher epoch', () => {
    const { tree, client } = newTree();
    client.put('kept', bytes('old'));
    const backup = tree.snapshot();
    const keptAt = tree.node('/config/kept')?.mzxid;
    client.put('kept', bytes('new'));
    client.put('later', bytes('1'));
    const highest = tree.zxid;

    tree.restore(backup);
    expect(textAt(tree, '/config/kept')).toBe('old');
    expect(tree.node('/config/kept')?.mzxid).toBe(keptAt);
    expect([...tree.children('/config')]).toEqual(['kept']);
    expect(tree.zxid).toBeGreaterThan(highest);
    client.put('kept', bytes('again'));
    expect(tree.node('/config/kept')?.mzxid).toBeGreaterThan(highest);
  });

  it('wiped is another ensemble that counts from the beginning', () => {
    const { tree, client } = newTree();
    const beginning = tree.zxid;
    client.put('a', bytes('1'));
    tree.electLeader();
    tree.wipe();
    expect(tree.zxid).toBe(beginning);
    expect([...tree.children('/')]).toEqual(['zookeeper']);
  });

  it('has copies that do not change with it', () => {
    const { tree, client } = newTree();
    client.put('a', bytes('1'));
    const copy = tree.copy();
    client.put('a', bytes('2'));
    expect(textAt(copy, '/config/a')).toBe('1');
    expect(copy.zxid).toBeLessThan(tree.zxid);
  });
});

describe('TreeClient', () => {
  it('deletes a subtree from below, one write each', () => {
    const { tree, client, commits } = newTree();
    client.put('a/b/c', bytes('1'));
    const heard = commits.length;
    client.removeAll('a');
    expect(commits.slice(heard).map(({ changes }) => changes[0]?.name)).toEqual([
      '/config/a/b/c',
      '/config/a/b',
      '/config/a',
    ]);
    expect([...tree.children('/config')]).toEqual([]);
  });

  it('is refused to delete a node with children', () => {
    const { client } = newTree();
    client.put('a/b', bytes('1'));
    expect(() => client.remove('a')).toThrow('not-empty');
  });
});

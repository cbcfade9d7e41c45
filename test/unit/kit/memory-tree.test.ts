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

function newTree(): { tree: MemoryTree; client: TreeClient; commits: Commit[]; clock: SimClock } {
  const clock = new SimClock(1_000);
  const tree = new MemoryTree(clock);
  const commits: Commit[] = [];
  tree.feed.subscribe({ committed: (commit) => commits.push(commit), replaced: () => undefined });
  return { tree, client: new TreeClient(tree, '/config'), commits, clock };
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

  it('gives numbers again when its servers remember nothing but the backup', () => {
    const { tree, client } = newTree();
    client.put('a', bytes('old'));
    const backup = tree.snapshot();
    client.put('a', bytes('lost'));
    const lost = tree.node('/config/a');
    tree.restore(backup, { reusesZxids: true });
    client.put('a', bytes('other'));
    expect(tree.node('/config/a')).toMatchObject({ mzxid: lost?.mzxid, czxid: lost?.czxid, version: 1 });
  });

  it("has a leader's clock that goes on evenly when the daemon's wall clock jumps, and may jump itself", async () => {
    const { tree, client, clock } = newTree();
    const mtime = (): number => {
      client.put('a', bytes(String(clock.monotonicMs())));
      return tree.node('/config/a')?.mtimeMs ?? 0;
    };
    const before = mtime();
    clock.jumpWallClock(3_600_000);
    await clock.advance(10);
    expect(mtime()).toBe(before + 10);
    tree.leaderClockAheadMs = -3_600_000;
    expect(mtime()).toBe(before + 10 - 3_600_000);
    tree.electLeader({ clockAheadMs: 500 });
    expect(mtime()).toBe(before + 10 + 500);
  });

  it('shows what a follower shows that lags behind some writes', () => {
    const { tree, client } = newTree();
    client.put('a', bytes('1'));
    client.put('a/b', bytes('1'));
    const zxid = tree.zxid;
    client.removeAll('a');
    client.put('a', bytes('2'));
    const shown = (writes: number): unknown => {
      const follower = tree.behind(writes);
      return [follower.node('/config/a')?.data, [...follower.children('/config/a')]];
    };
    expect(shown(0)).toEqual([bytes('2'), []]);
    expect(shown(1)).toEqual([undefined, []]);
    expect(shown(2)).toEqual([bytes('1'), []]);
    expect(shown(3)).toEqual([bytes('1'), ['b']]);
    expect(tree.behind(3).zxid).toBe(zxid);
    expect(shown(0)).toEqual([bytes('2'), []]);
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

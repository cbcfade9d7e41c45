import { describe, expect, it } from 'vitest';
import { contentDigest } from '../../kit/memory-store/content-digest.js';
import { MemoryTreeReplica } from '../../kit/memory-store/memory-tree-replica.js';
import { bytes, create, mustApply, present, scanAll, write } from '../../kit/replica-contract.js';
import { listen, treeSubject } from './subjects.js';

describe('MemoryTreeReplica', () => {
  it('an update or delete decided on an earlier incarnation hands back what it overwrote', async () => {
    const { replica, client } = treeSubject();
    client.put('a', bytes('1'));
    client.put('b', bytes('1'));
    const [a, b] = [await present(replica, 'a'), await present(replica, 'b')];
    for (const key of ['a', 'b']) {
      client.remove(key);
      client.put(key, bytes('anew'));
    }
    const applied = mustApply(
      await write(replica, [
        { kind: 'update', key: 'a', value: bytes('2'), base: a },
        { kind: 'delete', key: 'b', base: b },
      ]),
    );
    expect([...applied.overwrittenInRace].map(([key, { value }]) => [key, value])).toEqual([
      ['a', bytes('anew')],
      ['b', bytes('anew')],
    ]);
  });

  it('a delete of a node with children clears it, and says so', async () => {
    const { replica, client } = treeSubject();
    client.put('a', bytes('1'));
    client.put('a/b', bytes('1'));
    const base = await present(replica, 'a');
    const applied = mustApply(await write(replica, [{ kind: 'delete', key: 'a', base }]));
    const cleared = await present(replica, 'a');
    expect(cleared).toMatchObject({ value: new Uint8Array(), children: 1 });
    expect(applied.cleared).toEqual(new Map([['a', cleared.version]]));
  });

  it('missing parents are made in the same batch, and reported', async () => {
    const { replica } = treeSubject();
    const applied = mustApply(await write(replica, [create('a/b/c', '1'), create('a/b/d', '1')]));
    expect([...applied.madeParents.keys()]).toEqual(['a', 'a/b']);
    expect(applied.madeParents.get('a/b')).toEqual((await present(replica, 'a/b')).version);
  });

  it('a child of an ephemeral node is rejected, however far below', async () => {
    const { replica, client } = treeSubject();
    client.putEphemeral('e', bytes('1'), 'session');
    for (const key of ['e/a', 'e/a/b']) {
      expect(await write(replica, [create(key, '1')])).toMatchObject({
        kind: 'rejected',
        rejections: [{ key, reason: 'ephemeral-parent' }],
      });
    }
  });

  it('an ephemeral node is read with its session, and not to be written', async () => {
    const { replica, client } = treeSubject();
    client.putEphemeral('e', bytes('1'), 'session');
    const base = await present(replica, 'e');
    expect(base.session).toBe('session');
    expect(await write(replica, [{ kind: 'delete', key: 'e', base }])).toMatchObject({
      rejections: [{ reason: 'session-bound' }],
    });
  });

  it('hints name the node, and its parent where that got or lost a child', async () => {
    const subject = treeSubject();
    const { clock, client } = subject;
    client.put('p', bytes('1'));
    const heard = listen(subject);
    client.put('p/c', bytes('1'));
    client.put('p/c', bytes('2'));
    client.remove('p/c');
    client.put('flat', bytes('1'));
    await clock.settle();
    expect(heard).toEqual([
      'rescan start',
      'changed p/c, p',
      'changed p/c',
      'changed p/c, p',
      'changed flat',
    ]);
  });

  it('a scan may be answered by a server that lags', async () => {
    const { client, link, store } = treeSubject();
    client.put('a', bytes('1'));
    const lagging = store.copy();
    client.put('b', bytes('1'));
    const options = { tree: store, link, root: '/config', ledgerPlace: 'i/m', digest: contentDigest };
    const replica = new MemoryTreeReplica({ ...options, staleTree: () => lagging });
    expect([...(await scanAll(replica)).keys()]).toEqual(['a']);
    expect((await present(replica, 'b')).value).toEqual(bytes('1'));
  });
});

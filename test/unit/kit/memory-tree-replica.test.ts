import { describe, expect, it } from 'vitest';
import { ReplicaError } from '../../../src/ports/errors.js';
import { contentDigest } from '../../kit/memory-store/content-digest.js';
import { MemoryTreeReplica } from '../../kit/memory-store/memory-tree-replica.js';
import { bytes, create, mustApply, present, scanAll, write } from '../../kit/replica-contract.js';
import { listen, NEVER, treeSubject } from './subjects.js';

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

  it('a delete goes by the children that were read: with others by now, a condition fails, or it is cleared', async () => {
    const { replica, client } = treeSubject();
    client.put('a', bytes('1'));
    const childless = await present(replica, 'a');
    client.put('a/b', bytes('1'));
    const parent = await present(replica, 'a');
    expect(await write(replica, [{ kind: 'delete', key: 'a', base: childless }])).toEqual({
      kind: 'condition-failed',
      keys: ['a'],
      ledger: false,
    });
    client.remove('a/b');
    const applied = mustApply(await write(replica, [{ kind: 'delete', key: 'a', base: parent }]));
    expect([...applied.cleared.keys()]).toEqual(['a']);
  });

  it('a parent that was known and has gone fails a condition, and is looked for the next time', async () => {
    const { replica, client } = treeSubject();
    mustApply(await write(replica, [create('p/a', '1')]));
    client.removeAll('p');
    expect(await write(replica, [create('p/b', '1')])).toMatchObject({
      kind: 'condition-failed',
      keys: ['p/b'],
    });
    expect([...mustApply(await write(replica, [create('p/b', '1')])).madeParents.keys()]).toEqual(['p']);
  });

  it("a batch without a look for its parents is retriable, and of a follower's view that lags fails a condition", async () => {
    const { replica, client, link } = treeSubject();
    link.faults = { beforeRead: () => new ReplicaError('STORE_TIMEOUT', 'late', true) };
    expect((await write(replica, [create('p/a', '1')])).kind).toBe('retriable');
    client.put('p', bytes('1'));
    link.faults = { lagsBehind: () => 1 };
    expect(await write(replica, [create('p/a', '1')])).toMatchObject({
      kind: 'condition-failed',
      keys: ['p/a'],
    });
    link.faults = {};
    mustApply(await write(replica, [create('p/a', '1')]));
  });

  it('S3: what a recreated node held is missed where the read in front of the write comes from a follower that lags', async () => {
    const { replica, client, link } = treeSubject();
    client.put('a', bytes('1'));
    const base = await present(replica, 'a');
    client.remove('a');
    client.put('a', bytes('anew'));
    link.faults = { lagsBehind: (request) => (request === 'read-before-write' ? 2 : 0) };
    const applied = mustApply(await write(replica, [{ kind: 'update', key: 'a', value: bytes('2'), base }]));
    expect(applied.overwrittenInRace.size).toBe(0);
  });

  it("S7: a ledger that was deleted and made again is no longer the batch's, whatever its version", async () => {
    const { replica, store } = treeSubject();
    const path = '/zk-consul-sync/default/config';
    const { ledger } = mustApply(await write(replica, [], { content: '1', expected: undefined }));
    store.apply([{ kind: 'delete', path }], 'operator');
    store.apply([{ kind: 'create', path, data: bytes('2') }], 'operator');
    expect((await write(replica, [], { content: '3', expected: ledger })).kind).toBe('unknown');
  });

  it('S4: permissions hide what is there, and not what is absent', async () => {
    const { replica, client, link } = treeSubject();
    client.put('secret', bytes('1'));
    link.faults = { denies: (access) => access === 'read' };
    expect((await replica.read(['secret'], NEVER)).get('secret')).toMatchObject({ reason: 'denied' });
    expect(await replica.proveAbsent(['secret', 'none'], NEVER)).toEqual(new Set(['none']));
  });

  it('S5: a scan of a root that may not be listed throws, and tells of denied nodes below one that may', async () => {
    const { store, client, link } = treeSubject();
    const denied: string[] = [];
    const options = { tree: store, link, root: '/config', ledgerPlace: 'i/m', digest: contentDigest };
    const replica = new MemoryTreeReplica({ ...options, onDenied: (key) => denied.push(key) });
    for (const key of ['open', 'secret']) client.put(key, bytes('1'));
    link.faults = { denies: (_access, path) => path.endsWith('secret') };
    expect([...(await scanAll(replica)).keys()]).toEqual(['open']);
    expect(denied).toEqual(['secret']);
    link.faults = { denies: (_access, path) => path === '/config' };
    await expect(scanAll(replica)).rejects.toMatchObject({ code: 'STORE_DENIED' });
  });

  it('L3: one-shot watches miss states of a node in between, but never that it came or went', async () => {
    const { clock, store, link, client } = treeSubject({ min: 5, max: 5 });
    const options = { tree: store, link, root: '/config', ledgerPlace: 'i/m', digest: contentDigest };
    const replica = new MemoryTreeReplica({ ...options, watches: 'one-shot' });
    client.put('a', bytes('0'));
    const heard = listen({ replica });
    await clock.advance(5);
    for (const value of ['1', '2', '3']) client.put('a', bytes(value));
    client.remove('a');
    await clock.advance(5);
    client.put('a', bytes('4'));
    await clock.advance(5);
    expect(heard).toEqual(['rescan start', 'changed a', 'changed a', 'changed a']);
  });

  it('L3: one-shot watches are armed again after a reconnect, whatever was on its way', async () => {
    const { clock, store, link, client } = treeSubject({ min: 5, max: 5 });
    const options = { tree: store, link, root: '/config', ledgerPlace: 'i/m', digest: contentDigest };
    const replica = new MemoryTreeReplica({ ...options, watches: 'one-shot' });
    client.put('a', bytes('0'));
    const heard = listen({ replica });
    await clock.advance(5);
    client.put('a', bytes('1'));
    link.renew();
    await clock.advance(5);
    client.put('a', bytes('2'));
    await clock.advance(5);
    expect(heard.slice(2)).toEqual(['rescan reconnect', 'changed a']);
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

  it('S6: the later pages of a scan may come from a follower that lags, the first and reads never', async () => {
    const { replica, client, link } = treeSubject();
    for (const key of ['a', 'b', 'c']) client.put(key, bytes('old'));
    const old = (await scanAll(replica)).get('c')?.version;
    for (const key of ['a', 'b', 'c']) client.put(key, bytes('new'));
    link.faults = { lagsBehind: () => 3 };
    const scanned = await scanAll(replica);
    for (const key of ['a', 'b']) {
      expect(scanned.get(key)?.version).toEqual((await present(replica, key)).version);
    }
    expect(scanned.get('c')?.version).toEqual(old);
  });
});

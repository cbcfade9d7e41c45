import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { compareKeys } from '../../../src/core/key-order.js';
import type { ZooKeeperReplica, ZooKeeperReplicaOptions } from '../../../src/zookeeper/zookeeper-replica.js';
import type { ZooKeeperSession } from '../../../src/zookeeper/zookeeper-session.js';
import {
  bytes,
  create,
  mustApply,
  present,
  remove,
  scanAll,
  update,
  write,
} from '../../kit/replica-contract.js';
import { RawZooKeeper } from '../../kit/servers/raw-zookeeper.js';
import type { ZnodeAcl } from '../../kit/servers/raw-zookeeper.js';
import { startZooKeeper } from '../../kit/servers/zookeeper-server.js';
import type { ZooKeeperServer } from '../../kit/servers/zookeeper-server.js';
import { NEVER } from '../../unit/zookeeper/session-fixture.js';
import { connectSession, recordHints, replicaOf } from './zookeeper-fixture.js';

const EVENTUALLY_MS = 10_000;
const READ_ONLY: readonly ZnodeAcl[] = [{ permissions: 1, scheme: 'world', id: 'anyone' }];
const NO_READ: readonly ZnodeAcl[] = [{ permissions: 16, scheme: 'world', id: 'anyone' }];

describe.each(['3.8', '3.4'] as const)('a replica on ZooKeeper %s', (flavour) => {
  let server: ZooKeeperServer;
  let session: ZooKeeperSession;
  let raw: RawZooKeeper;

  beforeAll(async () => {
    server = await startZooKeeper({ flavour, javaOptions: ['-Xmx512m'] });
    session = await connectSession(server);
    raw = await RawZooKeeper.connect(server);
  });

  afterAll(async () => {
    await session.close();
    await raw.close();
    await server.dispose();
  });

  function mapping(options: Partial<ZooKeeperReplicaOptions> = {}): {
    replica: ZooKeeperReplica;
    root: string;
  } {
    const name = randomUUID();
    const root = `/mapped/${name}`;
    const ledgerPath = `/zk-consul-sync/test/${name}`;
    return { root, replica: replicaOf(session, { root, ledgerPath, ...options }) };
  }

  it('makes the root and missing parents with the entry, and reports only those that are entries', async () => {
    const { replica, root } = mapping();
    const ledger = { content: 'l', expected: undefined };
    const applied = mustApply(await write(replica, [create('a/b/c', 'leaf'), create('a/d', 'leaf')], ledger));
    expect([...applied.madeParents.keys()]).toEqual(['a', 'a/b']);
    expect(
      new Set([...applied.madeParents.values(), ...applied.versions.values()].map((v) => v.modified)),
    ).toEqual(new Set([applied.ledger?.modified]));
    expect(await raw.listTree(root)).toEqual([
      root,
      ...['a', 'a/b', 'a/b/c', 'a/d'].map((key) => `${root}/${key}`),
    ]);

    const scanned = await scanAll(replica);
    expect([...scanned.keys()]).toEqual(['a', 'a/b', 'a/b/c', 'a/d']);
    expect(scanned.get('a')).toMatchObject({
      empty: true,
      children: 2,
      version: applied.madeParents.get('a'),
    });
  });

  it('finds parents again that a client removed after they had been seen', async () => {
    const { replica, root } = mapping();
    mustApply(await write(replica, [create('p/first', '1')]));
    await raw.removeRecursive(`${root}/p`);
    expect(await write(replica, [create('p/second', '2')])).toMatchObject({
      kind: 'condition-failed',
      keys: ['p/second'],
    });
    const applied = mustApply(await write(replica, [create('p/second', '2')]));
    expect([...applied.madeParents.keys()]).toEqual(['p']);
  });

  it('clears an entry that still has children instead of removing it', async () => {
    const { replica, root } = mapping();
    mustApply(await write(replica, [create('p', 'value'), create('p/c', 'child')]));
    const applied = mustApply(await write(replica, [remove('p', await present(replica, 'p'))]));
    expect(applied.versions.size).toBe(0);
    const cleared = await present(replica, 'p');
    expect(cleared).toMatchObject({ value: bytes(''), children: 1, version: applied.cleared.get('p') });
    expect((await raw.get(`${root}/p/c`))?.data?.toString()).toBe('child');
  });

  it('S3: a delete fails its condition when a client has put a child below meanwhile', async () => {
    const { replica, root } = mapping();
    mustApply(await write(replica, [create('p', 'value')]));
    const base = await present(replica, 'p');
    await raw.create(`${root}/p/c`, 'child');
    expect(await write(replica, [remove('p', base)])).toEqual({
      kind: 'condition-failed',
      keys: ['p'],
      ledger: false,
    });
    expect((await raw.get(`${root}/p`))?.data?.toString()).toBe('value');
  });

  it('S3: the value of a node that was recreated with the same version number is handed back', async () => {
    const { replica, root } = mapping();
    mustApply(await write(replica, [create('u', 'one'), create('d', 'one'), create('same', 'one')]));
    const [u, d, same] = [
      await present(replica, 'u'),
      await present(replica, 'd'),
      await present(replica, 'same'),
    ];
    for (const key of ['u', 'd']) {
      await raw.remove(`${root}/${key}`);
      await raw.create(`${root}/${key}`, `${key} recreated`);
    }
    const applied = mustApply(
      await write(replica, [update('u', 'ours', u), remove('d', d), update('same', 'two', same)]),
    );
    const overwritten = [...applied.overwrittenInRace].map(([key, { value }]) => [
      key,
      Buffer.from(value).toString(),
    ]);
    expect(overwritten).toEqual([
      ['u', 'u recreated'],
      ['d', 'd recreated'],
    ]);
    expect(applied.versions.get('u')).toEqual((await present(replica, 'u')).version);
  });

  it('tells the session of an ephemeral node, writes nothing over it and nothing below it', async () => {
    const { replica, root } = mapping();
    await raw.create(`${root}/lock`, 'held', { mode: 'ephemeral' });
    const lock = await present(replica, 'lock');
    expect(lock.session).toBe(`0x${raw.sessionId.toString(16)}`);
    for (const operation of [update('lock', 'ours', lock), remove('lock', lock)]) {
      const outcome = await write(replica, [operation]);
      expect(outcome).toMatchObject({
        kind: 'rejected',
        rejections: [{ key: 'lock', reason: 'session-bound' }],
      });
    }
    const below = await write(replica, [create('fine', '1'), create('lock/below', '1')]);
    expect(below).toMatchObject({
      kind: 'rejected',
      rejections: [{ key: 'lock/below', reason: 'ephemeral-parent' }],
    });
    expect(await raw.listTree(root)).toEqual([root, `${root}/lock`]);
  });

  it('stamps readings and writes with the time and reign of the leader', async () => {
    const { replica } = mapping();
    const created = mustApply(await write(replica, [create('a', '1')]));
    expect(created.stamp).toBeUndefined();
    const reading = await present(replica, 'a');
    const applied = mustApply(await write(replica, [update('a', '2', reading)]));
    for (const stamp of [reading.stamp, applied.stamp]) {
      expect(stamp?.epoch).toBe(reading.version.modified >> 32n);
      expect(Math.abs((stamp?.atMs ?? 0) - Date.now())).toBeLessThan(60_000);
    }
  });

  it('gives new nodes the configured ACL and leaves that of others alone', async () => {
    const acl = [
      { scheme: 'world', id: 'anyone', permissions: 31 },
      { scheme: 'ip', id: '127.0.0.1', permissions: 1 },
    ];
    const { replica, root } = mapping({ acl });
    await raw.create(`${root}/theirs`, '1');
    const theirs = await raw.getAcl(`${root}/theirs`);
    mustApply(
      await write(replica, [create('p/ours', '1'), update('theirs', '2', await present(replica, 'theirs'))]),
    );
    for (const key of ['p', 'p/ours']) {
      expect(await raw.getAcl(`${root}/${key}`)).toEqual(expect.arrayContaining(acl));
    }
    expect(await raw.getAcl(`${root}/theirs`)).toEqual(theirs);
  });

  it('S1: makes a node anew with the ACL that it had, and takes one with a masked hash for none', async () => {
    const { replica, root } = mapping();
    const hash = 'user:smGaoVKd/cQkjm7b88GyorAUz20=';
    const shown: readonly ZnodeAcl[] = [{ permissions: 31, scheme: 'ip', id: '127.0.0.1' }];
    const secret: readonly ZnodeAcl[] = [
      { permissions: 31, scheme: 'digest', id: hash },
      { permissions: 9, scheme: 'world', id: 'anyone' },
    ];
    await raw.create(`${root}/shown`, 'v', { acl: shown });
    await raw.create(`${root}/secret`, 'v', { acl: secret });
    const access = await replica.accessOf(['shown', 'secret', 'missing'], NEVER);
    expect([...access.keys()]).toEqual(['shown']);

    const base = await present(replica, 'shown');
    mustApply(await write(replica, [{ kind: 'delete', key: 'shown', base }]));
    const again = { kind: 'create', key: 'shown', value: bytes('v'), access: access.get('shown') } as const;
    mustApply(await write(replica, [again]));
    expect(await raw.getAcl(`${root}/shown`)).toEqual(shown);
  });

  it('S5: a node that may not be read is unknown, not absent, and is reported by the walk', async () => {
    const denied: string[] = [];
    const { replica, root } = mapping({ onDenied: (key) => denied.push(key) });
    await raw.create(`${root}/open`, '1');
    await raw.create(`${root}/closed/below`, '1');
    await raw.setAcl(`${root}/closed`, NO_READ);

    const readings = await replica.read(['open', 'closed', 'gone'], NEVER);
    expect(readings.get('closed')).toEqual({ kind: 'unknown', reason: 'denied' });
    expect([...readings.values()].map(({ kind }) => kind)).toEqual(['present', 'unknown', 'absent']);
    expect(await replica.proveAbsent(['closed', 'gone'], NEVER)).toEqual(new Set(['gone']));
    expect([...(await scanAll(replica)).keys()].filter((key) => key !== 'closed')).toEqual(['open']);
    expect(denied).toEqual(['closed']);
  });

  it('S5: a root that may not be read is an error, not an empty mapping', async () => {
    const { replica, root } = mapping();
    await raw.create(`${root}/a`, '1');
    await raw.setAcl(root, NO_READ);
    await expect(scanAll(replica)).rejects.toMatchObject({ code: 'STORE_DENIED', retriable: false });
  });

  it('L2: a node that may not be written is rejected by name', async () => {
    const { replica, root } = mapping();
    await raw.create(`${root}/fixed`, '1');
    const fixed = await present(replica, 'fixed');
    await raw.setAcl(`${root}/fixed`, READ_ONLY);
    const outcome = await write(replica, [
      create('fine', '1'),
      update('fixed', '2', fixed),
      create('fixed/below', '1'),
    ]);
    expect(outcome).toMatchObject({ kind: 'rejected', rejections: [{ key: 'fixed', reason: 'denied' }] });
    expect(await raw.get(`${root}/fine`)).toBeUndefined();
  });

  it('a ledger that may not be written stops the batch, in a message that names it', async () => {
    await raw.create('/closed-namespace');
    await raw.setAcl('/closed-namespace', READ_ONLY);
    const ledgerPath = '/closed-namespace/test/mapping';
    const { replica, root } = mapping({ namespaceRoot: '/closed-namespace', ledgerPath });
    const outcome = await write(replica, [create('a', '1')], { content: 'l', expected: undefined });
    expect(outcome).toMatchObject({ kind: 'retriable', cause: { code: 'STORE_DENIED', retriable: false } });
    expect(outcome).toHaveProperty('cause.message', expect.stringContaining('/closed-namespace/test'));
    expect(await raw.get(root)).toBeUndefined();
  });

  it('S5: ledgers that may not be read are an error: a mapping must not be taken for free', async () => {
    const namespaceRoot = '/hidden-namespace';
    const ledgerPath = `${namespaceRoot}/test/mapping`;
    const { replica } = mapping({ namespaceRoot, ledgerPath });
    mustApply(await write(replica, [], { content: 'l', expected: undefined }));
    await raw.setAcl(ledgerPath, NO_READ);
    await expect(replica.readLedger(NEVER)).rejects.toMatchObject({ code: 'STORE_DENIED', retriable: false });
    await expect(replica.listLedgers(NEVER)).rejects.toMatchObject({ code: 'STORE_DENIED' });
    await raw.setAcl(namespaceRoot, NO_READ);
    await expect(replica.listLedgers(NEVER)).rejects.toMatchObject({ code: 'STORE_DENIED' });
  });

  it('S8: with the whole tree mapped, the namespace and the system nodes are no entries', async () => {
    const replica = replicaOf(session, { root: '/', ledgerPath: '/zk-consul-sync/test/whole' });
    const hints = recordHints(replica);
    await vi.waitFor(() => expect(hints.rescans).toEqual(['start']), EVENTUALLY_MS);
    const key = `whole-${randomUUID()}`;
    mustApply(await write(replica, [create(key, '1')], { content: 'l', expected: undefined }));
    await vi.waitFor(() => expect(hints.changed).toContain(key), EVENTUALLY_MS);

    const keys = [...(await scanAll(replica)).keys()];
    expect(keys).toContain(key);
    for (const told of [...keys, ...hints.changed])
      expect(told).not.toMatch(/^(zookeeper|zk-consul-sync)(\/|$)/);
    expect(replica.limits.unmappable('zookeeper/config')).toContain('reserved');
    expect((await replica.listLedgers(NEVER)).get('test/whole')?.content).toBe('l');
  });

  it('S8: below a chroot that does not exist nothing is created, and the message says what to do', async () => {
    const chroot = `/no-such-${randomUUID()}`;
    const elsewhere = await connectSession({ connect: `${server.connect}${chroot}` });
    onTestFinished(() => elsewhere.close());
    const replica = replicaOf(elsewhere, { root: '/config' });
    expect((await scanAll(replica)).size).toBe(0);
    const outcome = await write(replica, [create('a', '1')]);
    expect(outcome).toMatchObject({ kind: 'retriable', cause: { code: 'CONFIG_INVALID' } });
    expect(outcome).toHaveProperty('cause.message', expect.stringContaining(chroot));
    const ledgerAlone = await write(replica, [], { content: 'l', expected: undefined });
    expect(ledgerAlone).toHaveProperty('cause.message', expect.stringContaining('does the chroot'));
    expect(await raw.get(chroot)).toBeUndefined();
  });

  it('walks 5,000 nodes of all depths in order while a client adds and removes others', async () => {
    const { replica, root } = mapping();
    const keys = Array.from({ length: 5_000 }, (_, i) => `${i % 17}/${i % 5 === 0 ? 'deep/er/' : ''}n${i}`);
    for (let from = 0; from < keys.length; from += 100) {
      mustApply(
        await write(
          replica,
          keys.slice(from, from + 100).map((key) => create(key, key)),
        ),
      );
    }
    const done = new AbortController();
    const churn = (async () => {
      for (let i = 0; !done.signal.aborted; i++) {
        await raw.create(`${root}/${i % 17}/churn`, 'x');
        await raw.remove(`${root}/${i % 17}/churn`);
      }
    })();
    for (let round = 0; round < 3; round++) {
      const walked = [...(await scanAll(replica)).entries()].filter(([key]) => !key.endsWith('churn'));
      const order = walked.map(([key]) => key);
      expect(order).toEqual(order.toSorted(compareKeys));
      expect(walked.filter(([, entry]) => entry.empty === false).map(([key]) => key)).toEqual(
        keys.toSorted(compareKeys),
      );
    }
    done.abort();
    await churn;
  });

  it('S9: a read stops at its bound, and says which entries it left out', async () => {
    const { replica, root } = mapping();
    const value = Buffer.alloc(900_000, 7);
    const keys = Array.from({ length: 60 }, (_, i) => `large-${i}`);
    for (const key of keys) await raw.create(`${root}/${key}`, value);

    const readings = await replica.read(keys, NEVER);
    expect(readings.size).toBe(keys.length);
    const left = keys.filter((key) => readings.get(key)?.kind === 'unknown');
    expect(left.length).toBeGreaterThan(0);
    for (const key of left) expect(readings.get(key)).toEqual({ kind: 'unknown', reason: 'not-read' });
    const again = await replica.read(left, NEVER);
    for (const key of left) expect(again.get(key)).toMatchObject({ kind: 'present' });

    const scanned = await scanAll(replica);
    expect([...scanned.keys()]).toEqual(keys.toSorted(compareKeys));
    await raw.removeRecursive(root);
  });

  it('walks past nodes with the longest paths that a client can make', async () => {
    const { replica, root } = mapping();
    const names = Array.from({ length: 40 }, (_, i) => `${i}`.padStart(3, '0').padEnd(60_000, 'x'));
    for (const name of names) await raw.create(`${root}/${name}`, '1');
    expect([...(await scanAll(replica)).keys()]).toEqual(names);
    expect(session.connections).toBe(1);
    expect(replica.limits.unmappable(names[0] ?? '')).toContain('16384 bytes');
    await raw.removeRecursive(root);
  });

  it('a request of exactly the packet limit is accepted by the server', async () => {
    const { root } = mapping();
    await raw.create(root, '1');
    const { mzxid } = (await raw.get(root))?.stat ?? { mzxid: 0n };
    const operation = (size: number) =>
      ({ kind: 'setData', path: root, data: new Uint8Array(size), version: -1 }) as const;
    const overhead = 8 + 9 + 4 + Buffer.byteLength(root) + 4 + 4 + 9;
    const fits = session.packetBytesMax - overhead;
    const outcome = await session.multi([operation(fits)], NEVER);
    expect(outcome).toMatchObject({ kind: 'applied', stats: [{ dataLength: fits }] });
    expect((await raw.get(root))?.stat.mzxid).toBeGreaterThan(mzxid);
    await expect(session.multi([operation(fits + 1)], NEVER)).rejects.toMatchObject({
      code: 'STORE_PROTOCOL',
      ambiguous: false,
    });
    expect(session.connections).toBe(1);
  });
});

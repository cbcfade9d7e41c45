import { describe, expect, it } from 'vitest';
import { FlatClient } from '../../kit/memory-store/flat-client.js';
import { bytes, mustApply, present, scanAll, write } from '../../kit/replica-contract.js';
import { flatSubject, listen, NEVER } from './subjects.js';

describe('MemoryFlatReplica', () => {
  it('a locked key is read with its session, and not to be written', async () => {
    const { replica, client } = flatSubject();
    client.lock('leader', bytes('1'), 'session');
    const base = await present(replica, 'leader');
    expect(base.session).toBe('session');
    expect(await write(replica, [{ kind: 'update', key: 'leader', value: bytes('2'), base }])).toMatchObject({
      rejections: [{ reason: 'session-bound' }],
    });
  });

  it('an update keeps the flags to the last bit', async () => {
    const { replica, client } = flatSubject();
    client.put('a', bytes('1'), 2n ** 64n - 1n);
    const base = await present(replica, 'a');
    mustApply(await write(replica, [{ kind: 'update', key: 'a', value: bytes('2'), base }]));
    expect((await present(replica, 'a')).flags).toBe(2n ** 64n - 1n);
  });

  it('a watch is stirred by what is below its prefix, and by anything once nothing is', async () => {
    const subject = flatSubject();
    const heard = listen(subject);
    const outside = new FlatClient(subject.store, 'configuration/');
    const changes = [
      () => outside.put('a', bytes('1')),
      () => subject.client.put('a', bytes('1')),
      () => outside.put('a', bytes('2')),
      () => subject.client.remove('a'),
      () => outside.put('a', bytes('3')),
    ];
    const told: number[] = [];
    for (const change of changes) {
      change();
      await subject.clock.settle();
      told.push(heard.filter((hint) => hint === 'stirred').length);
    }
    expect(told).toEqual([0, 1, 1, 2, 2]);
  });

  it('a watch that has an answer on its way tells of several changes with it', async () => {
    const subject = flatSubject({ min: 5, max: 5 });
    const heard = listen(subject);
    await subject.clock.advance(5);
    for (const value of ['1', '2', '3']) subject.client.put('a', bytes(value));
    await subject.clock.advance(5);
    subject.client.put('a', bytes('4'));
    await subject.clock.advance(5);
    expect(heard).toEqual(['rescan start', 'stirred', 'stirred']);
  });

  it('a restored snapshot asks for a rescan at once (measured on 1.8.7: every query ends with the index of before)', async () => {
    const subject = flatSubject();
    const heard = listen(subject);
    subject.client.put('a', bytes('1'));
    subject.store.restore(subject.store.snapshot());
    await subject.clock.settle();
    expect(heard.at(-1)).toBe('rescan reconnect');
    expect(heard.some((hint) => hint.startsWith('lost'))).toBe(false);
  });

  it('S5: what a token may not read is not known to be absent', async () => {
    const { replica, link } = flatSubject();
    link.faults = { denies: (access, name) => access === 'read' && name.endsWith('gone') };
    expect((await replica.read(['gone'], NEVER)).get('gone')).toEqual({ kind: 'unknown', reason: 'denied' });
    expect(await replica.proveAbsent(['gone', 'none'], NEVER)).toEqual(new Set(['none']));
  });

  it('S4: a token that may only read proves the absence of keys that a URL can carry', async () => {
    const { replica, link } = flatSubject();
    link.faults = { denies: (access) => access === 'write' };
    expect(await replica.proveAbsent(['plain', 'a//b', '../a'], NEVER)).toEqual(new Set(['plain']));
  });

  it('a large value goes without a transaction, under its condition, and is read back', async () => {
    const { replica, client, link } = flatSubject();
    const large = (text: string): Uint8Array => bytes(text.repeat(replica.limits.valueBytesMax));
    const asked: string[] = [];
    link.faults = { beforeRead: (request) => void asked.push(request) };
    mustApply(await write(replica, [{ kind: 'create', key: 'large', value: large('1') }]));
    expect(asked).toEqual(['read-back']);
    const base = await present(replica, 'large');
    client.put('large', bytes('theirs'));
    const outcome = await write(replica, [{ kind: 'update', key: 'large', value: large('2'), base }]);
    expect(outcome).toEqual({ kind: 'condition-failed', keys: ['large'], ledger: false });
    expect(await write(replica, [{ kind: 'create', key: 'a//b', value: large('1') }])).toMatchObject({
      kind: 'rejected',
      rejections: [{ key: 'a//b', reason: 'too-large' }],
    });
  });

  it('S7: a large value that is not found as it was put, or not read back at all, is unknown', async () => {
    const { replica, client, link } = flatSubject();
    const value = bytes('1'.repeat(replica.limits.valueBytesMax));
    const overtake = (): undefined => {
      client.put('large', bytes('theirs'));
    };
    link.faults = { afterWrite: overtake };
    expect((await write(replica, [{ kind: 'create', key: 'large', value }])).kind).toBe('unknown');
    link.faults = { afterRead: () => 'broken-off' };
    expect((await write(replica, [{ kind: 'create', key: 'other', value }])).kind).toBe('unknown');
    expect(client.get('other')).toHaveLength(value.length);
  });

  it('S6: a scan may be answered by a server that lags', async () => {
    const { replica, client, link } = flatSubject();
    client.put('a', bytes('1'));
    client.put('b', bytes('1'));
    link.faults = { lagsBehind: () => 1 };
    expect([...(await scanAll(replica)).keys()]).toEqual(['a']);
  });

  it('a scan says of a confirmed version nothing about its value', async () => {
    const { replica, client } = flatSubject();
    client.put('a', bytes('1'));
    client.put('b', bytes('1'));
    const { version } = await present(replica, 'a');
    const scanned = await scanAll(replica, (key) => (key === 'a' ? version : undefined));
    expect([scanned.get('a')?.empty, scanned.get('b')?.empty]).toEqual([undefined, false]);
  });
});

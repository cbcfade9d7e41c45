import { describe, expect, it } from 'vitest';
import { FlatClient } from '../../kit/memory-store/flat-client.js';
import { bytes, mustApply, present, scanAll, write } from '../../kit/replica-contract.js';
import { flatSubject, listen } from './subjects.js';

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

  it('a watch is stirred by what is below its prefix, and by anything while nothing is', async () => {
    const subject = flatSubject();
    const heard = listen(subject);
    const outside = new FlatClient(subject.store, 'configuration/');
    for (const client of [outside, subject.client, outside]) {
      client.put('a', bytes(String(heard.length)));
      await subject.clock.settle();
    }
    expect(heard).toEqual(['rescan start', 'stirred', 'stirred']);
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

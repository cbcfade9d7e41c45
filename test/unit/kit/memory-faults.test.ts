import { beforeEach, describe, expect, it } from 'vitest';
import { ReplicaError } from '../../../src/ports/errors.js';
import type { WriteOutcome } from '../../../src/ports/replica.js';
import { bytes, create, mustApply, scanAll, write } from '../../kit/replica-contract.js';
import type { Subject } from './subjects.js';
import { flatSubject, listen, NEVER, REQUEST_TIMEOUT_MS, treeSubject } from './subjects.js';

/** The ways in which a store in memory goes wrong, the same for both. */

const TRAVEL = { min: 5, max: 20 };

describe.each([
  ['a tree', treeSubject],
  ['flat keys', flatSubject],
] as const)('faults of %s in memory', (_, newSubject) => {
  let subject: Subject;
  beforeEach(() => {
    subject = newSubject();
  });

  it('a refused write is retriable, and nothing of it was applied', async () => {
    const { replica, link, client } = subject;
    link.faults = { beforeWrite: () => 'refused' };
    expect(await write(replica, [create('a', '1')])).toMatchObject({ kind: 'retriable' });
    expect(client.get('a')).toBeUndefined();
  });

  it('a write whose request was lost is unknown after the timeout, and nothing of it was applied', async () => {
    const { replica, link, client } = subject;
    link.faults = { beforeWrite: () => 'request-lost' };
    expect(await afterTimeout(write(replica, [create('a', '1')]))).toMatchObject({
      kind: 'unknown',
      cause: { code: 'STORE_TIMEOUT' },
    });
    expect(client.get('a')).toBeUndefined();
  });

  it('a write whose reply was lost is unknown after the timeout, and was applied', async () => {
    const { replica, link, client } = subject;
    link.faults = { afterWrite: (outcome) => (outcome.kind === 'applied' ? 'reply-lost' : undefined) };
    expect(await afterTimeout(write(replica, [create('a', '1')]))).toMatchObject({ kind: 'unknown' });
    expect(client.get('a')).toEqual(bytes('1'));
  });

  it('a delayed write is unknown after the timeout, and applied later, even if the connection has broken since', async () => {
    const { clock, replica, link, client } = subject;
    link.faults = { beforeWrite: () => ({ delayedByMs: 3_000 }) };
    expect(await afterTimeout(write(replica, [create('a', '1')]))).toMatchObject({ kind: 'unknown' });
    expect(client.get('a')).toBeUndefined();
    link.disconnect();
    await clock.advance(2_000);
    expect(client.get('a')).toEqual(bytes('1'));
  });

  it('a delayed write still goes under its conditions', async () => {
    const { clock, replica, link, client } = subject;
    link.faults = { beforeWrite: () => ({ delayedByMs: 3_000 }) };
    await afterTimeout(write(replica, [create('a', '1')]));
    client.put('a', bytes('theirs'));
    await clock.advance(3_000);
    expect(client.get('a')).toEqual(bytes('theirs'));
  });

  it('a read fails with the error that it is given, and a scan in whatever page', async () => {
    const { replica, link, client } = subject;
    for (const key of ['a', 'b', 'c']) client.put(key, bytes('1'));
    const error = new ReplicaError('STORE_OVERLOADED', 'too busy', true);
    link.faults = { beforeRead: () => error };
    await expect(replica.read(['a'], NEVER)).rejects.toBe(error);
    await expect(replica.proveAbsent(['a'], NEVER)).rejects.toBe(error);
    await expect(replica.position(NEVER)).rejects.toBe(error);

    let pages = 0;
    link.faults = { beforeRead: (request) => (request === 'scan' && ++pages > 1 ? error : undefined) };
    await expect(scanAll(replica)).rejects.toBe(error);
  });

  it('S5: a denied key is unknown, proven by nothing, missing from a scan, and not to be written', async () => {
    const { replica, link, client } = subject;
    for (const key of ['open', 'secret']) client.put(key, bytes('1'));
    link.faults = { denies: (_access, name) => name.endsWith('secret') || name.endsWith('gone') };
    expect((await replica.read(['secret'], NEVER)).get('secret')).toEqual({
      kind: 'unknown',
      reason: 'denied',
    });
    expect(await replica.proveAbsent(['secret', 'none'], NEVER)).toEqual(new Set(['none']));
    expect([...(await scanAll(replica)).keys()]).toEqual(['open']);
    expect(await write(replica, [create('gone', '1')])).toMatchObject({
      kind: 'rejected',
      rejections: [{ key: 'gone', reason: 'denied' }],
    });
  });

  it('a batch whose ledger is not to be written is retriable, and nothing of it was applied', async () => {
    const { replica, link, client } = subject;
    link.faults = { denies: (access, name) => access === 'write' && name.includes('default/config') };
    const outcome = await write(replica, [create('a', '1')], { content: 'ledger', expected: undefined });
    expect(outcome).toMatchObject({ kind: 'retriable', cause: { code: 'STORE_DENIED' } });
    expect(client.get('a')).toBeUndefined();
  });

  it('a read is cut where its values would be too many, but never before the first', async () => {
    const { replica, client } = subject;
    client.put('long', bytes('x'.repeat(20)));
    client.put('short', bytes('1'));
    expect(await replica.read(['long', 'short', 'none'], NEVER)).toMatchObject(
      new Map([
        ['long', { kind: 'present' }],
        ['short', { kind: 'unknown', reason: 'not-read' }],
        ['none', { kind: 'absent' }],
      ]),
    );
  });

  it('a batch that breaks the limits is an error of whoever planned it', async () => {
    const { replica } = subject;
    const many = Array.from({ length: replica.limits.batchOperationsMax + 1 }, (_one, i) =>
      create(`k${i}`, ''),
    );
    await expect(write(replica, many)).rejects.toThrow(RangeError);
    const value = 'x'.repeat(replica.limits.batchBytesMax / 2);
    await expect(write(replica, [create('a', value), create('b', value)])).rejects.toThrow(RangeError);
  });

  it('a value too large for a batch has a route without the ledger', async () => {
    const { replica, client } = subject;
    const value = 'x'.repeat(replica.limits.valueBytesMax);
    mustApply(await write(replica, [create('a', value)]));
    expect(client.get('a')).toHaveLength(value.length);
  });

  it('while it is disconnected every call fails at once', async () => {
    const { replica, link } = subject;
    link.disconnect();
    const unreachable = { code: 'STORE_UNREACHABLE', retriable: true };
    await expect(replica.read(['a'], NEVER)).rejects.toMatchObject(unreachable);
    await expect(replica.proveAbsent(['a'], NEVER)).rejects.toMatchObject(unreachable);
    await expect(replica.readLedger(NEVER)).rejects.toMatchObject(unreachable);
    await expect(replica.listLedgers(NEVER)).rejects.toMatchObject(unreachable);
    await expect(replica.position(NEVER)).rejects.toMatchObject(unreachable);
    await expect(scanAll(replica)).rejects.toMatchObject(unreachable);
    expect(await write(replica, [create('a', '1')])).toMatchObject({ kind: 'retriable', cause: unreachable });
  });

  it('L3: hints are lost while it is disconnected, and a rescan is asked for afterwards', async () => {
    const { clock, link, client } = subject;
    const heard = listen(subject);
    await clock.settle();
    link.disconnect();
    client.put('a', bytes('1'));
    await clock.settle();
    const lost = 'lost: store: the connection is broken';
    expect(heard).toEqual(['rescan start', lost]);
    link.reconnect();
    await clock.settle();
    expect(heard).toEqual(['rescan start', lost, 'rescan reconnect']);
  });

  it('L3: a store without a leader answers everything with its error, and tells of no change until it has one', async () => {
    const { clock, replica, link, client } = subject;
    const heard = listen(subject);
    await clock.settle();
    const busy = new ReplicaError('STORE_OVERLOADED', 'store: 429', true);
    link.loseLeader(busy);
    client.put('a', bytes('1'));
    await expect(replica.read(['a'], NEVER)).rejects.toBe(busy);
    await expect(scanAll(replica)).rejects.toBe(busy);
    expect(await write(replica, [create('b', '1')])).toMatchObject({ kind: 'retriable', cause: busy });
    expect(client.get('b')).toBeUndefined();
    link.findLeader();
    await clock.settle();
    expect(heard).toEqual(['rescan start', 'lost: store: store: 429', 'rescan reconnect']);
    expect((await replica.read(['a'], NEVER)).get('a')?.kind).toBe('present');
  });

  it('a rescan that was on its way when the watch was lost is not told', async () => {
    const { clock, link } = subject;
    const heard = listen(subject);
    link.loseLeader();
    await clock.settle();
    expect(heard).toEqual(['lost: store: store has no leader']);
  });

  it('L3: a watch that begins disconnected asks for its rescan when it is connected', async () => {
    const { clock, link } = subject;
    link.disconnect();
    const heard = listen(subject);
    await clock.settle();
    expect(heard).toEqual([]);
    link.reconnect();
    await clock.settle();
    expect(heard).toEqual(['rescan start']);
  });

  it('L3: another store in its place breaks the connection', async () => {
    const { clock, store } = subject;
    const heard = listen(subject);
    await clock.settle();
    store.wipe();
    await clock.settle();
    expect(heard).toEqual(['rescan start', 'lost: store: the connection is broken', 'rescan reconnect']);
  });

  it('another store in its place does not mend a connection that was broken', async () => {
    const { replica, link, store } = subject;
    listen(subject);
    link.disconnect();
    store.wipe();
    await expect(replica.read(['a'], NEVER)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
  });

  it('L3: a watch loses the hints that it is told to lose', async () => {
    const { clock, link, client } = subject;
    const heard = listen(subject);
    await clock.settle();
    link.faults = { losesHint: () => true };
    client.put('a', bytes('1'));
    await clock.settle();
    link.faults = {};
    client.put('a', bytes('2'));
    await clock.settle();
    expect(heard).toHaveLength(2);
  });

  it('hints are doubled and overtake each other where they are told to', async () => {
    const { clock, link, client } = subject;
    for (const key of ['a', 'b']) client.put(key, bytes('0'));
    const heard = listen(subject);
    await clock.settle();
    const faults = [{ delayedByMs: 500 }, 'doubled'] as const;
    let hints = 0;
    link.faults = { distortsHint: () => faults[hints++] };
    client.put('a', bytes('1'));
    await clock.settle();
    expect(heard).toHaveLength(1);
    // A watch of flat keys that has something to tell is not asked again before.
    if (newSubject === flatSubject) await clock.advance(500);
    client.put('b', bytes('1'));
    await clock.advance(500);
    expect(heard.slice(1)).toEqual(
      newSubject === flatSubject
        ? ['stirred', 'stirred', 'stirred']
        : ['changed b', 'changed b', 'changed a'],
    );
  });

  it('a watch wakes without a change where it is told to', async () => {
    const { clock, link } = subject;
    const heard = listen(subject);
    link.wakeSpuriously();
    await clock.settle();
    expect(heard).toEqual(['rescan start', 'stirred']);
  });

  it('S5: a read whose request or answer is lost, cut off or too late ends with an error, and not as an answer', async () => {
    const { replica, link } = subject;
    const timeout = { code: 'STORE_TIMEOUT', retriable: true };
    for (const fault of ['request-lost', { delayedByMs: REQUEST_TIMEOUT_MS }] as const) {
      link.faults = { beforeRead: () => fault };
      await rejectsAfterTimeout(replica.read(['a'], NEVER), timeout);
    }
    for (const fault of ['reply-lost', { delayedByMs: REQUEST_TIMEOUT_MS }] as const) {
      link.faults = { afterRead: () => fault };
      await rejectsAfterTimeout(replica.proveAbsent(['a'], NEVER), timeout);
      await rejectsAfterTimeout(scanAll(replica), timeout);
    }
    link.faults = { afterRead: () => 'broken-off' };
    await expect(replica.read(['a'], NEVER)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
  });

  it('S6: a late answer tells what was true when it was given, and a late request what is true when it arrives', async () => {
    const { clock, replica, link, client } = subject;
    for (const isAnswerLate of [true, false]) {
      client.put('a', bytes('old'));
      const late = { delayedByMs: 500 };
      link.faults = isAnswerLate ? { afterRead: () => late } : { beforeRead: () => late };
      const pending = replica.read(['a'], NEVER);
      await clock.advance(1);
      client.put('a', bytes('new'));
      await clock.advance(500);
      const value = bytes(isAnswerLate ? 'old' : 'new');
      expect((await pending).get('a')).toMatchObject({ kind: 'present', value });
    }
  });

  it('S5: an answer about some of the keys leaves the others unread, and unproven', async () => {
    const { replica, link } = subject;
    link.faults = { answersOnly: (_request, keys) => keys - 1 };
    expect(await replica.read(['a', 'b'], NEVER)).toEqual(
      new Map([
        ['a', { kind: 'absent' }],
        ['b', { kind: 'unknown', reason: 'not-read' }],
      ]),
    );
    expect(await replica.proveAbsent(['a', 'b'], NEVER)).toEqual(new Set(['a']));
  });

  it('S7: a write whose answer is cut off is unknown at once, and was applied', async () => {
    const { replica, link, client } = subject;
    link.faults = { afterWrite: () => 'broken-off' };
    expect(await write(replica, [create('a', '1')])).toMatchObject({ kind: 'unknown' });
    expect(client.get('a')).toEqual(bytes('1'));
  });

  it('S7: a write is retriable with the error it is given, and its late answer is still one', async () => {
    const { clock, replica, link } = subject;
    const error = new ReplicaError('STORE_OVERLOADED', 'too busy', true);
    link.faults = { beforeWrite: () => error };
    expect(await write(replica, [create('a', '1')])).toEqual({ kind: 'retriable', cause: error });
    link.faults = { afterWrite: () => ({ delayedByMs: REQUEST_TIMEOUT_MS - 1 }) };
    const pending = write(replica, [create('a', '1')]);
    await clock.advance(REQUEST_TIMEOUT_MS);
    expect((await pending).kind).toBe('applied');
  });

  it('requests and answers take their time', async () => {
    const { clock, replica, client } = await travelling();
    let outcome: WriteOutcome | undefined;
    void write(replica, [create('a', '1')]).then((result) => (outcome = result));
    await clock.advance(TRAVEL.min - 1);
    expect(client.get('a')).toBeUndefined();
    await clock.runUntil(() => client.get('a') !== undefined, { limitMs: TRAVEL.max });
    expect(outcome).toBeUndefined();
    await clock.advance(TRAVEL.max);
    expect(outcome).toMatchObject({ kind: 'applied' });
    expect(clock.sleepers).toBe(0);
  });

  it('S7: a write under way when the connection breaks is unknown, whether it had arrived or not', async () => {
    for (const hasArrived of [false, true]) {
      const { clock, replica, link, client } = await travelling();
      const pending = write(replica, [create('a', '1')]);
      const isUnderWay = (): boolean => !hasArrived || client.get('a') !== undefined;
      await clock.runUntil(isUnderWay, { limitMs: TRAVEL.max });
      link.disconnect();
      link.reconnect();
      await clock.advance(TRAVEL.max);
      expect(await pending).toMatchObject({ kind: 'unknown', cause: { code: 'STORE_UNREACHABLE' } });
      expect(client.get('a') !== undefined).toBe(hasArrived);
    }
  });

  it('S5: a read under way when the connection breaks throws', async () => {
    const { clock, replica, link } = newSubject(TRAVEL);
    const pending = expect(replica.read(['a'], NEVER)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    await clock.advance(TRAVEL.min);
    link.disconnect();
    await clock.advance(2 * TRAVEL.max);
    await pending;
  });

  it('S7: a write that is aborted on its way is unknown at once, and applied all the same', async () => {
    const { clock, replica, client } = await travelling();
    const abort = new AbortController();
    const pending = replica.write({ operations: [create('a', '1')], ledger: undefined }, abort.signal);
    await clock.advance(1);
    abort.abort();
    expect(await pending).toMatchObject({ kind: 'unknown', cause: { code: 'ABORTED' } });
    await clock.advance(TRAVEL.max);
    expect(client.get('a')).toEqual(bytes('1'));
  });

  /** Where requests take their time, and the parents that a first write has to look for are known. */
  async function travelling(): Promise<Subject> {
    const travelled = newSubject(TRAVEL);
    const first = write(travelled.replica, [create('first', '1')]);
    await travelled.clock.advance(4 * TRAVEL.max);
    mustApply(await first);
    return travelled;
  }

  async function rejectsAfterTimeout(pending: Promise<unknown>, error: object): Promise<void> {
    const rejected = expect(pending).rejects.toMatchObject(error);
    await subject.clock.advance(REQUEST_TIMEOUT_MS);
    await rejected;
  }

  async function afterTimeout<T>(pending: Promise<T>): Promise<T> {
    await subject.clock.advance(REQUEST_TIMEOUT_MS);
    return pending;
  }
});

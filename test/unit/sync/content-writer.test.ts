import { describe, expect, it } from 'vitest';
import { ReplicaError } from '../../../src/ports/errors.js';
import type { Replica, WriteBatch, WriteOutcome } from '../../../src/ports/replica.js';
import type { Wanted } from '../../../src/sync/content-writer.js';
import { ContentWriter } from '../../../src/sync/content-writer.js';
import { WriteGate } from '../../../src/sync/write-gate.js';
import { contentDigest } from '../../kit/memory-store/content-digest.js';
import { FlatClient } from '../../kit/memory-store/flat-client.js';
import { Link } from '../../kit/memory-store/link.js';
import { MemoryFlat } from '../../kit/memory-store/memory-flat.js';
import { MemoryFlatReplica } from '../../kit/memory-store/memory-flat-replica.js';
import { SeededRandom } from '../../kit/memory-store/seeded-random.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';

const NEVER = new AbortController().signal;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function content(key: string, text: string): Wanted {
  const value = bytes(text);
  return { kind: 'content', key, value, digest: contentDigest(value), attributes: {} };
}

/** A store in memory, and somebody who may come between a look and its write. */
class Stage {
  readonly clock = new SimClock();
  readonly flat = new MemoryFlat(this.clock);
  readonly client = new FlatClient(this.flat, 'config/');
  readonly batches: WriteBatch[] = [];
  beforeWrite: (batch: WriteBatch) => WriteOutcome | undefined = () => undefined;
  readonly writer: ContentWriter;

  constructor() {
    const random = new SeededRandom(1);
    const link = new Link({ clock: this.clock, random, storeName: 'flat' });
    const replica = new MemoryFlatReplica({
      flat: this.flat,
      link,
      prefix: 'config/',
      ledgerPlace: 'default/config',
      digest: contentDigest,
    });
    const watched: Pick<Replica, 'read' | 'write' | 'limits'> = {
      limits: replica.limits,
      read: (keys, signal) => replica.read(keys, signal),
      write: async (batch, signal) => {
        this.batches.push(batch);
        return this.beforeWrite(batch) ?? replica.write(batch, signal);
      },
    };
    this.writer = new ContentWriter(watched, new WriteGate(this.clock, 0), this.clock, random);
  }

  async write(...wanted: Wanted[]) {
    const written = this.writer.write(wanted, NEVER);
    // Who waits in vain hears of it below.
    written.catch(() => undefined);
    await this.clock.advance(60_000);
    return written;
  }

  holds(key: string): string | undefined {
    const value = this.client.get(key);
    return value && new TextDecoder().decode(value);
  }
}

describe('contents that are written as a client would', () => {
  it('S3: are written only where the store has something else, each under the condition of what was read', async () => {
    const stage = new Stage();
    stage.client.put('same', bytes('1'));
    stage.client.put('other', bytes('1'), 7n);
    const before = stage.flat.entry('config/same');
    const written = await stage.write(content('new', '2'), content('other', '2'), content('same', '1'));
    expect(written).toEqual({ create: 1, update: 1, delete: 0, same: 1, leftOut: [], overwrittenInRace: [] });
    expect(stage.flat.entry('config/same')).toEqual(before);
    expect(stage.flat.entry('config/other')).toMatchObject({ value: bytes('2'), flags: 7n });
    expect(stage.batches).toMatchObject([
      {
        operations: [
          { kind: 'create', key: 'new' },
          { kind: 'update', key: 'other' },
        ],
        ledger: undefined,
      },
    ]);
  });

  it('S3: look again where a client came between, and don’t touch what it made the same', async () => {
    const stage = new Stage();
    stage.client.put('a', bytes('old'));
    stage.client.put('b', bytes('old'));
    stage.beforeWrite = () => {
      stage.beforeWrite = () => undefined;
      stage.client.put('a', bytes('new'));
      stage.client.put('b', bytes('other'));
      return undefined;
    };
    const written = await stage.write(content('a', 'new'), content('b', 'new'));
    expect(written).toMatchObject({ update: 1, same: 1, leftOut: [] });
    expect([stage.holds('a'), stage.holds('b')]).toEqual(['new', 'new']);
  });

  it('L2: leave out what the store refuses, and write the others at once', async () => {
    const stage = new Stage();
    const refused = { key: 'b', reason: 'denied', detail: 'Permission denied' } as const;
    stage.beforeWrite = ({ operations }) =>
      operations.some(({ key }) => key === 'b') ? { kind: 'rejected', rejections: [refused] } : undefined;
    const written = await stage.write(content('a', '1'), content('b', '1'), content('c', '1'));
    expect(written).toMatchObject({ create: 2, leftOut: [refused] });
    expect([stage.holds('a'), stage.holds('b'), stage.holds('c')]).toEqual(['1', undefined, '1']);
  });

  it('take a lost answer for neither done nor undone, and look', async () => {
    const stage = new Stage();
    stage.beforeWrite = () => {
      stage.beforeWrite = () => undefined;
      stage.client.put('a', bytes('1'));
      return { kind: 'unknown', cause: new ReplicaError('STORE_TIMEOUT', 'no answer', true) };
    };
    expect(await stage.write(content('a', '1'), content('b', '1'))).toMatchObject({ create: 1, same: 1 });
    expect(stage.holds('b')).toBe('1');
  });

  it('S9: give up on an entry that changes again and again, and on a store that takes nothing', async () => {
    const restless = new Stage();
    let turn = 0;
    restless.beforeWrite = () => {
      restless.client.put('a', bytes(`client ${turn++}`));
      return undefined;
    };
    const written = await restless.write(content('a', '1'), content('b', '1'));
    expect(written).toMatchObject({ create: 1, leftOut: [{ key: 'a', reason: 'keeps-changing' }] });

    const closed = new Stage();
    const cause = new ReplicaError('STORE_OVERLOADED', 'try again later', true);
    closed.beforeWrite = () => ({ kind: 'retriable', cause });
    await expect(closed.write(content('a', '1'))).rejects.toBe(cause);
    expect(closed.batches.length).toBeLessThan(10);
  });

  it('leave alone what a session owns, and what was changed since its deletion was asked for', async () => {
    const stage = new Stage();
    stage.client.lock('held', bytes('owner'), 'session-1');
    stage.client.put('gone', bytes('1'));
    stage.client.put('changed', bytes('1'));
    const seen = (key: string) => stage.flat.entry(`config/${key}`)!.modifyIndex;
    const removals: Wanted[] = ['gone', 'changed'].map((key) => ({ kind: 'removal', key, seen: seen(key) }));
    stage.client.put('changed', bytes('2'));
    const written = await stage.write(content('held', '1'), ...removals);
    expect(written).toMatchObject({
      delete: 1,
      leftOut: [
        { key: 'held', reason: 'session-bound' },
        { key: 'changed', reason: 'changed' },
      ],
    });
    expect([stage.holds('held'), stage.holds('gone'), stage.holds('changed')]).toEqual([
      'owner',
      undefined,
      '2',
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import type { Commit } from '../../kit/memory-store/commit-feed.js';
import { FlatClient } from '../../kit/memory-store/flat-client.js';
import { MemoryFlat } from '../../kit/memory-store/memory-flat.js';
import { SimClock } from '../../kit/memory-store/sim-clock.js';

/** What a real Consul does (1.8), so that a simulation on this one means something. */

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function newFlat(): { flat: MemoryFlat; client: FlatClient; clock: SimClock; commits: Commit[] } {
  const clock = new SimClock();
  const flat = new MemoryFlat(clock);
  const commits: Commit[] = [];
  flat.feed.subscribe({ committed: (commit) => commits.push(commit), replaced: () => undefined });
  return { flat, client: new FlatClient(flat, 'config/'), clock, commits };
}

describe('MemoryFlat', () => {
  it('counts one index for all keys, and keeps the index of creation', () => {
    const { flat, client } = newFlat();
    client.put('a', bytes('1'));
    const created = flat.entry('config/a');
    client.put('b', bytes('1'));
    client.put('a', bytes('2'));
    const written = flat.entry('config/a');
    expect(written?.createIndex).toBe(created?.createIndex);
    expect(written?.modifyIndex).toBe((created?.modifyIndex ?? 0n) + 2n);
  });

  it('leaves an entry at its index when the same is written again, and tells nobody', () => {
    const { flat, client, commits } = newFlat();
    client.put('a', bytes('1'), 7n);
    const before = flat.entry('config/a');
    client.put('a', bytes('1'), 7n);
    expect(flat.entry('config/a')).toBe(before);
    expect(commits.at(-1)?.changes).toEqual([]);
  });

  it('sets flags to 0 where a write gives none, and keeps all 64 bits where it does', () => {
    const { flat, client } = newFlat();
    client.put('a', bytes('1'), 2n ** 64n - 1n);
    expect(flat.entry('config/a')?.flags).toBe(2n ** 64n - 1n);
    client.put('a', bytes('1'));
    expect(flat.entry('config/a')?.flags).toBe(0n);
  });

  it('applies a transaction under one index, or nothing of it, and names every operation that failed', () => {
    const { flat, client } = newFlat();
    client.put('a', bytes('1'));
    const before = flat.entry('config/a');
    const at = before?.modifyIndex ?? 0n;
    const value = bytes('2');
    const refused = flat.apply(
      [
        { kind: 'set', key: 'config/new', value },
        { kind: 'cas', key: 'config/a', value, index: at + 1n },
        { kind: 'cas', key: 'config/none', value, index: 1n },
        { kind: 'cas', key: 'config/a', value, index: at },
        { kind: 'delete-cas', key: 'config/a', index: at },
      ],
      'test',
    );
    expect(refused).toEqual({ kind: 'refused', failed: [1, 2, 4] });
    expect(flat.keys('')).toEqual(['config/a']);
    expect(flat.entry('config/a')).toBe(before);

    const applied = flat.apply(
      [
        { kind: 'cas', key: 'config/a', value, index: at },
        { kind: 'cas', key: 'config/new', value, index: 0n },
      ],
      'test',
    );
    const index = applied.kind === 'applied' ? applied.index : 0n;
    expect(flat.entry('config/a')?.modifyIndex).toBe(index);
    expect(flat.entry('config/new')).toMatchObject({ createIndex: index, modifyIndex: index });
  });

  it('takes a conditional delete of what is gone already for done', () => {
    const { flat } = newFlat();
    expect(flat.apply([{ kind: 'delete-cas', key: 'none', index: 5n }], 'test').kind).toBe('applied');
  });

  it('takes at most 64 operations in a transaction', () => {
    const { flat } = newFlat();
    const operations = Array.from({ length: 65 }, (_, i) => ({ kind: 'delete', key: `k${i}` }) as const);
    expect(() => flat.apply(operations, 'test')).toThrow('64');
  });

  it('has the index of a prefix rise with deletions below it, and fall when they are forgotten after 15 minutes', async () => {
    const { flat, client, clock } = newFlat();
    client.put('a', bytes('1'));
    const before = flat.prefixIndex('config/');
    client.put('b', bytes('1'));
    client.remove('b');
    const deletedAt = flat.prefixIndex('config/');
    expect(deletedAt).toBeGreaterThan(before);
    await clock.advance(15 * 60_000 - 1);
    expect(flat.prefixIndex('config/')).toBe(deletedAt);
    await clock.advance(1);
    expect(flat.prefixIndex('config/')).toBe(before);
  });

  it('has the index of a prefix fall as soon as its tombstones are collected, without anything having been restored', () => {
    const { flat, client } = newFlat();
    client.put('a', bytes('1'));
    const before = flat.prefixIndex('config');
    client.put('b', bytes('1'));
    client.remove('b');
    flat.collectTombstones();
    expect(flat.prefixIndex('config')).toBe(before);
    client.put('c', bytes('1'));
    expect(flat.prefixIndex('config')).toBe(before + 3n);
  });

  it("forgets deletions by its leader's clock, which may jump", () => {
    const { flat, client } = newFlat();
    client.put('a', bytes('1'));
    const before = flat.prefixIndex('config/');
    client.put('b', bytes('1'));
    client.remove('b');
    flat.leaderClockAheadMs = 3_600_000;
    expect(flat.prefixIndex('config/')).toBe(before);
  });

  it('shows what a server shows that lags behind some writes', () => {
    const { flat, client } = newFlat();
    client.put('a', bytes('1'));
    client.lock('a', bytes('2'), 'session', 'delete');
    client.put('b', bytes('1'));
    flat.closeSession('session');
    const values = (writes: number): (string | undefined)[] =>
      ['a', 'b'].map((key) => flat.behind(writes).entry(`config/${key}`)?.value.toString());
    const text = (value: string): string => bytes(value).toString();
    expect(values(0)).toEqual([undefined, text('1')]);
    expect(values(1)).toEqual([text('2'), text('1')]);
    expect(values(2)).toEqual([text('2'), undefined]);
    expect(values(3)).toEqual([text('1'), undefined]);
    expect(flat.behind(1).prefixIndex('')).toBe(flat.prefixIndex('') - 1n);
  });

  it('has the index of an empty prefix rise with every write in the store', () => {
    const { flat, client } = newFlat();
    expect(flat.prefixIndex('other/')).toBeGreaterThanOrEqual(1n);
    client.put('a', bytes('1'));
    expect(flat.prefixIndex('other/')).toBe(flat.entry('config/a')?.modifyIndex);
  });

  it('lets one session at a time hold a key, which moves its index, and anybody write it all the same', () => {
    const { flat, client } = newFlat();
    client.lock('leader', bytes('me'), 'mine');
    const locked = flat.entry('config/leader');
    expect(locked).toMatchObject({ session: 'mine', lockIndex: 1n });
    expect(() => client.lock('leader', bytes('you'), 'theirs')).toThrow('refused');
    expect(() => client.unlock('leader', bytes('me'), 'theirs')).toThrow('refused');
    client.put('leader', bytes('meddler'));
    expect(flat.entry('config/leader')).toMatchObject({ session: 'mine' });

    client.unlock('leader', bytes('free'), 'mine');
    const free = flat.entry('config/leader');
    expect(free).toMatchObject({ session: undefined, lockIndex: 1n });
    expect(free?.modifyIndex).toBeGreaterThan(locked?.modifyIndex ?? 0n);
    client.lock('leader', bytes('you'), 'theirs');
    expect(flat.entry('config/leader')).toMatchObject({ session: 'theirs', lockIndex: 2n });
  });

  it("releases a session's keys when it ends, or deletes them, as it was opened to", () => {
    const { flat, client } = newFlat();
    client.lock('kept', bytes('1'), 'mild', 'release');
    client.lock('gone', bytes('1'), 'harsh', 'delete');
    const before = flat.entry('config/kept')?.modifyIndex ?? 0n;
    flat.closeSession('mild');
    flat.closeSession('harsh');
    expect(flat.entry('config/kept')).toMatchObject({ session: undefined, modifyIndex: before + 2n });
    expect(flat.entry('config/gone')).toBeUndefined();
  });

  it('restored from a backup has the entries and indexes of then, and goes on counting above', () => {
    const { flat, client } = newFlat();
    client.put('kept', bytes('old'));
    const backup = flat.snapshot();
    const before = flat.entry('config/kept');
    client.put('kept', bytes('new'));
    client.put('later', bytes('1'));
    const highest = flat.prefixIndex('config/');

    flat.restore(backup);
    expect(flat.entry('config/kept')).toEqual(before);
    expect(flat.entry('config/later')).toBeUndefined();
    expect(flat.prefixIndex('config/')).toBeGreaterThanOrEqual(highest);
    client.put('kept', bytes('again'));
    expect(flat.entry('config/kept')?.modifyIndex).toBeGreaterThan(highest);
  });

  it('wiped is another cluster that counts from the beginning', () => {
    const { flat, client } = newFlat();
    const beginning = flat.prefixIndex('');
    client.put('a', bytes('1'));
    flat.wipe();
    expect(flat.keys('')).toEqual([]);
    expect(flat.prefixIndex('')).toBe(beginning);
  });

  it('has copies that do not change with it', () => {
    const { flat, client } = newFlat();
    client.put('a', bytes('1'));
    const copy = flat.copy();
    client.remove('a');
    expect(copy.keys('')).toEqual(['config/a']);
  });
});

describe('FlatClient', () => {
  it('deletes a key with all below it in one write, and no key that only begins alike', () => {
    const { flat, client, commits } = newFlat();
    for (const key of ['a', 'a/b', 'a/b/c', 'ab']) client.put(key, bytes('1'));
    client.removeAll('a');
    expect(flat.keys('')).toEqual(['config/ab']);
    expect(commits.at(-1)?.changes).toHaveLength(3);
  });
});

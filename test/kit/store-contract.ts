import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EntryKey, PresentReading } from '../../src/core/observation.js';
import type { PartView, Replica } from '../../src/ports/replica.js';
import { speaksOf } from './hinted.js';
import type { ReplicaUnderTest } from './replica-contract.js';
import { bytes, create, mustApply, present, remove, scanAll, update, write } from './replica-contract.js';

const NEVER = new AbortController().signal;
/** How long a hint or an effect may take to arrive on a loaded machine. */
const EVENTUALLY_MS = 10_000;

/**
 * What stores do by themselves and other programs do in them, as it looks through a replica: versions, transactions,
 * sessions, permissions, bursts of changes. Run against the simulation and the real servers alike, so that the loop,
 * which is proven on the simulation, is proven on what real stores do.
 */
export function storeContract(name: string, setup: () => Promise<ReplicaUnderTest>): void {
  describe(`the store contract: ${name}`, () => {
    let subject: ReplicaUnderTest;
    beforeEach(async () => {
      subject = await setup();
    });
    afterEach(async () => {
      await subject.dispose();
    });

    versions(() => subject);
    removals(() => subject);
    largeValues(() => subject);
    sessions(() => subject);
    bursts(() => subject);
  });
}

/** The same, of a subject that can hide entries from its replica. */
export function permissionContract(
  name: string,
  setup: () => Promise<ReplicaUnderTest & { hide: (key: EntryKey) => Promise<void> }>,
): void {
  describe(`the permission contract: ${name}`, () => {
    it('S5: an entry that may not be read is denied, not absent, and never proven to be', async () => {
      const { replica, other, hide, dispose } = await setup();
      for (const key of ['open', 'secret', 'later']) await other.put(key, bytes('value'));
      const position = await replica.position(NEVER);
      await hide('secret');

      const readings = await replica.read(['open', 'secret', 'none'], NEVER);
      expect(readings.get('secret')).toEqual({ kind: 'unknown', reason: 'denied' });
      expect(readings.get('open')?.kind).toBe('present');
      expect(readings.get('none')).toEqual({ kind: 'absent' });
      expect(await replica.proveAbsent(['open', 'secret', 'none'], NEVER)).toEqual(new Set(['none']));
      // A walk says nothing of it, or no more than its version; a number that rises or stays says nothing either.
      expect([...(await scanAll(replica)).keys()].filter((key) => key !== 'secret')).toEqual([
        'later',
        'open',
      ]);
      expect(await replica.position(NEVER)).toBeGreaterThanOrEqual(position);
      await dispose();
    });
  });
}

function versions(subject: () => ReplicaUnderTest): void {
  it('S2: a write of what is there already tells the version that is then read, whether it moved or not', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('same'));
    const base = await present(replica, 'a');
    const ledger = { content: 'ledger', expected: undefined };
    const applied = mustApply(await write(replica, [update('a', 'same', base)], ledger));

    const reading = await present(replica, 'a');
    expect(applied.versions.get('a')).toEqual(reading.version);
    expect([base.version.modified, applied.ledger?.modified]).toContain(reading.version.modified);
    // Under this version, the next write is taken.
    mustApply(await write(replica, [update('a', 'other', reading)]));
  });

  it('S3: an entry that was deleted and made again is another incarnation, and a later one', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('one'));
    const before = await present(replica, 'a');
    await other.remove('a');
    await other.put('a', bytes('one'));

    const after = await present(replica, 'a');
    expect(after.version.created).toBeGreaterThan(before.version.modified);
    expect(after.version.modified).toBe(after.version.created);
  });

  it('what a client writes in one transaction shares its version, and hints of all of it', async () => {
    const { replica, other } = subject();
    await other.put('old', bytes('1'));
    const keys = ['new', 'old', 'other'];
    await other.putTogether(new Map(keys.map((key) => [key, bytes('2')])));

    const readings = await Promise.all(keys.map((key) => present(replica, key)));
    expect(new Set(readings.map(({ version }) => version.modified)).size).toBe(1);
    expect(readings.map(({ value }) => value)).toEqual(keys.map(() => bytes('2')));
  });

  it('parents that are made on the way are told with the version that they are read with', async () => {
    const { replica } = subject();
    const { madeParents } = mustApply(await write(replica, [create('x/y/z', '1'), create('x/y/w', '1')]));
    const readings = await replica.read(['x', 'x/y'], NEVER);
    for (const [key, children] of [
      ['x', 1],
      ['x/y', 2],
    ] as const) {
      const version = madeParents.get(key);
      if (version === undefined) expect(readings.get(key)).toEqual({ kind: 'absent' });
      else expect(readings.get(key)).toMatchObject({ version, children, value: new Uint8Array() });
    }
  });

  it('S7: a batch of which both the ledger and an entry are overtaken names the ledger, and does nothing', async () => {
    const { replica, other } = subject();
    const first = mustApply(await write(replica, [], { content: 'first', expected: undefined }));
    mustApply(await write(replica, [], { content: 'second', expected: first.ledger }));
    await other.put('taken', bytes('theirs'));

    const outcome = await write(replica, [create('free', '1'), create('taken', '1')], {
      content: 'third',
      expected: first.ledger,
    });
    expect(outcome).toMatchObject({ kind: 'condition-failed', ledger: true });
    expect(await other.get('free')).toBeUndefined();
    expect(await other.get('taken')).toEqual(bytes('theirs'));
  });
}

function removals(subject: () => ReplicaUnderTest): void {
  it('S3: a delete of what a client has removed brings nothing back, and is done or fails its condition', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('one'));
    const base = await present(replica, 'a');
    await other.remove('a');

    const outcome = await write(replica, [remove('a', base)]);
    expect(['applied', 'condition-failed']).toContain(outcome.kind);
    expect(await replica.proveAbsent(['a'], NEVER)).toEqual(new Set(['a']));
  });

  it('S3: a delete never takes a value that a client recreated, or hands it back', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('one'));
    const base = await present(replica, 'a');
    await other.remove('a');
    await other.put('a', bytes('recreated'));

    const outcome = await write(replica, [remove('a', base)]);
    if (outcome.kind === 'applied') {
      expect(outcome.overwrittenInRace.get('a')?.value).toEqual(bytes('recreated'));
    } else {
      expect(outcome).toEqual({ kind: 'condition-failed', keys: ['a'], ledger: false });
      expect(await other.get('a')).toEqual(bytes('recreated'));
    }
  });

  it('a delete of an entry with others below it leaves those, and tells where it had to stay', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('parent'));
    await other.put('a/b', bytes('child'));
    const applied = mustApply(await write(replica, [remove('a', await present(replica, 'a'))]));

    const cleared = applied.cleared.get('a');
    const reading = (await replica.read(['a'], NEVER)).get('a');
    if (cleared === undefined) expect(reading).toEqual({ kind: 'absent' });
    else expect(reading).toMatchObject({ version: cleared, value: new Uint8Array(), children: 1 });
    expect(applied.versions.has('a')).toBe(false);
    expect(await other.get('a/b')).toEqual(bytes('child'));
  });

  it('S3: a delete decided before a child came never takes the child, and leaves no half of itself', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('parent'));
    const base = await present(replica, 'a');
    await other.put('a/b', bytes('child'));

    const outcome = await write(replica, [remove('a', base)]);
    if (outcome.kind === 'applied') expect((await replica.read(['a'], NEVER)).get('a')?.kind).toBe('absent');
    else {
      expect(outcome).toEqual({ kind: 'condition-failed', keys: ['a'], ledger: false });
      expect(await other.get('a')).toEqual(bytes('parent'));
    }
    expect(await other.get('a/b')).toEqual(bytes('child'));
  });
}

function largeValues(subject: () => ReplicaUnderTest): void {
  it('S3: a value that no batch takes goes by itself, under its condition like any other', async () => {
    const { replica, other } = subject();
    const large = (fill: number): Uint8Array => new Uint8Array(replica.limits.valueBytesMax).fill(fill);
    const put = (fill: number, base: PresentReading) =>
      replica.write(
        { operations: [{ kind: 'update', key: 'a', value: large(fill), base }], ledger: undefined },
        NEVER,
      );
    await other.put('a', bytes('one'));
    const stale = await present(replica, 'a');
    await other.put('a', bytes('theirs'));
    expect(await put(1, stale)).toEqual({ kind: 'condition-failed', keys: ['a'], ledger: false });
    expect(await other.get('a')).toEqual(bytes('theirs'));

    const applied = mustApply(await put(2, await present(replica, 'a')));
    const reading = await present(replica, 'a');
    expect(applied.versions.get('a')).toEqual(reading.version);
    expect(applied.ledger).toBeUndefined();
    expect(Buffer.compare(reading.value, large(2))).toBe(0);
  });
}

function sessions(subject: () => ReplicaUnderTest): void {
  it('an entry that a session owns is read as such, and neither replaced nor removed', async () => {
    const { replica, other } = subject();
    const end = await other.bind('lock', bytes('owner'));
    const base = await present(replica, 'lock');
    expect(base.session).toBeDefined();
    for (const operation of [update('lock', 'ours', base), remove('lock', base)]) {
      expect(await write(replica, [operation])).toMatchObject({
        kind: 'rejected',
        rejections: [{ key: 'lock', reason: 'session-bound' }],
      });
    }
    expect(await other.get('lock')).toEqual(bytes('owner'));
    expect((await scanAll(replica)).get('lock')?.version).toEqual(base.version);
    await end();
  });

  it('L3: when a session ends, its entry is gone or an ordinary one at a later version, and a hint tells', async () => {
    const { replica, other } = subject();
    const end = await other.bind('lock', bytes('owner'));
    const base = await present(replica, 'lock');
    const watched = followReads(replica, ['lock']);
    await vi.waitFor(() => expect(watched.seen.get('lock')).toBe('owner of a session'), EVENTUALLY_MS);
    await end();

    await vi.waitFor(() => expect(['absent', 'owner']).toContain(watched.seen.get('lock')), EVENTUALLY_MS);
    const after = (await replica.read(['lock'], NEVER)).get('lock');
    if (after?.kind === 'present') expect(after.version.modified).toBeGreaterThan(base.version.modified);
    await watched.end();
  });
}

function bursts(subject: () => ReplicaUnderTest): void {
  it('L3: whatever states of entries a watch misses in a burst, the last ones are found by its hints', async () => {
    const { replica, other } = subject();
    const keys = Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? `deep/${i}` : `k${i}`));
    const watched = followReads(replica, keys);
    await vi.waitFor(() => expect(watched.seen.size).toBe(keys.length), EVENTUALLY_MS);

    for (let round = 1; round <= 12; round++) {
      for (const key of keys) await other.put(key, bytes(`${round}`));
      if (round % 5 === 0) for (const key of keys) await other.remove(key);
    }
    await vi.waitFor(() => {
      for (const key of keys) expect(watched.seen.get(key), key).toBe('12');
    }, EVENTUALLY_MS);
    await watched.end();
  });
}

/** Reads entries whenever a hint may be about them, as the loop does, and keeps what was read last. */
function followReads(
  replica: Replica,
  keys: readonly EntryKey[],
): { seen: Map<EntryKey, string>; end: () => Promise<void> } {
  const abort = new AbortController();
  const seen = new Map<EntryKey, string>();
  const hinted = new Set<EntryKey>();
  let reading: Promise<void> | undefined;
  const readHinted = async (): Promise<void> => {
    while (hinted.size > 0) {
      const asked = [...hinted];
      hinted.clear();
      for (const [key, one] of await replica.read(asked, NEVER)) {
        const owned = one.kind === 'present' && one.session !== undefined ? ' of a session' : '';
        seen.set(key, one.kind === 'present' ? new TextDecoder().decode(one.value) + owned : one.kind);
      }
    }
    reading = undefined;
  };
  const look = (some: Iterable<EntryKey>): void => {
    for (const key of some) if (keys.includes(key)) hinted.add(key);
    if (hinted.size > 0) reading ??= readHinted();
  };
  const listener = {
    changed: look,
    stirred: () => look(keys),
    saw: (view: PartView) => look(keys.filter((key) => speaksOf(view, key))),
    rescan: () => look(keys),
    lost: () => undefined,
  };
  const ended = replica.watch(listener, abort.signal);
  const end = async (): Promise<void> => {
    abort.abort();
    await ended;
    await reading;
  };
  return { seen, end };
}

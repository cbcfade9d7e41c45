import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { compareKeys } from '../../src/core/key-order.js';
import type { EntryKey, KeyPrefix, PresentReading } from '../../src/core/observation.js';
import type {
  HintListener,
  LedgerWrite,
  PartView,
  Replica,
  ScannedEntry,
  WriteApplied,
  WriteOperation,
  WriteOutcome,
} from '../../src/ports/replica.js';
import { speaksOf } from './hinted.js';

/** An ordinary client of the same store: what the programs beside the daemon do, on the same mapping. */
export interface ClientWriter {
  /** Creates or replaces several entries, none of them below another, in one transaction. */
  putTogether(entries: ReadonlyMap<EntryKey, Uint8Array>): Promise<void>;
  /**
   * Makes an entry that a session owns: an ephemeral node, or a locked key.
   * @returns ends the session
   */
  bind(key: EntryKey, value: Uint8Array): Promise<() => Promise<void>>;
  /** Creates or replaces an entry, parents included. */
  put(key: EntryKey, value: Uint8Array): Promise<void>;
  /** Removes one entry. */
  remove(key: EntryKey): Promise<void>;
  /** The value as such a client sees it, or undefined when there is none. */
  get(key: EntryKey): Promise<Uint8Array | undefined>;
}

export interface ReplicaUnderTest {
  /** On a mapping of its own, without entries and without a ledger. */
  readonly replica: Replica;
  readonly other: ClientWriter;
  /** Where `listLedgers` shows this mapping's ledger: `<instance>/<mapping>`. */
  readonly ledgerPlace: string;
  /** Whether the store lets values be read along with a walk: ZooKeeper before 3.6 has no request for that. */
  readonly scanReadsValues: boolean;
  /** The store has neither flags nor says who may do what with an entry. */
  readonly keepsNothingBeside?: true;
  dispose(): Promise<void>;
}

const NEVER = new AbortController().signal;
/** How long a hint or an effect may take to arrive on a loaded machine. */
const EVENTUALLY_MS = 10_000;

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

type ContractPart = (subject: () => ReplicaUnderTest) => void;

const ORDER_AND_NAMES: readonly ContractPart[] = [scans, names];
/** Without what is about the order of keys and odd names. */
export const CONTRACT_OF_SOME_NAMES: readonly ContractPart[] = [
  conditionalWrites,
  batches,
  ledgers,
  reads,
  hints,
  aborts,
];
const CONTRACT: readonly ContractPart[] = [...CONTRACT_OF_SOME_NAMES, ...ORDER_AND_NAMES];

/**
 * What every replica promises, whatever store is behind it. Run against the simulation and the real servers alike.
 * @param setup called before each test
 * @param parts all of it, unless entries can have some names only
 */
export function replicaContract(
  name: string,
  setup: () => Promise<ReplicaUnderTest>,
  parts: readonly ContractPart[] = CONTRACT,
): void {
  describe(`the replica contract: ${name}`, () => {
    let subject: ReplicaUnderTest;
    beforeEach(async () => {
      subject = await setup();
    });
    afterEach(async () => {
      await subject.dispose();
    });

    for (const part of parts) part(() => subject);
  });
}

function conditionalWrites(subject: () => ReplicaUnderTest): void {
  it('S3: a create makes an entry that was not there, and tells the version it then reads with', async () => {
    const { replica, other } = subject();
    const applied = mustApply(await write(replica, [create('a', 'one')]));

    const reading = await present(replica, 'a');
    expect(reading.value).toEqual(bytes('one'));
    expect(applied.versions.get('a')).toEqual(reading.version);
    expect(applied.madeParents.size).toBe(0);
    expect(await other.get('a')).toEqual(bytes('one'));
  });

  it('S3: a create of an entry that exists fails its condition and leaves the value alone', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('theirs'));

    expect(await write(replica, [create('a', 'ours')])).toEqual({
      kind: 'condition-failed',
      keys: ['a'],
      ledger: false,
    });
    expect(await other.get('a')).toEqual(bytes('theirs'));
  });

  it('S3: an update under its base replaces the value and keeps the incarnation', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('one'));
    const base = await present(replica, 'a');

    const applied = mustApply(await write(replica, [update('a', 'two', base)]));
    const reading = await present(replica, 'a');
    expect(reading.value).toEqual(bytes('two'));
    expect(reading.version).toEqual(applied.versions.get('a'));
    expect(reading.version.modified).toBeGreaterThan(base.version.modified);
    expect(reading.version.created).toBe(base.version.created);
    expect(applied.overwrittenInRace.size).toBe(0);
  });

  it('S3: an update whose base was overtaken by a client fails its condition', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('one'));
    const base = await present(replica, 'a');
    await other.put('a', bytes('theirs'));

    const outcome = await write(replica, [update('a', 'ours', base)]);
    expect(outcome).toEqual({ kind: 'condition-failed', keys: ['a'], ledger: false });
    expect(await other.get('a')).toEqual(bytes('theirs'));
  });

  it('S3: an update of an entry that a client removed fails its condition and does not bring it back', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('one'));
    const base = await present(replica, 'a');
    await other.remove('a');

    const outcome = await write(replica, [update('a', 'ours', base)]);
    expect(outcome).toEqual({ kind: 'condition-failed', keys: ['a'], ledger: false });
    expect(await other.get('a')).toBeUndefined();
  });

  it('S3: a delete under its base removes the entry', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('one'));

    const applied = mustApply(await write(replica, [remove('a', await present(replica, 'a'))]));
    expect(applied.versions.has('a')).toBe(false);
    expect(applied.cleared.size).toBe(0);
    expect(await other.get('a')).toBeUndefined();
  });

  it('S3: a delete whose base was overtaken by a client fails its condition', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('one'));
    const base = await present(replica, 'a');
    await other.put('a', bytes('theirs'));

    const outcome = await write(replica, [remove('a', base)]);
    expect(outcome).toEqual({ kind: 'condition-failed', keys: ['a'], ledger: false });
    expect(await other.get('a')).toEqual(bytes('theirs'));
  });

  it('S3: a value that a client recreated between read and write is kept, or handed back as overwritten', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('one'));
    const base = await present(replica, 'a');
    await other.remove('a');
    await other.put('a', bytes('recreated'));

    const outcome = await write(replica, [update('a', 'ours', base)]);
    if (outcome.kind === 'applied') {
      expect(outcome.overwrittenInRace.get('a')?.value).toEqual(bytes('recreated'));
    } else {
      expect(outcome).toEqual({ kind: 'condition-failed', keys: ['a'], ledger: false });
      expect(await other.get('a')).toEqual(bytes('recreated'));
    }
  });

  it('S1: an entry is made anew with the flags, and the access that was told of it, that it had', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('one'));
    const access = await replica.accessOf(['a', 'missing'], NEVER);
    expect(access.has('missing')).toBe(false);
    await write(replica, [{ kind: 'delete', key: 'a', base: await present(replica, 'a') }]);

    const flags = 2n ** 64n - 1n;
    const value = bytes('one');
    mustApply(await write(replica, [{ kind: 'create', key: 'a', value, flags, access: access.get('a') }]));
    const reading = await present(replica, 'a');
    // A store has flags, or tells who may do what, or says that it has neither.
    const keepsAccess = subject().keepsNothingBeside === undefined && reading.flags === 0n;
    expect([reading.flags === flags, access.has('a')]).toEqual([reading.flags !== 0n, keepsAccess]);
    expect(await replica.accessOf(['a'], NEVER)).toEqual(new Map([...access].filter(([key]) => key === 'a')));
  });

  it('a value too large for any route is rejected by name, and nothing of its batch is applied', async () => {
    const { replica, other } = subject();
    const large = new Uint8Array(replica.limits.valueBytesMax + 1);
    const outcome = await write(replica, [{ kind: 'create', key: 'large', value: large }]);
    expect(outcome).toMatchObject({ kind: 'rejected', rejections: [{ key: 'large', reason: 'too-large' }] });
    expect(await other.get('large')).toBeUndefined();
  });
}

function batches(subject: () => ReplicaUnderTest): void {
  it('S3: one failed condition keeps the whole batch from being applied, and only the culprit is named', async () => {
    const { replica, other } = subject();
    await other.put('taken', bytes('theirs'));

    const operations = [create('before', '1'), create('taken', '2'), create('zafter', '3')];
    expect(await write(replica, operations)).toEqual({
      kind: 'condition-failed',
      keys: ['taken'],
      ledger: false,
    });
    expect(await other.get('before')).toBeUndefined();
    expect(await other.get('zafter')).toBeUndefined();
  });

  it('S2: all operations of a batch share one modified version, the ledger included', async () => {
    const { replica, other } = subject();
    await other.put('old', bytes('one'));
    const base = await present(replica, 'old');

    const operations = [create('new', '1'), update('old', 'two', base)];
    const applied = mustApply(await write(replica, operations, { content: 'ledger', expected: undefined }));
    const modified = applied.ledger?.modified;
    expect(modified).toBeDefined();
    expect((await present(replica, 'new')).version.modified).toBe(modified);
    expect((await present(replica, 'old')).version.modified).toBe(modified);
  });

  it('parents before children, children before parents: a subtree comes and goes in one batch', async () => {
    const { replica, other } = subject();
    mustApply(await write(replica, [create('p', 'parent'), create('p/c', 'child')]));
    expect(await other.get('p/c')).toEqual(bytes('child'));

    const parent = await present(replica, 'p');
    const child = await present(replica, 'p/c');
    const applied = mustApply(await write(replica, [remove('p/c', child), remove('p', parent)]));
    expect(applied.cleared.size).toBe(0);
    expect(await replica.proveAbsent(['p', 'p/c'], NEVER)).toEqual(new Set(['p', 'p/c']));
  });

  it('a batch as large as the limits allow is applied whole', async () => {
    const { replica } = subject();
    const operations = fillBatch(replica, 200);
    mustApply(await write(replica, operations, { content: 'x'.repeat(200), expected: undefined }));

    const keys = operations.map((operation) => operation.key);
    const readings = await readAll(replica, keys);
    for (const key of keys) expect(readings.get(key)?.kind).toBe('present');
  });

  it('a batch filled with large values is applied whole', async () => {
    const { replica } = subject();
    const operations = fillBatch(replica, 40_000);
    expect(operations.length).toBeGreaterThan(1);
    mustApply(await write(replica, operations, { content: 'x'.repeat(200), expected: undefined }));
  });
}

function ledgers(subject: () => ReplicaUnderTest): void {
  it('a mapping without a ledger has none', async () => {
    const { replica, ledgerPlace } = subject();
    expect(await replica.readLedger(NEVER)).toBeUndefined();
    expect((await replica.listLedgers(NEVER)).has(ledgerPlace)).toBe(false);
  });

  it('a batch of the ledger alone creates it, and then moves it', async () => {
    const { replica, ledgerPlace } = subject();
    const first = mustApply(await write(replica, [], { content: 'first', expected: undefined }));
    expect(await replica.readLedger(NEVER)).toEqual({ content: 'first', version: first.ledger });

    const second = mustApply(await write(replica, [], { content: 'second', expected: first.ledger }));
    expect(await replica.readLedger(NEVER)).toEqual({ content: 'second', version: second.ledger });
    expect(second.ledger?.modified).toBeGreaterThan(first.ledger?.modified ?? 0n);
    expect((await replica.listLedgers(NEVER)).get(ledgerPlace)).toEqual({
      content: 'second',
      version: second.ledger,
    });
  });

  it('S7: a batch under an old version of the ledger is fenced off whole', async () => {
    const { replica, other } = subject();
    const first = mustApply(await write(replica, [], { content: 'deposed', expected: undefined }));
    mustApply(await write(replica, [], { content: 'successor', expected: first.ledger }));

    const outcome = await write(replica, [create('a', '1')], { content: 'again', expected: first.ledger });
    expect(outcome).toEqual({ kind: 'condition-failed', keys: [], ledger: true });
    expect(await other.get('a')).toBeUndefined();
    expect((await replica.readLedger(NEVER))?.content).toBe('successor');
  });

  it('S7: a batch that expects no ledger is fenced off by one that is there', async () => {
    const { replica, other } = subject();
    mustApply(await write(replica, [], { content: 'other owner', expected: undefined }));

    const outcome = await write(replica, [create('a', '1')], { content: 'mine', expected: undefined });
    expect(outcome).toEqual({ kind: 'condition-failed', keys: [], ledger: true });
    expect(await other.get('a')).toBeUndefined();
  });
}

function reads(subject: () => ReplicaUnderTest): void {
  it('S4: a read answers every key, and tells present from absent', async () => {
    const { replica, other } = subject();
    await other.put('here', bytes('value'));
    await other.put('deep/er', bytes('below'));

    const readings = await replica.read(['here', 'gone', 'deep/er', 'deep/gone', 'no/such/parent'], NEVER);
    expect(readings.size).toBe(5);
    expect(readings.get('here')).toMatchObject({
      kind: 'present',
      value: bytes('value'),
      session: undefined,
    });
    expect(readings.get('deep/er')).toMatchObject({ kind: 'present', value: bytes('below') });
    for (const key of ['gone', 'deep/gone', 'no/such/parent'])
      expect(readings.get(key)).toEqual({ kind: 'absent' });
  });

  it('S3: a glance shows entries and the ledger no older than what was answered before', async () => {
    const { replica, other } = subject();
    expect(await replica.glance(['gone'], NEVER)).toEqual({
      readings: new Map([['gone', { kind: 'absent' }]]),
      ledger: undefined,
    });
    const ledger = { content: 'first', expected: undefined };
    const applied = mustApply(await write(replica, [create('ours', '1')], ledger));
    await other.put('theirs', bytes('2'));
    await replica.position(NEVER);
    const keys = ['ours', 'theirs', 'gone', ...Array.from({ length: 100 }, (_, number) => `none-${number}`)];
    for (const some of [keys.slice(0, 3), keys]) {
      const glance = await replica.glance(some, NEVER);
      expect(glance.readings).toEqual(await replica.read(some, NEVER));
      expect(glance.ledger).toEqual({ content: 'first', version: applied.ledger });
    }
  });

  it('S3: a glance after a hint shows what was hinted at, or something newer', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('0'));
    const watched = startWatch(replica);
    await vi.waitFor(() => expect(watched.rescans).toEqual(['start']), EVENTUALLY_MS);
    for (let number = 1; number <= 5; number++) {
      watched.forget();
      await other.put('a', bytes(String(number)));
      await vi.waitFor(() => expect(watched.tells('a')).toBe(true), EVENTUALLY_MS);
      const { readings } = await replica.glance(['a'], NEVER);
      expect(readings.get('a')).toMatchObject({ kind: 'present', value: bytes(String(number)) });
    }
    await watched.end();
  });

  it('S4: only what is certainly absent is proven absent', async () => {
    const { replica, other } = subject();
    await other.put('here', bytes('value'));
    await other.put('removed', bytes('value'));
    await other.remove('removed');

    const keys = ['here', 'removed', 'never'];
    expect(await replica.proveAbsent(keys, NEVER)).toEqual(new Set(['removed', 'never']));
    expect(await replica.proveAbsent([], NEVER)).toEqual(new Set());
  });

  it('S6: a position is at or above every write before it, and below every write after it', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('before'));
    const before = await present(replica, 'a');
    const position = await replica.position(NEVER);
    await other.put('a', bytes('after'));
    const after = await present(replica, 'a');

    expect(before.version.modified).toBeLessThanOrEqual(position);
    expect(after.version.modified).toBeGreaterThan(position);
  });

  it('S4: hundreds of keys in one call are all answered', async () => {
    const { replica } = subject();
    const keys = Array.from({ length: 600 }, (_, i) => `k${i}`);
    await createAll(replica, keys.slice(0, 50));
    const readings = await readAll(replica, keys);
    const there = keys.filter((key) => readings.get(key)?.kind === 'present');
    expect(there).toEqual(keys.slice(0, 50));
    expect(await replica.proveAbsent(keys, NEVER)).toEqual(new Set(keys.slice(50)));
  });

  it('values are exact to the last byte, whatever bytes they are', async () => {
    const { replica, other } = subject();
    const every = Uint8Array.from({ length: 256 }, (_, i) => i);
    mustApply(await write(replica, [{ kind: 'create', key: 'ours', value: every }]));
    await other.put('theirs', every);

    expect((await present(replica, 'ours')).value).toEqual(every);
    expect((await present(replica, 'theirs')).value).toEqual(every);
    expect(await other.get('ours')).toEqual(every);
  });

  it('an empty value is an entry with zero bytes, not an absent one', async () => {
    const { replica, other } = subject();
    mustApply(await write(replica, [create('ours', '')]));
    await other.put('theirs', new Uint8Array());

    expect((await present(replica, 'ours')).value.length).toBe(0);
    expect((await present(replica, 'theirs')).value.length).toBe(0);
    const scanned = await scanAll(replica);
    for (const key of ['ours', 'theirs']) expect(scanned.get(key)?.empty).not.toBe(false);
  });

  it('the largest value that has a route arrives whole', async () => {
    const { replica } = subject();
    const value = new Uint8Array(replica.limits.valueBytesMax).fill(0xa5);
    mustApply(await write(replica, [{ kind: 'create', key: 'large', value }]));
    expect(Buffer.compare((await present(replica, 'large')).value, value)).toBe(0);
  });
}

function scans(subject: () => ReplicaUnderTest): void {
  it('a mapping without entries scans as none', async () => {
    expect((await scanAll(subject().replica)).size).toBe(0);
  });

  it('a scan shows every entry once, in the order of keys, with the version it reads with', async () => {
    const { replica } = subject();
    const keys = ['a', 'a/b', 'a/b/c', 'a-b', 'a.b', 'b0', 'b/1', 'Z', 'ä', '\u{1f600}', '\uffff', '~'];
    const more = Array.from({ length: 1_200 }, (_, i) => `m/${i % 7}/n${i}`);
    const wanted = [...keys, ...more].filter((key) => replica.limits.unmappable(key) === undefined);
    await createAll(replica, wanted.toSorted(compareKeys));

    const scanned: ScannedEntry[] = [];
    for await (const page of replica.scan(() => undefined, NEVER)) {
      expect(page.length).toBeLessThanOrEqual(2_048);
      scanned.push(...page);
    }
    const listed: EntryKey[] = [];
    for await (const page of replica.listKeys(NEVER)) listed.push(...page);
    const order = scanned.map((entry) => entry.key);
    expect(listed.toSorted(compareKeys)).toEqual(order);
    expect(order).toEqual([...new Set(order)].toSorted(compareKeys));
    const entries = scanned.filter((entry) => !isStructure(entry)).map((entry) => entry.key);
    expect(entries).toEqual(wanted.toSorted(compareKeys));

    const readings = await readAll(replica, ['a/b', 'b0', 'm/3/n3']);
    for (const [key, reading] of readings) {
      const entry = scanned.find((candidate) => candidate.key === key);
      expect(reading).toMatchObject({ kind: 'present', version: entry?.version, children: entry?.children });
    }
  });

  it('a scan hands over what it has read of entries it was told nothing of, exactly as a read does', async () => {
    const { replica, other, scanReadsValues } = subject();
    await other.put('data', bytes('some data'));
    await other.put('parent', bytes('1'));
    await other.put('parent/child', bytes(''));

    const scanned = await scanAll(replica);
    const readings = await readAll(replica, ['data', 'parent', 'parent/child']);
    for (const [key, reading] of readings) {
      expect(scanned.get(key)?.reading?.(), key).toEqual(scanReadsValues ? reading : undefined);
    }
  });

  it('a scan of a part shows what begins with it, wherever in a name that ends, and nothing else', async () => {
    const { replica, other } = subject();
    const keys = [
      'a',
      'a/b',
      'a/bc/d',
      'ab',
      'abc/d',
      'b',
      'b.',
      'b./c',
      'ü',
      'üb',
      '\u{1f600}',
      '\u{1f601}/a',
    ];
    for (const key of keys) await other.put(key, bytes(key));

    for (const within of [
      '',
      'a',
      'a/',
      'a/b',
      'ab',
      'b',
      'b.',
      'b./',
      'ü',
      '\u{1f600}',
      '\u{1f601}',
      'none',
      'a/bc/d',
    ]) {
      const expected = keys.filter((key) => key.startsWith(within)).sort(compareKeys);
      const scanned = [...(await scanAll(replica, () => undefined, within)).values()];
      const shown = scanned.filter((entry) => !isStructure(entry)).map(({ key }) => key);
      expect(shown, JSON.stringify(within)).toEqual(expected);
      expect(scanned.every(({ key }) => key.startsWith(within))).toBe(true);
    }
  });

  it('a scan that is told the known versions still shows every entry with its true version', async () => {
    const { replica, other } = subject();
    await other.put('same', bytes('1'));
    await other.put('moved', bytes('1'));
    const known = new Map((await scanAll(replica)).entries());
    await other.put('moved', bytes('2'));
    await other.put('new', bytes('1'));

    const scanned = await scanAll(replica, (key) => known.get(key)?.version);
    expect([...scanned.keys()]).toEqual(['moved', 'new', 'same']);
    expect(scanned.get('same')?.version).toEqual(known.get('same')?.version);
    expect(scanned.get('moved')?.version).toEqual((await present(replica, 'moved')).version);
  });
}

function names(subject: () => ReplicaUnderTest): void {
  it('every key that is not called unmappable comes back from a scan and a read as it was written', async () => {
    const { replica } = subject();
    const odd = [
      'a b',
      'a//b',
      'a/',
      '/a',
      './a',
      'a/..',
      '%2F',
      'a%',
      'a\u0000b',
      'a\tb',
      '\u{1f600}/x',
      '\ufffd',
    ];
    const more = ['\uf8ff', 'zookeeper', 'a?b#c', 'a\\b', '"quoted"', 'ünïcödé/ключ'];
    const keys = [...odd, ...more].filter((key) => replica.limits.unmappable(key) === undefined);
    expect(keys.length).toBeGreaterThan(5);
    await createAll(replica, keys.toSorted(compareKeys));

    const scanned = await scanAll(replica);
    const readings = await readAll(replica, keys);
    for (const key of keys) {
      expect(scanned.has(key), `scan lacks ${JSON.stringify(key)}`).toBe(true);
      expect(readings.get(key)).toMatchObject({ kind: 'present', value: bytes(key) });
    }
  });
}

function hints(subject: () => ReplicaUnderTest): void {
  it('L3: a watch asks for a rescan at its start, and ends when it is aborted', async () => {
    const watched = startWatch(subject().replica);
    await vi.waitFor(() => expect(watched.rescans).toEqual(['start']), EVENTUALLY_MS);
    await watched.end();
  });

  it("L3: a client's create, update, delete and recreate each give a hint, at any depth", async () => {
    const { replica, other } = subject();
    await other.put('old/deep/entry', bytes('0'));
    const watched = startWatch(replica);
    await vi.waitFor(() => expect(watched.rescans).toEqual(['start']), EVENTUALLY_MS);

    for (const key of ['flat', 'old/deep/new', 'new/deep/entry', 'old/deep/entry']) {
      const changes = [
        () => other.put(key, bytes('1')),
        () => other.put(key, bytes('2')),
        () => other.remove(key),
        () => other.put(key, bytes('3')),
      ];
      for (const change of changes) {
        watched.forget();
        await change();
        await vi.waitFor(() => expect(watched.tells(key)).toBe(true), EVENTUALLY_MS);
      }
    }
    await watched.end();
  });

  it('L3: changes made while the watch is being armed are covered by a hint or the rescan after it', async () => {
    const { replica, other } = subject();
    const watched = startWatch(replica);
    const keys = Array.from({ length: 30 }, (_, i) => `k${i}`);
    for (const key of keys) await other.put(key, bytes('1'));

    await vi.waitFor(async () => {
      expect(watched.rescans.length).toBeGreaterThan(0);
      const seenByRescan = await watched.scannedAtRescan;
      for (const key of keys) expect(seenByRescan.has(key) || watched.tells(key), key).toBe(true);
    }, EVENTUALLY_MS);
    await watched.end();
  });
}

function aborts(subject: () => ReplicaUnderTest): void {
  it('S5: an aborted read, scan or proof throws instead of answering', async () => {
    const { replica, other } = subject();
    await other.put('a', bytes('1'));
    const aborted = AbortSignal.abort();
    await expect(replica.read(['a', 'gone'], aborted)).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(replica.proveAbsent(['gone'], aborted)).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(replica.glance(['a'], aborted)).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(replica.readLedger(aborted)).rejects.toMatchObject({ code: 'ABORTED' });
    const walk = async () => {
      for await (const page of replica.scan(() => undefined, aborted)) expect(page).toBeUndefined();
    };
    await expect(walk()).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('S7: a write aborted before it was sent is retriable and leaves no trace', async () => {
    const { replica, other } = subject();
    const outcome = await replica.write(
      { operations: [create('a', '1')], ledger: undefined },
      AbortSignal.abort(),
    );
    expect(outcome.kind).toBe('retriable');
    expect(await other.get('a')).toBeUndefined();
  });

  it('S7: a write aborted on its way is never called retriable when it was applied', async () => {
    const { replica, other } = subject();
    for (let i = 0; i < 20; i++) {
      const abort = new AbortController();
      const pending = replica.write({ operations: [create(`k${i}`, '1')], ledger: undefined }, abort.signal);
      for (let turn = 0; turn < i; turn++) await new Promise((resolve) => setImmediate(resolve));
      abort.abort();
      const outcome = await pending;
      expect(['applied', 'retriable', 'unknown']).toContain(outcome.kind);
      // A later write of the same replica comes after whatever the aborted one still does.
      mustApply(await write(replica, [create(`after${i}`, '1')]));
      if (outcome.kind === 'unknown') continue;
      expect((await other.get(`k${i}`)) !== undefined).toBe(outcome.kind === 'applied');
    }
  });
}

export function create(key: EntryKey, value: string): WriteOperation {
  return { kind: 'create', key, value: bytes(value) };
}

export function update(key: EntryKey, value: string, base: PresentReading): WriteOperation {
  return { kind: 'update', key, value: bytes(value), base };
}

export function remove(key: EntryKey, base: PresentReading): WriteOperation {
  return { kind: 'delete', key, base };
}

export function write(
  replica: Replica,
  operations: readonly WriteOperation[],
  ledger?: LedgerWrite,
): Promise<WriteOutcome> {
  return replica.write({ operations, ledger }, NEVER);
}

export function mustApply(outcome: WriteOutcome): WriteApplied {
  if (outcome.kind === 'applied') return outcome;
  const shown = JSON.stringify(outcome, (_, value: unknown) =>
    value instanceof Error ? value.message : value,
  );
  throw new Error(`expected the batch to be applied, but it was ${shown}`);
}

/** Reads an entry that must be there. */
export async function present(replica: Replica, key: EntryKey): Promise<PresentReading> {
  const reading = (await replica.read([key], NEVER)).get(key);
  if (reading?.kind !== 'present')
    throw new Error(`expected ${key} to be present: ${JSON.stringify(reading)}`);
  return reading;
}

export async function scanAll(
  replica: Replica,
  known: Parameters<Replica['scan']>[0] = () => undefined,
  within?: KeyPrefix,
): Promise<Map<EntryKey, ScannedEntry>> {
  const entries = new Map<EntryKey, ScannedEntry>();
  for await (const page of replica.scan(known, NEVER, within))
    for (const entry of page) entries.set(entry.key, entry);
  return entries;
}

/** Reads as a caller of the port does: what was left out for its size is asked for again. */
async function readAll(replica: Replica, keys: readonly EntryKey[]) {
  const all = new Map(await replica.read(keys, NEVER));
  for (let left = keys; left.length > 0;) {
    const next = left.filter((key) => {
      const reading = all.get(key);
      return reading?.kind === 'unknown' && reading.reason === 'not-read';
    });
    if (next.length === left.length) throw new Error(`the same ${next.length} keys are never read`);
    left = next;
    if (left.length > 0) for (const [key, reading] of await replica.read(left, NEVER)) all.set(key, reading);
  }
  return all;
}

async function createAll(replica: Replica, keys: readonly EntryKey[]): Promise<void> {
  for (let from = 0; from < keys.length; from += 32) {
    const operations = keys.slice(from, from + 32).map((key) => create(key, key));
    mustApply(await write(replica, operations));
  }
}

/** Creates as many entries as one batch with a ledger of a few hundred bytes takes. */
function fillBatch(replica: Replica, valueBytes: number): WriteOperation[] {
  const { batchOperationsMax, batchBytesMax, operationBytes } = replica.limits;
  const operations: WriteOperation[] = [];
  let size = operationBytes('x'.repeat(200), 1_000);
  for (let i = 0; operations.length < batchOperationsMax - 1; i++) {
    const key = `entry-${i}`;
    size += operationBytes(key, valueBytes);
    if (size > batchBytesMax) break;
    operations.push({ kind: 'create', key, value: new Uint8Array(valueBytes).fill(i) });
  }
  return operations;
}

/** Inner nodes that a store with real nodes has above the entries. */
function isStructure(entry: ScannedEntry): boolean {
  return entry.children > 0 && entry.empty === true;
}

function startWatch(replica: Replica) {
  const abort = new AbortController();
  const changed = new Set<EntryKey>();
  const rescans: string[] = [];
  let anything = false;
  const stirred: KeyPrefix[] = [];
  const views: PartView[] = [];
  let scannedAtRescan = Promise.resolve(new Map<EntryKey, ScannedEntry>());
  const listener: HintListener = {
    changed: (keys) => keys.forEach((key) => changed.add(key)),
    stirred: (within = '') => stirred.push(within),
    saw: (view) => views.push(view),
    rescan: (reason) => {
      rescans.push(reason);
      if (reason === 'start') scannedAtRescan = scanAll(replica);
      else anything = true;
    },
    lost: () => undefined,
  };
  const ended = replica.watch(listener, abort.signal);
  return {
    rescans,
    get scannedAtRescan() {
      return scannedAtRescan;
    },
    tells: (key: EntryKey) => {
      const isHinted = changed.has(key) || stirred.some((part) => key.startsWith(part));
      return anything || isHinted || views.some((view) => speaksOf(view, key));
    },
    forget: () => {
      anything = false;
      stirred.length = 0;
      views.length = 0;
      changed.clear();
    },
    end: async () => {
      await scannedAtRescan;
      abort.abort();
      await ended;
    },
  };
}

import { compareKeys } from '../../../src/core/key-order.js';
import type { Digest, EntryKey, KeyPrefix, Reading } from '../../../src/core/observation.js';
import type { Version } from '../../../src/core/version.js';
import { hasUrl, isExact, KeySpace } from '../../../src/consul/kv-keys.js';
import { ReplicaError } from '../../../src/ports/errors.js';
import type {
  HintListener,
  KnownVersion,
  PartView,
  Rejection,
  Glance,
  Replica,
  ReplicaLimits,
  ScannedEntry,
  SeenEntry,
  StoredLedger,
  WriteApplied,
  WriteBatch,
  WriteOperation,
  WriteOutcome,
} from '../../../src/ports/replica.js';
import type { AdjustableLimits } from './batch-limits.js';
import { mustFit, tooLarge } from './batch-limits.js';
import { readBounded, take } from './bounded-reads.js';
import type { ReadBounds } from './bounded-reads.js';
import type { Link } from './link.js';
import type { FlatOperation, MemoryFlat } from './memory-flat.js';
import { TRANSACTION_OPERATIONS_MAX, versionOf } from './memory-flat.js';

export interface FlatReplicaOptions {
  readonly flat: MemoryFlat;
  readonly link: Link;
  /** The mapped prefix, with a slash at its end, or empty. */
  readonly prefix: string;
  /** `<instance>/<mapping>`. */
  readonly ledgerPlace: string;
  readonly digest: (value: Uint8Array) => Digest;
  readonly bounds?: Partial<ReadBounds & AdjustableLimits>;
  /** What this daemon is called in the store's feed of commits. */
  readonly writer?: string;
  /** Asked for each scan: a lagging server's entries that it lists instead of the leader's. */
  readonly staleFlat?: () => MemoryFlat | undefined;
  /** What the watch tells: that something stirred, or in which part, or what is there. Nothing but the first by default. */
  readonly tells?: WatchTells;
  /** Told of entries that a scan may not read although they are listed. */
  readonly onDenied?: (key: EntryKey) => void;
}

export type WatchTells = 'stirs' | 'parts' | 'views';

type ValueOperation = Exclude<WriteOperation, { kind: 'delete' }>;

/** What begins with the same characters is watched together, and told later or earlier than other parts. */
const PART_LENGTH = 1;
/** How many parts of a view are left out. */
const EXCEPTED_MAX = 2;

/** Where daemons keep their ledgers. */
const NAMESPACE = 'zk-consul-sync/';

/** One prefix of a `MemoryFlat`. */
export class MemoryFlatReplica implements Replica {
  readonly limits: ReplicaLimits;
  readonly #options: FlatReplicaOptions;
  readonly #bounds: ReadBounds;
  readonly #keys: KeySpace;

  constructor(options: FlatReplicaOptions) {
    this.#options = options;
    this.#keys = new KeySpace(options.prefix, NAMESPACE);
    const { pageEntries = 256, readBytesMax = 4 * 1024 * 1024, ...limits } = options.bounds ?? {};
    this.#bounds = { pageEntries, readBytesMax };
    this.limits = {
      batchOperationsMax: TRANSACTION_OPERATIONS_MAX,
      batchBytesMax: 512 * 1024,
      valueBytesMax: 512 * 1024,
      ...limits,
      // As JSON, the value in base64.
      operationBytes: (key, valueBytes) =>
        96 + Buffer.byteLength(JSON.stringify(options.prefix + key)) + 4 * Math.ceil(valueBytes / 3),
      unmappable: (key) => this.#keys.unmappable(key),
    };
  }

  watch(listener: HintListener, signal: AbortSignal): Promise<void> {
    const { flat, link, prefix, tells = 'stirs' } = this.#options;
    let hadKeys = this.#showsKeys();
    const parts = new Map<string, { untold: string[]; isComing: boolean }>();
    // Asked again only when it has answered: what happens meanwhile is told by one answer.
    const stirPart = (name: string, key: string): void => {
      const part = parts.get(name) ?? { untold: [], isComing: false };
      parts.set(name, part);
      part.untold.push(key);
      if (part.isComing) return;
      part.isComing = link.hint(signal, () => {
        parts.delete(name);
        const within = tells === 'stirs' ? '' : sharedPrefix(part.untold);
        if (tells === 'views') listener.saw(this.#view(within, part.untold));
        else listener.stirred(within);
      });
    };
    const stir = (near: readonly { readonly name: string }[]): void => {
      for (const { name } of near) {
        const key = name.slice(prefix.length);
        stirPart(tells === 'stirs' ? '' : key.slice(0, PART_LENGTH), key);
      }
    };
    const rescan: HintListener['rescan'] = (reason) => {
      parts.clear();
      listener.rescan(reason);
    };
    return link.watch({ ...listener, rescan }, signal, () =>
      flat.feed.subscribe({
        committed: ({ changes }) => {
          const near = changes.filter(({ name }) => name.startsWith(prefix));
          if (hadKeys) {
            if (near.length === 0) return;
            stir(near);
            if (near.some(({ after }) => after === undefined)) hadKeys = this.#showsKeys();
            return;
          }
          // The watch of a prefix that shows no keys wakes on every write in the store, of which none matters to it.
          hadKeys = near.length > 0 && this.#showsKeys();
          if (hadKeys) stir(near);
        },
        replaced: (how) => {
          // A restored snapshot ends every query with the index of before, and the watch starts over (measured, 1.8.7).
          if (how === 'restored') link.rearm();
          else link.renew();
          hadKeys = this.#showsKeys();
        },
      }),
    );
  }

  async *scan(
    known: KnownVersion,
    signal: AbortSignal,
    within: KeyPrefix = '',
  ): AsyncGenerator<readonly ScannedEntry[]> {
    const { link, staleFlat } = this.#options;
    let flat = staleFlat?.() ?? this.#options.flat;
    const walk = this.#walk(() => flat, known, within);
    for (;;) {
      const page = await link.read('scan', signal, () => {
        const writes = link.faults.lagsBehind?.('scan') ?? 0;
        if (writes > 0) flat = this.#options.flat.behind(writes);
        return take(walk, this.#bounds.pageEntries);
      });
      if (page.length > 0) yield page;
      if (page.length < this.#bounds.pageEntries) return;
    }
  }

  async *listKeys(signal: AbortSignal): AsyncGenerator<readonly EntryKey[]> {
    for await (const page of this.scan(() => undefined, signal)) yield page.map(({ key }) => key);
  }

  /** Asked of the prefix without its slash, as the adapter does, so that what begins alike counts as well. */
  position(signal: AbortSignal): Promise<bigint> {
    const { link, flat, prefix } = this.#options;
    return link.read('position', signal, () => flat.prefixIndex(prefix.replace(/\/$/, '')));
  }

  read(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlyMap<EntryKey, Reading>> {
    const { link } = this.#options;
    return link.read('read', signal, () => {
      const answered = link.faults.answersOnly?.('read', keys.length);
      return readBounded(keys, this.#bounds, (key) => this.#readOne(key), answered);
    });
  }

  /** One transaction, on the leader as everything else. */
  glance(keys: readonly EntryKey[], signal: AbortSignal): Promise<Glance> {
    const { link } = this.#options;
    return link.read('read', signal, () => {
      const answered = link.faults.answersOnly?.('read', keys.length);
      const readings = readBounded(keys, this.#bounds, (key) => this.#readOne(key), answered);
      return { readings, ledger: this.#storedLedger(this.#ledgerKey()) };
    });
  }

  proveAbsent(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlySet<EntryKey>> {
    const { link } = this.#options;
    return link.read('prove-absent', signal, () => {
      const answered = link.faults.answersOnly?.('prove-absent', keys.length);
      return new Set(keys.slice(0, answered).filter((key) => this.#isProvenAbsent(key)));
    });
  }

  accessOf(): Promise<ReadonlyMap<EntryKey, string>> {
    return Promise.resolve(new Map());
  }

  async write(batch: WriteBatch, signal: AbortSignal): Promise<WriteOutcome> {
    mustFit(batch, this.limits);
    const { operations, ledger } = batch;
    const rejections = operations.flatMap((operation) => this.#rejectionOf(operation) ?? []);
    if (rejections.length > 0) return { kind: 'rejected', rejections };
    const [only] = operations;
    if (only !== undefined && only.kind !== 'delete' && ledger === undefined && this.#isLarge(only)) {
      return this.#writeLarge(only, batch, signal);
    }
    return this.#options.link.write(batch, signal, () => this.#apply(batch));
  }

  readLedger(signal: AbortSignal): Promise<StoredLedger | undefined> {
    const { link } = this.#options;
    return link.read('read-ledger', signal, () => this.#storedLedger(this.#ledgerKey()));
  }

  listLedgers(signal: AbortSignal): Promise<ReadonlyMap<string, StoredLedger>> {
    const { link, flat } = this.#options;
    return link.read('list-ledgers', signal, () => {
      const ledgers = new Map<string, StoredLedger>();
      for (const key of flat.keys(NAMESPACE)) {
        const ledger = this.#storedLedger(key);
        if (ledger !== undefined) ledgers.set(key.slice(NAMESPACE.length), ledger);
      }
      return ledgers;
    });
  }

  /** Lists the keys at once, and then looks at each when its page comes. */
  *#walk(flat: () => MemoryFlat, known: KnownVersion, within: KeyPrefix): Generator<ScannedEntry> {
    const { prefix, onDenied } = this.#options;
    const keys = flat()
      .keys(prefix + within)
      .filter((stored) => !this.#isDenied(stored))
      .flatMap((stored) => this.#keys.entryKey(stored) ?? [])
      .sort(compareKeys);
    for (const key of keys) {
      const entry = flat().entry(prefix + key);
      if (entry === undefined) continue;
      // It was allowed when the keys were listed.
      if (this.#isDenied(prefix + key)) {
        onDenied?.(key);
        continue;
      }
      const version = versionOf(entry);
      const believed = known(key);
      // A version that is as expected is confirmed without the value (`check-index`).
      const isConfirmed = believed?.modified === version.modified;
      const read = isConfirmed || flat() !== this.#options.flat ? undefined : this.#readOne(key);
      yield {
        key,
        version: isConfirmed ? believed : version,
        empty: isConfirmed ? undefined : entry.value.length === 0,
        children: 0,
        reading: read?.kind === 'present' ? () => read : undefined,
      };
    }
  }

  /** A part as the token may see it, without some of what has not changed in it. */
  #view(within: KeyPrefix, touched: readonly EntryKey[]): PartView {
    const { flat, prefix } = this.#options;
    const entries = flat
      .keys(prefix + within)
      .filter((stored) => !this.#isDenied(stored))
      .flatMap((stored) => {
        const key = this.#keys.entryKey(stored);
        const entry = flat.entry(stored);
        return key === undefined || entry === undefined ? [] : { key, version: versionOf(entry) };
      })
      .sort((a, b) => compareKeys(a.key, b.key));
    const except = entries
      .map(({ key }) => key)
      .filter((part) => part !== within && !touched.some((key) => key.startsWith(part)))
      .filter((part, at, parts) => !parts.slice(0, at).some((other) => part.startsWith(other)))
      .slice(0, EXCEPTED_MAX);
    const isExcepted = ({ key }: SeenEntry): boolean => except.some((part) => key.startsWith(part));
    return { within, entries: entries.filter((entry) => !isExcepted(entry)), except };
  }

  #showsKeys(): boolean {
    const { flat, prefix } = this.#options;
    return flat.keys(prefix).some((stored) => !this.#isDenied(stored));
  }

  /** `check-not-exists` asks for permission to write; without, a plain read of a key that a URL can carry will do. */
  #isProvenAbsent(key: EntryKey): boolean {
    const stored = this.#keys.storedKey(key);
    if (!isExact(stored) || this.#readOne(key).kind !== 'absent') return false;
    return this.#mayWrite(stored) || hasUrl(stored);
  }

  #readOne(key: EntryKey): Reading {
    const { flat, prefix, digest } = this.#options;
    if (this.#isDenied(prefix + key)) return { kind: 'unknown', reason: 'denied' };
    const entry = flat.entry(prefix + key);
    if (entry === undefined) return { kind: 'absent' };
    return {
      kind: 'present',
      version: versionOf(entry),
      value: entry.value.slice(),
      digest: digest(entry.value),
      flags: entry.flags,
      children: 0,
      session: entry.session,
      stamp: undefined,
    };
  }

  #apply({ operations, ledger }: WriteBatch): WriteOutcome {
    const { flat, link, prefix, writer = 'daemon' } = this.#options;
    const ledgerKey = this.#ledgerKey();
    // Permissions are looked at before anything else, and those that lack are all named.
    if (ledger !== undefined && !this.#mayWrite(ledgerKey)) return link.ledgerDenied(ledgerKey);
    const denied = operations.filter(({ key }) => !this.#mayWrite(prefix + key));
    if (denied.length > 0) {
      const rejections = denied.map(
        ({ key }) => ({ key, reason: 'denied', detail: 'Permission denied' }) as const,
      );
      return { kind: 'rejected', rejections };
    }
    const steps = operations.map((operation) => toStep(prefix + operation.key, operation));
    if (ledger !== undefined) {
      const index = ledger.expected?.modified ?? 0n;
      const value = Buffer.from(ledger.content);
      steps.unshift({ kind: 'cas', key: ledgerKey, value, index });
    }
    const answer = flat.apply(steps, writer);
    if (answer.kind === 'refused') {
      const ahead = ledger === undefined ? 0 : 1;
      const keys = answer.failed.flatMap((position) => operations[position - ahead]?.key ?? []);
      return { kind: 'condition-failed', keys, ledger: answer.failed.some((position) => position < ahead) };
    }
    const versions = new Map<EntryKey, Version>();
    for (const { key } of operations) {
      const entry = flat.entry(prefix + key);
      if (entry !== undefined) versions.set(key, versionOf(entry));
    }
    const ledgerVersion = ledger === undefined ? undefined : this.#storedLedger(ledgerKey)?.version;
    return applied(versions, ledgerVersion);
  }

  #isLarge({ key, value }: ValueOperation): boolean {
    return this.limits.operationBytes(key, value.length) > this.limits.batchBytesMax;
  }

  /**
   * A value that no transaction takes: a conditional PUT, whose answer is only yes or no, and a second request that reads
   * what it made.
   */
  async #writeLarge(
    operation: ValueOperation,
    batch: WriteBatch,
    signal: AbortSignal,
  ): Promise<WriteOutcome> {
    const { key, value } = operation;
    const { link, digest } = this.#options;
    if (!hasUrl(this.#keys.storedKey(key))) {
      return {
        kind: 'rejected',
        rejections: [{ key, reason: 'too-large', detail: "a URL can't carry this key" }],
      };
    }
    const outcome = await link.write(batch, signal, () => this.#apply(batch));
    if (outcome.kind !== 'applied') return outcome;
    try {
      const reading = await link.read('read-back', signal, () => this.#readOne(key));
      if (reading.kind === 'present' && reading.digest === digest(value)) {
        return applied(new Map([[key, reading.version]]), undefined);
      }
    } catch (cause) {
      if (!(cause instanceof ReplicaError)) throw cause;
      return { kind: 'unknown', cause };
    }
    const message = `the value put at ${key} was changed, removed or hidden before it could be read back`;
    return { kind: 'unknown', cause: new ReplicaError('STORE_UNREACHABLE', message, true) };
  }

  #rejectionOf(operation: WriteOperation): Rejection | undefined {
    const { key } = operation;
    const illegal = this.#keys.unmappable(key);
    if (illegal !== undefined) return { key, reason: 'illegal-key', detail: illegal };
    if (operation.kind !== 'create' && operation.base.session !== undefined) {
      return { key, reason: 'session-bound', detail: `the key is held by session ${operation.base.session}` };
    }
    return tooLarge(operation, this.limits);
  }

  #storedLedger(key: string): StoredLedger | undefined {
    const entry = this.#options.flat.entry(key);
    return entry && { content: Buffer.from(entry.value).toString(), version: versionOf(entry) };
  }

  #ledgerKey(): string {
    return NAMESPACE + this.#options.ledgerPlace;
  }

  #mayWrite(stored: string): boolean {
    return this.#options.link.faults.denies?.('write', stored) !== true;
  }

  #isDenied(stored: string): boolean {
    return this.#options.link.faults.denies?.('read', stored) === true;
  }
}

function applied(versions: ReadonlyMap<EntryKey, Version>, ledger: Version | undefined): WriteApplied {
  return {
    kind: 'applied',
    versions,
    ledger,
    madeParents: new Map(),
    cleared: new Map(),
    overwrittenInRace: new Map(),
    stamp: undefined,
  };
}

function sharedPrefix(keys: readonly EntryKey[]): KeyPrefix {
  const [first = '', ...others] = keys;
  let length = first.length;
  for (const key of others) while (!key.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}

function toStep(stored: string, operation: WriteOperation): FlatOperation {
  switch (operation.kind) {
    case 'create':
      return { kind: 'cas', key: stored, value: operation.value, flags: operation.flags ?? 0n, index: 0n };
    case 'update': {
      const { flags, version } = operation.base;
      return { kind: 'cas', key: stored, value: operation.value, flags, index: version.modified };
    }
    case 'delete':
      return { kind: 'delete-cas', key: stored, index: operation.base.version.modified };
  }
}

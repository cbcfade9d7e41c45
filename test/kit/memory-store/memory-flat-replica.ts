import { compareKeys } from '../../../src/core/key-order.js';
import type { Digest, EntryKey, Reading } from '../../../src/core/observation.js';
import type { Version } from '../../../src/core/version.js';
import { sameVersion } from '../../../src/core/version.js';
import type {
  HintListener,
  KnownVersion,
  Rejection,
  Replica,
  ReplicaLimits,
  ScannedEntry,
  StoredLedger,
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
}

/** Where daemons keep their ledgers. */
const NAMESPACE = 'zk-consul-sync/';

/** One prefix of a `MemoryFlat`. */
export class MemoryFlatReplica implements Replica {
  readonly limits: ReplicaLimits;
  readonly #options: FlatReplicaOptions;
  readonly #bounds: ReadBounds;

  constructor(options: FlatReplicaOptions) {
    this.#options = options;
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
      unmappable: (key) => this.#unmappable(key),
    };
  }

  watch(listener: HintListener, signal: AbortSignal): Promise<void> {
    const { flat, link, prefix } = this.#options;
    const stirred = (): void => link.hint(signal, () => listener.stirred());
    return link.watch(listener, signal, () =>
      flat.feed.subscribe({
        committed: ({ changes }) => {
          // The watch of a prefix without keys wakes on every write in the store.
          const isNear = changes.some(({ name }) => name.startsWith(prefix));
          if (isNear || (changes.length > 0 && flat.keys(prefix).length === 0)) stirred();
        },
        replaced: (how) => {
          if (how === 'restored') {
            stirred();
            return;
          }
          link.renew();
        },
      }),
    );
  }

  async *scan(known: KnownVersion, signal: AbortSignal): AsyncGenerator<readonly ScannedEntry[]> {
    const { link, staleFlat, flat } = this.#options;
    const walk = this.#walk(staleFlat?.() ?? flat, known);
    for (;;) {
      const page = await link.read('scan', signal, () => take(walk, this.#bounds.pageEntries));
      if (page.length > 0) yield page;
      if (page.length < this.#bounds.pageEntries) return;
    }
  }

  position(signal: AbortSignal): Promise<bigint> {
    const { link, flat, prefix } = this.#options;
    return link.read('position', signal, () => flat.prefixIndex(prefix));
  }

  read(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlyMap<EntryKey, Reading>> {
    const { link } = this.#options;
    return link.read('read', signal, () => readBounded(keys, this.#bounds, (key) => this.#readOne(key)));
  }

  proveAbsent(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlySet<EntryKey>> {
    const { link } = this.#options;
    return link.read(
      'prove-absent',
      signal,
      () => new Set(keys.filter((key) => this.#readOne(key).kind === 'absent')),
    );
  }

  async write(batch: WriteBatch, signal: AbortSignal): Promise<WriteOutcome> {
    mustFit(batch, this.limits);
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
  *#walk(flat: MemoryFlat, known: KnownVersion): Generator<ScannedEntry> {
    const { prefix } = this.#options;
    const keys = flat
      .keys(prefix)
      .filter((stored) => !stored.startsWith(NAMESPACE) && !this.#isDenied(stored))
      .map((stored) => stored.slice(prefix.length))
      .sort(compareKeys);
    for (const key of keys) {
      const entry = flat.entry(prefix + key);
      if (entry === undefined) continue;
      const version = versionOf(entry);
      const believed = known(key);
      // A version that is as expected is confirmed without the value (`check-index`).
      const isConfirmed = believed !== undefined && sameVersion(believed, version);
      yield { key, version, empty: isConfirmed ? undefined : entry.value.length === 0, children: 0 };
    }
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
    if (ledger !== undefined && link.faults.denies?.('write', ledgerKey) === true) {
      return link.ledgerDenied(ledgerKey);
    }
    const rejections = operations.flatMap((operation) => this.#rejectionOf(operation) ?? []);
    if (rejections.length > 0) return { kind: 'rejected', rejections };
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
    return {
      kind: 'applied',
      versions,
      ledger: ledger === undefined ? undefined : this.#storedLedger(ledgerKey)?.version,
      madeParents: new Map(),
      cleared: new Map(),
      overwrittenInRace: new Map(),
      stamp: undefined,
    };
  }

  #rejectionOf(operation: WriteOperation): Rejection | undefined {
    const { key } = operation;
    const illegal = this.#unmappable(key);
    if (illegal !== undefined) return { key, reason: 'illegal-key', detail: illegal };
    if (operation.kind !== 'create' && operation.base.session !== undefined) {
      return { key, reason: 'session-bound', detail: `the key is held by session ${operation.base.session}` };
    }
    if (this.#options.link.faults.denies?.('write', this.#options.prefix + key) === true) {
      return { key, reason: 'denied', detail: 'Permission denied' };
    }
    return tooLarge(operation, this.limits);
  }

  #unmappable(key: EntryKey): string | undefined {
    const stored = this.#options.prefix + key;
    if (stored === '') return 'there is no empty key';
    return stored.startsWith(NAMESPACE) ? `keys below ${NAMESPACE} are not for entries` : undefined;
  }

  #storedLedger(key: string): StoredLedger | undefined {
    const entry = this.#options.flat.entry(key);
    return entry && { content: Buffer.from(entry.value).toString(), version: versionOf(entry) };
  }

  #ledgerKey(): string {
    return NAMESPACE + this.#options.ledgerPlace;
  }

  #isDenied(stored: string): boolean {
    return this.#options.link.faults.denies?.('read', stored) === true;
  }
}

function toStep(stored: string, operation: WriteOperation): FlatOperation {
  switch (operation.kind) {
    case 'create':
      return { kind: 'cas', key: stored, value: operation.value, flags: 0n, index: 0n };
    case 'update': {
      const { flags, version } = operation.base;
      return { kind: 'cas', key: stored, value: operation.value, flags, index: version.modified };
    }
    case 'delete':
      return { kind: 'delete-cas', key: stored, index: operation.base.version.modified };
  }
}

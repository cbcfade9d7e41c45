import type { Digest, EntryKey, KeyPrefix, Reading } from '../core/observation.js';
import type { Clock, Random } from '../ports/clock.js';
import { SyncError } from '../ports/errors.js';
import type {
  HintListener,
  KnownVersion,
  Glance,
  Replica,
  ReplicaLimits,
  ScannedEntry,
  StoredLedger,
  WriteBatch,
  WriteOutcome,
} from '../ports/replica.js';
import type { ConsulClient } from './consul-client.js';
import { proveKeysAbsent } from './absence-proof.js';
import { readEntries } from './entry-reads.js';
import { scanEntries } from './entry-scan.js';
import { listLedgersIn, glanceAt, readLedgerAt } from './ledger-reads.js';
import { writeBatch } from './consul-writes.js';
import type { WriteContext } from './consul-writes.js';
import { KeySpace, hasUrl } from './kv-keys.js';
import { entryOf } from './settled-reads.js';
import type { ReadContext } from './settled-reads.js';
import { listKeys } from './key-list.js';
import type { KeyList } from './key-list.js';
import { LookTurns } from './look-turns.js';
import { AskablePrefixes } from './askable-prefixes.js';
import { PartedWatch } from './parted-watch.js';
import type { WatchState } from './parted-watch.js';
import { PrefixIndex } from './prefix-watch.js';
import { encodedWriteBytes } from './transaction.js';
import { ValueSizes } from './value-sizes.js';
import { planWatch } from './watch-plan.js';
import type { WatchPlan } from './watch-plan.js';

export interface ConsulReplicaOptions {
  readonly client: ConsulClient;
  /** The mapped prefix, with a trailing slash, or empty for the whole store. */
  readonly prefix: string;
  /** The mapping's ledger: `<namespacePrefix><instance>/<mapping>`. */
  readonly ledgerKey: string;
  /** Of the daemon's own keys, with a trailing slash. Never read or written as entries. */
  readonly namespacePrefix: string;
  readonly digest: (value: Uint8Array) => Digest;
  readonly clock: Clock;
  readonly random: Random;
  /** 64 for every Consul; 1.14 and later take 128. */
  readonly operationsPerTransaction?: number;
  /** Told, by every scan, of entries that it had to leave out although they are there. */
  readonly onUnread?: ReadContext['onUnread'];
  /** Told whenever the watch is put in place or lost. */
  readonly onWatch?: (state: WatchState) => void;
  /** How many blocking queries may be open for the mapping, each with a connection of its own. 64 by default. */
  readonly watchesMax?: number;
  /** Shared by all mappings of a store; of this one alone, by default. */
  readonly lookTurns?: LookTurns;
  /** Parts of the mapping with more keys than this are watched, and looked into, in smaller ones. 256 by default. */
  readonly partKeysMin?: number;
}

/** Consul's `txn_max_ops` before 1.14, which could not be changed. */
const OPERATIONS_MAX = 64;
const WATCHES_MAX = 64;
/** Their values are listed within a millisecond or two. */
const PART_KEYS_MIN = 256;
/** Of more, finding out where something has changed takes less than listing all values. */
const GROUP_KEYS_MAX = 512;
/** Where values are too large to be listed, fewer are checked one by one. */
const GROUP_KEYS_MAX_LARGE = 128;
/** Consul's default `txn_max_req_len`, for the JSON of a transaction. */
const TRANSACTION_BYTES_MAX = 512 * 1024;
/** Consul's default `kv_max_value_size`. */
const VALUE_BYTES_MAX = 512 * 1024;
/** The brackets around a transaction. */
const TRANSACTION_FRAME_BYTES = 2;

/** A prefix of Consul's KV store. */
export class ConsulReplica implements Replica {
  readonly limits: ReplicaLimits;
  readonly #options: ConsulReplicaOptions;
  readonly #context: WriteContext;
  readonly #index: PrefixIndex;
  readonly #sizes = new ValueSizes();
  readonly #askable = new AskablePrefixes();
  readonly #watch: PartedWatch;

  /** @throws SyncError `CONFIG_INVALID` when the prefix can't be listed or watched */
  constructor(options: ConsulReplicaOptions) {
    const unlistable = unlistablePrefix(options.prefix);
    if (unlistable !== undefined) throw new SyncError('CONFIG_INVALID', unlistable);
    const keys = new KeySpace(options.prefix, options.namespacePrefix);
    this.#options = options;
    this.#context = {
      client: options.client,
      keys,
      operationsMax: options.operationsPerTransaction ?? OPERATIONS_MAX,
      digest: options.digest,
      onUnread: options.onUnread ?? (() => undefined),
      ledgerKey: options.ledgerKey,
      transactionBytesMax: TRANSACTION_BYTES_MAX,
      valueBytesMax: VALUE_BYTES_MAX,
    };
    const index = new PrefixIndex(options.client, options.prefix);
    this.#index = index;
    const sizes = this.#sizes;
    const askable = this.#askable;
    const groupKeysMax = (): number =>
      options.partKeysMin ?? (sizes.areSmall ? GROUP_KEYS_MAX : GROUP_KEYS_MAX_LARGE);
    const { client, clock, random, onWatch = () => undefined } = options;
    this.#watch = new PartedWatch({
      client,
      clock,
      random,
      keys,
      index,
      sizes,
      askable,
      groupKeysMax,
      turns: (options.lookTurns ?? new LookTurns(clock)).newLine(),
      onWatch,
    });
    this.limits = {
      batchOperationsMax: this.#context.operationsMax,
      batchBytesMax: TRANSACTION_BYTES_MAX - TRANSACTION_FRAME_BYTES,
      valueBytesMax: VALUE_BYTES_MAX,
      operationBytes: (key, valueBytes) => encodedWriteBytes(keys.storedKey(key), valueBytes),
      unmappable: (key) => keys.unmappable(key),
    };
  }

  watch(listener: HintListener, signal: AbortSignal): Promise<void> {
    return this.#watch.run(listener, signal);
  }

  scan(
    known: KnownVersion,
    signal: AbortSignal,
    within: KeyPrefix = '',
  ): AsyncIterable<readonly ScannedEntry[]> {
    const scan = { known, within, sizes: this.#sizes, askable: this.#askable };
    if (within !== '') return scanEntries(this.#context, scan, signal);
    const onListed = (list: KeyList): void => this.#watch.follow(this.#planWatch(list));
    return scanEntries(this.#context, { ...scan, onListed }, signal);
  }

  async *listKeys(signal: AbortSignal): AsyncGenerator<readonly EntryKey[]> {
    const { client, keys } = this.#context;
    const { storedKeys } = await listKeys(client, keys, signal);
    yield storedKeys.map((storedKey) => entryOf(this.#context, storedKey));
  }

  #planWatch(list: KeyList): WatchPlan {
    const { prefix, watchesMax = WATCHES_MAX, partKeysMin = PART_KEYS_MIN } = this.#options;
    return planWatch(list, prefix, { partsMax: watchesMax - 1, partKeysMin, askable: this.#askable });
  }

  position(signal: AbortSignal): Promise<bigint> {
    return this.#index.current(signal);
  }

  read(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlyMap<EntryKey, Reading>> {
    return readEntries(this.#context, keys, signal);
  }

  glance(keys: readonly EntryKey[], signal: AbortSignal): Promise<Glance> {
    return glanceAt(this.#context, keys, this.#options.ledgerKey, signal);
  }

  proveAbsent(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlySet<EntryKey>> {
    return proveKeysAbsent(this.#context, keys, signal);
  }

  /** Who may do what is a matter of tokens here, not of keys. */
  accessOf(): Promise<ReadonlyMap<EntryKey, string>> {
    return Promise.resolve(new Map());
  }

  write(batch: WriteBatch, signal: AbortSignal): Promise<WriteOutcome> {
    return writeBatch(this.#context, batch, signal);
  }

  readLedger(signal: AbortSignal): Promise<StoredLedger | undefined> {
    return readLedgerAt(this.#context, this.#options.ledgerKey, signal);
  }

  listLedgers(signal: AbortSignal): Promise<ReadonlyMap<string, StoredLedger>> {
    return listLedgersIn(this.#context, signal);
  }
}

/** Why a prefix can't be mapped, or undefined when it can: listing and watching go through a URL. */
export function unlistablePrefix(prefix: string): string | undefined {
  if (prefix === '') return undefined;
  if (!prefix.endsWith('/')) return `the Consul prefix ${JSON.stringify(prefix)} must end with a slash`;
  if (hasUrl(prefix)) return undefined;
  return `the Consul prefix ${JSON.stringify(prefix)} can't be listed: no empty, "." or ".." segments, nothing unprintable`;
}

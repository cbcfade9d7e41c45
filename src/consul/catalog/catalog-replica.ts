import type { Digest, EntryKey, KeyPrefix, Reading } from '../../core/observation.js';
import type { CatalogTranslation } from '../../ports/catalog.js';
import type { Clock, Random } from '../../ports/clock.js';
import type {
  Glance,
  HintListener,
  KnownVersion,
  Replica,
  ReplicaLimits,
  ScannedEntry,
  StoredLedger,
  WriteBatch,
  WriteOutcome,
} from '../../ports/replica.js';
import type { ConsulClient } from '../consul-client.js';
import { KeySpace } from '../kv-keys.js';
import { listLedgersIn, readLedgerAt } from '../ledger-reads.js';
import type { ReadContext } from '../settled-reads.js';
import { CatalogClient } from './catalog-client.js';
import { readInstances } from './catalog-reads.js';
import { scanCatalog } from './catalog-scan.js';
import { CatalogWatch } from './catalog-watch.js';
import { writeRegistrations } from './catalog-writes.js';
import type { CatalogWriteContext } from './catalog-writes.js';
import { SyntheticNode } from './synthetic-node.js';

export interface CatalogReplicaOptions {
  readonly client: ConsulClient;
  readonly translation: CatalogTranslation;
  /** The ledger of these services: `<namespacePrefix><instance>/<list>`. */
  readonly ledgerKey: string;
  /** Of the daemon's own keys, with a trailing slash. */
  readonly namespacePrefix: string;
  readonly digest: (value: Uint8Array) => Digest;
  readonly clock: Clock;
  readonly random: Random;
  /** Only instances whose checks pass are there. True by default. */
  readonly onlyPassing?: boolean;
  readonly onLosses?: CatalogWriteContext['onLosses'];
}

/** Consul's `txn_max_ops` before 1.14, which could not be changed. */
const OPERATIONS_MAX = 64;
/** Consul's default `txn_max_req_len`, for the JSON of a transaction. */
const TRANSACTION_BYTES_MAX = 512 * 1024;
/** Consul's metadata is bounded far below; tags and ids are not. */
const VALUE_BYTES_MAX = 64 * 1024;
/** A registration takes two operations, the ledger one. */
const BATCH_OPERATIONS_MAX = 1 + Math.floor((OPERATIONS_MAX - 1) / 2);
/** All of a registration and its check but what is in the record and the key. */
const FRAME_BYTES = 1_024;
/** A key stands in the service's id, its check's, and the check's service's. */
const KEYS_IN_FRAME = 3;
/** A name of what is carried is longer than in the record, and a short one is at least four bytes with its quotes. */
const BYTES_PER_VALUE_BYTE = 2;

/** Services of a Consul catalog: those that others registered there, and the copies of those that did not. */
export class CatalogReplica implements Replica {
  readonly limits: ReplicaLimits;
  readonly #context: CatalogWriteContext;
  readonly #options: CatalogReplicaOptions;
  readonly #keys: ReadContext;
  readonly #watch: CatalogWatch;

  constructor(options: CatalogReplicaOptions) {
    const { client, translation, digest, clock, random, namespacePrefix } = options;
    this.#options = options;
    const catalog = new CatalogClient(client);
    this.#context = {
      client: catalog,
      translation,
      operationsMax: OPERATIONS_MAX,
      digest,
      onlyPassing: options.onlyPassing ?? true,
      onLosses: options.onLosses ?? (() => undefined),
      ledgerKey: options.ledgerKey,
      transactionBytesMax: TRANSACTION_BYTES_MAX,
      valueBytesMax: VALUE_BYTES_MAX,
      node: new SyntheticNode(catalog, translation.node),
    };
    this.#keys = {
      client,
      keys: new KeySpace(namespacePrefix, namespacePrefix),
      operationsMax: OPERATIONS_MAX,
      digest,
      onUnread: () => undefined,
    };
    this.#watch = new CatalogWatch({ context: this.#context, clock, random });
    this.limits = {
      batchOperationsMax: BATCH_OPERATIONS_MAX,
      batchBytesMax: TRANSACTION_BYTES_MAX - FRAME_BYTES,
      valueBytesMax: VALUE_BYTES_MAX,
      operationBytes: (key, valueBytes) =>
        FRAME_BYTES +
        KEYS_IN_FRAME * Buffer.byteLength(JSON.stringify(key)) +
        BYTES_PER_VALUE_BYTE * valueBytes,
      unmappable: (key) =>
        translation.placeOf(key) === undefined ? 'it is no instance of a service' : undefined,
    };
  }

  watch(listener: HintListener, signal: AbortSignal): Promise<void> {
    return this.#watch.run(listener, signal);
  }

  scan(
    _known: KnownVersion,
    signal: AbortSignal,
    within: KeyPrefix = '',
  ): AsyncIterable<readonly ScannedEntry[]> {
    return scanCatalog(this.#context, within, (names) => this.#watch.noteWalked(names), signal);
  }

  async *listKeys(signal: AbortSignal): AsyncGenerator<readonly EntryKey[]> {
    for await (const page of this.scan(() => undefined, signal)) yield page.map(({ key }) => key);
  }

  position(signal: AbortSignal): Promise<bigint> {
    return this.#context.client.position(signal);
  }

  read(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlyMap<EntryKey, Reading>> {
    return readInstances(this.#context, keys, signal);
  }

  async glance(keys: readonly EntryKey[], signal: AbortSignal): Promise<Glance> {
    const readings = await this.read(keys, signal);
    return { readings, ledger: await this.readLedger(signal) };
  }

  async proveAbsent(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlySet<EntryKey>> {
    const absent = new Set<EntryKey>();
    for (const [key, reading] of await this.read(keys, signal))
      if (reading.kind === 'absent') absent.add(key);
    return absent;
  }

  /** Who may do what is a matter of tokens here. */
  accessOf(): Promise<ReadonlyMap<EntryKey, string>> {
    return Promise.resolve(new Map());
  }

  write(batch: WriteBatch, signal: AbortSignal): Promise<WriteOutcome> {
    return writeRegistrations(this.#context, batch, signal);
  }

  readLedger(signal: AbortSignal): Promise<StoredLedger | undefined> {
    return readLedgerAt(this.#keys, this.#options.ledgerKey, signal);
  }

  listLedgers(signal: AbortSignal): Promise<ReadonlyMap<string, StoredLedger>> {
    return listLedgersIn(this.#keys, signal);
  }
}

import type { Digest, EntryKey, KeyPrefix, PresentReading, Reading } from '../core/observation.js';
import type {
  Glance,
  HintListener,
  KnownVersion,
  PartView,
  Replica,
  ReplicaLimits,
  ScannedEntry,
  StoredLedger,
  WriteApplied,
  WriteBatch,
  WriteOperation,
  WriteOutcome,
} from '../ports/replica.js';
import { encodeRecord } from './service-record.js';
import type { Loss } from './service-record.js';
import type { ServiceTranslation } from './service-translation.js';

export interface RegistrationsReplicaOptions {
  /** The tree below the services' base path, node for node. */
  readonly nodes: Replica;
  readonly translation: ServiceTranslation;
  readonly digest: (value: Uint8Array) => Digest;
  /** Told of an instance of which its copy can't hold everything, whenever it is read. */
  readonly onLosses?: (key: EntryKey, losses: readonly Loss[]) => void;
  /** Told of a node that should be an instance, and is none of the format. */
  readonly onBroken?: (key: EntryKey, why: string) => void;
}

/** Far more than any registration that people make. */
const RECORD_BYTES_MAX = 64 * 1024;
/** What an instance's record may take beyond what its node takes, at most. */
const ENCODED_BYTES_MORE = 1_024;
const ENCODED_BYTES_PER_BYTE = 2;
/** An instance that no session owns lives as long as whoever registered it lets it. */
const REGISTRAR = 'its registrar';

/**
 * A tree of registrations, in the format of some family of clients, as entries whose values are service records.
 *
 * Everything of watching, walking, reading and writing conditionally is that of the tree's own replica. An instance that
 * registered here is owned by its session, or by whoever made its node, and is mirrored one way; the daemon's copies are
 * ordinary entries.
 */
export class RegistrationsReplica implements Replica {
  readonly limits: ReplicaLimits;
  readonly #nodes: Replica;
  readonly #translation: ServiceTranslation;
  readonly #options: RegistrationsReplicaOptions;

  constructor(options: RegistrationsReplicaOptions) {
    this.#options = options;
    this.#nodes = options.nodes;
    this.#translation = options.translation;
    const { limits } = options.nodes;
    const nodeBytes = (valueBytes: number): number =>
      ENCODED_BYTES_PER_BYTE * valueBytes + ENCODED_BYTES_MORE;
    this.limits = {
      ...limits,
      valueBytesMax: RECORD_BYTES_MAX,
      operationBytes: (key, valueBytes) => limits.operationBytes(key, nodeBytes(valueBytes)),
      unmappable: (key) => limits.unmappable(key),
    };
  }

  watch(listener: HintListener, signal: AbortSignal): Promise<void> {
    return this.#nodes.watch(
      {
        changed: (keys) => listener.changed(keys),
        saw: (view) => listener.saw(this.#viewOf(view)),
        stirred: (within) => listener.stirred(within),
        rescan: (reason) => listener.rescan(reason),
        lost: (why) => listener.lost(why),
      },
      signal,
    );
  }

  async *scan(
    known: KnownVersion,
    signal: AbortSignal,
    within: KeyPrefix = '',
  ): AsyncGenerator<readonly ScannedEntry[]> {
    for await (const page of this.#nodes.scan(known, signal, within)) {
      const shown = page.filter((entry) => this.#isShown(entry));
      if (shown.length > 0) yield shown.map((entry) => this.#scanned(entry));
    }
  }

  async *listKeys(signal: AbortSignal): AsyncGenerator<readonly EntryKey[]> {
    for await (const page of this.scan(() => undefined, signal)) yield page.map(({ key }) => key);
  }

  position(signal: AbortSignal): Promise<bigint> {
    return this.#nodes.position(signal);
  }

  async read(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlyMap<EntryKey, Reading>> {
    return this.#readings(await this.#nodes.read(keys, signal));
  }

  async glance(keys: readonly EntryKey[], signal: AbortSignal): Promise<Glance> {
    const { readings, ledger } = await this.#nodes.glance(keys, signal);
    return { readings: this.#readings(readings), ledger };
  }

  async proveAbsent(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlySet<EntryKey>> {
    const absent = new Set(await this.#nodes.proveAbsent(keys, signal));
    const there = keys.filter((key) => !absent.has(key));
    // Instances that are there, and want no traffic, are absent to their clients: their own node says so.
    if (there.length > 0) {
      for (const [key, reading] of await this.read(there, signal))
        if (reading.kind === 'absent') absent.add(key);
    }
    return absent;
  }

  accessOf(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlyMap<EntryKey, string>> {
    return this.#nodes.accessOf(keys, signal);
  }

  async write(batch: WriteBatch, signal: AbortSignal): Promise<WriteOutcome> {
    const rejected = batch.operations.filter(({ key }) => this.#translation.bornIn(key) === 'tree');
    if (rejected.length > 0) {
      const detail = 'the instance registered itself here; only its own client writes it';
      return {
        kind: 'rejected',
        rejections: rejected.map(({ key }) => ({ key, reason: 'session-bound', detail })),
      };
    }
    const tooLarge = batch.operations.filter(
      (one) => one.kind !== 'delete' && one.value.length > RECORD_BYTES_MAX,
    );
    if (tooLarge.length > 0) {
      const detail = `a service record takes ${RECORD_BYTES_MAX} bytes`;
      return {
        kind: 'rejected',
        rejections: tooLarge.map(({ key }) => ({ key, reason: 'too-large', detail })),
      };
    }
    const operations = batch.operations.map((operation) => this.#operationOn(operation));
    const outcome = await this.#nodes.write({ ...batch, operations }, signal);
    return outcome.kind === 'applied' ? this.#applied(outcome) : outcome;
  }

  readLedger(signal: AbortSignal): Promise<StoredLedger | undefined> {
    return this.#nodes.readLedger(signal);
  }

  listLedgers(signal: AbortSignal): Promise<ReadonlyMap<string, StoredLedger>> {
    return this.#nodes.listLedgers(signal);
  }

  /** Inner nodes stay what they are: the daemon makes some, and removes them. */
  #isShown({ key, children }: Pick<ScannedEntry, 'key' | 'children'>): boolean {
    return children > 0 || this.#translation.includes(key);
  }

  #scanned(entry: ScannedEntry): ScannedEntry {
    const read = entry.reading;
    const reading = read && this.#readingOf(entry.key, read());
    return { ...entry, reading: reading?.kind === 'present' ? () => reading : undefined };
  }

  #viewOf(view: PartView): PartView {
    return { ...view, entries: view.entries.filter(({ key }) => this.#translation.includes(key)) };
  }

  #readings(readings: ReadonlyMap<EntryKey, Reading>): Map<EntryKey, Reading> {
    return new Map([...readings].map(([key, reading]) => [key, this.#readingOf(key, reading)]));
  }

  #readingOf(key: EntryKey, reading: Reading): Reading {
    if (reading.kind !== 'present') return reading;
    const birthplace = this.#translation.bornIn(key);
    if (birthplace === undefined || reading.children > 0) return reading;
    const parsed = this.#translation.parseNode(key, reading.value);
    if (parsed.kind === 'up') {
      if (parsed.losses.length > 0) this.#options.onLosses?.(key, parsed.losses);
      return this.#instance(reading, encodeRecord(parsed.record), birthplace === 'tree');
    }
    // Whatever a client has made of a copy: it is there, and not as it should be.
    if (birthplace === 'catalog') return reading;
    if (parsed.kind !== 'broken') return { kind: 'absent' };
    this.#options.onBroken?.(key, parsed.why);
    return { kind: 'unknown', reason: 'unreadable' };
  }

  #instance(reading: PresentReading, value: Uint8Array, isOriginal: boolean): PresentReading {
    const session = isOriginal ? (reading.session ?? REGISTRAR) : undefined;
    return { ...reading, value, digest: this.#options.digest(value), session };
  }

  #operationOn(operation: WriteOperation): WriteOperation {
    if (operation.kind === 'delete') return operation;
    // A parent that the daemon makes or clears has no record.
    if (operation.value.length === 0) return operation;
    return { ...operation, value: this.#translation.nodeOf(operation.key, operation.value) };
  }

  #applied(outcome: WriteApplied): WriteApplied {
    const overwritten = [...outcome.overwrittenInRace].flatMap(([key, replaced]) => {
      const reading = this.#readingOf(key, replaced);
      return reading.kind === 'present' ? [[key, reading] as const] : [];
    });
    return { ...outcome, overwrittenInRace: new Map(overwritten) };
  }
}

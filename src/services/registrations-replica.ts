import type { Binding, FormerBinding } from '../ports/binding.js';
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
import { weighedVersion } from './sibling-rules.js';
import type { RulesRead, SiblingRules } from './sibling-rules.js';

export interface RegistrationsReplicaOptions {
  /** The tree below the services' base path, node for node. */
  readonly nodes: Replica;
  /** Of a format in which nodes beside those of the instances say something of them. */
  readonly rules?: SiblingRules | undefined;
  readonly translation: ServiceTranslation;
  readonly digest: (value: Uint8Array) => Digest;
  /** What copies are bound to; they stay whatever becomes of the daemon, without. */
  readonly binding?: Binding | undefined;
  /** What they were bound to before, if to anything. */
  readonly former?: FormerBinding | undefined;
  /** How many times until now walks were not allowed to look at something. */
  readonly denials?: () => number;
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
const NOTHING = new Uint8Array();
const NO_RULES: RulesRead = [];

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

  async watch(listener: HintListener, signal: AbortSignal): Promise<void> {
    // That copies are bound to another session than they should be is no change that ZooKeeper tells of.
    const unlisten = this.#options.binding?.onBound(() => listener.stirred());
    try {
      await this.#nodes.watch(
        {
          changed: (keys) => this.#tellChanged(keys, listener),
          saw: (view) => listener.saw(this.#viewOf(view)),
          stirred: (within) => listener.stirred(within),
          rescan: (reason) => listener.rescan(reason),
          lost: (why) => listener.lost(why),
        },
        signal,
      );
    } finally {
      unlisten?.();
    }
  }

  async *scan(
    known: KnownVersion,
    signal: AbortSignal,
    within: KeyPrefix = '',
  ): AsyncGenerator<readonly ScannedEntry[]> {
    const { denials = () => 0 } = this.#options;
    const deniedBefore = denials();
    let isAnyMisbound = false;
    for await (const page of this.#nodes.scan(known, signal, within)) {
      const shown = page.filter((entry) => this.#isShown(entry));
      if (shown.length === 0) continue;
      const weighed = await this.#readWeighed(shown, signal);
      const entries = shown.map((entry) => weighed.get(entry.key) ?? this.#scanned(entry));
      isAnyMisbound ||= entries.some(({ isMisbound }) => isMisbound === true);
      yield entries;
    }
    // What may not be looked at, or was not any more, may be bound to it still (S5).
    const sawAll = within === '' && denials() === deniedBefore && !signal.aborted;
    if (sawAll && !isAnyMisbound) this.#options.former?.end();
  }

  async *listKeys(signal: AbortSignal): AsyncGenerator<readonly EntryKey[]> {
    for await (const page of this.scan(() => undefined, signal)) yield page.map(({ key }) => key);
  }

  position(signal: AbortSignal): Promise<bigint> {
    return this.#nodes.position(signal);
  }

  async read(keys: readonly EntryKey[], signal: AbortSignal): Promise<ReadonlyMap<EntryKey, Reading>> {
    const readings = await this.#readings(await this.#nodes.read(keys, signal), signal);
    return this.#isTended ? this.#withLapsed(readings, signal) : readings;
  }

  async glance(keys: readonly EntryKey[], signal: AbortSignal): Promise<Glance> {
    const { readings, ledger } = await this.#nodes.glance(keys, signal);
    return { readings: await this.#readings(readings, signal), ledger };
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
    const rejected = batch.operations.filter((one) => this.#isOnOriginal(one));
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

  tend(tends: boolean): void {
    this.#options.binding?.tend(tends);
    this.#options.former?.tend(tends);
  }

  readLedger(signal: AbortSignal): Promise<StoredLedger | undefined> {
    return this.#nodes.readLedger(signal);
  }

  listLedgers(signal: AbortSignal): Promise<ReadonlyMap<string, StoredLedger>> {
    return this.#nodes.listLedgers(signal);
  }

  get #isTended(): boolean {
    return this.#options.binding?.isTended === true;
  }

  /** Says of copies that are missing what has gone with a session; nothing, while that can't be told from a deletion. */
  async #withLapsed(
    readings: Map<EntryKey, Reading>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<EntryKey, Reading>> {
    const missing = [...readings].filter(
      ([key, { kind }]) => kind === 'absent' && this.#translation.bornIn(key) === 'catalog',
    );
    if (missing.length === 0) return readings;
    const bound = await this.#options.binding?.confirm(signal);
    const reading: Reading =
      bound === undefined
        ? { kind: 'unknown', reason: 'not-read' }
        : { kind: 'absent', lapsedUpTo: bound.since };
    for (const [key] of missing) readings.set(key, reading);
    return readings;
  }

  /** Whether a copy would not go, or stay, together with the others. Below a copy with children, none can be ephemeral. */
  #isMisbound({ session, children }: Pick<ScannedEntry, 'session' | 'children'>): boolean {
    const { binding } = this.#options;
    if (children > 0) return false;
    if (binding === undefined) return session !== undefined;
    return binding.bound !== undefined && session !== binding.bound.session;
  }

  #isOnOriginal(operation: WriteOperation): boolean {
    const isInner = operation.kind === 'delete' && operation.base.isInner === true;
    return !isInner && this.#translation.bornIn(operation.key) === 'tree';
  }

  /** Inner nodes, of which the daemon makes some, and copies, whatever has become of their originals. */
  #isShown({ key, children }: Pick<ScannedEntry, 'key' | 'children'>): boolean {
    return children > 0 || this.#translation.takesPart(key) || this.#translation.bornIn(key) === 'catalog';
  }

  #scanned(entry: ScannedEntry): ScannedEntry {
    const read = entry.reading;
    const reading = read && this.#readingOf(entry.key, read());
    const isEmpty = entry.empty === true && this.#translation.needsData(entry.key);
    const empty = isEmpty || this.#isInner(entry);
    const isCopy = this.#translation.bornIn(entry.key) === 'catalog';
    const isMisbound = isCopy && this.#isMisbound(entry);
    return { ...entry, empty, isMisbound, reading: reading?.kind === 'present' ? () => reading : undefined };
  }

  /** Part of a service's name, whatever data some client has given it. */
  #isInner({ key, children }: Pick<ScannedEntry, 'key' | 'children'>): boolean {
    return children > 0 && this.#translation.bornIn(key) !== 'catalog';
  }

  #tellChanged(keys: readonly EntryKey[], listener: HintListener): void {
    const { rules } = this.#options;
    const others = rules === undefined ? keys : keys.filter((key) => rules.weighedBy(key) === undefined);
    if (others.length > 0) listener.changed(others);
    for (const part of new Set(keys.map((key) => rules?.weighedBy(key))))
      if (part !== undefined) listener.stirred(part);
  }

  /** Instances of whose weights something is said, as read: the walk has passed their own nodes alone. */
  async #readWeighed(
    page: readonly ScannedEntry[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<EntryKey, ScannedEntry>> {
    const rulesOf = await this.#rulesOf(
      page.map(({ key }) => key),
      signal,
    );
    const weighed = page.filter(({ key }) => isSaid(rulesOf(key)));
    if (weighed.length === 0) return new Map();
    const readings = await this.read(
      weighed.map(({ key }) => key),
      signal,
    );
    return new Map(weighed.map((entry) => [entry.key, asRead(entry, readings.get(entry.key))]));
  }

  /** What is said of instances beside them. */
  async #rulesOf(keys: readonly EntryKey[], signal: AbortSignal): Promise<(instance: EntryKey) => RulesRead> {
    const { rules } = this.#options;
    const born = rules && keys.filter((key) => this.#translation.bornIn(key) === 'tree');
    if (rules === undefined || born === undefined || born.length === 0) return () => NO_RULES;
    const known = new Set(born);
    const beside = await rules.beside(born, signal);
    return (key) => (known.has(key) ? beside(key) : NO_RULES);
  }

  #viewOf(view: PartView): PartView {
    const entries = view.entries.filter(({ key }) => this.#translation.takesPart(key));
    // A view knows nothing of what is said beside.
    if (this.#options.rules === undefined) return { ...view, entries };
    return { ...view, entries: entries.map(({ key }) => ({ key, version: undefined })) };
  }

  async #readings(
    readings: ReadonlyMap<EntryKey, Reading>,
    signal: AbortSignal,
  ): Promise<Map<EntryKey, Reading>> {
    const present = [...readings].flatMap(([key, { kind }]) => (kind === 'present' ? [key] : []));
    const rulesOf = await this.#rulesOf(present, signal);
    return new Map([...readings].map(([key, reading]) => [key, this.#readingOf(key, reading, rulesOf(key))]));
  }

  #readingOf(key: EntryKey, reading: Reading, rules: RulesRead = NO_RULES): Reading {
    if (reading.kind !== 'present') return reading;
    if (this.#isInner({ key, children: reading.children })) return this.#innerOf(reading);
    const birthplace = this.#translation.bornIn(key);
    if (birthplace === undefined) return reading;
    return birthplace === 'catalog' ? this.#copyOf(key, reading) : this.#originalOf(key, reading, rules);
  }

  #copyOf(key: EntryKey, reading: PresentReading): PresentReading {
    const parsed = this.#translation.parseNode(key, reading.value);
    // Whatever a client has made of it: it is there, and not as it should be.
    const shown = parsed.kind === 'up' ? this.#with(reading, encodeRecord(parsed.record)) : reading;
    return { ...shown, session: undefined, isMirror: true, isMisbound: this.#isMisbound(reading) };
  }

  #originalOf(key: EntryKey, reading: PresentReading, rules: RulesRead): Reading {
    if (reading.value.length === 0 && this.#translation.needsData(key)) return this.#innerOf(reading);
    if (!this.#translation.takesPart(key)) return { kind: 'absent' };
    if ('kind' in rules) return rules;
    const parsed = this.#translation.parseNode(key, reading.value, rules);
    if (parsed.kind === 'up') {
      if (parsed.losses.length > 0) this.#options.onLosses?.(key, parsed.losses);
      const instance = this.#with(reading, encodeRecord(parsed.record));
      const version = weighedVersion(reading.version, rules.length === 0 ? undefined : parsed.record.weight);
      return { ...instance, version, session: reading.session ?? REGISTRAR };
    }
    if (parsed.kind !== 'broken') return { kind: 'absent' };
    this.#options.onBroken?.(key, parsed.why);
    return { kind: 'unknown', reason: 'unreadable' };
  }

  /** A part of a service's name, which the daemon may have made, and then takes away again. */
  #innerOf(reading: PresentReading): PresentReading {
    return { ...this.#with(reading, NOTHING), isInner: true };
  }

  #with(reading: PresentReading, value: Uint8Array): PresentReading {
    return { ...reading, value, digest: this.#options.digest(value) };
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

function isSaid(rules: RulesRead): boolean {
  return 'kind' in rules || rules.length > 0;
}

/** Where it could not be read, its own node is no reading of it. */
function asRead(entry: ScannedEntry, reading: Reading | undefined): ScannedEntry {
  if (reading?.kind !== 'present') return { ...entry, reading: undefined };
  return { ...entry, version: reading.version, reading: () => reading };
}

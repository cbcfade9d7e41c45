import { latestMoves } from '../core/cutover.js';
import type { Ledger, LedgeredBatch, LedgerVerdict, ObservedLedger } from '../core/ledger.js';
import {
  decodeLedger,
  encodeLedger,
  judgeLedgers,
  mirrorOf,
  nextLedger,
  placesOverlap,
  withUnrecorded,
  withWrite,
} from '../core/ledger.js';
import type { LedgerMirror, MappingHold, MappingState, WriteIntent } from '../core/mapping-state.js';
import type { Pair, Side } from '../core/pair.js';
import { pairOf, SIDES, withSide } from '../core/pair.js';
import type { Version } from '../core/version.js';
import { judgeSingle, settleDeletions } from '../core/write-intent.js';
import type { LedgerWrite, StoredLedger } from '../ports/replica.js';
import { ReplicaError } from '../ports/errors.js';
import type { MappingContext } from './context.js';
import type { MappingChanges, MappingMemory } from './mapping-memory.js';

/** Another daemon has moved the ledger: this one no longer leads, and must not write (fencing). */
export class DeposedError extends Error {
  constructor(readonly side: Side) {
    super('another daemon has written the ledger of this mapping');
    this.name = 'DeposedError';
  }
}

/** A ledger write on its way: what it says, and the form in which it goes with a batch. */
export interface SentLedger {
  readonly ledger: Ledger;
  readonly write: LedgerWrite;
}

/** Reads, judges and advances a mapping's two ledgers. */
export class LedgerKeeper {
  /** The newest generations given out: what went with one may still arrive, and must not pass for what came after. */
  private readonly sent: Record<Side, number> = { left: 0, right: 0 };
  private terms = 0;

  constructor(
    private readonly context: MappingContext,
    private readonly memory: MappingMemory,
  ) {}

  /** From now on this process goes by another name: what it sent when it led before must not pass for what it sends now. */
  beginTerm(): void {
    this.terms++;
  }

  /** What this process goes by in the ledgers. */
  get writer(): string {
    return this.terms === 0 ? this.context.writer : `${this.context.writer}.${this.terms}`;
  }

  /** Whether a name in a ledger is, or was, this process's. */
  isOwn(writer: string | undefined): boolean {
    return writer !== undefined && processOf(writer) === processOf(this.context.writer);
  }

  /** Notes what this process goes by, before anything is written in that name. */
  async announce(): Promise<void> {
    const { writer } = this;
    if (this.memory.known.writer !== writer) await this.memory.commit(() => ({ state: { writer } }));
  }

  /**
   * Whether a ledger was moved by another daemon since it was last recorded here; if not, it was this archive's own, in this
   * process or one before it, which could not record it any more.
   */
  haveOthersMoved(mirrors: Pair<LedgerMirror | undefined>): boolean {
    const { ledgers, writer: announced } = this.memory.known;
    return SIDES.some((side) => {
      const [before, now] = [ledgers[side], mirrors[side]];
      if (now === undefined || before?.version.modified === now.version.modified) return false;
      const own = [this.context.writer, announced, before?.writer].map((name) => name && processOf(name));
      return now.writer === undefined || !own.includes(processOf(now.writer));
    });
  }

  /**
   * What the next batch to `side` has to carry; undefined on a side without a ledger.
   * @param batch what goes with it
   */
  next(side: Side, batch?: LedgeredBatch): SentLedger | undefined {
    const { pairId, ledgers, ledgerless, intents, paused, cutover } = this.memory.known;
    if (ledgerless.includes(side)) return undefined;
    const mirror = ledgers[side];
    const announced = intents.flatMap((intent) =>
      intent.kind === 'deletions' && intent.side === side ? [intent.generation] : [],
    );
    const { writer } = this;
    const told = cutover === undefined ? {} : { cutover };
    const identity = { pairId, writer, places: this.context.places, paused, ...told };
    const ledger = nextLedger(identity, mirror, [...announced, this.sent[side]], batch);
    this.sent[side] = ledger.generation;
    return { ledger, write: { content: encodeLedger(ledger), expected: mirror?.version } };
  }

  /** The ledger of a side as it stands, whosever it is. */
  async stored(side: Side, signal: AbortSignal): Promise<StoredLedger | undefined> {
    const stored = await this.unlessDenied(side, () => this.context.replicas[side].readLedger(signal));
    return stored === 'unused' ? undefined : stored;
  }

  /** The mirror after a batch with `sent` was applied. */
  static applied(sent: SentLedger, version: Version): LedgerMirror {
    return mirrorOf({ ledger: sent.ledger, version });
  }

  /**
   * Reads both ledgers and judges them. Must come after the reads that a decision rests on: a store restored before
   * those reads then shows in its ledger.
   * @param options `seen` has ledgers that were read together with those, and need not be read again
   * @throws DeposedError when a ledger was moved by another process since this one began to write
   */
  async inspect(
    signal: AbortSignal,
    options: { readonly starting: boolean; readonly seen?: SeenLedgers },
  ): Promise<LedgerVerdict> {
    const observed = await this.observe(signal, options.seen);
    const verdict = judgeLedgers(this.memory.state, observed);
    if (verdict.kind !== 'whole' || options.starting) return verdict;
    for (const side of SIDES) this.refuseSuccessor(side, observed[side]);
    return verdict;
  }

  /** Both ledgers as they stand, or as they were seen, whatever that means. */
  async observe(signal: AbortSignal, seen: SeenLedgers = new Map()): Promise<ObservedLedgers> {
    const look = async (side: Side): Promise<ObservedLedgers[Side]> =>
      seen.has(side) ? observedLedger(seen.get(side)) : this.read(side, signal);
    const [left, right] = await Promise.all([look('left'), look('right')]);
    return { left, right };
  }

  /** Other instances' ledgers whose places overlap with this mapping's, each by its place in the store. */
  async claimants(signal: AbortSignal): Promise<readonly Claimant[]> {
    const found: Claimant[] = [];
    for (const side of SIDES) {
      const ledgers = await this.unlessDenied(side, () => this.context.replicas[side].listLedgers(signal));
      if (ledgers === 'unused') continue;
      for (const [place, stored] of ledgers) {
        if (place.startsWith(`${this.context.instance}/`)) continue;
        const ledger = decodeLedger(stored.content);
        if (ledger === undefined || !this.overlaps(ledger)) continue;
        found.push({ side, place, created: stored.version.created });
      }
    }
    return found;
  }

  /** After a write whose outcome is not known, or whose ledger condition failed: what is true now. */
  async refresh(side: Side, signal: AbortSignal): Promise<Omit<MappingHold, 'sinceMs'> | undefined> {
    const verdict = await this.inspect(signal, { starting: false });
    if (verdict.kind === 'hold') return verdict.hold;
    if (verdict.kind === 'unpaired')
      return { reason: 'identity-changed', side, detail: 'the ledgers are gone' };
    await this.takeOver(verdict.mirrors);
    await this.resolveSingles(side, signal);
    return undefined;
  }

  /** Whether the ledgers are where they were last known, or a batch of the daemon's own has arrived late. */
  haveMoved(mirrors: Pair<LedgerMirror | undefined>): boolean {
    const { ledgers } = this.memory.known;
    return SIDES.some((side) => ledgers[side]?.version.modified !== mirrors[side]?.version.modified);
  }

  /**
   * Makes what was found the newest that is known, in one step with what it tells of announced deletions, and of writes
   * that were not recorded (S7).
   */
  async takeOver(
    mirrors: Pair<LedgerMirror | undefined>,
    beside: Partial<Pick<MappingState, 'kept' | 'paused' | 'agreedUnseenUpTo'>> = {},
  ): Promise<void> {
    await this.memory.commit((state) => {
      const { unrecorded, ledgers } = state;
      const found = pairOf((side) => withUnrecorded(unrecorded[side], ledgers[side], mirrors[side]));
      return withLedgers(state, mirrors, { ...beside, unrecorded: found });
    });
  }

  /** The same after a write of the ledger alone that was acknowledged. */
  async moved(side: Side, mirror: LedgerMirror): Promise<void> {
    await this.memory.commit((state) => withLedgers(state, withSide(state.ledgers, side, mirror)));
  }

  /** Looks what became of single values that were announced before they were sent, and never heard of again (S7). */
  async resolveSingles(side: Side, signal: AbortSignal): Promise<void> {
    const singles = this.memory.known.intents.filter(
      (intent) => intent.kind === 'single' && intent.side === side,
    );
    const wrote: bigint[] = [];
    const settled = new Set<WriteIntent>();
    for (const intent of singles) {
      if (intent.kind !== 'single') continue;
      const reading = (await this.context.replicas[side].read([intent.key], signal)).get(intent.key);
      const fate = reading === undefined ? 'pending' : judgeSingle(intent, reading);
      if (fate !== 'pending') settled.add(intent);
      if (fate === 'written' && reading?.kind === 'present') wrote.push(reading.version.modified);
    }
    if (settled.size === 0) return;
    await this.memory.commit((state) => {
      const mirror = state.ledgers[side];
      const found = mirror === undefined ? undefined : wrote.reduce(withWrite, mirror);
      const unrecorded = withUnrecorded(state.unrecorded[side], mirror, found);
      return {
        state: {
          ledgers: withSide(state.ledgers, side, found),
          unrecorded: withSide(state.unrecorded, side, unrecorded),
          intents: state.intents.filter((intent) => !settled.has(intent)),
        },
      };
    });
  }

  private async read(side: Side, signal: AbortSignal): Promise<ObservedLedgers[Side]> {
    if (this.memory.state?.ledgerless.includes(side) === true) return 'unused';
    const stored = await this.unlessDenied(side, () => this.context.replicas[side].readLedger(signal));
    return stored === 'unused' ? stored : observedLedger(stored);
  }

  /** A side that is only read may be one whose namespace the daemon may not even see. */
  private async unlessDenied<T>(side: Side, ask: () => Promise<T>): Promise<T | 'unused'> {
    try {
      return await ask();
    } catch (error) {
      const denied = error instanceof ReplicaError && error.code === 'STORE_DENIED';
      if (denied && this.context.policy.source === side) return 'unused';
      throw error;
    }
  }

  private refuseSuccessor(side: Side, observed: ObservedLedgers[Side]): void {
    if (observed === undefined || observed === 'foreign' || observed === 'unused') return;
    const known = this.memory.known.ledgers[side]?.generation ?? 0;
    const moved = observed.ledger.generation > known;
    if (moved && observed.ledger.writer !== this.writer) throw new DeposedError(side);
  }

  private overlaps(ledger: Ledger): boolean {
    return SIDES.some((side) => placesOverlap(ledger.places[side], this.context.places[side]));
  }
}

/** A process's name, whichever of its terms a ledger names. */
function processOf(writer: string): string {
  return writer.split('.')[0] ?? writer;
}

function observedLedger(stored: StoredLedger | undefined): ObservedLedger | 'foreign' | undefined {
  if (stored === undefined) return undefined;
  const ledger = decodeLedger(stored.content);
  return ledger === undefined ? 'foreign' : { ledger, version: stored.version };
}

/** What the archive is to say of ledgers that were found at `mirrors`. */
function withLedgers(
  { intents, cutover }: MappingState,
  mirrors: Pair<LedgerMirror | undefined>,
  beside: Partial<MappingState> = {},
): MappingChanges {
  const { pending, removed } = settleDeletions(intents, mirrors);
  const gone = new Map(removed.map((key) => [key, undefined] as const));
  const latest = latestMoves(cutover, mirrors.left?.cutover, mirrors.right?.cutover);
  const moved = latest === cutover ? {} : { cutover: latest };
  return { records: gone, marks: gone, state: { ...beside, ...moved, ledgers: mirrors, intents: pending } };
}

/** Ledgers that were read with entries, by their side; undefined for one that is not there. */
export type SeenLedgers = ReadonlyMap<Side, StoredLedger | undefined>;

/** `unused` for a side that the daemon may not write, which goes without; `foreign` for what is no ledger of ours. */
export type ObservedLedgers = Pair<ObservedLedger | 'foreign' | 'unused' | undefined>;

export interface Claimant {
  readonly side: Side;
  /** `<instance>/<mapping>` of the other one. */
  readonly place: string;
  /** The store-wide number at which its ledger was created: the older claim stands. */
  readonly created: bigint;
}

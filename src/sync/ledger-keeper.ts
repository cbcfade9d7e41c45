import type { Ledger, LedgerVerdict, ObservedLedger } from '../core/ledger.js';
import {
  decodeLedger,
  encodeLedger,
  judgeLedgers,
  mirrorOf,
  nextLedger,
  placesOverlap,
  withWrite,
} from '../core/ledger.js';
import type { LedgerMirror, MappingHold } from '../core/mapping-state.js';
import type { Side } from '../core/pair.js';
import { SIDES, withSide } from '../core/pair.js';
import type { Version } from '../core/version.js';
import type { LedgerWrite, StoredLedger } from '../ports/replica.js';
import { ReplicaError } from '../ports/errors.js';
import type { MappingContext } from './context.js';
import type { MappingMemory } from './mapping-memory.js';

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
  constructor(
    private readonly context: MappingContext,
    private readonly memory: MappingMemory,
  ) {}

  /** What the next batch to `side` has to carry; undefined on a side without a ledger. */
  next(side: Side): SentLedger | undefined {
    const { pairId, ledgers, ledgerless } = this.memory.known;
    if (ledgerless.includes(side)) return undefined;
    const mirror = ledgers[side];
    const ledger = nextLedger({ pairId, writer: this.context.writer, places: this.context.places }, mirror);
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
   * @throws DeposedError when a ledger was moved by another process since this one began to write
   */
  async inspect(signal: AbortSignal, options: { starting: boolean }): Promise<LedgerVerdict> {
    const [left, right] = await Promise.all([this.read('left', signal), this.read('right', signal)]);
    const observed = { left, right };
    const verdict = judgeLedgers(this.memory.state, observed);
    if (verdict.kind !== 'whole' || options.starting) return verdict;
    for (const side of SIDES) this.refuseSuccessor(side, observed[side]);
    return verdict;
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
    await this.memory.commit(() => ({ state: { ledgers: verdict.mirrors } }));
    await this.resolveIntents(side, signal);
    return undefined;
  }

  /**
   * Settles what was announced before it was sent, and whose outcome never came back: deletions that went with a
   * ledger write that is there did happen, and an entry with the announced content was written by the daemon (S7).
   */
  async resolveIntents(side: Side, signal: AbortSignal): Promise<void> {
    const intents = this.memory.known.intents.filter((intent) => intent.side === side);
    if (intents.length === 0) return;
    const removed = new Map<string, undefined>();
    const wrote: bigint[] = [];
    for (const intent of intents) {
      if (intent.kind === 'deletions') {
        const reached = (this.memory.known.ledgers[side]?.generation ?? 0) >= intent.generation;
        if (reached) for (const key of intent.keys) removed.set(key, undefined);
        continue;
      }
      const reading = (await this.context.replicas[side].read([intent.key], signal)).get(intent.key);
      if (reading?.kind === 'present' && reading.digest === intent.digest)
        wrote.push(reading.version.modified);
    }
    await this.memory.commit((state) => {
      const mirror = state.ledgers[side];
      const known = mirror === undefined ? undefined : wrote.reduce(withWrite, mirror);
      return {
        records: removed,
        marks: removed,
        state: {
          ledgers: withSide(state.ledgers, side, known),
          intents: state.intents.filter((intent) => !intents.includes(intent)),
        },
      };
    });
  }

  private async read(
    side: Side,
    signal: AbortSignal,
  ): Promise<ObservedLedger | 'foreign' | 'unused' | undefined> {
    if (this.memory.state?.ledgerless.includes(side) === true) return 'unused';
    const stored = await this.unlessDenied(side, () => this.context.replicas[side].readLedger(signal));
    if (stored === undefined || stored === 'unused') return stored;
    const ledger = decodeLedger(stored.content);
    return ledger === undefined ? 'foreign' : { ledger, version: stored.version };
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

  private refuseSuccessor(side: Side, observed: ObservedLedger | 'foreign' | 'unused' | undefined): void {
    if (observed === undefined || observed === 'foreign' || observed === 'unused') return;
    const known = this.memory.known.ledgers[side]?.generation ?? 0;
    const moved = observed.ledger.generation > known;
    if (moved && observed.ledger.writer !== this.context.writer) throw new DeposedError(side);
  }

  private overlaps(ledger: Ledger): boolean {
    return SIDES.some((side) => placesOverlap(ledger.places[side], this.context.places[side]));
  }
}

export interface Claimant {
  readonly side: Side;
  /** `<instance>/<mapping>` of the other one. */
  readonly place: string;
  /** The store-wide number at which its ledger was created: the older claim stands. */
  readonly created: bigint;
}

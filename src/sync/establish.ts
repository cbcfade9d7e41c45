import { startOverwriteHistory, startSizeHistory } from '../core/deletion-budget.js';
import { ledgerToReplace } from '../core/ledger.js';
import type { MappingHold, MappingState } from '../core/mapping-state.js';
import type { Side } from '../core/pair.js';
import { pairOf, SIDES, withSide } from '../core/pair.js';
import { measureOffset } from '../core/write-interval.js';
import { ReplicaError } from '../ports/errors.js';
import type { WriteOutcome } from '../ports/replica.js';
import type { MappingContext } from './context.js';
import type { Claimant, LedgerKeeper, SentLedger } from './ledger-keeper.js';
import { LedgerKeeper as Keeper } from './ledger-keeper.js';
import type { MappingMemory } from './mapping-memory.js';
import { stopsMapping } from './mapping-memory.js';

/**
 * Makes sure, before anything is decided, that this archive and these two stores belong together; pairs them where
 * nothing of this mapping exists yet.
 * @returns the hold that stands in the way, already recorded where there is an archive to record it in; else undefined
 */
export class Establishment {
  constructor(
    private readonly context: MappingContext,
    private readonly memory: MappingMemory,
    private readonly ledgers: LedgerKeeper,
  ) {}

  async establish(signal: AbortSignal): Promise<Omit<MappingHold, 'sinceMs'> | undefined> {
    if (this.context.mode === 'observe') return this.observe(signal);
    if (this.memory.state?.phase === 'observing') await this.memory.forget();
    const verdict = await this.ledgers.inspect(signal, { starting: true });
    if (verdict.kind === 'hold') {
      const takeOver = verdict.hold.reason === 'archive-lost' && this.context.onArchiveLoss === 'merge';
      return takeOver ? this.pairAnew(undefined, signal) : verdict.hold;
    }
    if (verdict.kind === 'unpaired') return this.pairAnew(undefined, signal);
    // A store that was mispointed and put right needs no operator; one that was rolled back does.
    await this.ledgers.takeOver(verdict.mirrors);
    await this.memory.commit((state) => ({
      state: {
        holds: state.holds.filter(({ reason }) => reason !== 'identity-changed' && reason !== 'mapped-twice'),
      },
    }));
    if (this.memory.known.phase === 'pairing') return this.finishPairing(signal);
    for (const side of SIDES) await this.ledgers.resolveSingles(side, signal);
    await this.memory.commit(() => ({ state: { clockOffsets: { left: undefined, right: undefined } } }));
    await this.sortOutOfScope();
    await this.fence(signal);
    return undefined;
  }

  /**
   * Once a ledger has moved, batches of a process before this one that are still under way can't arrive any more (S3).
   * The source of a one-way mapping gets none, and where the ledger is denied, so are they.
   */
  private async fence(signal: AbortSignal): Promise<void> {
    const { paused, holds } = this.memory.known;
    if (paused || holds.some(stopsMapping)) return;
    for (const side of SIDES) {
      const sent = this.context.policy.source === side ? undefined : this.ledgers.next(side);
      if (sent === undefined) continue;
      const outcome = await this.sendLedger(side, sent, signal);
      if (outcome.kind !== 'applied' && !isDenied(outcome)) throw this.ledgerError(side, outcome);
    }
  }

  /** Starts over with an empty archive and a new pair of ledgers, in place of whatever ledgers there are. */
  async pairAnew(
    resyncFrom: MappingState['resyncFrom'],
    signal: AbortSignal,
  ): Promise<Omit<MappingHold, 'sinceMs'> | undefined> {
    const rival = (await this.ledgers.claimants(signal)).at(0);
    if (rival !== undefined) return this.mappedTwice(rival.side, rival.place);
    // Ledgers found now are replaced under the condition that they are still what was looked at.
    const found = await Promise.all(SIDES.map((side) => this.standingLedger(side, signal)));
    const state = this.freshState('pairing', resyncFrom);
    await this.memory.begin({ ...state, ledgers: { left: found[0], right: found[1] } });
    return this.finishPairing(signal);
  }

  /** Once both ledgers stand, a newcomer that is held writes nothing more. */
  private async finishPairing(signal: AbortSignal): Promise<Omit<MappingHold, 'sinceMs'> | undefined> {
    for (const side of SIDES) {
      const isInPlace = (this.memory.known.ledgers[side]?.generation ?? 0) > 0;
      const sent = isInPlace ? undefined : this.ledgers.next(side);
      if (sent !== undefined) await this.writeLedger(side, sent, signal);
    }
    const rival = this.olderRival(await this.ledgers.claimants(signal));
    if (rival !== undefined) return this.mappedTwice(rival.side, rival.place);
    await this.memory.commit(() => ({ state: { phase: 'paired' } }));
    return undefined;
  }

  /**
   * Two newcomers at once both see each other: the one that came first stays. Since they may have come to the two
   * stores in opposite order, both judge by the same one: the first in which both have a ledger.
   */
  private olderRival(claimants: readonly Claimant[]): Claimant | undefined {
    const { ledgers } = this.memory.known;
    const judged = new Set<string>();
    const older = claimants.find((rival) => {
      const mine = ledgers[rival.side];
      if (mine === undefined || judged.has(rival.place)) return false;
      judged.add(rival.place);
      return rival.created < mine.version.created;
    });
    // One with whom there is no such store was here before, as far as anybody can tell.
    return older ?? claimants.find(({ place }) => !judged.has(place));
  }

  private async writeLedger(side: Side, sent: SentLedger, signal: AbortSignal): Promise<void> {
    const outcome = await this.sendLedger(side, sent, signal);
    if (outcome.kind === 'applied') return;
    if (!isDenied(outcome) || this.context.policy.source !== side) throw this.ledgerError(side, outcome);
    await this.memory.commit((state) => ({ state: { ledgerless: [...state.ledgerless, side] } }));
  }

  private async sendLedger(side: Side, sent: SentLedger, signal: AbortSignal): Promise<WriteOutcome> {
    const { clock, replicas } = this.context;
    const sentAtMs = clock.nowMs();
    const outcome = await replicas[side].write({ operations: [], ledger: sent.write }, signal);
    if (outcome.kind === 'applied' && outcome.ledger !== undefined) {
      const mirror = Keeper.applied(sent, outcome.ledger);
      await this.ledgers.moved(side, mirror);
      const { stamp } = outcome;
      // Whether clocks were set since the last run, nobody knows: what it measured counts no more.
      const offset = stamp && measureOffset(undefined, stamp, sentAtMs, clock.nowMs());
      await this.memory.commit(({ clockOffsets }) => ({
        state: { clockOffsets: withSide(clockOffsets, side, offset) },
      }));
    }
    return outcome;
  }

  private ledgerError(side: Side, outcome: WriteOutcome): ReplicaError {
    const name = this.context.sideNames[side];
    const detail = outcome.kind === 'rejected' ? (outcome.rejections[0]?.detail ?? 'rejected') : outcome.kind;
    const cause = outcome.kind === 'retriable' || outcome.kind === 'unknown' ? outcome.cause : undefined;
    return new ReplicaError(
      outcome.kind === 'rejected' ? 'STORE_DENIED' : 'STORE_UNREACHABLE',
      `could not write the ledger of mapping ${this.context.name} to ${name}: ${cause?.message ?? detail}; ` +
        'the daemon needs write access to its own namespace zk-consul-sync/',
      outcome.kind !== 'rejected',
      cause === undefined ? undefined : { cause },
    );
  }

  private async standingLedger(side: Side, signal: AbortSignal): Promise<MappingState['ledgers']['left']> {
    const stored = await this.ledgers.stored(side, signal);
    return stored === undefined ? undefined : ledgerToReplace(stored.version);
  }

  private async observe(signal: AbortSignal): Promise<Omit<MappingHold, 'sinceMs'> | undefined> {
    const phase = this.memory.state?.phase;
    if (phase === 'paired') {
      const verdict = await this.ledgers.inspect(signal, { starting: true });
      return verdict.kind === 'hold' ? verdict.hold : undefined;
    }
    // Without ledgers nothing recorded under observation may ever be acted on: it begins anew with each start.
    await this.memory.begin(this.freshState('observing', undefined));
    return undefined;
  }

  /** Entries that left the mapping because its patterns changed leave the archive; nothing is deleted anywhere. */
  private async sortOutOfScope(): Promise<void> {
    const { scope } = this.context;
    if (this.memory.known.scope === scope.id) return;
    let last: string | undefined;
    for (;;) {
      const page = this.memory.archive.recordsAfter(last, 1_000);
      const outside = page.filter(([key]) => !scope.includes(key));
      const gone = new Map(outside.map(([key]) => [key, undefined] as const));
      if (gone.size > 0) await this.memory.commit(() => ({ records: gone, marks: gone }));
      last = page.at(-1)?.[0];
      if (last === undefined) break;
    }
    const size = this.memory.archive.counts().entries;
    const sizes = startSizeHistory(this.context.clock.nowMs(), size);
    await this.memory.commit(({ ledgers }) => {
      const scopeSince = pairOf((side) => ledgers[side]?.version.modified ?? 0n);
      return { state: { scope: scope.id, scopeSince, sizes } };
    });
  }

  private mappedTwice(side: Side, place: string): Omit<MappingHold, 'sinceMs'> {
    const name = this.context.sideNames[side];
    const detail = `${place} already syncs an overlapping part of ${name}, says its ledger there`;
    return { reason: 'mapped-twice', side, detail };
  }

  private freshState(phase: MappingState['phase'], resyncFrom: MappingState['resyncFrom']): MappingState {
    const nowMs = this.context.clock.nowMs();
    return {
      pairId: randomId(() => this.context.random.next()),
      phase,
      ledgers: { left: undefined, right: undefined },
      unrecorded: { left: [], right: [] },
      ledgerless: [],
      holds: [],
      paused: this.memory.state?.paused ?? false,
      resyncFrom,
      lastSweptAtMs: { left: undefined, right: undefined },
      scope: this.context.scope.id,
      scopeSince: { left: 0n, right: 0n },
      firstCompletedAtMs: undefined,
      lastVerifiedAtMs: undefined,
      sizes: startSizeHistory(nowMs, 0),
      overwrites: startOverwriteHistory(nowMs),
      sightings: { left: [], right: [] },
      clockOffsets: { left: undefined, right: undefined },
      intents: [],
    };
  }
}

/** Whether the store answered that the ledger may not be written, which no waiting would change. */
function isDenied(outcome: WriteOutcome): boolean {
  if (outcome.kind === 'rejected') return true;
  if (outcome.kind !== 'retriable') return false;
  return outcome.cause instanceof ReplicaError && outcome.cause.code === 'STORE_DENIED';
}

/** 128 bits as 32 hexadecimal digits. */
export function randomId(next: () => number): string {
  const digits = Array.from({ length: 32 }, () => Math.floor(next() * 16).toString(16));
  return digits.join('');
}

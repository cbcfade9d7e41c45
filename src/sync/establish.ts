import { startOverwriteHistory, startSizeHistory } from '../core/deletion-budget.js';
import type { CutoverMoves } from '../core/cutover.js';
import { latestMoves } from '../core/cutover.js';
import { decodeLedger, ledgerToReplace } from '../core/ledger.js';
import type { LedgerMirror, MappingHold, MappingState } from '../core/mapping-state.js';
import type { Side } from '../core/pair.js';
import { pairOf, SIDES } from '../core/pair.js';
import type { MappingContext } from './context.js';
import type { Fence } from './fence.js';
import { isDenied } from './fence.js';
import type { Claimant, LedgerKeeper, SentLedger } from './ledger-keeper.js';
import type { MappingMemory } from './mapping-memory.js';
import { stopsMapping } from './mapping-memory.js';
import { sortOutOfScope } from './scope-change.js';

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
    private readonly fence: Fence,
  ) {}

  /** @param isFenced this process has moved both ledgers, to take over from another daemon */
  async establish(isFenced: boolean, signal: AbortSignal): Promise<Omit<MappingHold, 'sinceMs'> | undefined> {
    if (this.context.mode === 'observe') return this.observe(signal);
    if (this.memory.state?.phase === 'observing') await this.memory.forget();
    const verdict = await this.ledgers.inspect(signal, { starting: !isFenced });
    if (verdict.kind === 'hold') {
      const takeOver = verdict.hold.reason === 'archive-lost' && this.context.onArchiveLoss === 'merge';
      return takeOver ? this.pairAnew(undefined, signal) : verdict.hold;
    }
    if (verdict.kind === 'unpaired') return this.pairAnew(undefined, signal);
    // A store that was mispointed and put right needs no operator; one that was rolled back does.
    const isOlder = !isFenced && this.ledgers.haveOthersMoved(verdict.mirrors);
    const agreedUnseenUpTo = pairOf((side) => verdict.mirrors[side]?.version.modified ?? -1n);
    await this.ledgers.takeOver(verdict.mirrors, isOlder ? { agreedUnseenUpTo } : {});
    await this.memory.commit((state) => ({
      state: {
        holds: state.holds.filter(({ reason }) => reason !== 'identity-changed' && reason !== 'mapped-twice'),
      },
    }));
    if (this.memory.known.phase === 'pairing') return this.finishPairing(signal);
    for (const side of SIDES) await this.ledgers.resolveSingles(side, signal);
    if (!isFenced) await this.fence.forgetClocks();
    await sortOutOfScope(this.context, this.memory);
    const { paused, holds } = this.memory.known;
    if (!isFenced && !paused && !holds.some(stopsMapping)) await this.fence.raise(signal);
    return undefined;
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
    const state = freshState(this.context, this.memory, 'pairing', resyncFrom);
    const [left, right] = found;
    // Who lost the archive has not gone back a step with it.
    const cutover = latestMoves(state.cutover, left?.cutover, right?.cutover);
    const ledgers = { left: left?.mirror, right: right?.mirror };
    await this.memory.begin({ ...state, ...(cutover !== undefined && { cutover }), ledgers });
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
    // Begun by a process before this one: it wrote no entry yet, and from now on it can't.
    const { ledgers } = this.memory.known;
    const isBegunBefore = SIDES.some((side) => ledgers[side] && ledgers[side].writer !== this.context.writer);
    if (isBegunBefore) await this.fence.raise(signal);
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
    const outcome = await this.fence.send(side, sent, signal);
    if (outcome.kind === 'applied') return;
    if (!isDenied(outcome) || this.context.policy.source !== side) throw this.fence.failure(side, outcome);
    await this.memory.commit((state) => ({ state: { ledgerless: [...state.ledgerless, side] } }));
  }

  private async standingLedger(side: Side, signal: AbortSignal): Promise<StandingLedger | undefined> {
    const stored = await this.ledgers.stored(side, signal);
    if (stored === undefined) return undefined;
    const ledger = decodeLedger(stored.content);
    const isOfHere = SIDES.every((each) => ledger?.places[each] === this.context.places[each]);
    return { mirror: ledgerToReplace(stored.version), cutover: isOfHere ? ledger?.cutover : undefined };
  }

  private async observe(signal: AbortSignal): Promise<Omit<MappingHold, 'sinceMs'> | undefined> {
    const phase = this.memory.state?.phase;
    if (phase === 'paired') {
      const verdict = await this.ledgers.inspect(signal, { starting: true });
      return verdict.kind === 'hold' ? verdict.hold : undefined;
    }
    // Without ledgers nothing recorded under observation may ever be acted on: it begins anew with each start.
    await this.memory.begin(freshState(this.context, this.memory, 'observing', undefined));
    return undefined;
  }

  private mappedTwice(side: Side, place: string): Omit<MappingHold, 'sinceMs'> {
    const name = this.context.sideNames[side];
    const detail = `${place} already syncs an overlapping part of ${name}, says its ledger there`;
    return { reason: 'mapped-twice', side, detail };
  }
}

interface StandingLedger {
  readonly mirror: LedgerMirror;
  readonly cutover: CutoverMoves | undefined;
}

/** The state of an archive that begins now. */
export function freshState(
  context: MappingContext,
  memory: MappingMemory,
  phase: MappingState['phase'],
  resyncFrom: MappingState['resyncFrom'],
): MappingState {
  const nowMs = context.clock.nowMs();
  return {
    pairId: randomId(() => context.random.next()),
    phase,
    kept: 'led',
    ledgers: { left: undefined, right: undefined },
    unrecorded: { left: [], right: [] },
    ledgerless: [],
    holds: [],
    paused: memory.state?.paused ?? false,
    ...(memory.state?.cutover !== undefined && { cutover: memory.state.cutover }),
    resyncFrom,
    lastSweptAtMs: { left: undefined, right: undefined },
    scope: context.scope.id,
    scopeSince: { left: 0n, right: 0n },
    firstCompletedAtMs: undefined,
    lastVerifiedAtMs: undefined,
    sizes: startSizeHistory(nowMs, 0),
    overwrites: startOverwriteHistory(nowMs),
    ...(memory.state?.departed !== undefined && { departed: memory.state.departed }),
    sightings: { left: [], right: [] },
    clockOffsets: { left: undefined, right: undefined },
    intents: [],
  };
}

/** 128 bits as 32 hexadecimal digits. */
export function randomId(next: () => number): string {
  const digits = Array.from({ length: 32 }, () => Math.floor(next() * 16).toString(16));
  return digits.join('');
}

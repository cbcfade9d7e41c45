import type { CutoverMoves } from '../core/cutover.js';
import { latestMoves } from '../core/cutover.js';
import type { MappingHold } from '../core/mapping-state.js';
import type { MappingContext } from '../sync/context.js';
import type { ObservedLedgers } from '../sync/ledger-keeper.js';
import { LedgerKeeper } from '../sync/ledger-keeper.js';
import { MappingMemory, stopsMapping } from '../sync/mapping-memory.js';
import { SIDE_NAMES } from './mapping-context.js';
import { readOnlyArchive } from './read-only-archive.js';

/** What a start of a mapping would find, before it looks at any entry. */
export interface StartOutlook {
  /**
   * `paired`: archive and stores belong together. `new`: a first start would make a pair of ledgers. `unpaired`: the
   * mapping only observes, and makes none. `held`: it would not come that far.
   */
  readonly pairing: 'paired' | 'new' | 'unpaired' | 'held';
  readonly holds: readonly StandingHold[];
  readonly paused: boolean;
  /** The steps of a cutover that were taken, as the archive or the ledgers tell. */
  readonly cutover: CutoverMoves | undefined;
  /** The archive as it would be after the start's first steps; closed for writing. */
  readonly memory: MappingMemory;
}

export interface StandingHold {
  readonly reason: MappingHold['reason'];
  readonly detail: string;
  readonly side: 'zookeeper' | 'consul' | undefined;
  /** Whether it stops all writes, and not only those that it names. */
  readonly stopsAll: boolean;
}

/**
 * Reads the ledgers and judges them as a start does, and writes nothing: neither ledgers nor the archive.
 * @throws ReplicaError
 */
export async function lookAtStart(context: MappingContext, signal: AbortSignal): Promise<StartOutlook> {
  const known = new MappingMemory(context.archive);
  // What was recorded while it only observed is never acted on.
  const memory = known.state?.phase === 'observing' ? known.withoutRecords() : closed(known, known.state);
  const paused = known.state?.paused ?? false;
  if (context.mode === 'observe' && memory.state?.phase !== 'paired') {
    return { pairing: 'unpaired', holds: [], paused, cutover: known.state?.cutover, memory };
  }
  const ledgers = new LedgerKeeper(context, memory);
  const verdict = await ledgers.inspect(signal, { starting: true });
  const cutover = latestMoves(known.state?.cutover, movesIn(await ledgers.observe(signal)));
  const told = cutover === undefined ? {} : { cutover };
  const startsOver =
    verdict.kind === 'hold' && verdict.hold.reason === 'archive-lost' && context.onArchiveLoss === 'merge';
  if (verdict.kind === 'unpaired' || startsOver) {
    const [rival] = await ledgers.claimants(signal);
    if (rival === undefined) return { pairing: 'new', holds: [], paused, cutover, memory };
    const detail = `${rival.place} already syncs an overlapping part of ${SIDE_NAMES[rival.side]}, says its ledger there`;
    const hold = standing({ reason: 'mapped-twice', side: rival.side, detail });
    return { pairing: 'held', holds: [hold], paused, cutover, memory };
  }
  const recorded = memory.state?.holds ?? [];
  if (verdict.kind === 'hold') {
    const holds = [verdict.hold, ...recorded].map(standing);
    return { pairing: 'held', holds, paused, cutover, memory };
  }
  const state =
    memory.state === undefined ? undefined : { ...memory.state, ...told, ledgers: verdict.mirrors };
  // A store that was mispointed and put right needs no operator.
  const holds = recorded.filter(({ reason }) => reason !== 'identity-changed' && reason !== 'mapped-twice');
  return { pairing: 'paired', holds: holds.map(standing), paused, cutover, memory: closed(known, state) };
}

/**
 * The latest step of a mapping's cutover that its ledgers tell of, for commands that know nothing else.
 * @throws ReplicaError
 */
export async function cutoverInLedgers(
  context: MappingContext,
  signal: AbortSignal,
): Promise<CutoverMoves | undefined> {
  const ledgers = new LedgerKeeper(context, new MappingMemory(context.archive));
  return movesIn(await ledgers.observe(signal));
}

function movesIn({ left, right }: ObservedLedgers): CutoverMoves | undefined {
  const [one, other] = [left, right].map((found) =>
    typeof found === 'object' ? found.ledger.cutover : undefined,
  );
  return latestMoves(one, other);
}

function closed(memory: MappingMemory, state: MappingMemory['state']): MappingMemory {
  return new MappingMemory(readOnlyArchive(memory.archive, state));
}

function standing(hold: Omit<MappingHold, 'sinceMs'>): StandingHold {
  const side = hold.side === undefined ? undefined : SIDE_NAMES[hold.side];
  const stopsAll = stopsMapping({ ...hold, sinceMs: 0 });
  return { reason: hold.reason, detail: hold.detail, side, stopsAll };
}

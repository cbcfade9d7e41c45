import type { ArchiveRecord } from '../core/archive-record.js';
import { isEmpty } from '../core/classify.js';
import type { Conflict, ConflictSide } from '../core/conflict.js';
import { recordAfterCopy } from '../core/decision.js';
import { recordOverwrites } from '../core/deletion-budget.js';
import { parentKey } from '../core/key-order.js';
import { withWrite } from '../core/ledger.js';
import type { LedgerMirror, MappingState } from '../core/mapping-state.js';
import type { EntryKey, PresentReading } from '../core/observation.js';
import { recordReplacement } from '../core/oscillation.js';
import { otherSide, withSide } from '../core/pair.js';
import { measureOffset, recordSighting } from '../core/write-interval.js';
import { settleDeletions } from '../core/write-intent.js';
import type { NewConflict } from '../ports/archive.js';
import { SyncError } from '../ports/errors.js';
import type { Attention, PendingWrites } from './attention.js';
import type { Applied, WriteItem } from './batch-writer.js';
import type { MappingContext } from './context.js';
import { isCountedOverwrite } from './guards.js';
import { conflictsToClose } from './journal.js';
import { LedgerKeeper } from './ledger-keeper.js';
import type { MappingChanges, MappingMemory, OnItsWay } from './mapping-memory.js';
import type { Rings } from './rings.js';
import { contentsOf } from './sorted-work.js';

/** Records in the archive what a batch that was applied has changed. */
export class AppliedWrites {
  constructor(
    private readonly context: MappingContext,
    private readonly memory: MappingMemory,
    private readonly attention: Attention,
    private readonly pending: PendingWrites,
    private readonly rings: Rings,
  ) {}

  /**
   * Resolves when it is on its way to the archive, so that the next batch need not wait for the disk: should the process
   * die before it is there, the ledger tells what was written.
   */
  async record(applied: Applied): Promise<OnItsWay> {
    if (applied.outcome.overwrittenInRace.size > 0) {
      await this.commit(applied);
      this.recorded(applied);
      return { durable: Promise.resolve() };
    }
    const { durable } = await this.memory.commitAhead((state) => this.changes(applied, state));
    const settled = durable.then(() => this.recorded(applied));
    settled.catch(() => undefined);
    return { durable: settled };
  }

  private recorded(applied: Applied): void {
    const nowMs = this.context.clock.monotonicMs();
    for (const { intended, key } of applied.items) {
      this.pending.settled(key);
      this.attention.settled(key);
      if (intended.decision.ordered === undefined)
        this.rings.wrote(key, applied.side, contentsOf(intended.situation));
      this.context.metrics.propagated(applied.side, (nowMs - intended.mark.noticedMs) / 1000);
    }
    this.lookAround(applied);
    this.log(applied);
  }

  /** What was written is recorded in any case; the journal keeps room for what was replaced unseen. */
  private async commit(applied: Applied): Promise<void> {
    try {
      await this.memory.commit((state) => this.changes(applied, state));
    } catch (error) {
      if (!(error instanceof SyncError) || error.code !== 'ARCHIVE_FULL') throw error;
      await this.memory.commit((state) => ({ ...this.changes(applied, state), conflicts: [] }));
      for (const [key, { version, value }] of applied.outcome.overwrittenInRace) {
        const fields = { key, version: String(version.modified), bytes: value.length };
        this.context.logger.error(
          fields,
          'a value was overwritten unseen, and the journal had no room for it',
        );
      }
    }
  }

  private changes(applied: Applied, state: MappingState): MappingChanges {
    const { side, items, outcome, settles } = applied;
    const records = new Map<EntryKey, ArchiveRecord | undefined>();
    for (const [key, version] of outcome.madeParents) {
      if (this.memory.archive.record(key)?.kind === 'entry') continue;
      records.set(key, { kind: 'structure', side, version, owner: 'daemon' });
    }
    // Of what a person has ordered, the other side is still to follow.
    const inStep = items.filter(({ intended }) => intended.decision.ordered?.isLast !== false);
    for (const item of inStep) records.set(item.key, this.recordOf(item, applied));
    const marks = new Map(inStep.map(({ key }) => [key, undefined] as const));
    const standing = new Map(inStep.map(({ key }) => [key, otherSide(side)] as const));
    const settled = conflictsToClose(this.memory.archive, standing);
    const conflicts = [...outcome.overwrittenInRace]
      .map(([key, replaced]) => this.overwritten(key, replaced, applied))
      .filter(({ sides: { left, right } }) => !sameValue(left, right));
    const after = this.stateAfter(applied, state);
    const open = state.intents.filter((intent) => !settles.includes(intent));
    const intents = settleDeletions(open, after.ledgers).pending;
    return { records, marks, conflicts, settled, state: { ...after, intents } };
  }

  private recordOf(item: WriteItem, { side, outcome }: Applied): ArchiveRecord | undefined {
    const { decision, situation } = item.intended;
    const cleared = outcome.cleared.get(item.key);
    if (decision.do === 'remove') {
      return cleared === undefined
        ? undefined
        : { kind: 'structure', side, version: cleared, owner: 'daemon' };
    }
    const version = outcome.versions.get(item.key);
    if (version === undefined) return situation.record;
    // An operator's word ends a row of rounds.
    const ordered = decision.conflict?.rule === 'operator' || decision.ordered !== undefined;
    const known = situation.record?.kind === 'entry' && !ordered ? situation.record.oscillation : undefined;
    const nowMs = this.context.clock.nowMs();
    const isOneWay = this.context.policy.source !== undefined;
    return {
      ...recordAfterCopy(decision, version),
      oscillation: recordReplacement(known, side, contentsOf(situation), nowMs, isOneWay),
    };
  }

  private stateAfter(
    applied: Applied,
    state: MappingState,
  ): Partial<MappingState> & Pick<MappingState, 'ledgers'> {
    const { side, sent, outcome, sentAtMs, acknowledgedAtMs } = applied;
    const nowMs = this.context.clock.nowMs();
    const overwrites = applied.items.filter(({ intended }) => isCountedOverwrite(intended)).length;
    const at = outcome.ledger?.modified ?? [...outcome.versions.values()].at(0)?.modified;
    const sightings =
      at === undefined
        ? state.sightings[side]
        : recordSighting(state.sightings[side], { atMs: sentAtMs, version: at - 1n });
    const known = state.clockOffsets[side];
    const offset =
      outcome.stamp === undefined ? known : measureOffset(known, outcome.stamp, sentAtMs, acknowledgedAtMs);
    return {
      ledgers: withSide(state.ledgers, side, mirrorAfter(state.ledgers[side], sent, outcome.ledger, at)),
      sightings: withSide(state.sightings, side, sightings),
      clockOffsets: withSide(state.clockOffsets, side, offset),
      overwrites: recordOverwrites(state.overwrites, nowMs, overwrites, this.context.maxOverwrite.withinMs),
    };
  }

  /** A client deleted and recreated the entry between the last look and the write: what it wrote there is kept. */
  private overwritten(key: EntryKey, replaced: PresentReading, { side, items }: Applied): NewConflict {
    const nowMs = this.context.clock.nowMs();
    const item = items.find((one) => one.key === key);
    const other = item?.intended.situation.readings[otherSide(side)];
    const written = { earliestMs: -Infinity, latestMs: nowMs };
    const { value, flags, version } = replaced;
    const lost = { value, flags, version, written };
    const kept =
      other?.kind === 'present'
        ? { value: other.value, flags: other.flags, version: other.version, written }
        : { value: undefined, flags: 0n, version: undefined, written };
    const conflict: Conflict = {
      key,
      kind: 'overwritten-in-race',
      winner: otherSide(side),
      rule: 'last-writer-wins',
      ambiguous: true,
      sides: side === 'left' ? { left: lost, right: kept } : { left: kept, right: lost },
    };
    return { ...conflict, atMs: nowMs, open: false };
  }

  private log({ side, items, outcome }: Applied): void {
    if (!this.context.logger.isLevelEnabled('debug')) return;
    const to = this.context.sideNames[side];
    for (const { key, kind, intended } of items) {
      const { decision } = intended;
      const source = decision.do === 'copy' ? String(decision.source.version.modified) : undefined;
      const base = decision.base === undefined ? undefined : String(decision.base.version.modified);
      const version = outcome.versions.get(key)?.modified.toString();
      this.context.logger.debug({ key, to, operation: kind, source, base, version }, 'written');
    }
  }

  /** A removal may leave structure behind, here or above, that has no reason left. */
  private lookAround({ items, outcome }: Applied): void {
    const around = new Set<EntryKey>();
    for (const { intended, key } of items) {
      if (intended.decision.ordered?.isLast === false) around.add(key);
      if (intended.decision.do === 'copy') {
        // An inner node that was emptied is structure from now on, and its empty copy has no reason left.
        const { source } = intended.decision;
        if (isEmpty(source) && source.children > 0) around.add(key);
        continue;
      }
      const { decision, situation } = intended;
      const structureStays = situation.readings[otherSide(decision.on)].kind === 'present';
      if (decision.cause === 'retracted' || structureStays) around.add(key);
      const above = parentKey(key);
      if (above !== undefined && this.memory.archive.record(above)?.kind === 'structure') around.add(above);
    }
    for (const key of outcome.madeParents.keys()) {
      if (this.memory.archive.record(key)?.kind === 'entry') around.add(key);
    }
    if (around.size > 0) this.attention.look(around);
  }
}

function mirrorAfter(
  known: LedgerMirror | undefined,
  sent: Applied['sent'],
  ledger: Applied['outcome']['ledger'],
  at: bigint | undefined,
): LedgerMirror | undefined {
  if (sent !== undefined && ledger !== undefined) return LedgerKeeper.applied(sent, ledger);
  return known === undefined || at === undefined ? known : withWrite(known, at);
}

/** The same was written that had been there: nothing was lost. */
function sameValue({ value: a }: ConflictSide, { value: b }: ConflictSide): boolean {
  return a !== undefined && b !== undefined && a.length === b.length && a.every((byte, at) => byte === b[at]);
}

import type { ArchiveRecord } from '../core/archive-record.js';
import { moveNumber } from '../core/cutover.js';
import { mayBeNoted, withoutPrints } from '../core/key-prints.js';
import type { EntryKey } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import { otherSide, pairOf, SIDES } from '../core/pair.js';
import type { MappingHold, MappingState } from '../core/mapping-state.js';
import type { Version } from '../core/version.js';
import type { ArchiveChanges, MappingArchive } from '../ports/archive.js';
import type { ClientChangeCounter } from './client-change-counter.js';

/** Changes to a mapping's part of the archive; of its state, only what changes. */
export interface MappingChanges extends Omit<ArchiveChanges, 'state'> {
  readonly state?: Partial<MappingState>;
}

/** Changes that were given to the archive. */
export interface OnItsWay {
  readonly durable: Promise<void>;
}

/**
 * A mapping's durable state with the copy of it that the loop works on. Commits go one after the other, each built
 * from what the one before left, so that work on both sides at once loses nothing.
 */
export class MappingMemory {
  private current: MappingState | undefined;
  private last: Promise<unknown> = Promise.resolve();
  /** Told of the ledgers whenever they were recorded anew. */
  onLedgers: (ledgers: MappingState['ledgers']) => void = () => undefined;
  /** Told when a step of a cutover was taken, here or, as the ledgers tell, by another daemon. */
  onCutover: () => void = () => undefined;

  /** Counts what clients change; undefined where nobody counts. */
  counter: ClientChangeCounter | undefined;

  constructor(readonly archive: MappingArchive) {
    this.current = archive.state();
  }

  get state(): MappingState | undefined {
    return this.current;
  }

  /** The state of a mapping that has one: everything after its ledgers were established. */
  get known(): MappingState {
    if (this.current === undefined) throw new Error('the mapping has no archive yet');
    return this.current;
  }

  /**
   * Whether an entry that only `side` has, and the archive does not know, may all the same have been on both: written on the
   * other one by a batch that was never recorded here, or agreed on since this copy of the archive was made. Then it is not
   * new.
   */
  mayHaveBeenOnBoth(side: Side, key: EntryKey, version: Version): boolean {
    const { ledgers, unrecorded, agreedUnseenUpTo } = this.known;
    if (agreedUnseenUpTo !== undefined && version.modified <= agreedUnseenUpTo[side]) return true;
    const other = otherSide(side);
    return unrecorded[other].length > 0 && mayBeNoted(ledgers[other]?.copied ?? '', key);
  }

  /** The same mapping as if nothing of it had ever been agreed on; only for looking. */
  withoutRecords(): MappingMemory {
    const { archive } = this;
    const bare: MappingArchive = {
      state: () => undefined,
      record: () => undefined,
      recordsAfter: () => [],
      counts: () => archive.counts(),
      mark: () => undefined,
      marksAfter: () => [],
      markCounts: () => new Map(),
      conflicts: (options) => archive.conflicts(options),
      conflict: (id) => archive.conflict(id),
      conflictCounts: () => archive.conflictCounts(),
      trash: (wanted) => archive.trash(wanted),
      trashed: (id) => archive.trashed(id),
      lastTrashOf: (key) => archive.lastTrashOf(key),
      order: () => undefined,
      clientChanges: () => [],
      commit: () => Promise.reject(new Error('this view of the archive is only for looking')),
      reset: () => Promise.reject(new Error('this view of the archive is only for looking')),
    };
    return new MappingMemory(bare);
  }

  /** Begins an archive for a mapping that had none, or puts a new one in place of what was there. */
  async begin(state: MappingState): Promise<void> {
    await this.inTurn(async () => {
      await this.archive.reset(state);
      this.current = state;
    });
  }

  async forget(): Promise<void> {
    await this.inTurn(async () => {
      await this.archive.reset();
      this.current = undefined;
    });
  }

  /** Durable when it resolves. What `build` returns is applied as a whole, or nothing of it. */
  async commit(build: (state: MappingState) => MappingChanges): Promise<void> {
    await this.inTurn(async () => {
      const { state: asked, ...changes } = build(this.known);
      const patch = this.withoutPrintsOfGone(asked, changes.records);
      if (patch === undefined) {
        await this.put(changes);
        return;
      }
      const state: MappingState = { ...this.known, ...patch };
      await this.put({ ...changes, state });
      this.take(state, patch);
    });
  }

  /**
   * Like `commit`, but resolves as soon as the changes are on their way to the disk, and counted in from then on; they
   * show in the archive once they are durable. Only for what the archive can't refuse: changes without conflicts.
   */
  async commitAhead(build: (state: MappingState) => Omit<MappingChanges, 'conflicts'>): Promise<OnItsWay> {
    let durable: Promise<void> = Promise.resolve();
    await this.inTurn(() => {
      const { state: asked, ...changes } = build(this.known);
      const patch = this.withoutPrintsOfGone(asked, changes.records);
      const state: MappingState = { ...this.known, ...patch };
      durable = this.put({ ...changes, state });
      // Whoever waits for it hears of a failure; and so does everybody who commits anything after it.
      durable.catch(() => undefined);
      this.take(state, patch);
      return Promise.resolve();
    });
    return { durable };
  }

  async addHold(hold: MappingHold): Promise<void> {
    await this.commit((state) => {
      const others = state.holds.filter((known) => known.reason !== hold.reason);
      const known = state.holds.find((standing) => standing.reason === hold.reason);
      return { state: { holds: [...others, { ...hold, sinceMs: known?.sinceMs ?? hold.sinceMs }] } };
    });
  }

  async dropHold(reason: MappingHold['reason']): Promise<void> {
    await this.commit((state) => ({
      state: { holds: state.holds.filter((hold) => hold.reason !== reason) },
    }));
  }

  /** What is gone on both sides, and comes up again, is new. */
  private withoutPrintsOfGone(
    patch: Partial<MappingState> | undefined,
    records: ReadonlyMap<EntryKey, ArchiveRecord | undefined> = new Map(),
  ): Partial<MappingState> | undefined {
    const gone = [...records].filter(([, record]) => record === undefined).map(([key]) => key);
    if (gone.length === 0) return patch;
    const known = patch?.ledgers ?? this.known.ledgers;
    const ledgers = pairOf((side) => {
      const mirror = known[side];
      if (mirror?.copied === undefined) return mirror;
      return { ...mirror, copied: withoutPrints(mirror.copied, gone) };
    });
    const isSame = SIDES.every((side) => ledgers[side]?.copied === known[side]?.copied);
    return isSame ? patch : { ...patch, ledgers };
  }

  /** What clients have changed since the commit before is counted with it. */
  private async put(changes: ArchiveChanges): Promise<void> {
    const counted = this.counter?.take() ?? [];
    try {
      await this.archive.commit(counted.length === 0 ? changes : { ...changes, clientChanges: counted });
    } catch (error) {
      this.counter?.putBack(counted);
      throw error;
    }
  }

  private take(state: MappingState, patch: Partial<MappingState> | undefined): void {
    const before = this.current;
    this.current = state;
    if (moveNumber(before?.cutover) !== moveNumber(state.cutover)) this.onCutover();
    if (patch?.ledgers !== undefined) this.onLedgers(state.ledgers);
  }

  private async inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.last.then(work, work);
    this.last = turn.catch(() => undefined);
    await turn;
  }
}

/** Holds of single deletions and overwrites let everything else go on; all others stop the mapping. */
export function stopsMapping(hold: MappingHold): boolean {
  return hold.reason !== 'mass-deletion' && hold.reason !== 'mass-conflict';
}

import type { MappingHold } from '../core/mapping-state.js';
import type { Side } from '../core/pair.js';
import type { MappingContext } from './context.js';
import { Establishment } from './establish.js';
import type { Fence } from './fence.js';
import type { LedgerKeeper } from './ledger-keeper.js';
import type { MappingMemory } from './mapping-memory.js';

/** How often what holds a mapping before it could start is checked again. */
const RECHECK_EVERY_MS = 30_000;

/** Whether a mapping may begin: its archive and its two stores must be known to belong together. */
export class Readiness {
  private readonly establishment: Establishment;
  /** What stands in the way, where there may be no archive to keep it in. */
  private startHold: MappingHold | undefined;
  private established = false;
  private dueMs = 0;
  /** This process has moved both ledgers, to take over from another daemon. */
  private isFenced = false;

  constructor(
    private readonly context: MappingContext,
    private readonly memory: MappingMemory,
    private readonly ledgers: LedgerKeeper,
    fence: Fence,
  ) {
    this.establishment = new Establishment(context, memory, ledgers, fence);
  }

  /** The holds of the whole mapping. */
  get holds(): readonly MappingHold[] {
    const recorded = this.memory.state?.holds ?? [];
    return this.startHold === undefined ? recorded : [this.startHold, ...recorded];
  }

  /**
   * Does what is to be done before anything else.
   * @returns false while there is no archive to work with: everything has to wait
   */
  async ensure(signal: AbortSignal): Promise<boolean> {
    const nowMs = this.context.clock.monotonicMs();
    // A new start that was broken off half way is finished first.
    if (this.memory.state?.phase === 'pairing' || this.memory.state === undefined) this.established = false;
    if (!this.established && nowMs >= this.dueMs) {
      this.settle(await this.establishment.establish(this.isFenced, signal));
      if (!this.established) this.dueMs = nowMs + RECHECK_EVERY_MS;
    }
    return this.established || this.memory.state !== undefined;
  }

  /**
   * A store that was mispointed or half restored may be put right; one that was rolled back stays so.
   * @returns whether a hold was lifted, so that everything has to be walked
   */
  async recheck(signal: AbortSignal): Promise<boolean> {
    const nowMs = this.context.clock.monotonicMs();
    const held = this.memory.known.holds.some((hold) => hold.reason === 'identity-changed');
    if (!this.established || !held || nowMs < this.dueMs) return false;
    this.dueMs = nowMs + RECHECK_EVERY_MS;
    const verdict = await this.ledgers.inspect(signal, { starting: false });
    if (verdict.kind !== 'whole') return false;
    await this.memory.dropHold('identity-changed');
    return true;
  }

  /** What was established may be so no more: another daemon has led since, and has been deposed where `isFenced`. */
  reset(isFenced: boolean): void {
    this.isFenced = isFenced;
    this.established = false;
    this.dueMs = 0;
  }

  /** Begins anew with an empty archive; `from` decides what differs. */
  async startOver(from: 'merge' | Side, signal: AbortSignal): Promise<MappingHold | undefined> {
    this.dueMs = 0;
    this.settle(await this.establishment.pairAnew(from, signal));
    return this.startHold;
  }

  private settle(hold: Omit<MappingHold, 'sinceMs'> | undefined): void {
    const before = this.startHold;
    this.established = hold === undefined;
    if (hold === undefined) {
      this.startHold = undefined;
      return;
    }
    const sinceMs = before?.reason === hold.reason ? before.sinceMs : this.context.clock.nowMs();
    this.startHold = { ...hold, sinceMs };
  }
}

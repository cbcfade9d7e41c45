import type { CutoverMoves, CutoverStep } from '../core/cutover.js';
import { stepReached, withMove } from '../core/cutover.js';
import { startOverwriteHistory, startSizeHistory } from '../core/deletion-budget.js';
import type { EntryKey } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import type { EntryMark } from '../ports/archive.js';
import type { Examined } from './examine.js';
import { Examiner } from './examine.js';
import { effectiveSize } from './guards.js';
import { heldBack, HeldDigest } from './held-back.js';
import type { MappingSync } from './mapping-sync.js';
import type { PlannedStep } from './plan.js';
import { planMapping } from './plan.js';

/** What a person may do to a mapping while it runs. Each call is durable when it resolves. */
export class Operator {
  constructor(private readonly sync: MappingSync) {}

  /**
   * Takes effect at once. Where other daemons may take over, it is written to the ledgers, too.
   * @returns the sides whose ledger could not be told in time
   */
  async pause(signal: AbortSignal): Promise<readonly Side[]> {
    await this.sync.memory.commit(() => ({ state: { paused: true } }));
    this.sync.context.logger.info({}, 'paused by an operator');
    return this.sync.tellNow(signal);
  }

  async resume(): Promise<void> {
    await this.sync.memory.commit(() => ({ state: { paused: false } }));
    this.sync.attention.startOver('operator');
    this.sync.context.logger.info({}, 'resumed by an operator');
  }

  /**
   * Takes a step of the cutover, forwards or back. Everything is compared again, by the policy that is in force then.
   * @param isStill tells, at the moment of the step, whether it may still be taken
   * @returns the sides whose ledger could not be told in time; undefined when the step may be taken no more
   */
  async cutover(
    step: CutoverStep,
    isStill: (moves: CutoverMoves | undefined) => boolean,
    signal: AbortSignal,
  ): Promise<readonly Side[] | undefined> {
    const { memory, context } = this.sync;
    const isTaken = await this.sync.exclusively(async () => {
      const from = stepReached(memory.known.cutover);
      if (!isStill(memory.known.cutover)) return false;
      const nowMs = context.clock.nowMs();
      await memory.commit(({ cutover }) => ({ state: { cutover: withMove(cutover, step, nowMs) } }));
      context.logger.info({ from, step }, 'a step of the cutover was taken by an operator');
      return true;
    });
    return isTaken ? this.sync.tellNow(signal) : undefined;
  }

  /**
   * Lets exactly the deletions and overwrites that are held back now pass.
   * @param seen the digest of what a person has looked at: nothing passes when it is no longer what is held back
   * @returns how many; undefined when nothing passed because of that
   */
  async approve(seen?: string): Promise<{ deletions: number; overwrites: number } | undefined> {
    return this.sync.exclusively(async () => {
      const { memory, context, attention } = this.sync;
      if (seen !== undefined && seen !== this.heldDigest()) return undefined;
      const counted = { deletions: 0, overwrites: 0 };
      for (const page of heldBack(memory.archive)) {
        const approved = new Map<EntryKey, EntryMark>();
        for (const [key, mark] of page) {
          approved.set(key, { ...mark, approved: true });
          if (mark.kind === 'held-deletion') counted.deletions++;
          else counted.overwrites++;
        }
        if (approved.size > 0) await memory.commit(() => ({ marks: approved }));
        attention.look(approved.keys());
      }
      const nowMs = context.clock.nowMs();
      await memory.commit((state) => ({
        state: {
          holds: state.holds.filter(({ reason }) => reason !== 'mass-deletion' && reason !== 'mass-conflict'),
          sizes: startSizeHistory(nowMs, effectiveSize(memory)),
          overwrites: startOverwriteHistory(nowMs),
        },
      }));
      context.logger.info(counted, 'held deletions and overwrites approved by an operator');
      return counted;
    });
  }

  /** What `resync` would do: as if nothing had ever been agreed, with `from` deciding what differs. */
  async previewResync(
    from: 'merge' | Side,
    step: (planned: PlannedStep) => void,
    signal: AbortSignal,
  ): Promise<number> {
    const { context } = this.sync;
    const memory = this.sync.memory.withoutRecords();
    const examiner = new Examiner({ ...context, policy: { ...context.policy, initial: from } }, memory);
    const present = await planMapping(context, memory, examiner, step, signal);
    return Math.max(present.left, present.right);
  }

  /** Ends the mapping's hold: new ledgers, an empty archive, and `from` decides what differs. Deletes nothing. */
  async resync(from: 'merge' | Side, signal: AbortSignal): Promise<string | undefined> {
    return this.sync.exclusively(async () => {
      const hold = await this.sync.startOver(from, signal);
      const name = from === 'merge' ? from : this.sync.context.sideNames[from];
      this.sync.context.logger.info({ from: name }, 'resync ordered by an operator');
      return hold?.detail;
    });
  }

  /**
   * Ends an entry's hold: the content of `keep` is written to the other side.
   * @returns false when the entry is not held
   */
  async release(key: EntryKey, keep: Side, signal: AbortSignal): Promise<boolean> {
    return this.sync.betweenRounds(async () => {
      const { memory } = this.sync;
      const held = memory.archive.mark(key);
      if (held?.kind !== 'hold') return false;
      await memory.commit(() => ({ marks: new Map([[key, { ...held, keep }]]) }));
      await this.sync.lookAt(key, signal);
      return true;
    });
  }

  /** Looks at one entry and decides, without doing anything about it. */
  async look(key: EntryKey, signal: AbortSignal): Promise<Examined | undefined> {
    const { context, memory } = this.sync;
    const noticedMs = context.clock.monotonicMs();
    const mark = { key, at: undefined, noticedMs };
    const { examined } = await new Examiner(context, memory).examine([mark], signal);
    return examined[0];
  }
  private heldDigest(): string {
    const digest = new HeldDigest();
    for (const page of heldBack(this.sync.memory.archive)) digest.add(page);
    return digest.text;
  }
}

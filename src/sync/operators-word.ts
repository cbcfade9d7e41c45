import { moveNumber } from '../core/cutover.js';
import type { Side } from '../core/pair.js';
import { SIDES } from '../core/pair.js';
import type { BatchWriter } from './batch-writer.js';
import type { MappingMemory } from './mapping-memory.js';

/** What an operator has said of a mapping, and both ledgers tell, so that it outlasts whoever leads: a pause, a cutover's step. */
export class OperatorsWord {
  constructor(
    private readonly memory: MappingMemory,
    private readonly writer: BatchWriter,
    /** Who is alone keeps a pause in its own archive. */
    private readonly isOneOfSeveral: boolean,
  ) {}

  /** Sides whose ledgers don't tell it yet. */
  get untold(): readonly Side[] {
    const { state } = this.memory;
    if (state?.phase !== 'paired') return [];
    return SIDES.filter((side) => {
      const ledger = state.ledgers[side];
      if (ledger === undefined) return false;
      const isPauseUntold = this.isOneOfSeveral && ledger.paused !== state.paused;
      return isPauseUntold || moveNumber(ledger.cutover) !== moveNumber(state.cutover);
    });
  }

  /** @throws the trouble that a store had with it */
  async tell(signal: AbortSignal): Promise<void> {
    for (const side of this.untold) {
      const trouble = await this.writer.bump(side, signal);
      if (trouble !== undefined) throw trouble;
    }
  }
}

import type { MappingHold } from '../core/mapping-state.js';
import type { Logger } from '../ports/logger.js';

/** What a mapping's log tells of its state: each change once. */
export class StateLog {
  private holds = new Map<string, MappingHold>();
  private completed = false;

  constructor(private readonly logger: Logger) {}

  note(holds: readonly MappingHold[], completed: boolean, entries: number): void {
    const current = new Map(holds.map((hold) => [hold.reason, hold]));
    for (const { reason, detail } of current.values()) {
      if (!this.holds.has(reason)) this.logger.warn({ reason }, `held: ${detail}`);
    }
    for (const reason of this.holds.keys()) {
      if (!current.has(reason as MappingHold['reason'])) this.logger.info({ reason }, 'no longer held');
    }
    this.holds = current;
    if (completed && !this.completed) this.logger.info({ entries }, 'everything was compared once; live');
    this.completed = completed;
  }
}

import type { PlannedAction, PlanSummary } from '../ports/control.js';
import type { PlannedStep } from '../sync/plan.js';
import { describeDecision } from './describe-decision.js';
import { SIDE_NAMES } from './mapping-context.js';

const LISTED_MAX = 1_000;

/** Counts the steps of a plan, and keeps the first of them. */
export class PlanCollector {
  private readonly counts = {
    create: { zookeeper: 0, consul: 0 },
    update: { zookeeper: 0, consul: 0 },
    delete: { zookeeper: 0, consul: 0 },
    conflicts: 0,
    skipped: 0,
  };
  private readonly actions: PlannedAction[] = [];
  private total = 0;

  /** @param listedMax how many steps are kept for listing */
  constructor(private readonly listedMax = LISTED_MAX) {}

  add(step: PlannedStep): void {
    const { decision } = step.examined;
    const on = 'on' in decision ? SIDE_NAMES[decision.on] : undefined;
    if (
      on !== undefined &&
      (step.action === 'create' || step.action === 'update' || step.action === 'delete')
    ) {
      this.counts[step.action][on]++;
    }
    if (step.action === 'conflict' || (decision.do === 'hold' && step.action === 'hold'))
      this.counts.conflicts++;
    if (step.action === 'skip') this.counts.skipped++;
    this.total++;
    if (this.actions.length < this.listedMax) this.actions.push(plannedAction(step));
  }

  summary(entries: number): PlanSummary {
    return { entries, ...this.counts, actions: this.actions, truncated: this.total > this.actions.length };
  }
}

/** One step of a plan, in words. */
export function plannedAction(step: PlannedStep): PlannedAction {
  const { decision } = step.examined;
  return {
    key: step.key,
    action: step.action,
    on: 'on' in decision ? SIDE_NAMES[decision.on] : undefined,
    detail: step.skipped ?? describeDecision(decision),
  };
}

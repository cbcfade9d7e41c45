import type { EntryKey } from '../core/observation.js';
import {
  judgeDeletions,
  judgeOverwrites,
  startOverwriteHistory,
  startSizeHistory,
} from '../core/deletion-budget.js';
import type { Explanation, PlannedAction } from '../ports/control.js';
import type { MappingContext } from '../sync/context.js';
import { contextInForce } from '../sync/context-in-force.js';
import type { Examined } from '../sync/examine.js';
import { Examiner } from '../sync/examine.js';
import { effectiveSize, isCountedCreate, isCountedDeletion, isCountedOverwrite } from '../sync/guards.js';
import type { Intended } from '../sync/guards.js';
import type { PlannedStep } from '../sync/plan.js';
import { planMapping } from '../sync/plan.js';
import { explain } from './explain.js';
import { SIDE_NAMES } from './mapping-context.js';
import { plannedAction } from './plan-summary.js';
import type { StartOutlook } from './start-outlook.js';

/** What a start would do with one mapping's entries, in numbers. */
export interface PlannedStart {
  /** Entries that each side has, within the mapping's patterns. */
  readonly entries: ByStore;
  readonly create: ByStore;
  readonly update: ByStore;
  readonly delete: ByStore;
  /** Entries that both sides changed; they are decided by the mapping's rule. */
  readonly conflicts: number;
  /** Entries that wait, or would wait, for an operator. */
  readonly held: number;
  readonly skipped: number;
  readonly drifted: number;
  /** What the guards would hold back of all this, where they don't already. */
  readonly guards: readonly GuardForecast[];
}

export interface ByStore {
  readonly zookeeper: number;
  readonly consul: number;
}

export interface GuardForecast {
  readonly reason: 'mass-deletion' | 'mass-conflict';
  readonly count: number;
  readonly detail: string;
}

/**
 * Walks both sides and tells each step that a start would take.
 * @throws ReplicaError
 */
export async function planStart(
  configured: MappingContext,
  { memory, holds, cutover }: StartOutlook,
  tell: (action: PlannedAction, step: PlannedStep) => void,
  signal: AbortSignal,
): Promise<PlannedStart> {
  const context = contextInForce(configured, () => cutover);
  const tally = new PlanTally();
  const step = (planned: PlannedStep): void => {
    tally.add(planned, memory.archive.mark(planned.key));
    tell(plannedAction(planned), planned);
  };
  const examiner = new Examiner(context, memory);
  const { left, right } = await planMapping(context, memory, examiner, step, signal);
  const nowMs = context.clock.nowMs();
  const isHeld = (reason: string) => holds.some((hold) => hold.reason === reason);
  const deletions = judgeDeletions({
    history: memory.state?.sizes ?? startSizeHistory(nowMs, 0),
    size: effectiveSize(memory),
    creates: tally.countedCreates,
    deletions: tally.countedDeletions,
    holding: isHeld('mass-deletion'),
    budget: context.maxDelete,
  });
  const size = Math.max(memory.archive.counts().entries, left, right);
  const overwrites = judgeOverwrites({
    history: memory.state?.overwrites ?? startOverwriteHistory(nowMs),
    size,
    overwrites: tally.countedOverwrites,
    budget: context.maxOverwrite,
  });
  const guards: GuardForecast[] = [];
  if (deletions.held > 0 && !isHeld('mass-deletion')) {
    const detail = `${deletions.held} deletions would leave ${deletions.wouldRemain} of ${deletions.largest} entries`;
    guards.push({ reason: 'mass-deletion', count: deletions.held, detail });
  }
  if (overwrites.held > 0 && !isHeld('mass-conflict')) {
    const detail = `${overwrites.total} of ${size} entries would be overwritten by decision of a conflict`;
    guards.push({ reason: 'mass-conflict', count: overwrites.held, detail });
  }
  return { entries: { zookeeper: left, consul: right }, ...tally.counts, guards };
}

/**
 * Looks at one entry and says what a start would do with it.
 * @throws ReplicaError
 */
export async function explainOffline(
  configured: MappingContext,
  { memory, cutover }: StartOutlook,
  key: EntryKey,
  signal: AbortSignal,
): Promise<Explanation> {
  const context = contextInForce(configured, () => cutover);
  const noticedMs = context.clock.monotonicMs();
  const mark = { key, at: undefined, noticedMs };
  const { examined } = await new Examiner(context, memory).examine([mark], signal);
  return explain(memory.archive, key, examined[0]);
}

class PlanTally {
  readonly counts = {
    create: { zookeeper: 0, consul: 0 },
    update: { zookeeper: 0, consul: 0 },
    delete: { zookeeper: 0, consul: 0 },
    conflicts: 0,
    held: 0,
    skipped: 0,
    drifted: 0,
  };
  /** What counts for and against the budgets of the guards; approved deletions and overwrites don't. */
  countedCreates = 0;
  countedDeletions = 0;
  countedOverwrites = 0;

  add({ action, examined }: PlannedStep, mark: ReturnType<MappingContext['archive']['mark']>): void {
    const { decision } = examined;
    switch (action) {
      case 'create':
      case 'update':
      case 'delete':
        if ('on' in decision) this.counts[action][SIDE_NAMES[decision.on]]++;
        break;
      case 'conflict':
        this.counts.conflicts++;
        break;
      case 'hold':
        this.counts.held++;
        return;
      case 'skip':
        this.counts.skipped++;
        return;
      case 'drift':
        this.counts.drifted++;
        return;
    }
    const isApproved = mark !== undefined && 'approved' in mark && mark.approved;
    if (!isApproved && isIntended(examined)) this.count(examined, mark);
  }

  private count(intended: Intended, mark: ReturnType<MappingContext['archive']['mark']>): void {
    if (isCountedDeletion(intended)) this.countedDeletions++;
    else if (isCountedOverwrite(intended)) this.countedOverwrites++;
    else if (isCountedCreate(intended, mark)) this.countedCreates++;
  }
}

function isIntended(examined: Examined): examined is Intended {
  return examined.decision.do === 'copy' || examined.decision.do === 'remove';
}

import type { EntryKey } from '../core/observation.js';
import type { Explanation, MappingControl, PlanSummary, ResyncFrom } from '../ports/control.js';
import type { MappingSync } from '../sync/mapping-sync.js';
import type { Operator } from '../sync/operator.js';
import { explain } from './explain.js';
import { heldEntries } from './held-entries.js';
import { sideOf } from './mapping-context.js';
import { journalControl } from './journal-control.js';
import { mustLead, refused } from './must-lead.js';
import { PlanCollector } from './plan-summary.js';

/** What operators may ask of one mapping, in the stores' own names. */
export function mappingControl(
  sync: MappingSync,
  operator: Operator,
  stopping: AbortSignal,
  others: Pick<MappingControl, 'observed' | 'cutover' | 'moveCutover'>,
): MappingControl {
  const { name } = sync.context;
  const { archive } = sync.memory;
  return {
    ...pauseControl(sync, operator, stopping),
    held: async (options, signal) => {
      mustLead(sync);
      return heldEntries(archive, options, signal);
    },
    approve: async (seen) => {
      mustLead(sync);
      mustHaveBegun(sync);
      const approved = await operator.approve(seen);
      if (approved === undefined) {
        throw refused(`what mapping ${name} holds back has changed since it was looked at: look again`);
      }
      const { deletions, overwrites } = approved;
      if (deletions + overwrites === 0)
        return `mapping ${name} holds nothing back: there is nothing to approve`;
      return `mapping ${name}: ${deletions} deletions and ${overwrites} overwrites may pass now`;
    },
    previewResync: (from, signal) => previewResync(operator, from, signal),
    resync: async (from) => {
      await mustLeadOrBegin(sync, stopping);
      const inTheWay = await operator.resync(sideOrMerge(from), stopping);
      if (inTheWay !== undefined) throw refused(`mapping ${name} is still held: ${inTheWay}`);
      return `mapping ${name} starts over: what differs is decided by ${from}, nothing is deleted`;
    },
    release: async (key, keep) => {
      mustLead(sync);
      mustHaveBegun(sync);
      const released = await operator.release(key, sideOf(keep), stopping);
      const shown = JSON.stringify(key);
      if (!released)
        throw refused(`entry ${shown} of mapping ${name} is not held: there is nothing to release`);
      return `entry ${shown} of mapping ${name} is released: the content of ${keep} stands`;
    },
    ...others,
    explain: (key, signal, withValues = false) => explainEntry(sync, operator, key, signal, withValues),
    ...journalControl(sync, operator, stopping),
  };
}

function pauseControl(
  sync: MappingSync,
  operator: Operator,
  stopping: AbortSignal,
): Pick<MappingControl, 'pause' | 'resume'> {
  const { name, sideNames } = sync.context;
  return {
    pause: async () => {
      mustLead(sync);
      mustHaveBegun(sync);
      const untold = await operator.pause(stopping);
      if (untold.length > 0) {
        const stores = untold.map((side) => sideNames[side]).join(' and ');
        return (
          `mapping ${name} is paused here; ${stores} could not be told yet, and a daemon that took over now ` +
          'would not know. It is tried again until it is there'
        );
      }
      return `mapping ${name} is paused: it goes on looking, and writes nothing until it is resumed`;
    },
    resume: async () => {
      mustLead(sync);
      mustHaveBegun(sync);
      await operator.resume();
      return `mapping ${name} is resumed, and walks everything again`;
    },
  };
}

/** Before, there is nothing to keep an operator's word in, and nothing is written. */
function mustHaveBegun({ memory, context, problem }: MappingSync): void {
  if (memory.state !== undefined) return;
  const because = problem === undefined ? '' : `: ${problem}`;
  throw refused(
    `mapping ${context.name} has not begun yet, and writes nothing until it has${because}. Ask again then; to keep it ` +
      'from beginning, stop the daemon',
  );
}

/** A resync may also be what a mapping waits for that nobody could lead. */
async function mustLeadOrBegin(sync: MappingSync, stopping: AbortSignal): Promise<void> {
  const { succession } = sync;
  if (succession === undefined || succession.leader !== undefined) {
    mustLead(sync);
    return;
  }
  if (!(await succession.summon(stopping))) mustLead(sync);
}

function sideOrMerge(from: ResyncFrom): 'merge' | 'left' | 'right' {
  return from === 'merge' ? 'merge' : sideOf(from);
}

async function previewResync(
  operator: Operator,
  from: ResyncFrom,
  signal: AbortSignal,
): Promise<PlanSummary> {
  const collector = new PlanCollector();
  const entries = await operator.previewResync(sideOrMerge(from), (step) => collector.add(step), signal);
  return collector.summary(entries);
}

async function explainEntry(
  sync: MappingSync,
  operator: Operator,
  key: EntryKey,
  signal: AbortSignal,
  withValues: boolean,
): Promise<Explanation> {
  if (!sync.context.scope.includes(key)) {
    throw refused(
      `${JSON.stringify(key)} is outside the include and exclude of mapping ${sync.context.name}`,
    );
  }
  const examined = await operator.look(key, signal);
  return explain(sync.memory.archive, key, examined, withValues);
}

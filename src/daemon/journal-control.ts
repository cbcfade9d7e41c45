import type { MappingControl } from '../ports/control.js';
import type { MappingSync } from '../sync/mapping-sync.js';
import type { Operator } from '../sync/operator.js';
import { isStillThere, isWithin, Orders } from '../sync/orders.js';
import { sideOf } from './mapping-context.js';
import { mustLead, refused } from './must-lead.js';

/** The part of a `MappingControl` that gives back what was decided against or deleted. */
export function journalControl(
  sync: MappingSync,
  operator: Operator,
  stopping: AbortSignal,
): Pick<MappingControl, 'conflicts' | 'conflict' | 'resolve' | 'trash' | 'trashed' | 'restore'> {
  const { name } = sync.context;
  const { archive } = sync.memory;
  const orders = new Orders(sync);
  return {
    conflicts: (options) => archive.conflicts(options),
    conflict: (id) => archive.conflict(id),
    trash: ({ folder = '', ...wanted }) => {
      const page = archive.trash(wanted);
      const entries = page.filter((entry) => isWithin(entry.key, folder) && !isStillThere(archive, entry));
      return { entries, lastId: page.at(-1)?.id };
    },
    trashed: (id) => archive.trashed(id),
    restore: async (wanted) => {
      mustLead(sync);
      const done = await orders.restore(wanted, stopping);
      const { ordered, refusedTotal } = done;
      if (ordered + refusedTotal === 0) throw refused(`the trash of mapping ${name} has nothing of that`);
      const refusals = refusedTotal === 0 ? '' : `, and ${refusedTotal} are left as they are`;
      const message = `mapping ${name}: ${ordered} entries are being put back on both sides${refusals}${waiting(sync)}`;
      return { message, ...done };
    },
    resolve: async (id, keep) => {
      mustLead(sync);
      const entry = archive.conflict(id);
      if (entry === undefined) throw refused(`the journal of mapping ${name} has no conflict ${id}`);
      const shown = `conflict ${id} of mapping ${name}, entry ${JSON.stringify(entry.key)}`;
      const side = sideOf(keep);
      if (entry.open && (await operator.release(entry.key, side, stopping)))
        return `${shown}: the entry is released; what it is in ${keep} now stands`;
      const outcome = await orders.resolve(entry, side, stopping);
      if (typeof outcome === 'object') throw refused(`${shown} can not be resolved now: ${outcome.refused}`);
      if (outcome === 'stands') return `${shown}: what ${keep} had stands on both sides already`;
      const deleted =
        entry.sides[side].value === undefined ? 'the entry is deleted, as it was in' : 'the value of';
      return `${shown}: ${deleted} ${keep} is put on both sides${waiting(sync)}`;
    },
  };
}

function waiting(sync: MappingSync): string {
  if (sync.memory.state?.paused === true) return '; it waits until the mapping is resumed';
  return sync.permission() === 'write' ? '' : '; it waits until the hold of the mapping has ended';
}

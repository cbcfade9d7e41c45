import type { Mapping, Status } from './answers.js';

/** What a screen reader is told of a new status: of each mapping whose state changed, in a few words. */
export function changesOfState(before: Status | undefined, now: Status): string {
  if (before === undefined) return '';
  const former = new Map(before.mappings.map((mapping) => [mapping.name, describe(mapping)]));
  return now.mappings
    .filter((mapping) => former.get(mapping.name) !== describe(mapping))
    .map((mapping) => `${mapping.name}: ${describe(mapping)}`)
    .join('. ');
}

function describe({ state, holds, role }: Mapping): string {
  const standby = role === 'standby' ? ', standby' : '';
  return `${state}${standby}${holds.length === 0 ? '' : `, ${holds.length} on hold`}`;
}

import type { Side } from './pair.js';
import type { Situation } from './situation.js';
import { sameVersion } from './version.js';

/** Whether a side was changed since it was agreed on, and not by the daemon. */
export function sawForeignChange({ record, readings, ours }: Situation, side: Side): boolean {
  const reading = readings[side];
  const known = record?.kind === 'entry' ? record.versions[side] : undefined;
  if (reading.kind === 'unknown' || ours[side]) return false;
  if (reading.kind === 'absent') return known !== undefined;
  return known === undefined ? record?.kind !== 'structure' : !sameVersion(known, reading.version);
}

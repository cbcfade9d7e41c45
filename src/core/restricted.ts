import type { ArchiveRecord } from './archive-record.js';
import type { Decision } from './decision.js';
import type { Reading } from './observation.js';
import type { Side } from './pair.js';
import { otherSide, SIDES } from './pair.js';
import type { Policy } from './policy.js';
import type { Situation } from './situation.js';
import { sameVersion } from './version.js';

/**
 * An entry that not everybody may read is left alone on both sides, where the mapping says so: its content would become
 * readable to everybody on the other one. What was copied before it was restricted stays, until the entry itself is
 * deleted. That both sides agree may be recorded.
 */
export function leaveRestricted(situation: Situation, decision: Decision, policy: Policy): Decision {
  if (policy.restricted === 'mirror' || decision.do === 'skip') return decision;
  const changesNothing = decision.do === 'nothing' || decision.do === 'record' || decision.do === 'wait';
  if (changesNothing || !SIDES.some((side) => isSecret(situation, side))) return decision;
  return {
    do: 'skip',
    reason: 'read-restricted',
    detail: 'not everybody may read it; left out by restricted: skip',
  };
}

/**
 * What the daemon has put there itself is none, whatever it is made with: everybody may read it on the other side. As soon
 * as a client writes it, it is the client's.
 */
function isSecret({ readings, record, ours }: Situation, side: Side): boolean {
  return !ours[side] && isClientsSecret(record, readings[side], side);
}

/** The same for whoever does not know what the ledgers list. */
export function isClientsSecret(record: ArchiveRecord | undefined, reading: Reading, side: Side): boolean {
  return isRestricted(reading) && !isOwnCopy(record, reading, side);
}

function isOwnCopy(record: ArchiveRecord | undefined, reading: Reading, side: Side): boolean {
  if (record === undefined || reading.kind !== 'present') return false;
  if (record.kind === 'structure') {
    return record.side === side && record.owner === 'daemon' && sameVersion(record.version, reading.version);
  }
  const isCopy = record.copy === side || record.session === otherSide(side);
  return isCopy && sameVersion(record.versions[side], reading.version);
}

export function isRestricted(reading: Reading): boolean {
  return reading.kind === 'present' && reading.restricted === true;
}

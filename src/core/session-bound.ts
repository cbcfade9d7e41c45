import type { Conflict, ConflictKind } from './conflict.js';
import { conflictOf } from './decide-conflict.js';
import type { CopyDecision, Decision } from './decision.js';
import { recordAgreed } from './decision.js';
import type { PresentReading } from './observation.js';
import type { Side } from './pair.js';
import { otherSide, SIDES } from './pair.js';
import type { Policy } from './policy.js';
import type { Judged } from './situation.js';
import { sameVersion } from './version.js';

/** How often a client's write to a mirror is put back in a row before the entry is held. */
export const MIRROR_REWRITES_MAX = 8;

/** The side on which a session owns the entry now, both, or undefined for an ordinary entry. */
export function sessionOwner(judged: Pick<Judged, 'readings'>): Side | 'both' | undefined {
  const left = ownsSession(judged, 'left');
  const right = ownsSession(judged, 'right');
  if (left && right) return 'both';
  return left ? 'left' : right ? 'right' : undefined;
}

export function ownsSession({ readings }: Pick<Judged, 'readings'>, side: Side): boolean {
  const reading = readings[side];
  return reading.kind === 'present' && reading.session !== undefined;
}

/** Session-bound entries are mirrored one way, from their owner's side; the original is never written. */
export function reconcileSessionBound(judged: Judged, owner: Side | 'both', policy: Policy): Decision {
  if (policy.sessionBound === 'skip') return skip('left out by sessionBound: skip');
  if (owner === 'both') return skip('owned by a session on both sides');
  if (policy.source !== undefined && policy.source !== owner) {
    return skip('owned by a session on the target of a one-way mapping');
  }
  const original = judged.readings[owner];
  const mirror = judged.readings[otherSide(owner)];
  if (original.kind !== 'present' || mirror.kind === 'unknown' || judged.states[owner] === 'unknown') {
    return { do: 'wait' };
  }
  if (mirror.kind === 'present') return compareMirror(judged, owner, original, mirror);
  const { agreement } = judged;
  const copy = mirrorCopy(judged, owner, original, undefined);
  if (agreement?.kind !== 'entry' || hasLapsed(judged, owner)) return copy;
  if (agreement.session === owner) {
    if (judged.states[owner] === 'clean') return putBack(judged, owner, original, undefined);
    // Made anew for the original's sake; that a client had deleted it is kept all the same.
    return { ...copy, conflict: mirrorConflict(judged, owner, 'copy-modified') };
  }
  // An ordinary entry until now: a client deleted it, and a session took it over at the other side.
  return { ...copy, conflict: mirrorConflict(judged, owner, 'update-delete') };
}

/** Whether the mirror went with the session that it was bound to: then no client has deleted it. */
function hasLapsed({ agreement, readings }: Judged, owner: Side): boolean {
  const on = otherSide(owner);
  const reading = readings[on];
  if (agreement?.kind !== 'entry' || agreement.session !== owner || reading.kind !== 'absent') return false;
  const created = agreement.versions[on]?.created;
  return created !== undefined && reading.lapsedUpTo !== undefined && created <= reading.lapsedUpTo;
}

/** The side whose reading says that it is a mirror, while no original is there. */
export function strayMirror({ readings }: Pick<Judged, 'readings'>): Side | undefined {
  return SIDES.find((side) => {
    const reading = readings[side];
    return (
      reading.kind === 'present' && reading.isMirror === true && readings[otherSide(side)].kind !== 'present'
    );
  });
}

/**
 * A mirror by its own word goes with its original, also where the archive knows nothing of it (it was lost, or begun anew).
 * What a client has made of it is journaled.
 */
export function removeStray(judged: Judged, on: Side): Decision {
  const base = judged.readings[on];
  const isKnown = judged.readings[otherSide(on)].kind === 'absent' && judged.states[on] !== 'unknown';
  if (base.kind !== 'present' || !isKnown) return { do: 'wait' };
  const { agreement } = judged;
  const isChanged = agreement?.kind === 'entry' && agreement.digest !== base.digest;
  const conflict = isChanged ? mirrorConflict(judged, otherSide(on), 'copy-modified') : undefined;
  return { do: 'remove', on, base, cause: 'session-ended', conflict };
}

function mirrorConflict(judged: Judged, owner: Side, kind: ConflictKind): Conflict {
  return conflictOf(judged, kind, { winner: owner, rule: 'session-owner', ambiguous: false });
}

function compareMirror(
  judged: Judged,
  owner: Side,
  original: PresentReading,
  mirror: PresentReading,
): Decision {
  const state = judged.states[otherSide(owner)];
  if (state === 'unknown') return { do: 'wait' };
  if (original.digest === mirror.digest) {
    const rebinds = mirror.isMisbound === true;
    return rebinds
      ? mirrorCopy(judged, owner, original, mirror)
      : recordMirror(judged, owner, original, mirror);
  }
  if (state === 'clean' || state === 'structure') return mirrorCopy(judged, owner, original, mirror);
  return putBack(judged, owner, original, mirror);
}

/** A client wrote to the mirror, or deleted it. Unheeded, it and the daemon could go on like this for ever. */
function putBack(
  judged: Judged,
  owner: Side,
  original: PresentReading,
  mirror: PresentReading | undefined,
): Decision {
  const entry = judged.agreement?.kind === 'entry' ? judged.agreement : undefined;
  const conflict = mirrorConflict(judged, owner, entry === undefined ? 'initial' : 'copy-modified');
  const rewrites = (entry?.mirrorRewrites ?? 0) + 1;
  if (rewrites > MIRROR_REWRITES_MAX) {
    return { do: 'hold', reason: 'copy-modified', conflict: { ...conflict, winner: undefined } };
  }
  return { ...mirrorCopy(judged, owner, original, mirror), conflict, mirrorRewrites: rewrites };
}

function recordMirror(
  judged: Judged,
  owner: Side,
  original: PresentReading,
  mirror: PresentReading,
): Decision {
  const { record } = judged;
  if (
    record?.kind === 'entry' &&
    record.session === owner &&
    sameVersion(record.versions[owner], original.version) &&
    sameVersion(record.versions[otherSide(owner)], mirror.version)
  ) {
    return { do: 'nothing' };
  }
  return {
    do: 'record',
    record: recordAgreed({
      digest: original.digest,
      empty: original.value.length === 0,
      left: owner === 'left' ? original.version : mirror.version,
      right: owner === 'right' ? original.version : mirror.version,
      copy: undefined,
      session: owner,
      mirrorRewrites: record?.kind === 'entry' ? record.mirrorRewrites : 0,
    }),
  };
}

function mirrorCopy(
  judged: Judged,
  owner: Side,
  original: PresentReading,
  base: PresentReading | undefined,
): CopyDecision {
  const entry = judged.agreement?.kind === 'entry' ? judged.agreement : undefined;
  // A change of the original ends a row of rewrites: only clients fighting over the mirror are counted.
  const originalChanged = judged.states[owner] !== 'clean';
  return {
    do: 'copy',
    on: otherSide(owner),
    source: original,
    base,
    conflict: undefined,
    copy: undefined,
    session: owner,
    mirrorRewrites: originalChanged ? 0 : (entry?.mirrorRewrites ?? 0),
  };
}

export function skip(detail: string): Decision {
  return { do: 'skip', reason: 'session-bound', detail };
}

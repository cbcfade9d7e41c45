import type { StructureRecord } from './archive-record.js';
import type { EntryAgreement } from './classify.js';
import {
  agreementOf,
  classify,
  isEmpty,
  isFolderMarker,
  isParentInPlaceOf,
  isRegressed,
  isStructure,
} from './classify.js';
import { conflictOf, decideConflict, enforce } from './decide-conflict.js';
import type { Decision } from './decision.js';
import { recordAgreed } from './decision.js';
import { AGREED, NEVER_AGREED } from './decision-table.js';
import type { PresentReading, Reading } from './observation.js';
import { restrictToOneWay } from './one-way.js';
import type { Pair, Side } from './pair.js';
import { otherSide, pairOf, SIDES } from './pair.js';
import type { Policy } from './policy.js';
import { leaveRestricted } from './restricted.js';
import { reconcileSessionBound, removeStray, sessionOwner, strayMirror } from './session-bound.js';
import type { Judged, Situation } from './situation.js';
import { sameVersion } from './version.js';

/**
 * Decides what to do with one entry. Total, without clock or I/O, and symmetric: swapping the replicas (and the
 * policy's sides) swaps the decision. Deciding again after a decision was carried out gives `nothing`.
 */
export function reconcile(situation: Situation, policy: Policy): Decision {
  const judged = judge(situation);
  const owner = sessionOwner(judged);
  const decision =
    owner === undefined ? decideUnowned(judged, policy) : reconcileSessionBound(judged, owner, policy);
  return restrict(judged, decision, policy);
}

/**
 * Makes the state of `winner` stand on both sides, as an operator said. Of a session-bound entry only the original can
 * stand: it is mirrored again, and writes to the mirror are counted anew.
 */
export function impose(situation: Situation, winner: Side, policy: Policy): Decision {
  const judged = judge(situation);
  const owner = sessionOwner(judged);
  const decision =
    owner === undefined
      ? imposeOrdinary(judged, winner)
      : reconcileSessionBound(forgetRewrites(judged), owner, policy);
  return restrict(judged, decision, policy);
}

/** What the mapping's policy does not let happen. */
function restrict(judged: Judged, decision: Decision, policy: Policy): Decision {
  const { source } = policy;
  const allowed = source === undefined ? decision : restrictToOneWay(judged, decision, policy, source);
  return leaveRestricted(judged, allowed, policy);
}

function decideUnowned(judged: Judged, policy: Policy): Decision {
  const stray = strayMirror(judged);
  return stray === undefined ? decideOrdinary(judged, policy) : removeStray(judged, stray);
}

function imposeOrdinary(judged: Judged, winner: Side): Decision {
  const stray = strayMirror(judged);
  if (stray !== undefined) return removeStray(judged, stray);
  if (judged.states.left === 'unknown' || judged.states.right === 'unknown') return { do: 'wait' };
  if (sameContent(judged)) return adopt(judged);
  // Deleted on both sides since: nothing is left that could stand.
  if (judged.states.left === 'absent' && judged.states.right === 'absent') return forget(judged);
  const outcome = { winner, rule: 'operator', ambiguous: false } as const;
  return enforce(judged, winner, conflictOf(judged, 'update-update', outcome));
}

function forgetRewrites(judged: Judged): Judged {
  const { agreement } = judged;
  return agreement?.kind === 'entry' ? { ...judged, agreement: { ...agreement, mirrorRewrites: 0 } } : judged;
}

function judge(situation: Situation): Judged {
  const { key, record, readings, ours } = situation;
  const agreement = agreementOf(key, record, readings, ours);
  const states = pairOf((side) => {
    const reading = readings[side];
    if (isRegressed(record, reading, side)) return 'unknown';
    const isOurStructure = ours[side] && reading.kind === 'present' && isStructure(key, reading);
    if (isOurStructure && isParentInPlaceOf(record, readings, side)) return 'absent';
    return classify(key, agreement, reading, side);
  });
  return { ...situation, agreement, states };
}

function decideOrdinary(judged: Judged, policy: Policy): Decision {
  const { agreement, states } = judged;
  const table = agreement?.kind === 'entry' ? AGREED : NEVER_AGREED;
  const verdict = table[states.left][states.right];
  switch (verdict) {
    case 'wait':
      return { do: 'wait' };
    case 'none':
      return settled(judged);
    case 'adopt':
      return adopt(judged);
    case 'left':
    case 'right':
      return states[otherSide(verdict)] === 'clean' && wasDrift(judged, verdict, policy)
        ? decideConflict(judged, 'update-update', policy)
        : copyFrom(judged, verdict);
    case 'compare':
      return sameContent(judged) ? adopt(judged) : decideConflict(judged, 'update-update', policy);
    case 'initial':
      if (sameContent(judged)) return adopt(judged);
      return decideConflict(judged, agreement === undefined ? 'initial' : 'update-update', policy);
    case 'remove-left':
      return removeOn(judged, 'left', policy);
    case 'remove-right':
      return removeOn(judged, 'right', policy);
    case 'update-delete':
      return decideUpdateDelete(judged, policy);
    case 'fold-left':
      return foldInto(judged, 'left');
    case 'fold-right':
      return foldInto(judged, 'right');
    case 'note-left':
      return noteStructure(judged, 'left');
    case 'note-right':
      return noteStructure(judged, 'right');
    case 'forget':
      return forget(judged);
  }
}

function forget({ record }: Judged): Decision {
  return record === undefined ? { do: 'nothing' } : { do: 'record', record: undefined };
}

/** Nothing to do, unless the archive still lacks what the ledger proved, or names a session that has ended. */
function settled(judged: Judged): Decision {
  const { record, agreement, readings } = judged;
  if (agreement?.kind !== 'entry') return { do: 'nothing' };
  const present = bothPresent(readings);
  const newer = SIDES.find((side) => present !== undefined && present[side].digest !== agreement.digest);
  if (newer !== undefined) return putBackLateWrite(judged, newer);
  return agreement === record && agreement.session === undefined && present !== undefined
    ? { do: 'nothing' }
    : adopt(judged);
}

/**
 * One side holds a write of the daemon that the archive does not know, and `newer` is at the archive's version with
 * another content. What the daemon wrote is what that side had had before: it arrived after it was given up. Or else that
 * side was restored to a backup behind its ledger's back, and what was written is the last copy: the journal keeps it.
 */
function putBackLateWrite(judged: Judged, newer: Side): Decision {
  const outcome = { winner: newer, rule: 'last-writer-wins', ambiguous: true } as const;
  return enforce(judged, newer, conflictOf(judged, 'update-update', outcome));
}

function adopt(judged: Judged): Decision {
  const { agreement, states } = judged;
  const present = bothPresent(judged.readings);
  if (present === undefined) return { do: 'wait' };
  const entry = agreement?.kind === 'entry' ? agreement : undefined;
  const copy = entry?.copy !== undefined && states[entry.copy] === 'clean' ? entry.copy : undefined;
  const digest = present.left.digest;
  return {
    do: 'record',
    record: recordAgreed({
      digest,
      empty: isEmpty(present.left),
      left: present.left.version,
      right: present.right.version,
      copy,
      session: undefined,
      mirrorRewrites: 0,
      // Somebody who writes blindly writes the same again, too.
      oscillation: entry?.oscillation,
    }),
  };
}

/** Writes the content of `from` to the other side. */
export function copyFrom(judged: Judged, from: Side): Decision {
  const on = otherSide(from);
  const source = judged.readings[from];
  const base = judged.readings[on];
  if (source.kind !== 'present' || base.kind === 'unknown') return { do: 'wait' };
  // Structure agrees with an empty value: nothing to write, but from now on it is an entry that was agreed on.
  if (base.kind === 'present' && isEmpty(base) && isEmpty(source)) return adopt(judged);
  return {
    do: 'copy',
    on,
    source,
    base: base.kind === 'present' ? base : undefined,
    conflict: undefined,
    copy: base.kind === 'absent' || keepsCopyMark(judged, on) ? on : undefined,
    session: undefined,
    mirrorRewrites: 0,
  };
}

function keepsCopyMark(judged: Judged, on: Side): boolean {
  return judged.agreement?.kind === 'entry' && judged.agreement.copy === on && judged.states[on] === 'clean';
}

/** What was changed on `side` was drift, as long as the mapping's direction was another: now it is a conflict. */
function wasDrift(judged: Judged, side: Side, policy: Policy): boolean {
  return judged.drifted && policy.source !== otherSide(side);
}

/** Structure agrees with "absent", also where a client has just made it of an entry. */
function decideUpdateDelete(judged: Judged, policy: Policy): Decision {
  const side = judged.readings.left.kind === 'absent' ? 'right' : 'left';
  const reading = judged.readings[side];
  return reading.kind === 'present' && isStructure(judged.key, reading)
    ? noteStructure(judged, side)
    : decideConflict(judged, 'update-delete', policy);
}

function removeOn(judged: Judged, on: Side, policy: Policy): Decision {
  if (wasDrift(judged, otherSide(on), policy)) return decideConflict(judged, 'update-delete', policy);
  const base = judged.readings[on];
  const agreement = judged.agreement as EntryAgreement;
  if (base.kind !== 'present') return { do: 'wait' };
  const cause = agreement.session === otherSide(on) ? 'session-ended' : 'deleted';
  return { do: 'remove', on, base, cause, conflict: undefined };
}

/** `side` became structure: the daemon's own empty copy on the other side, if no client wrote it, has no reason left. */
function foldInto(judged: Judged, side: Side): Decision {
  const other = otherSide(side);
  const base = judged.readings[other];
  const agreement = judged.agreement as EntryAgreement;
  if (agreement.copy === other && base.kind === 'present') {
    return { do: 'remove', on: other, base, cause: 'retracted', conflict: undefined };
  }
  const reading = judged.readings[side];
  const known = agreement.versions[side];
  const current = reading.kind === 'present' && known !== undefined && sameVersion(reading.version, known);
  return current && agreement === judged.record ? { do: 'nothing' } : adopt(judged);
}

function noteStructure(judged: Judged, side: Side): Decision {
  const reading = judged.readings[side];
  if (reading.kind !== 'present') return { do: 'wait' };
  const record = structureRecord(judged, side, reading);
  if (record.owner === 'daemon' && reading.children === 0) {
    return { do: 'remove', on: side, base: reading, cause: 'pruned', conflict: undefined };
  }
  const known = judged.record;
  const unchanged =
    known?.kind === 'structure' &&
    known.side === side &&
    known.owner === record.owner &&
    sameVersion(known.version, record.version);
  return unchanged ? { do: 'nothing' } : { do: 'record', record };
}

function structureRecord(judged: Judged, side: Side, reading: PresentReading): StructureRecord {
  return { kind: 'structure', side, version: reading.version, owner: structureOwner(judged, side, reading) };
}

/**
 * Structure is a client's, unless the daemon made it as a parent, or it is what is left of an entry whose other side
 * was deleted. Of such an entry a folder marker is left alone, and a node of which the other side was only the daemon's
 * own copy: that has been a client's from the beginning.
 */
function structureOwner(judged: Judged, side: Side, reading: PresentReading): 'daemon' | 'client' {
  const { key, agreement, ours } = judged;
  if (agreement === undefined) return 'client';
  if (agreement.kind === 'entry') {
    const agreed = agreement.versions[side];
    // Another incarnation, made while nobody looked: not what is left of the entry that was agreed on.
    if (agreed !== undefined && agreed.created !== reading.version.created && !ours[side]) return 'client';
    return isFolderMarker(key) || agreement.copy === otherSide(side) ? 'client' : 'daemon';
  }
  const known = agreement.side === side && sameVersion(agreement.version, reading.version);
  return known ? agreement.owner : 'client';
}

function sameContent(judged: Judged): boolean {
  const present = bothPresent(judged.readings);
  return present !== undefined && present.left.digest === present.right.digest;
}

function bothPresent(readings: Pair<Reading>): Pair<PresentReading> | undefined {
  const { left, right } = readings;
  return left.kind === 'present' && right.kind === 'present' ? { left, right } : undefined;
}

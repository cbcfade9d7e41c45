import type { EntryRecord, StructureRecord } from '../../../src/core/archive-record.js';
import type { Conflict, ConflictRule } from '../../../src/core/conflict.js';
import type { Decision } from '../../../src/core/decision.js';
import type { PresentReading, Reading } from '../../../src/core/observation.js';
import type { Side } from '../../../src/core/pair.js';
import { otherSide, swapSides } from '../../../src/core/pair.js';
import type { Policy } from '../../../src/core/policy.js';
import type { Situation } from '../../../src/core/situation.js';
import type { Version } from '../../../src/core/version.js';

/** Situations in the words of a table: values are text, versions are small numbers. */

export const ABSENT: Reading = { kind: 'absent' };
export const UNKNOWN: Reading = { kind: 'unknown', reason: 'unreachable' };

export const POLICY: Policy = {
  source: undefined,
  conflict: 'last-writer-wins',
  tieBreak: 'left',
  initial: 'merge',
  sessionBound: 'mirror',
  restricted: 'mirror',
  drift: 'report',
};

export const LEFT_TO_RIGHT: Policy = { ...POLICY, source: 'left' };

/** Of a node that was created before everything else that happens in a test, unless told. */
export function version(modified: number, created = 1): Version {
  return { modified: BigInt(modified), created: BigInt(created), revision: 0 };
}

export function present(value: string, at: number, extras: Partial<PresentReading> = {}): PresentReading {
  return {
    kind: 'present',
    version: version(at),
    value: new TextEncoder().encode(value),
    digest: digestOf(value),
    flags: 0n,
    children: 0,
    session: undefined,
    stamp: undefined,
    ...extras,
  };
}

/** An inner node without data. */
export function inner(at: number, extras: Partial<PresentReading> = {}): PresentReading {
  return present('', at, { children: 1, ...extras });
}

/** Agreed on `value`, at version 10 on the left and 20 on the right unless told. */
export function agreed(value: string, extras: Partial<EntryRecord> = {}): EntryRecord {
  return {
    kind: 'entry',
    digest: digestOf(value),
    empty: value === '',
    versions: { left: version(10), right: version(20) },
    copy: undefined,
    session: undefined,
    mirrorRewrites: 0,
    oscillation: undefined,
    ...extras,
  };
}

export function structureOf(owner: StructureRecord['owner'], side: Side, at: number): StructureRecord {
  return { kind: 'structure', side, version: version(at), owner };
}

/** A situation of which nothing is said is that nothing is there. Times overlap unless told. */
export function situation(parts: Partial<Situation> & { left?: Reading; right?: Reading }): Situation {
  const { left = ABSENT, right = ABSENT, ...rest } = parts;
  return {
    key: 'k',
    record: undefined,
    readings: { left, right },
    ours: { left: false, right: false },
    written: { left: { earliestMs: 0, latestMs: 10 }, right: { earliestMs: 0, latestMs: 10 } },
    drifted: false,
    ...rest,
  };
}

/** The side's write came later than the other's, for certain. */
export function laterOn(side: Side): Situation['written'] {
  const earlier = { earliestMs: 0, latestMs: 1 };
  const later = { earliestMs: 2, latestMs: 3 };
  return side === 'left' ? { left: later, right: earlier } : { left: earlier, right: later };
}

export function digestOf(value: string): string {
  return `digest of "${value}"`;
}

export function textOf(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : new TextDecoder().decode(value);
}

/** What a decision comes to, in few words. */
export function brief(decision: Decision): string {
  const suffix = 'conflict' in decision && decision.conflict !== undefined ? ' as conflict' : '';
  switch (decision.do) {
    case 'copy': {
      const what = decision.base === undefined ? 'create' : 'update';
      return `${what} ${decision.on} with "${textOf(decision.source.value) ?? ''}"${suffix}`;
    }
    case 'remove':
      return `remove ${decision.on}, ${decision.cause}${suffix}`;
    case 'record':
      return decision.record === undefined ? 'forget' : `record ${decision.record.kind}`;
    case 'hold':
      return `hold, ${decision.reason}${suffix}`;
    case 'drift':
      return `drift, ${decision.drift}`;
    case 'skip':
      return `skip, ${decision.reason}`;
    case 'wait':
    case 'nothing':
      return decision.do;
  }
}

export function swapSituation(one: Situation): Situation {
  const { record } = one;
  return {
    ...one,
    record:
      record === undefined
        ? undefined
        : record.kind === 'structure'
          ? { ...record, side: otherSide(record.side) }
          : swapRecord(record),
    readings: swapSides(one.readings),
    ours: swapSides(one.ours),
    written: swapSides(one.written),
  };
}

export function swapPolicy(policy: Policy): Policy {
  const conflicts = {
    'last-writer-wins': 'last-writer-wins',
    'left-wins': 'right-wins',
    'right-wins': 'left-wins',
    hold: 'hold',
  } as const;
  return {
    ...policy,
    source: swapSide(policy.source),
    conflict: conflicts[policy.conflict],
    tieBreak: otherSide(policy.tieBreak),
    initial: policy.initial === 'merge' ? 'merge' : otherSide(policy.initial),
  };
}

export function swapDecision(decision: Decision): Decision {
  switch (decision.do) {
    case 'copy':
      return {
        ...decision,
        on: otherSide(decision.on),
        conflict: swapConflict(decision.conflict),
        copy: swapSide(decision.copy),
        session: swapSide(decision.session),
      };
    case 'remove':
      return { ...decision, on: otherSide(decision.on), conflict: swapConflict(decision.conflict) };
    case 'hold':
      return { ...decision, conflict: swapConflict(decision.conflict) };
    case 'record':
      return { ...decision, record: swapSituation(situation({ record: decision.record })).record };
    case 'wait':
    case 'nothing':
    case 'skip':
    case 'drift':
      return decision;
  }
}

function swapRecord(record: EntryRecord): EntryRecord {
  return {
    ...record,
    versions: swapSides(record.versions),
    copy: swapSide(record.copy),
    session: swapSide(record.session),
  };
}

function swapConflict(conflict: Conflict | undefined): Conflict | undefined {
  if (conflict === undefined) return undefined;
  const rules: Partial<Record<ConflictRule, ConflictRule>> = {
    'left-wins': 'right-wins',
    'right-wins': 'left-wins',
  };
  return {
    ...conflict,
    winner: swapSide(conflict.winner),
    rule: rules[conflict.rule] ?? conflict.rule,
    sides: swapSides(conflict.sides),
  };
}

function swapSide(side: Side | undefined): Side | undefined {
  return side === undefined ? undefined : otherSide(side);
}

import type { ArchiveRecord } from '../../../src/core/archive-record.js';
import { isRegressed, isStructure } from '../../../src/core/classify.js';
import type { Decision, WriteDecision } from '../../../src/core/decision.js';
import { recordAfterCopy } from '../../../src/core/decision.js';
import type { PresentReading, Reading } from '../../../src/core/observation.js';
import { SIDES, withSide } from '../../../src/core/pair.js';
import type { Policy } from '../../../src/core/policy.js';
import { reconcile } from '../../../src/core/reconcile.js';
import type { Situation } from '../../../src/core/situation.js';
import { sameVersion } from '../../../src/core/version.js';
import { digestOf } from './situations.js';

/** Above every version that a test begins with. */
const FIRST_FREE = 100;

/**
 * Both sides of one entry and its record, changed by nobody but the daemon: what it decides is carried out as a store
 * would, and recorded as the daemon does.
 */
export class DecisionWorld {
  #now: Situation;
  #writes = 0;

  constructor(start: Situation) {
    this.#now = start;
  }

  get situation(): Situation {
    return this.#now;
  }

  /** Carries out a decision. `recorded: false`: the daemon dies between the write and its record. */
  carryOut(decision: Decision, { recorded = true } = {}): void {
    switch (decision.do) {
      case 'copy':
      case 'remove': {
        this.#write(decision, recorded);
        return;
      }
      case 'record': {
        this.#become({ record: decision.record, drifted: false });
        return;
      }
      case 'nothing': {
        this.#become({ drifted: false });
        return;
      }
      case 'drift': {
        this.#become({ drifted: true });
        return;
      }
      case 'wait':
      case 'hold':
      case 'skip':
        return;
    }
  }

  /** Decides and carries out until nothing changes any more. */
  settle(policy: Policy, stepsMax: number): Decision[] {
    const decisions: Decision[] = [];
    for (;;) {
      const decision = reconcile(this.#now, policy);
      decisions.push(decision);
      if (decision.do !== 'copy' && decision.do !== 'remove' && decision.do !== 'record') return decisions;
      if (decisions.length > stepsMax) return decisions;
      this.carryOut(decision);
    }
  }

  #write(decision: WriteDecision, recorded: boolean): void {
    const { on } = decision;
    const at = BigInt(FIRST_FREE + this.#writes++);
    const version = { modified: at, created: decision.base?.version.created ?? at, revision: 0 };
    let reading: Reading;
    let record: ArchiveRecord | undefined;
    if (decision.do === 'copy') {
      const children = decision.base?.children ?? 0;
      reading = { ...decision.source, version, children, session: undefined };
      record = recordAfterCopy(decision, version);
    } else if (decision.base.children > 0) {
      reading = { ...decision.base, version, value: new Uint8Array(), digest: digestOf('') };
      record = { kind: 'structure', side: on, version, owner: 'daemon' };
    } else {
      reading = { kind: 'absent' };
      record = undefined;
    }
    const { readings, ours } = this.#now;
    this.#become({ readings: withSide(readings, on, reading), ours: withSide(ours, on, true) });
    if (recorded) this.#become({ record, drifted: false });
  }

  #become(changes: Partial<Situation>): void {
    this.#now = { ...this.#now, ...changes };
  }
}

/** Whether both sides are equal, as far as equality goes: structure agrees with nothing, and with an empty value. */
export function sidesAgree({ key, record, readings: { left, right } }: Situation): boolean {
  const isVoid = (reading: PresentReading): boolean =>
    isStructure(key, reading) ||
    (record?.kind === 'structure' &&
      reading.value.length === 0 &&
      sameVersion(reading.version, record.version));
  if (left.kind === 'present' && right.kind === 'present') return left.digest === right.digest;
  if (left.kind === 'present') return isVoid(left);
  if (right.kind === 'present') return isVoid(right);
  return true;
}

/** Whether a side could not be read, or not as it is now: nothing may be concluded. */
export function isObscured({ record, readings }: Situation): boolean {
  return SIDES.some((side) => readings[side].kind === 'unknown' || isRegressed(record, readings[side], side));
}

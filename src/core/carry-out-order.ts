import { isStructure } from './classify.js';
import type { Conflict } from './conflict.js';
import { conflictOf } from './decide-conflict.js';
import type { CopyDecision, Decision } from './decision.js';
import { recordAgreed } from './decision.js';
import type { PresentReading, Reading } from './observation.js';
import type { Order, OrderedContent, Replaceable } from './order.js';
import type { Pair, Side } from './pair.js';
import { otherSide, pairOf, SIDES } from './pair.js';
import type { Policy } from './policy.js';
import { leaveRestricted } from './restricted.js';
import type { Situation } from './situation.js';
import { sameVersion } from './version.js';

/**
 * The next step towards what a person has ordered to stand on both sides: one side after the other gets it, and then the
 * entry is agreed on. Deciding again after a step, or after half of one, goes on from there.
 * @returns undefined when the order is over, or a client has changed the entry since: the client's word counts. So it is
 *   when the entry is one that the policy leaves alone
 */
export function carryOut(situation: Situation, order: Order, policy: Policy): Decision | undefined {
  // An order is for both sides, and was given while both were written.
  if (policy.source !== undefined) return undefined;
  const step = nextStep(situation, order);
  // What not everybody may read is left alone whoever has ordered otherwise, before it was so.
  return step && leaveRestricted(situation, step, policy).do === step.do ? step : undefined;
}

function nextStep(situation: Situation, order: Order): Decision | undefined {
  const { readings } = situation;
  if (SIDES.some((side) => readings[side].kind === 'unknown')) return { do: 'wait' };
  const progress = pairOf((side) => progressOf(situation, order, side));
  if (SIDES.some((side) => progress[side] === 'changed')) return undefined;
  const on = SIDES.find((side) => progress[side] === 'open');
  if (on === undefined) return agreed(readings, order.content);
  const isLast = progress[otherSide(on)] === 'done';
  return order.content === undefined
    ? removal(situation, on, isLast)
    : copy(situation, { order, content: order.content, on, isLast });
}

type Progress = 'done' | 'open' | 'changed';

function progressOf({ key, readings }: Situation, { content, replaces }: Order, side: Side): Progress {
  const reading = readings[side];
  const isThere = reading.kind === 'present' && !isStructure(key, reading);
  if (isThere && reading.session !== undefined) return 'changed';
  if (content === undefined ? !isThere : isThere && reading.digest === content.digest) return 'done';
  return isAsOrdered(reading, isThere, replaces[side]) ? 'open' : 'changed';
}

function isAsOrdered(reading: Reading, isThere: boolean, replaceable: Replaceable | undefined): boolean {
  if (!isThere || reading.kind !== 'present') return replaceable === undefined;
  return replaceable !== undefined && sameVersion(reading.version, replaceable.version);
}

function agreed(readings: Pair<Reading>, content: OrderedContent | undefined): Decision | undefined {
  const { left, right } = readings;
  // What is left of an inner node is for the ordinary rules.
  if (content === undefined) {
    return left.kind === 'absent' && right.kind === 'absent'
      ? { do: 'record', record: undefined }
      : undefined;
  }
  if (left.kind !== 'present' || right.kind !== 'present') return undefined;
  return {
    do: 'record',
    record: recordAgreed({
      ...{ digest: content.digest, empty: content.value.length === 0 },
      ...{ left: left.version, right: right.version },
      ...{ copy: undefined, session: undefined, mirrorRewrites: 0 },
    }),
  };
}

interface Step {
  readonly order: Order;
  readonly content: OrderedContent;
  readonly on: Side;
  /** The other side has it already. */
  readonly isLast: boolean;
}

function copy(situation: Situation, step: Step): CopyDecision {
  const { content, on, isLast } = step;
  const other = situation.readings[otherSide(on)];
  const base = situation.readings[on];
  return {
    do: 'copy',
    on,
    source: isLast && other.kind === 'present' ? other : unwritten(content),
    base: base.kind === 'present' ? base : undefined,
    conflict: replaced(situation, step),
    copy: undefined,
    session: undefined,
    mirrorRewrites: 0,
    ordered: { isLast, flags: content.flags, access: content.access },
  };
}

/** What is deleted goes to the trash, as always. */
function removal({ readings }: Situation, on: Side, isLast: boolean): Decision | undefined {
  const base = readings[on];
  if (base.kind !== 'present') return undefined;
  return { do: 'remove', on, base, cause: 'deleted', conflict: undefined, ordered: { isLast } };
}

/**
 * What an order replaces goes to the journal like what loses a conflict, so that it can be put back as well: once, where
 * both sides had the same.
 */
function replaced(situation: Situation, { order, content, on, isLast }: Step): Conflict | undefined {
  const { key, readings, written } = situation;
  const here = order.replaces[on];
  if (here === undefined || (isLast && order.replaces[otherSide(on)]?.digest === here.digest))
    return undefined;
  const sides = { left: unwritten(content), right: unwritten(content), [on]: readings[on] };
  const outcome = { winner: otherSide(on), rule: 'operator', ambiguous: false } as const;
  return conflictOf({ key, readings: sides, written }, 'update-update', outcome);
}

/** The content as a reading of an entry that is nowhere yet. */
function unwritten({ value, digest, flags }: OrderedContent): PresentReading {
  const version = { modified: 0n, created: 0n, revision: 0 };
  return {
    kind: 'present',
    ...{ version, value, digest, flags, children: 0, session: undefined, stamp: undefined },
  };
}

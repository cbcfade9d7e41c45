import { isEmpty } from '../core/classify.js';
import type { Decision } from '../core/decision.js';
import type { EntryKey } from '../core/observation.js';
import type { Pair } from '../core/pair.js';
import { SIDES } from '../core/pair.js';
import type { MappingContext } from './context.js';
import type { Examined, Examiner } from './examine.js';
import { needsLook } from './examine.js';
import type { Found } from './found.js';
import type { Mark } from './mark-set.js';
import type { MappingMemory } from './mapping-memory.js';
import { Rings } from './rings.js';
import { sortWork } from './sorted-work.js';
import { sweepSide } from './sweep.js';
import { isUnread } from './unread.js';

/** What one entry would need. */
export interface PlannedStep {
  readonly key: EntryKey;
  readonly examined: Examined;
  readonly action: PlannedActionName;
  /** Why it would be left out or held although its decision is a write; undefined when the decision says it all. */
  readonly skipped: string | undefined;
}

export type PlannedActionName = 'create' | 'update' | 'delete' | 'conflict' | 'skip' | 'hold' | 'drift';

/** How many entries are looked at together. */
const PLAN_PAGE = 512;

/**
 * Walks both sides and tells, entry by entry, what a start would do. Writes nothing, neither to the stores nor to the
 * archive. Memory is bounded by a page, and by what `step` keeps.
 * @returns how many entries each side has
 */
export async function planMapping(
  context: MappingContext,
  memory: MappingMemory,
  examiner: Examiner,
  step: (planned: PlannedStep) => void,
  signal: AbortSignal,
): Promise<Pair<number>> {
  const present = { left: 0, right: 0 };
  for (const side of SIDES) {
    let batch: EntryKey[] = [];
    const flush = async (): Promise<void> => {
      const keys = batch;
      batch = [];
      await lookAt(context, memory, examiner, keys, side === 'right', step, signal);
    };
    const report = async (found: readonly Found[]): Promise<void> => {
      batch.push(...found.map(({ key }) => key));
      if (batch.length >= PLAN_PAGE) await flush();
    };
    present[side] = (await sweepSide(context, memory, side, report, signal)).present;
    await flush();
  }
  return present;
}

async function lookAt(
  context: MappingContext,
  memory: MappingMemory,
  examiner: Examiner,
  keys: readonly EntryKey[],
  second: boolean,
  step: (planned: PlannedStep) => void,
  signal: AbortSignal,
): Promise<void> {
  if (keys.length === 0) return;
  const noticedMs = context.clock.monotonicMs();
  const marks = keys
    .filter((key) => context.scope.includes(key))
    .map((key) => ({ key, at: undefined, noticedMs }));
  for await (const one of examineAll(examiner, marks, signal)) {
    // The first walk has told of everything that its side has, or that the archive has and its side lacks.
    if (second && toldBefore(one)) continue;
    const planned = plan(context, memory, one);
    if (planned !== undefined) step(planned);
  }
}

/** Values that are too large to be read all at once are asked for again. */
async function* examineAll(
  examiner: Examiner,
  marks: readonly Mark[],
  signal: AbortSignal,
): AsyncGenerator<Examined> {
  for (let open = marks; open.length > 0;) {
    const { examined } = await examiner.examine(open, signal);
    const unread = examined.filter(isUnread);
    // Where not even one was read, asking again would not end.
    const isStuck = unread.length === examined.length;
    yield* isStuck ? examined : examined.filter((one) => !isUnread(one));
    open = isStuck ? [] : unread.map(({ mark }) => mark);
  }
}

function toldBefore({ mark, situation }: Examined): boolean {
  const { record, readings } = situation;
  const { left } = readings;
  if (left.kind !== 'present') return record?.kind === 'entry';
  const found = { key: mark.key, version: left.version, empty: isEmpty(left), children: left.children };
  return needsLook(record, found, 'left');
}

function plan(context: MappingContext, memory: MappingMemory, examined: Examined): PlannedStep | undefined {
  const { key } = examined.mark;
  const work = sortWork(context, memory, new Rings(context.clock), [examined]);
  // A mark that stays as it is is not among the changes.
  const isMarkedStill = work.intended.length === 0 && !work.marks.has(key);
  const mark = isMarkedStill ? memory.archive.mark(key) : work.marks.get(key);
  if (mark?.kind === 'skip')
    return { key, examined, action: 'skip', skipped: `${mark.reason}: ${mark.detail}` };
  if (mark?.kind === 'hold')
    return { key, examined, action: 'hold', skipped: `${mark.reason}: ${mark.detail}` };
  const action = actionOfDecision(examined.decision);
  return action === undefined ? undefined : { key, examined, action, skipped: undefined };
}

/** The write, or else, that a decision asks for; undefined where there is nothing to do. */
export function actionOfDecision(decision: Decision): PlannedActionName | undefined {
  switch (decision.do) {
    case 'copy':
      if (decision.conflict !== undefined) return 'conflict';
      return decision.base === undefined ? 'create' : 'update';
    case 'remove':
      return decision.conflict === undefined ? 'delete' : 'conflict';
    case 'hold':
      return 'hold';
    case 'skip':
      return 'skip';
    case 'drift':
      return 'drift';
    case 'wait':
    case 'nothing':
    case 'record':
      return undefined;
  }
}

import type { PlannedWrite } from '../core/batch-plan.js';
import { otherSide } from '../core/pair.js';
import type { Side } from '../core/pair.js';
import type { WriteOutcome } from '../ports/replica.js';
import type { WriteCause, WrittenEntry } from '../ports/written.js';
import type { Intended } from './guards.js';

/** A write that was sent, as far as it is told of. */
type SentWrite = PlannedWrite & { readonly intended: Intended };

/** What a batch's outcome says of its entries. Of one that was pushed back nothing is told: it is sent again. */
export function writtenEntries(
  side: Side,
  items: readonly SentWrite[],
  outcome: WriteOutcome,
  atMs: number,
): readonly WrittenEntry[] {
  if (outcome.kind === 'retriable') return [];
  const failed = failedKeys(outcome);
  const told = failed === undefined ? items : items.filter(({ key }) => failed.has(key));
  return told.map((item) => {
    const { decision, situation } = item.intended;
    const reading = situation.readings[otherSide(side)];
    const isCarriedOver = decision.do === 'copy' && decision.ordered === undefined;
    const sourceVersion = isCarriedOver && reading.kind === 'present' ? reading.version.modified : undefined;
    const cause = causeOf(item);
    return {
      key: item.key,
      on: side,
      operation: item.kind,
      cause,
      sourceVersion,
      result: outcome.kind,
      atMs,
    };
  });
}

/** The entries for which a batch failed; undefined when its outcome is that of all. */
function failedKeys(outcome: WriteOutcome): ReadonlySet<string> | undefined {
  if (outcome.kind === 'condition-failed') return new Set(outcome.keys);
  return outcome.kind === 'rejected' ? new Set(outcome.rejections.map(({ key }) => key)) : undefined;
}

function causeOf({ intended: { decision } }: SentWrite): WriteCause {
  if (decision.ordered !== undefined) return 'operator';
  if (decision.conflict !== undefined) {
    return decision.conflict.rule === 'operator' ? 'operator' : 'conflict';
  }
  return decision.do === 'remove' ? decision.cause : 'change';
}

import type { EntryKey } from '../core/observation.js';
import type { Side } from '../core/pair.js';
import { otherSide } from '../core/pair.js';
import { SyncError } from '../ports/errors.js';
import type { AuditedContent, AuditedWrite } from '../ports/audit.js';
import type { WriteOutcome } from '../ports/replica.js';
import type { MappingContext } from './context.js';
import type { Intended } from './guards.js';

/** One write of a batch. */
interface Item {
  readonly key: EntryKey;
  readonly kind: AuditedWrite['operation'];
  readonly intended: Intended;
}

/**
 * Tells the audit what a batch came to: one line for each write that was applied, or that the store has refused. The
 * others of a refused batch are sent again without it, and told of then.
 */
export function auditBatch(
  context: MappingContext,
  side: Side,
  items: readonly Item[],
  outcome: WriteOutcome,
): void {
  const { audit, clock, name, sideNames } = context;
  if (audit?.isOn !== true) return;
  const results = resultsOf(items, outcome);
  const common = { atMs: clock.nowMs(), mapping: name, replica: sideNames[side] };
  for (const item of items) {
    const result = results.get(item.key);
    if (result === undefined) continue;
    const { key, kind } = item;
    const after = outcome.kind === 'applied' ? contentAfter(item, outcome) : undefined;
    const isOrdered = item.intended.decision.ordered !== undefined;
    const origin = isOrdered ? 'operator' : sideNames[otherSide(side)];
    const contents = { before: contentBefore(item), after };
    audit.written({ ...common, key, operation: kind, origin, ...contents, reason: reasonOf(item), result });
  }
}

function resultsOf(items: readonly Item[], outcome: WriteOutcome): ReadonlyMap<string, string> {
  switch (outcome.kind) {
    case 'applied':
      return new Map(items.map(({ key }) => [key, 'ok']));
    case 'condition-failed':
      return new Map(outcome.keys.map((key) => [key, 'condition-failed']));
    case 'rejected':
      return new Map(outcome.rejections.map(({ key, reason }) => [key, reason]));
    case 'retriable':
    case 'unknown': {
      // Of a lost reply, nobody knows whether it was applied.
      const { cause, kind } = outcome;
      const code = cause instanceof SyncError ? cause.code : cause.name;
      return new Map(items.map(({ key }) => [key, kind === 'unknown' ? `unknown: ${code}` : code]));
    }
  }
}

function contentBefore({ intended: { decision } }: Item): AuditedContent | undefined {
  const { base } = decision;
  return base && { version: base.version, bytes: base.value.length, digest: base.digest };
}

function contentAfter(
  { key, intended: { decision } }: Item,
  { versions }: Extract<WriteOutcome, { kind: 'applied' }>,
): AuditedContent | undefined {
  if (decision.do === 'remove') return undefined;
  const { value, digest } = decision.source;
  return { version: versions.get(key), bytes: value.length, digest };
}

function reasonOf({ intended: { decision } }: Item): string {
  if (decision.conflict !== undefined) return `${decision.conflict.kind}: ${decision.conflict.rule}`;
  if (decision.ordered !== undefined) return 'ordered';
  if (decision.do === 'remove') return decision.cause;
  if (decision.session !== undefined) return 'session-bound';
  return decision.base === undefined ? 'created' : 'changed';
}

import { SIDES } from '../../core/pair.js';
import type { MappingContext } from '../../sync/context.js';
import { LossCounts } from '../../services/loss-counts.js';
import { lossText } from '../loss-text.js';
import type { MappingCheck } from './check-mapping.js';

const NEVER = new AbortController().signal;

/** What copies of services can't hold of their originals, of all that are registered now. */
export async function checkLosses({ mapping, access, findings }: MappingCheck): Promise<void> {
  if (mapping.services === undefined) return;
  const losses = new LossCounts();
  const context = access.context(mapping, undefined, (key, lost) => {
    if (context.scope.includes(key)) losses.note(key, lost);
  });
  try {
    await readAll(context);
    for (const loss of losses.counts) findings.warn(mapping.name, `not carried over: ${lossText(loss)}`);
  } catch (error) {
    findings.failure(mapping.name, error);
  }
}

/** A walk tells of what it has read, and old servers have it read by name. */
async function readAll({ replicas, scope }: MappingContext): Promise<void> {
  for (const side of SIDES) {
    for await (const page of replicas[side].scan(() => undefined, NEVER)) {
      const unread = page.filter(({ key, reading }) => reading === undefined && scope.includes(key));
      const keys = unread.map(({ key }) => key);
      if (keys.length > 0) await replicas[side].read(keys, NEVER);
    }
  }
}

import { conflictOf } from '../core/decide-conflict.js';
import { otherSide } from '../core/pair.js';
import type { Intended } from './guards.js';
import type { MappingMemory } from './mapping-memory.js';

/**
 * What only one side has, and the archive does not know, is new; or it was carried over by a process that could not
 * record it, or by another daemon, and its copy was deleted before this one saw it. Nothing but the ledger's list of
 * what was written tells. It is carried over once more, and the journal tells of the deletion (S4).
 */
export function journalIfCarriedBefore(memory: MappingMemory, one: Intended): Intended {
  const { decision, situation } = one;
  if (decision.do !== 'copy' || !wasCarriedBefore(memory, one)) return one;
  const outcome = { winner: otherSide(decision.on), rule: 'last-writer-wins', ambiguous: true } as const;
  return { ...one, decision: { ...decision, conflict: conflictOf(situation, 'update-delete', outcome) } };
}

export function wasCarriedBefore(memory: MappingMemory, { decision, situation, mark }: Intended): boolean {
  if (decision.do !== 'copy' || decision.base !== undefined || decision.conflict !== undefined) return false;
  if (situation.record !== undefined || memory.archive.mark(mark.key) !== undefined) return false;
  return memory.mayHaveBeenOnBoth(otherSide(decision.on), mark.key, decision.source.version);
}
